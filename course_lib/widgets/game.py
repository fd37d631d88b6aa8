"""You against the network: the student does the pretext task by hand, later the network plays the same items.

`Score` counts, `Buttons` take the answers (a game may bring something else), `Game` is the frame around them.
"""

import html
import math
import statistics
import time
from collections.abc import Callable, Sequence

import ipywidgets
import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.plots.images import picture_png
from course_lib.plots.style import image_tag, show_figure
from course_lib.widgets import headless, progress, show_error, show_panel

SHOWN = 8  # items in a printed row


class Score:
    """Who answered what, item by item; the game's logic, without a screen.

    Args:
        truth: the right answer of every item, as an index into the answers.
        answers: how many answers there are to choose from.
    """

    def __init__(self, truth: Sequence[int], answers: int):
        self.truth, self.chance = list(truth), 1 / answers
        self.yours: list[int] = []  # first tries, from item 0 on: what the scoreboard counts
        self.second: dict[int, int] | None = None  # item -> second try, once that has begun
        self.network: list[int] | None = None

    @property
    def item(self) -> int | None:
        """The item to answer now; None when there is none."""
        if len(self.yours) < len(self.truth):
            return len(self.yours)
        return None if self.second is None else next((i for i in self.wrong(self.yours) if i not in self.second), None)

    def place(self) -> str:
        """Where you stand, such as "3 of 12"; only while there is an item to answer."""
        if self.second is None:
            return f"{len(self.yours) + 1} of {len(self.truth)}"
        return f"second try, {len(self.second) + 1} of {len(self.wrong(self.yours))}"

    def answer(self, choice: int) -> bool:
        """Answer the current item; returns whether that was right. Raises IndexError when there is none."""
        item = self.item
        if item is None:
            raise IndexError("every item has been answered")
        if self.second is None:
            self.yours.append(choice)
        else:
            self.second[item] = choice
        return choice == self.truth[item]

    def can_try_again(self) -> bool:
        """Whether all items have been answered, some of them wrongly, and the second try has not begun."""
        return self.item is None and self.second is None and len(self.wrong(self.yours)) > 0

    def wrong(self, player: Sequence[int]) -> list[int]:
        """The items that a player, who answered from item 0 on, got wrong."""
        return [item for item, answer in enumerate(player) if answer != self.truth[item]]

    def streaks(self) -> tuple[int, int]:
        """Your right first tries in a row: the latest, and the most that there have been."""
        current = best = 0
        for answer, truth in zip(self.yours, self.truth, strict=False):
            current = current + 1 if answer == truth else 0
            best = max(best, current)
        return current, best

    def compare(self) -> tuple[int, int, int]:
        """Among the items that you and the network answered: same answer, only you right, only the network right."""
        both = list(zip(self.truth, self.yours, self.network or [], strict=False))
        only_you = sum(you == truth != network for truth, you, network in both)
        only_network = sum(network == truth != you for truth, you, network in both)
        return sum(you == network for _, you, network in both), only_you, only_network

    def table(self) -> list[tuple[str, str]]:
        """The scoreboard: (player, "right of answered")."""
        count = len(self.truth)
        rows = [("you", f"{len(self.yours) - len(self.wrong(self.yours))} of {len(self.yours)}")]
        if self.second:
            right = sum(answer == self.truth[item] for item, answer in self.second.items())
            rows.append(("you, second try", f"{right} of {len(self.second)}"))
        network = "not trained yet" if self.network is None else f"{count - len(self.wrong(self.network))} of {count}"
        return [*rows, ("network", network), ("guessing", f"{self.chance * count:.1f} of {count}, on average")]

    def remarks(self) -> list[str]:
        """Sentences below the scoreboard: your streaks, and where you and the network differ."""
        if not self.yours:
            return []
        remarks = ["Your streak: {} right in a row; your best: {}.".format(*self.streaks())]
        if self.network is not None:
            agree, you, network = self.compare()
            remarks.append(f"You and the network agree on {agree} of {len(self.yours)}; "
                           f"only you are right on {you}, only the network on {network}.")  # fmt: skip
        return remarks


class Buttons:
    """One button an answer, and a field that takes its number.

    A game can be given something else to answer with (a puzzle to drag, say). It needs five things that these have:
    `widget`; `ask`; `focus`; `shows_items`, whether it shows what is asked about, so that the game need not; `on_answer`,
    which the game sets, to be called with an index into the answers, or with -1 for none of them.

    Args:
        answers: the words on the buttons; None leaves a cell of the grid empty.
        columns: of the grid; without it, the buttons stand in a row.
        pictures: shown above the buttons, uint8 K x 3 x H x W, or N x K x 3 x H x W where each item has its own.
    """

    shows_items = False

    def __init__(self, answers: Sequence[str | None], columns: int | None = None, pictures: Tensor | None = None):
        self.on_answer: Callable[[int], None] = lambda choice: None
        self._words, self._pictures = [words for words in answers if words is not None], pictures
        self.buttons, self._frames = [], []
        cells = [ipywidgets.HTML() if words is None else self._cell(words) for words in answers]
        grid = {"display": "grid", "grid_template_columns": f"repeat({columns}, max-content)"}
        label = f"or type the number of your answer, 1 to {min(9, len(self._words))}"
        self.keys = ipywidgets.Text(description=label, tooltip="Each digit that you type here answers at once")
        self.keys.style.description_width, self.keys.layout.width = "initial", "max-content"
        self.keys.add_class("course-game-keys")
        self.keys.observe(lambda change: self._typed(change.new), names="value")
        laid_out = ipywidgets.Box(cells, layout=grid if columns else {"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([laid_out, self.keys])

    def ask(self, item: int | None) -> None:
        """Get ready for an item, by its number, or for none; disable nothing: that would lose the keyboard's focus."""
        if self._pictures is not None and item is not None:
            shown = self._pictures if self._pictures.ndim == 4 else self._pictures[item]
            for frame, picture, words in zip(self._frames, shown, self._words, strict=True):
                frame.value = _large(picture, words, side=128)

    def focus(self) -> None:
        """Put the keyboard's focus where the next answer is given."""
        self.keys.focus()

    def _cell(self, words: str) -> ipywidgets.Widget:
        choice = len(self.buttons)
        face = f"{choice + 1} · {words}" if choice < 9 else words
        button = ipywidgets.Button(description=face, tooltip=f"Answer: {words}", layout={"width": "auto"})
        button.on_click(lambda _: self.on_answer(choice))
        self.buttons.append(button.add_class("course-game-answer"))
        self._frames.append(ipywidgets.HTML())
        return button if self._pictures is None else ipywidgets.VBox([self._frames[-1], button])

    def _typed(self, text: str) -> None:
        if text:
            self.keys.value = ""
            # The browser may send a digit before it hears that the field is empty: "3" after "1" then comes as "13".
            if text[-1].isdecimal() and 1 <= int(text[-1]) <= len(self._words):
                self.on_answer(int(text[-1]) - 1)


class Game:
    """Pictures to judge, a way to answer, a scoreboard; at the end, a second try at those that you missed.

    Args:
        items: what to judge, uint8 N x 3 x H x W.
        truth: the right answers, N indices into `answers` (Nones do not count).
        answers: the K answers in words; None leaves a cell of the buttons' grid empty.
        question: asked above the picture.
        alt: describes the pictures without giving the answer away.
        columns, pictures: of the `Buttons`.
        answer_widget: to answer with instead of `Buttons`, see there.
        clock: tell how long each first try took; `seconds` keeps the times either way.

    Raises CourseError when these do not fit together.
    """

    def __init__(self, items: Tensor, truth: Sequence[int], answers: Sequence[str | None], question: str, alt: str, *,
                 columns: int | None = None, pictures: Tensor | None = None, answer_widget=None,
                 clock: bool = False):  # fmt: skip
        self.items, self.alt, self.question = items, alt, question
        self.answers = [words for words in answers if words is not None]
        truth, n, k = [int(value) for value in truth], len(items), len(self.answers)
        if len(truth) != n or not set(truth) <= set(range(k)):
            raise CourseError(f"{n} items need {n} right answers, from 0 to {k - 1}, not {truth}.")
        if pictures is not None and tuple(pictures.shape[:-3]) not in ((k,), (n, k)):
            raise CourseError(f"{k} answers need {k} pictures, or {k} for each of {n} items; "
                              f"these have the shape {tuple(pictures.shape)}.")  # fmt: skip
        self.score = Score(truth, k)
        self.clock, self.seconds = clock, []  # of each first try, but of the very first: whoever reads is not yet labelling
        self._asked_at: float | None = None
        self.answer_widget = answer_widget or Buttons(answers, columns, pictures)
        # After the last item the answers stay where they are, with the focus, and do nothing.
        self.answer_widget.on_answer = lambda choice: self._safely(lambda: self.score.item is None or self.play(choice))
        self.picture, self.feedback, self.board = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.again = ipywidgets.Button(description="Play the ones you missed again", layout={"width": "auto"},
                                       tooltip="A second try at each; the first score stays")  # fmt: skip
        self.again.on_click(lambda _: self._safely(self.try_again))
        for hook in ("picture", "feedback", "again", "board"):
            getattr(self, hook).add_class(f"course-game-{hook}")
        above, below = [ipywidgets.HTML(f"<b>{question}</b>"), self.picture], [self.feedback, self.again, self.board]
        self.panel = ipywidgets.VBox([*above, self.answer_widget.widget, *below])
        self._ask()

    def show(self) -> "Game":
        """Display the game; headless, the pictures in a row instead."""
        if headless():
            from course_lib.plots.images import image_row

            shown = self.items[:SHOWN]
            part = f"({len(shown)} of {len(self.items)} items; in JupyterLab, answer them by button or key.)"
            side = 1.3 * max(1, shown.shape[-1] / shown.shape[-2] / 2)  # strips are given more room
            figure = image_row(shown, [f"{i + 1}" for i in range(len(shown))], side)
            show_figure(figure, f"{self.question} {part}", self.alt)
        else:
            show_panel(self)
        return self

    def play(self, choice: int) -> bool:
        """Answer the current item by its index among the answers (-1: none of them); returns whether that was right.

        Raises IndexError when there is no such answer, or no item left.
        """
        said, item, place = self._word(choice), self.score.item, self.score.place()
        right = self.score.answer(choice)
        self._stop_the_clock()
        truth = self._word(self.score.truth[item])
        # With its place, no sentence equals the one before; an equal one would be neither redrawn nor read out.
        took = f" {self.seconds[-1]:.1f} s." if self.clock and self.seconds and self.score.second is None else ""
        unkept = ""
        if self.score.second is None:
            count = len(self.score.yours)
            unkept = progress.played(self.question, count - len(self.score.wrong(self.score.yours)), count)
        verdict = f"✓ Right: {truth}." if right else f"✗ No: it was {truth}, you said {said}."
        self._say(" ".join(filter(None, [f"{place} · {verdict}{took}", unkept])))
        self._ask()
        return right

    def pace(self) -> float | None:
        """Seconds that one item took you, the median over first tries, so that a pause does not count; None before two."""
        return statistics.median(self.seconds) if self.seconds else None

    def try_again(self) -> None:
        """Ask once more for the items that you missed; the first score stays. Without such items, does nothing."""
        if self.score.can_try_again():
            self.score.second = {}
            self._say("Your second try.")
            self._ask()
            self.answer_widget.focus()  # the button that was pressed has gone

    def start_over(self) -> None:
        """Forget what was played, by you and by the network, and ask for the first item."""
        self.score, self.seconds, self._asked_at = Score(self.score.truth, len(self.answers)), [], None
        if hasattr(self.answer_widget, "start_over"):
            self.answer_widget.start_over()
        self.feedback.value = ""
        self._ask()

    def let_play(self, logits: Tensor) -> None:
        """Enter the network's answers: logits N x K, one row an item. Raises CourseError for another shape."""
        shape = (len(self.items), len(self.answers))
        if tuple(logits.shape) != shape:
            raise CourseError(f"The game needs logits of shape {shape}, items x answers, not {tuple(logits.shape)}.")
        self.score.network = logits.argmax(1).tolist()
        self._draw_board()
        played = self.score.table() if self.score.yours else self.score.table()[1:]
        board = "; ".join(f"{player} {result}" for player, result in played)
        print(f"Scoreboard: {board}.", *self.score.remarks())

    def replay(self):
        """The network's answers under the first items: a figure, and its description in words."""
        if self.score.network is None:
            raise CourseError("The network has not played yet: call let_play first.")
        return self._row(range(len(self.items)), "items", {"network": self.score.network})

    def missed(self):
        """The first items that you missed, each with its right answer, yours, and the network's if it has played.

        Where you have not played, those that the network missed. Returns a figure, and its description in words.
        Raises CourseError when nobody has played.
        """
        players = {"you": self.score.yours, "network": self.score.network}
        players = {name: answers for name, answers in players.items() if answers}
        if not players:
            raise CourseError("Nobody has played yet: answer some items, or call let_play first.")
        name = "items that you missed" if self.score.yours else "items that the network missed"
        return self._row(self.score.wrong(next(iter(players.values()))), name, players)

    def _row(self, chosen: Sequence[int], name: str, players: dict[str, list[int]]):
        from matplotlib.figure import Figure

        from course_lib.plots.images import image_row

        if not chosen:
            figure = Figure(figsize=(4, 0.4))
            figure.text(0, 0.5, f"There are no {name}.", verticalalignment="center")
            return figure, f"There are no {name}."
        titles = []
        for item in chosen[:SHOWN]:
            truth, said = self.score.truth[item], [(player, answers[item]) for player, answers in players.items()]
            marked = [f"{'✓' if choice == truth else '✗'} {who}: {self._word(choice)}" for who, choice in said]
            titles.append("\n".join([self._word(truth), *marked]))
        widest = max(len(line) for title in titles for line in title.split("\n"))
        figure = image_row(self.items[list(chosen[:SHOWN])], titles, side=max(1.3, widest / 12))  # 12 letters an inch
        described = "; ".join(titles).replace("\n", ", ")
        return figure, f"{len(titles)} of {len(chosen)} {name}, with the right answers: {described}."

    def _word(self, choice: int) -> str:
        return "none of them" if choice == -1 else self.answers[choice]

    def _stop_the_clock(self) -> None:
        now = time.monotonic()
        if self._asked_at is not None and self.score.second is None:
            self.seconds.append(now - self._asked_at)
        self._asked_at = now

    def _say(self, sentence: str) -> None:
        # Screen readers announce an alert that appears; a milder live region would have to be there before its words.
        self.feedback.value = f'<span role="alert">{html.escape(sentence)}</span>'

    def _ask(self) -> None:
        item = self.score.item
        self.answer_widget.ask(item)
        if item is None:
            self.picture.value = "That was the last one."
        else:
            shown = "" if self.answer_widget.shows_items else _large(self.items[item], self.alt)
            self.picture.value = f"<div>{self.score.place()}</div>{shown}"
        self._draw_board()

    def _draw_board(self) -> None:
        self.again.layout.display = None if self.score.can_try_again() else "none"
        rows = "".join(f"<tr><td>{player}&nbsp;</td><td>{result}</td></tr>" for player, result in self.score.table())
        self.board.value = f"<table>{rows}</table>" + "<br>".join(self.score.remarks())

    def _safely(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            show_error(self.feedback, error)


def _large(image: Tensor, alt: str, side: int = 256) -> str:
    """One uint8 image 3 x H x W as an HTML image of about `side` x `side` pixels, its pixels kept square and sharp."""
    factor = max(1, side // math.isqrt(image.shape[-2] * image.shape[-1]))  # of a strip, as much area
    large = image.repeat_interleave(factor, 1).repeat_interleave(factor, 2).to(torch.uint8)
    return image_tag(picture_png(large), alt)
