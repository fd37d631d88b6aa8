"""An experiment too long for a live cell: the committed verdicts, and a button that runs it here."""

import html
import threading
from collections.abc import Callable, Mapping

import ipywidgets

from course_lib.plots.style import number, show_markdown
from course_lib.training import History
from course_lib.widgets import headless, show_error, show_panel


def verdicts(rows: list[dict], unit: str = "fraction", sweep: str = "") -> str:
    """Rows of `claims.committed` as Markdown: what was compared, both sides over the seeds, the verdict, when and where; and
    what is known of why a claim came out the other way round. Settings of `sweep` are called by their keys alone; a unit in
    parentheses stands once, below."""
    if not rows:
        return "This comparison has not been measured yet on this data or on the world."
    unit, below = ("", f" {unit}") if unit.startswith("(") else (unit, "")
    lines = ["| statement | A | | B | verdict |", "|---|---|---|---|---|"]
    for row in rows:
        names = (name.removeprefix(f"{sweep}.") for name in row["sides"])
        a, b = (f"{_span(row[side], unit)} (`{name}`)" for side, name in zip("ab", names, strict=True))
        margin = (100 * row["margin"], "points") if unit == "fraction" else (row["margin"], unit)
        by = f" by {number(*margin)}" if row["margin"] else ""
        lines.append(f"| `{row['id']}` {row['statement']} | {a} | {row['direction'][1]}{by} | {b} | **{row['verdict']}** |")
    first = rows[0]
    lines += [
        "",
        f"Measured on {first['dataset']} over {max(len(row['a']) for row in rows)} seeds, {first['date']}, {first['machine']}. "
        f"Of A and B the smallest and the largest{below}. A claim holds where every A leads every B by the margin, is "
        "reversed where every B so leads every A, and is undecided otherwise.",
        *(f"\nWhy `{row['id']}` is reversed: {reason}." for row in rows if (reason := row["why"])),
    ]
    return "\n".join(lines)


def _span(values: list[float], unit: str) -> str:
    return " to ".join(dict.fromkeys(number(value, unit) for value in (min(values), max(values)))) if values else "nothing"


class Sweep:
    """Committed verdicts beside a button that measures the sweep's settings one after another, and one that stops it.

    Args:
        name: of the sweep, for labels.
        keys: of its settings, in order.
        measure: from a key and the arguments of `fit` that Stop and the progress need (`stop`, `on_report`) to a
            number; raises KeyboardInterrupt when it was stopped.
        committed: rows of `claims.committed`.
        before: key -> number, what was measured here before the kernel was restarted.
        unit: of the numbers.
    """

    def __init__(
        self, name: str, keys: list[str], measure: Callable[[str, dict], float], committed: list[dict],
        before: Mapping[str, float] | None = None, unit: str = "fraction",
    ):  # fmt: skip
        self.name, self.keys, self.committed, self.unit = name, keys, committed, unit
        self._measure = measure
        self.values = dict(before or {})
        self._stop, self._thread = threading.Event(), None
        self.button = ipywidgets.Button(
            description="Run it now", icon="play", tooltip=f"Train the networks of {name} here; this takes minutes"
        )
        self.stop_button = ipywidgets.Button(
            description="Stop", icon="stop", disabled=True, tooltip=f"Stop {name}; what is measured stays"
        )
        self.text, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        if self.values:
            self.text.value = "Measured before the kernel was restarted. Run it now goes on with what is missing."
            self.table.value = self._rows()
        self.button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        for hook, widget in (
            ("run", self.button), ("stop", self.stop_button), ("text", self.text), ("table", self.table)
        ):  # fmt: skip
            widget.add_class(f"course-sweep-{hook}")
        self.panel = ipywidgets.VBox([ipywidgets.HBox([self.button, self.stop_button]), self.text, self.table])

    def show(self, run: bool = False) -> None:
        """Display the verdicts, and the buttons where somebody can press them; `run`: measure within this call."""
        show_markdown(verdicts(self.committed, self.unit, self.name))
        if run:
            self._work()
            if self.error:
                raise self.error
            show_markdown("\n".join(f"- {key}: {number(value, self.unit)}" for key, value in self.values.items()))
        elif not headless():
            show_panel(self)

    def start(self) -> None:
        """Measure in the background what has not been measured yet; all of it where nothing is missing."""
        if self._thread is not None and self._thread.is_alive():
            return
        if len(self.values) == len(self.keys):
            self.values = {}
        self.button.disabled, self.stop_button.disabled = True, False
        self._stop.clear()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the current step; the settings measured so far stay."""
        self.stop_button.disabled = True
        self._stop.set()

    def start_over(self) -> None:
        """Stop, and forget what was measured here; what is recorded stays."""
        self.stop()
        self.wait()
        self.values, self.text.value, self.table.value = {}, "", ""

    def wait(self) -> None:
        """Until nothing is measured any more."""
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        self.error: BaseException | None = None
        try:
            for key in self.keys:
                if key in self.values:
                    continue
                self._tell(key, None)
                self.values[key] = self._measure(
                    key, {"stop": self._stop, "on_report": lambda history, key=key: self._tell(key, history)}
                )
                self.table.value = self._rows()
            self.text.value = "Done. One seed alone decides nothing; `course claims` takes three."
        except KeyboardInterrupt:
            self.text.value = "Stopped. Run it now goes on with what is missing."
        except Exception as error:
            self.error = error
            show_error(self.text, error)
        finally:
            self.button.disabled, self.stop_button.disabled = False, True

    def _tell(self, key: str, history: History | None) -> None:
        step = f", step {history.step} of {history.steps}" if history else ""
        self.text.value = f"{len(self.values) + 1} of {len(self.keys)}: {html.escape(key)}{step}"

    def _rows(self) -> str:
        cells = "".join(f"<tr><td>{html.escape(key)}</td><td>{number(v, self.unit)}</td></tr>" for key, v in self.values.items())
        return f"<table><tr><th>setting</th><th>measured here</th></tr>{cells}</table>"
