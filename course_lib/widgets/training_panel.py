"""Training that a student watches: curves, a chance line, time left, and a Stop button that answers."""

import asyncio
import threading
import time
from collections.abc import Callable

import ipywidgets
from IPython.display import display

from course_lib.plots.style import BLUE, GREY, ORANGE, image_tag, png, show_figure
from course_lib.training import History
from course_lib.widgets import headless, show_error

Work = Callable[[Callable[[History], None], threading.Event], History]

REDRAW_EVERY = 0.5  # seconds between two drawings of the curves; drawing takes time from training


def curves(history: History, chance: float | None):
    """Loss and score of a training run so far, as a figure of two panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(range(1, history.step + 1), history.losses, color=BLUE, alpha=0.35, linewidth=1)
    smooth = running_mean(history.losses)
    left.plot(range(1, history.step + 1), smooth, color=BLUE)
    left.set(title="Loss", xlabel="step", xlim=(0, history.steps))
    for name in history.scores[0][1] if history.scores else ():
        steps = [step for step, _ in history.scores]
        values = [100 * scores[name] for _, scores in history.scores]
        right.plot(steps, values, color=ORANGE, alpha=0.35, linewidth=1)
        right.plot(steps, running_mean(values, 5), color=ORANGE, label=f"{name} on training batches")
    if chance is not None:
        right.axhline(100 * chance, color=GREY, linestyle=":", label="guessing")
    right.set(title="Score", xlabel="step", ylabel="%", xlim=(0, history.steps), ylim=(0, 100))
    right.legend(loc="upper left")
    return figure


def running_mean(values: list[float], memory: int = 20) -> list[float]:
    """Each value averaged with up to `memory` - 1 before it."""
    means, total = [], 0.0
    for i, value in enumerate(values):
        total += value - (values[i - memory] if i >= memory else 0.0)
        means.append(total / min(i + 1, memory))
    return means


def progress_text(history: History) -> str:
    """Where a run stands, in one line."""
    taken = history.step - history.resumed_from
    rate = taken / history.seconds if history.seconds else 0.0
    left = (history.steps - history.step) / rate if rate else 0.0
    state = "stopped; run the training cell again to continue" if history.stopped else f"about {left:.0f} s left"
    if history.step == history.steps:
        state = "done"
    last = history.scores[-1][1] if history.scores else {}
    scores = "".join(f" · {name} {100 * value:.0f} %" for name, value in last.items())
    return f"step {history.step} of {history.steps} · loss {history.losses[-1]:.3f}{scores} · {rate:.1f} steps/s · {state}"


class TrainingRun:
    """A training run in a worker thread, and the panel that shows it.

    Args:
        work: does the training; gets a function to report to and an event that says stop, returns the history.
        name: what is trained, for the panel's labels.
        steps: how many steps there will be.
        chance: what guessing scores (0…1), for the dotted line.
    """

    def __init__(self, work: Work, *, name: str, steps: int, chance: float | None = None):
        self._work, self.name, self.chance = work, name, chance
        self.history: History | None = None
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._drawn = 0.0
        self.bar = ipywidgets.IntProgress(max=steps, description=name, style={"description_width": "initial"})
        self.stop_button = ipywidgets.Button(description="Stop", icon="stop", tooltip=f"Stop training {name}")
        self.stop_button.on_click(lambda _: self.stop())
        self.text = ipywidgets.HTML("waiting for the first steps")
        self.plot = ipywidgets.HTML()
        for widget, hook in ((self.bar, "bar"), (self.stop_button, "stop"), (self.text, "text"), (self.plot, "plot")):
            widget.add_class(f"course-training-{hook}")
        self.panel = ipywidgets.VBox([ipywidgets.HBox([self.bar, self.stop_button]), self.text, self.plot])

    def show(self) -> "TrainingRun":
        """Display the panel and start; headless, train within the call and leave the final curves as a figure."""
        if headless():
            self._train()
            self.result()
            print(f"{self.name}: {progress_text(self.history)}")
            show_figure(curves(self.history, self.chance), *self._words())
        else:
            display(self.panel)
            self._thread = threading.Thread(target=self._train, daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End after the current step. What is done stays; training the same again continues from there."""
        self.stop_button.disabled = True
        self._stop.set()

    async def finished(self) -> History:
        """Wait without blocking the kernel, so that buttons answer meanwhile; raises what the training raised."""
        if not headless():
            while self._thread.is_alive():
                await asyncio.sleep(0.05)
        return self.result()

    def result(self) -> History:
        """The history; waits for the end, and raises what the training raised."""
        if not headless():
            self._thread.join()
        if self.error is not None:
            raise self.error
        return self.history

    def _train(self) -> None:
        try:
            self.history = self._work(self._report, self._stop)
        except BaseException as error:
            self.error = error
            show_error(self.text, error)
        finally:
            self.stop_button.disabled = True

    def _report(self, history: History) -> None:
        self.history = history
        if headless():
            return
        ended = history.stopped or history.step == history.steps
        self.bar.value = history.step
        if ended or time.monotonic() - self._drawn > REDRAW_EVERY:
            self._drawn = time.monotonic()
            self.text.value = progress_text(history)
            self.plot.value = image_tag(png(curves(history, self.chance)), self._words()[1])

    def _words(self) -> tuple[str, str]:
        caption = (
            f"Training {self.name}. Left: the loss of each step (pale) and its running mean (dark). Right: the score on "
            "training batches, likewise. Dotted: guessing."
        )
        return caption, f"Two curves of training {self.name} over steps: loss on the left, score on the right. " + (
            progress_text(self.history) if self.history and self.history.losses else ""
        )
