"""You against the network: the student does the pretext task by hand, later the network plays the same items."""

from collections.abc import Sequence

import ipywidgets
import torch
from IPython.display import display
from torch import Tensor

from course_lib.plots.style import image_tag, show_figure
from course_lib.widgets import headless, show_error

SHOWN = 8  # items in a printed row


class Score:
    """Who answered what, item by item; the game's logic, without a screen.

    Args:
        truth: the right answer of every item, as an index into the answers.
        answers: how many answers there are to choose from.
    """

    def __init__(self, truth: Sequence[int], answers: int):
        self.truth, self.chance = list(truth), 1 / answers
        self.yours: list[int] = []
        self.network: list[int] | None = None

    @property
    def over(self) -> bool:
        """True when every item has been answered."""
        return len(self.yours) == len(self.truth)

    def answer(self, choice: int) -> bool:
        """Answer the current item; returns whether that was right. Raises IndexError when the game is over."""
        truth = self.truth[len(self.yours)]
        self.yours.append(choice)
        return choice == truth

    def right(self, player: list[int]) -> int:
        """How many of a player's answers so far are right."""
        return sum(answer == truth for answer, truth in zip(player, self.truth, strict=False))

    def table(self) -> list[tuple[str, str]]:
        """The scoreboard: (player, "right of answered")."""
        rows = [("you", f"{self.right(self.yours)} of {len(self.yours)}")]
        if self.network is not None:
            rows.append(("network", f"{self.right(self.network)} of {len(self.network)}"))
        else:
            rows.append(("network", "not trained yet"))
        return [*rows, ("guessing", f"{self.chance * len(self.truth):.1f} of {len(self.truth)}, on average")]


class Game:
    """Pictures, one button an answer, a scoreboard.

    Args:
        items: what to judge, uint8 N x 3 x H x W.
        truth: the right answers, N indices into `answers`.
        answers: the words on the buttons.
        question: asked above the picture.
        alt: describes the pictures without giving the answer away.
    """

    def __init__(self, items: Tensor, truth: Sequence[int], answers: Sequence[str], question: str, alt: str):
        self.items, self.answers, self.alt, self.question = items, list(answers), alt, question
        self.score = Score([int(value) for value in truth], len(answers))
        self.picture, self.feedback, self.board = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.buttons = []
        for choice, words in enumerate(self.answers):
            button = ipywidgets.Button(description=words, tooltip=f"Answer: {words}", layout={"width": "auto"})
            button.on_click(lambda _, choice=choice: self._clicked(choice))
            button.add_class("course-game-answer")
            self.buttons.append(button)
        for widget, hook in ((self.picture, "picture"), (self.feedback, "feedback"), (self.board, "board")):
            widget.add_class(f"course-game-{hook}")
        self.panel = ipywidgets.VBox([
            ipywidgets.HTML(f"<b>{question}</b>"), self.picture, ipywidgets.HBox(self.buttons), self.feedback, self.board,
        ])  # fmt: skip

    def show(self) -> "Game":
        """Display the game; headless, the pictures in a row instead."""
        if headless():
            from course_lib.plots.images import image_row

            shown = self.items[:SHOWN]
            caption = f"{self.question} ({len(shown)} of {len(self.items)} items; in JupyterLab, answer them by button or key.)"
            show_figure(image_row(shown, [f"{i + 1}" for i in range(len(shown))]), caption, self.alt)
        else:
            self._redraw()
            display(self.panel)
        return self

    def play(self, choice: int) -> bool:
        """Answer the current item by its index among the answers, as a press of that button does."""
        item = len(self.score.yours)
        right = self.score.answer(choice)
        truth = self.answers[self.score.truth[item]]
        self.feedback.value = f"✓ Right: {truth}." if right else f"✗ No: it was {truth}, you said {self.answers[choice]}."
        self._redraw()
        return right

    def let_play(self, logits: Tensor) -> None:
        """Enter the network's answers: logits N x answers, one row an item."""
        self.score.network = logits.argmax(1).tolist()
        self._redraw()
        played = self.score.table() if self.score.yours else self.score.table()[1:]
        print("Scoreboard: " + "; ".join(f"{player} {result}" for player, result in played) + ".")

    def replay(self):
        """The network's answers under the first items: a figure, and its description in words."""
        from course_lib.plots.images import image_row

        if self.score.network is None:
            raise ValueError("the network has not played yet: call let_play first")
        pairs = list(zip(self.score.truth, self.score.network, strict=True))[:SHOWN]
        titles = [
            f"{self.answers[truth]}\n{'✓' if truth == said else '✗'} says {self.answers[said]}" for truth, said in pairs
        ]
        described = "; ".join(f"{self.answers[truth]}, the network says {self.answers[said]}" for truth, said in pairs)
        return image_row(self.items[:SHOWN], titles), f"{len(pairs)} items with their right answers: {described}."

    def _clicked(self, choice: int) -> None:
        try:
            self.play(choice)
        except Exception as error:
            show_error(self.feedback, error)

    def _redraw(self) -> None:
        item = len(self.score.yours)
        if self.score.over:
            self.picture.value = "That was the last one."
        else:
            self.picture.value = f"<div>{item + 1} of {len(self.items)}</div>" + _large(self.items[item], self.alt)
        for button in self.buttons:
            button.disabled = self.score.over
        rows = "".join(f"<tr><td>{player}&nbsp;</td><td>{result}</td></tr>" for player, result in self.score.table())
        self.board.value = f"<table>{rows}</table>"


def _large(image: Tensor, alt: str, side: int = 256) -> str:
    """One uint8 image 3 x H x W as an HTML image about `side` pixels wide, its pixels kept square and sharp."""
    import io

    from PIL import Image

    factor = max(1, side // image.shape[-1])
    pixels = image.cpu().repeat_interleave(factor, 1).repeat_interleave(factor, 2).permute(1, 2, 0).contiguous()
    buffer = io.BytesIO()
    Image.fromarray(pixels.to(torch.uint8).numpy()).save(buffer, "PNG")
    return image_tag(buffer.getvalue(), alt, width="100%")
