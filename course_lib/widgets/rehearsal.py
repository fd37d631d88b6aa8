"""Training runs of the day before: `course rehearse` trains them on the instructor's own machine, a slider shows them at once.

What is kept is each run's history, in OUT/rehearsed/curves, beside a hash of the code that made it: curves of other code or
other data are not shown. They are no results: nothing that records, judges or reports reads them.
"""

import copy
import datetime
import functools
import html
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import ipywidgets

from course_lib.errors import CourseError
from course_lib.paths import write_atomically
from course_lib.plots.style import image_tag, png
from course_lib.training import History, code_hash
from course_lib.widgets import show_error
from course_lib.widgets.training_curves import curves, presets, progress_text


@dataclass(frozen=True)
class Rehearsed:
    """The runs of one network under several settings, by the words for these.

    Attributes:
        name: of the run in the notebook.
        chance: what guessing scores.
        date, machine: when and where they were trained.
        histories: what happened, by the words for the settings.
        remarks: what ended a run early, likewise; only for those that did.
    """

    name: str
    chance: float | None
    date: str
    machine: str
    histories: dict[str, History]
    remarks: dict[str, str]

    def label(self) -> str:
        """Says that this is not live."""
        when = datetime.date.fromisoformat(self.date).strftime("%d %B %Y").lstrip("0")
        return f"Rehearsed on {when} on {self.machine}; not a run of this lesson."

    def draw(self, settings: str) -> tuple:
        """The curves under these settings, with the others behind them: a figure, and the same in words."""
        history = self.histories[settings]
        others = [(words, other) for words, other in self.histories.items() if words != settings]
        figure = curves(history, self.chance, others)
        figure.suptitle(f"{self.name}: {settings} (rehearsed {self.date})", fontsize=10)
        remark = f" {self.remarks[settings]}" if settings in self.remarks else ""
        return figure, f"{self.name}, {settings}: {progress_text(history)}.{remark} {self.label()}"


def rehearse(
    train: Callable[..., History], network: tuple, options: dict, *, file: Path, name: str, chance: float | None, device: str,
    data: str,
) -> None:  # fmt: skip
    """Train copies of a network under every preset of the training panel, and keep what happened.

    Args:
        train: `fit` for a backbone, a task and options.
        network: a backbone and its task, which stay as they are.
        options: with which the notebook itself trains.
        file: where the histories go.
        data: the fingerprint of what is trained on.
    """
    runs = {}
    for words, setting in presets(**options).items():
        reached: list[History] = []
        try:
            reached.append(train(*copy.deepcopy(network), on_report=reached.append, **setting))
            remark = ""
        except CourseError as error:  # the loss burst, and that is worth seeing
            if not reached:
                raise
            remark = str(error)
        runs[words] = asdict(reached[-1]) | {"remark": remark}
    contents = {
        "name": name, "chance": chance, "date": datetime.date.today().isoformat(), "machine": f"{platform.node()} ({device})",
        "code": code_hash(), "data": data, "runs": runs,
    }  # fmt: skip
    write_atomically(file, json.dumps(contents))


def load(files: list[Path], data: str) -> list[Rehearsed]:
    """What was rehearsed by today's code on this data; files of other code or data, or damaged ones, are left out."""
    found = []
    for file in files:
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            if (kept["code"], kept["data"]) != (code_hash(), data):
                continue
            remarks = {words: run.pop("remark") for words, run in kept["runs"].items()}
            histories = {words: History(**run) for words, run in kept["runs"].items()}
            remarks = {words: remark for words, remark in remarks.items() if remark}
            found.append(Rehearsed(kept["name"], kept["chance"], kept["date"], kept["machine"], histories, remarks))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


class RehearsedCurves:
    """A slider over the settings of rehearsed runs, and their curves.

    Args:
        runs: what was rehearsed; at least one.
    """

    def __init__(self, runs: list[Rehearsed]):
        wide = {"layout": {"width": "min(40em, 95%)"}, "style": {"description_width": "8em"}}
        self.run = ipywidgets.Dropdown(options=[(run.name, run) for run in runs], description="network", **wide)
        self.setting = ipywidgets.SelectionSlider(options=[""], description="settings", continuous_update=False, **wide)
        self.picture, self.label = ipywidgets.HTML(), ipywidgets.HTML()
        for hook in ("run", "setting", "picture", "label"):
            getattr(self, hook).add_class(f"course-rehearsed-{hook}")
        self.run.observe(lambda _: self._chosen(), names="value")
        self.setting.observe(lambda _: self._redraw(), names="value")
        self.panel = ipywidgets.VBox([self.run, self.setting, self.label, self.picture])
        self._drawn = functools.cache(self._draw)
        self._chosen()

    def _chosen(self) -> None:
        """Another network: draw the curves of all of its settings, so that the slider answers at once."""
        run = self.run.value
        try:
            for setting in run.histories:
                self._drawn(run.name, setting)
            self.label.value = f"<b>{html.escape(run.label())}</b>"
            self.setting.options = list(run.histories)  # moves it to the first one
        except Exception as error:
            show_error(self.picture, error)
        self._redraw()

    def _redraw(self) -> None:
        if self.setting.value in self.run.value.histories:
            self.picture.value = self._drawn(self.run.value.name, self.setting.value)

    def _draw(self, name: str, setting: str) -> str:
        figure, words = self.run.value.draw(setting)
        return image_tag(png(figure), words)
