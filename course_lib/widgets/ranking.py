"""Guess a ranking before you look: put names in order by buttons, then see how near you came."""

import html
from collections.abc import Callable, Sequence

import ipywidgets

from course_lib.errors import CourseError
from course_lib.plots.style import show_markdown
from course_lib.widgets import headless, show_error, show_panel


def agreement(guessed: Sequence[str], measured: dict[str, float]) -> float:
    """Kendall's tau between an order of names, best first, and the order of their values: 1 alike, -1 the reverse, 0 by chance.

    Raises:
        CourseError: these are not the same names.
    """
    from scipy.stats import kendalltau

    if sorted(guessed) != sorted(measured):
        raise CourseError(f"The ranking names {', '.join(guessed)}, and what was measured {', '.join(measured)}.")
    return float(kendalltau(range(len(guessed)), [-measured[name] for name in guessed]).statistic)


class Ranking:
    """Names with an up and a down button each; `reveal` shows the order that was measured beside yours.

    Args:
        names: two or more, in the order in which they stand at first.
        question: what they are ranked by; the best comes first.
        keep: called with the order whenever it changes.

    Raises:
        CourseError: fewer than two names, or one twice.
    """

    def __init__(self, names: Sequence[str], question: str, keep: Callable[[list[str]], None] | None = None):
        if len(set(names)) != len(names) or len(names) < 2:
            raise CourseError(f"A ranking takes two different names or more, not {list(names)}.")
        self.names, self.order, self.question = list(names), list(names), question
        self.keep, self.touched = keep, False
        self.rows = ipywidgets.VBox()
        self.answer = ipywidgets.HTML()
        for hook, widget in (("rows", self.rows), ("answer", self.answer)):
            widget.add_class(f"course-ranking-{hook}")
        self.panel = ipywidgets.VBox([ipywidgets.HTML(f"<b>{html.escape(question)}</b>"), self.rows, self.answer])
        self._lines = [self._line(place) for place in range(len(names))]
        self.rows.children = [line for line, *_ in self._lines]
        self._draw()

    def show(self) -> "Ranking":
        """Display it; headless, the question and the names."""
        if headless():
            show_markdown(f"{self.question} (In JupyterLab you put {', '.join(self.order)} in order.)")
        else:
            show_panel(self)
        return self

    def move(self, place: int, by: int) -> None:
        """Exchange the name at `place` (0 is the best) with its neighbour, above (-1) or below (1); at the ends, nothing."""
        other = place + by
        if 0 <= other < len(self.order):
            self.order[place], self.order[other] = self.order[other], self.order[place]
            self.touched = True
            self._draw()
            if self.keep is not None:
                self.keep(list(self.order))

    def start_over(self) -> None:
        """The names in the order in which they stood at first."""
        self.order, self.touched, self.answer.value = list(self.names), False, ""
        self._draw()

    def reveal(self, measured: dict[str, float]) -> float | None:
        """Show the measured order; returns how well yours agrees (`agreement`), None if you never moved a name."""
        best = sorted(measured, key=measured.get, reverse=True)
        lines = ["| place | yours | measured |", "|---|---|---|"]
        lines += [f"| {k + 1} | {self.order[k] if self.touched else '–'} | {name} |" for k, name in enumerate(best)]
        tau = agreement(self.order, measured) if self.touched else None
        said = (
            f"Of all pairs of names you put {100 * (tau + 1) / 2:.0f} % in the right order; chance gives half."
            if tau is not None else "You moved no name, so there is nothing to score. Guess first, next time."
        )  # fmt: skip
        show_markdown("\n".join(lines))
        show_markdown(said)
        return tau

    def _line(self, place: int):
        label = ipywidgets.HTML(layout={"width": "16em"})
        buttons = []
        for word, icon, by in (("up", "arrow-up", -1), ("down", "arrow-down", 1)):
            button = ipywidgets.Button(icon=icon, tooltip=f"Move place {place + 1} {word}", layout={"width": "3em"})
            button.on_click(lambda _, by=by: self._safely(lambda: self.move(place, by)))
            button.add_class(f"course-ranking-{word}-{place + 1}")
            buttons.append(button)
        return ipywidgets.HBox([label, *buttons]), label, buttons

    def _draw(self) -> None:
        for place, (name, (_, label, buttons)) in enumerate(zip(self.order, self._lines, strict=True)):
            label.value = f"{place + 1}. {html.escape(name)}"
            for button, word in zip(buttons, ("up", "down"), strict=True):
                button.tooltip = f"Move {name}, place {place + 1}, {word}"
        if self.touched:
            self.answer.value = "Your order: " + html.escape(", ".join(self.order)) + "."

    def _safely(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            show_error(self.answer, error)
