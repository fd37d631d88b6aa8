"""Training runs in curves and words, and what a kernel remembers of earlier ones: the training panel's logic."""

import inspect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.plots.style import BLUE, GREEN, GREY, ORANGE, PURPLE, RED
from course_lib.training import History, fit

GHOSTS = 4  # earlier runs behind the present one
MOVES = 3  # of the learning rate, that the text names
USUAL = {
    name: parameter.default
    for name, parameter in inspect.signature(fit).parameters.items()
    if type(parameter.default) in (int, float)
}
"""What `fit` takes where nothing is said: learning rate, batch size and so on."""


@dataclass
class Past:
    """A run that this kernel remembers: what it was set to, and what happened."""

    settings: dict[str, Any]
    history: History


remembered: dict[str, list[Past]] = {}  # by name, oldest first; in this kernel's memory and nowhere else


def remember(name: str, past: Past) -> None:
    """Keep a run for the curves of later ones; it takes the place of a run that it repeats or went on from."""
    others = [p for p in remembered.get(name, []) if p is not past and not contains(past.history, p.history)]
    remembered[name] = [*others, past][-GHOSTS:]


def contains(history: History, earlier: History) -> bool:
    """Whether a run went through all that an earlier one did, number for number."""
    return history.losses[: earlier.step] == earlier.losses


def ghost_label(past: Past, settings: Mapping[str, Any]) -> str:
    """How an earlier run differed from one with `settings`: "learning rate 0.03", "seed 1"."""
    mine, other = USUAL | dict(settings), USUAL | past.settings
    words = [f"{name.replace('_', ' ')} {_short(other.get(name))}" for name in other if other[name] != mine.get(name)]
    words += ["learning rate moved"] if past.history.moved else []
    return ", ".join(words) or "same settings"


def presets(**own) -> dict[str, dict[str, Any]]:
    """Settings worth comparing, by the words for them: options for `Session.train`.

    `own`: the options with which the notebook itself trains; the first preset is exactly these.
    """
    rate = own.get("learning_rate", USUAL["learning_rate"])
    return {
        "as in this notebook": own,
        "learning rate × 10: too fast": own | {"learning_rate": 10 * rate},
        "learning rate ÷ 10: too slow": own | {"learning_rate": rate / 10},
        "batch of 8": own | {"batch_size": 8},
    }


def running_mean(values: list[float], memory: int = 20) -> list[float]:
    """Each value averaged with up to `memory` - 1 before it."""
    means, total = [], 0.0
    for i, value in enumerate(values):
        total += value - (values[i - memory] if i >= memory else 0.0)
        means.append(total / min(i + 1, memory))
    return means


def scores_of(history: History) -> list[str]:
    """The names of all scores of a run: tasks that take turns have names of their own."""
    return list({name: None for _, scores in history.scores for name in scores})


def curves(history: History, chance: float | None, ghosts: Sequence[tuple[str, History]] = ()):
    """Loss and score of a training run so far, as a figure of two panels.

    `ghosts`: (words, history) of earlier runs, drawn pale and broken behind it.
    """
    from matplotlib.figure import Figure

    names = scores_of(history)
    scored = bool(names) or chance is not None
    figure = Figure(figsize=(8.5, 2.7), layout="constrained")
    left, *right = figure.subplots(1, 1 + scored, squeeze=False)[0]
    smooth = running_mean(history.losses)
    left.plot(range(1, history.step + 1), history.losses, color=BLUE, alpha=0.35, linewidth=1)
    left.plot(range(1, history.step + 1), smooth, color=BLUE, label="this run")
    pale = [
        (words, ghost, {"color": color, "linestyle": dashes, "alpha": 0.55, "linewidth": 1.3, "zorder": 1})
        for (words, ghost), color, dashes in zip(
            ghosts, (GREEN, PURPLE, RED, GREY), ("--", "-.", (0, (5, 1)), (0, (1, 1))), strict=False
        )
    ]
    for words, ghost, style in pale:
        left.plot(range(1, ghost.step + 1), running_mean(ghost.losses), label=words, **style)
    if ghosts:
        left.legend(loc="upper right", fontsize="small")
        # A run that burst must not flatten the present one's curve against the floor.
        highest = max([loss for loss in smooth if math.isfinite(loss)], default=1.0)
        left.set_ylim(top=min(left.get_ylim()[1], 3 * highest))
    left.set(title="Loss", xlabel="step", xlim=(0, history.steps))
    for axis in right:
        _draw_scores(axis, history, names, chance, pale)
    return figure


def _draw_scores(axis, history: History, names: Sequence[str], chance: float | None, pale: Sequence[tuple]) -> None:
    """The scores `names` of a run in percent, with those of its ghosts (words, history, style) behind them."""
    top = 100.0  # percent; scores that may exceed it are shown up to one and a half times as much
    for name, color in zip(names, itertools.cycle((ORANGE, GREEN, PURPLE))):
        steps, values = _score(history, name)
        axis.plot(steps, values, color=color, alpha=0.35, linewidth=1)
        axis.plot(steps, running_mean(values, 5), color=color, label=f"{name.replace('_', ' ')} on training batches")
        top = max(top, *(min(value, 150.0) for value in values))
        for _, ghost, style in pale:
            if any(name in scores for _, scores in ghost.scores):
                steps, values = _score(ghost, name)
                axis.plot(steps, running_mean(values, 5), **style)
    if chance is not None:
        axis.axhline(100 * chance, color=GREY, linestyle=":", label="guessing")
    axis.set(title="Score", xlabel="step", ylabel="%", xlim=(0, history.steps), ylim=(0, top))
    if len(names) < 2:
        axis.legend(loc="upper left")
    else:  # below: what takes turns draws many lines
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize="small")


def progress_text(history: History) -> str:
    """Where a run stands, in one line."""
    taken = history.step - history.resumed_from
    rate = taken / history.seconds if history.seconds else 0.0
    left = (history.steps - history.step) / rate if rate else 0.0
    state = f"about {left:.0f} s left" if left < 120 else f"about {left / 60:.0f} min left"
    if history.stopped:
        state = "stopped; Continue goes on from here"
    if history.step == history.steps:
        state = "done"
    last = history.scores[-1][1] if history.scores else {}
    scores = "".join(f" · {name} {100 * value:.0f} %" for name, value in last.items())
    taken_up = f" · taken up at step {history.resumed_from}" if history.resumed_from else ""
    moves = ", ".join(f"{_factor(factor)} after step {step}" for step, factor in history.moved[-MOVES:])
    more = "…, " if len(history.moved) > MOVES else ""
    moved = f" · learning rate moved by hand: {more}{moves}" if moves else ""
    return (
        f"step {history.step} of {history.steps} · loss {history.losses[-1]:.3f}{scores} · "
        f"{rate:.1f} steps/s · {state}{taken_up}{moved}"
    )


def _score(history: History, name: str) -> tuple[list[int], list[float]]:
    known = [(step, 100 * scores[name]) for step, scores in history.scores if name in scores]
    return [step for step, _ in known], [value for _, value in known]


def _factor(factor: float) -> str:
    return f"× {factor:g}" if factor >= 1 else f"÷ {1 / factor:g}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
