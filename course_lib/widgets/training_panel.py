"""Training that a student watches and steers: curves, Stop, Continue, a learning rate to move, presets."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ipywidgets

from course_lib.plots.style import image_tag, png, show_figure
from course_lib.training import History
from course_lib.widgets import headless, show_error, show_panel
from course_lib.widgets.training_curves import (
    GHOSTS,
    Past,
    contains,
    curves,
    ghost_label,
    presets,
    progress_text,
    remember,
    remembered,
    scores_of,
)

Work = Callable[..., History]

REPORT_EVERY = 0.5  # seconds between two updates of the text
AGAIN = "<br>Continued: cells below that have measured the stopped network must be run again."
LONGEST_WAIT = 3.0  # seconds between two drawings of the curves; less where drawing takes under a tenth of them
FACTORS = [
    ("÷ 30", 1 / 30), ("÷ 10", 1 / 10), ("÷ 3", 1 / 3), ("as planned", 1.0),
    ("× 3", 3.0), ("× 10", 10.0), ("× 30", 30.0),
]  # fmt: skip
"""Of the learning rate; about equal steps on a logarithmic scale."""


class TrainingRun:
    """A training run in a worker thread, and the panel that shows and steers it.

    Args:
        work: does the training. Gets those arguments of `fit` that the panel holds (`on_report`, `stop`, `continues`,
            `learning_rate_factor`), returns the history; called again, with that history, when Continue is pressed.
        name: what is trained, for the panel's labels. Earlier runs of this name in this kernel stay behind the curves.
        steps: how many steps there will be.
        chance: what guessing scores (0…1), for the dotted line.
        settings: what the run was set to, to tell it from others.
        ghosts: histories of other runs by the words for them, drawn like the earlier ones; four at most in all.
        checkpoint: where a run that is stopped leaves what it takes to go on.
    """

    reused = False  # its like, a network that another notebook left, says True

    def __init__(
        self, work: Work, *, name: str, steps: int, chance: float | None = None,
        settings: Mapping[str, Any] | None = None, ghosts: Mapping[str, History] | None = None,
        checkpoint: Path | None = None,
    ):  # fmt: skip
        self._work, self.name, self.chance, self.settings = work, name, chance, dict(settings or {})
        self.checkpoint = checkpoint
        earlier = [(ghost_label(past, self.settings), past.history) for past in remembered.get(name, [])]
        self.ghosts = [*earlier, *(ghosts or {}).items()][-GHOSTS:]
        self.history: History | None = None
        self.error: BaseException | None = None
        self._past: Past | None = None
        self._stop, self._thread = threading.Event(), None
        self._next_text = self._next_drawing = 0.0
        self.bar = ipywidgets.IntProgress(max=steps, description=name, style={"description_width": "initial"})
        self.stop_button = ipywidgets.Button(description="Stop", icon="stop", tooltip=f"Stop training {name}")
        self.continue_button = ipywidgets.Button(
            description="Continue", icon="play", disabled=True, tooltip=f"Go on training {name} from where it stopped"
        )
        self.rate = ipywidgets.SelectionSlider(
            options=FACTORS, value=1.0, description="learning rate", continuous_update=False,
            tooltip="Multiply the learning rate from the next step on; this changes the result",
            layout={"width": "min(28em, 95%)"}, style={"description_width": "initial"},
        )  # fmt: skip
        self.stop_button.on_click(lambda _: self.stop())
        self.continue_button.on_click(lambda _: self.resume())
        self.text, self.plot = ipywidgets.HTML("waiting for the first steps"), ipywidgets.HTML()
        for hook, widget in (
            ("bar", self.bar), ("stop", self.stop_button), ("continue", self.continue_button), ("rate", self.rate),
            ("text", self.text), ("plot", self.plot),
        ):  # fmt: skip
            widget.add_class(f"course-training-{hook}")
        buttons = ipywidgets.HBox([self.bar, self.stop_button, self.continue_button])
        self.panel = ipywidgets.VBox([buttons, self.rate, self.text, self.plot])

    def show(self) -> "TrainingRun":
        """Display the panel and start; headless, train within the call and leave the final curves as a figure."""
        if headless():
            self._train()
            self.result()
            print(f"{self.name}: {progress_text(self.history)}")
            show_figure(curves(self.history, self.chance, self._behind()), *self._words())
        else:
            show_panel(self)
            self._start()
        return self

    def stop(self) -> None:
        """End after the current step. What is done stays; Continue, or training the same again, goes on from there."""
        self.stop_button.disabled = True
        self._stop.set()

    def resume(self) -> None:
        """Go on from where the run was stopped, as if it had not been; does nothing unless it stands stopped.

        The network that earlier cells have measured moves on: the panel says that they must be run again.
        """
        if not self.continue_button.disabled:
            self.text.value = f"going on from step {self.history.step}{AGAIN}"
            self._next_text = self._next_drawing = 0.0
            self._start()

    def retire(self) -> None:
        """End for good, as a new run takes over name and checkpoint; returns when nothing trains any more."""
        self.stop()
        if self._thread is not None:
            self._thread.join()
        self.continue_button.disabled = self.rate.disabled = True

    def start_over(self) -> None:
        """End for good and forget it all, earlier runs of this name too: the training cell begins again at its first step."""
        self.retire()
        remembered.pop(self.name, None)
        if self.checkpoint is not None and self.history is not None and self.history.stopped:
            self.checkpoint.unlink(missing_ok=True)  # it would be taken up where it ended
        self.bar.value, self.plot.value, self.text.value = 0, "", "put back; run this cell again to train from the first step"

    async def finished(self) -> History:
        """Wait without blocking the kernel, so that buttons answer meanwhile; raises what the training raised.

        A stopped run counts as finished: the notebook goes on with the network as it is. Called after Continue was
        pressed, this waits for the rest.
        """
        while self._thread is not None and self._thread.is_alive():
            await asyncio.sleep(0.05)
        return self.result()

    def result(self) -> History:
        """The history; waits for the end, and raises what the training raised."""
        if self._thread is not None:
            self._thread.join()
        if self.error is not None:
            raise self.error
        return self.history

    def _start(self) -> None:
        self.continue_button.disabled, self.stop_button.disabled = True, False
        self._stop.clear()
        self._thread = threading.Thread(target=self._train, daemon=True)
        self._thread.start()

    def _train(self) -> None:
        factor = None if headless() else lambda: self.rate.value
        try:
            self.history = self._work(
                on_report=self._report, stop=self._stop, continues=self.history, learning_rate_factor=factor
            )
        except BaseException as error:
            self.error = error
            show_error(self.text, error)
        finally:
            if self.history is not None:
                self._past = self._past or Past(self.settings, self.history)
                self._past.history = self.history
                remember(self.name, self._past)
            stopped = self.error is None and self.history.stopped
            self.stop_button.disabled = True
            self.continue_button.disabled = self.rate.disabled = not stopped

    def _report(self, history: History) -> None:
        self.history = history
        now, ended = time.monotonic(), history.stopped or history.step == history.steps
        if headless() or not (ended or now >= self._next_text):
            return
        self._next_text = now + REPORT_EVERY
        self.bar.value = history.step
        self.text.value = progress_text(history) + (AGAIN if self._past else "")
        if ended or now >= self._next_drawing:
            self.plot.value = image_tag(png(curves(history, self.chance, self._behind())), self._words()[1])
            drawn = time.monotonic()
            self._next_drawing = drawn + min(9 * (drawn - now), LONGEST_WAIT)  # drawing takes time from training

    def _behind(self) -> list[tuple[str, History]]:
        return [(words, ghost) for words, ghost in self.ghosts if not contains(self.history, ghost)]

    def _words(self) -> tuple[str, str]:
        labels = ", ".join(words for words, _ in self._behind())
        ghosts = f"Broken and pale: other runs ({labels}). " if labels else ""
        loss = "the loss of each step (pale) and its running mean (dark)"
        if scores_of(self.history) or self.chance is not None:
            seen = f"Left: {loss}. Right: the score on training batches, likewise."
            said = f"Two curves of training {self.name} over steps: loss on the left, score on the right."
        else:
            seen, said = f"Drawn: {loss}.", f"The loss of training {self.name} over steps."
        guessing = "Dotted: guessing. " if self.chance is not None else ""
        return f"Training {self.name}. {seen} {guessing}{ghosts}".strip(), f"{said} {ghosts}{progress_text(self.history)}"


class Presets:
    """A choice of settings for the next run: `session.train(..., **presets.options)`.

    Args:
        own: the options with which the notebook itself trains; chosen at first.
    """

    def __init__(self, **own):
        self._presets = presets(**own)
        self.choice = ipywidgets.Dropdown(
            options=list(self._presets), description="settings", tooltip="What the next run is set to",
            layout={"width": "min(28em, 95%)"},
        )  # fmt: skip
        self.text = ipywidgets.HTML()
        self.choice.add_class("course-training-presets")
        self.text.add_class("course-training-presets-text")
        self.choice.observe(lambda _: self._chosen(), names="value")
        self.panel = ipywidgets.VBox([self.choice, self.text])

    @property
    def options(self) -> dict[str, Any]:
        """Of the preset that is chosen now: arguments for `Session.train`."""
        return dict(self._presets[self.choice.value])

    def show(self) -> "Presets":
        """Display the choice; headless, only its sentence."""
        if headless():
            print(f"Settings: {self.choice.value}. (Open this notebook in JupyterLab to try others.)")
        else:
            show_panel(self)
        return self

    def _chosen(self) -> None:
        self.text.value = (
            "Now make a new network and run the training cell again; the curves of earlier runs stay behind its own."
        )
