"""The training loop: one for every pretext task.

`Step` holds the three lines of the contract and is the only module that is ever compiled, wrapped or distributed; `fit`
repeats it. A budget is a number of steps, never of seconds, so that a seed gives the same network on a slow day.
"""

import functools
import hashlib
import json
import math
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.paths import replacing
from course_lib.pretext import PretextTask


class Outcome(NamedTuple):
    """What one step computed: a scalar loss, and what was predicted beside what was hidden."""

    loss: Tensor
    prediction: Any
    hidden: Any


class Step(nn.Module):
    """A backbone and a task as one module, whose forward pass is the whole contract."""

    def __init__(self, backbone: nn.Module, task: PretextTask, rng: torch.Generator | None = None):
        super().__init__()
        self.backbone = backbone
        self.task = task
        device = next(backbone.parameters()).device
        self.rng = rng if rng is not None else torch.Generator(device).manual_seed(0)

    def forward(self, batch: Batch) -> Outcome:
        visible, hidden = self.task.hide(batch, self.rng)
        prediction = self.task.predict(self.backbone, visible)
        return Outcome(self.task.loss(prediction, hidden), prediction, hidden)


@dataclass
class History:
    """What happened during `fit`."""

    steps: int  # asked for
    losses: list[float] = field(default_factory=list)  # one a step
    scores: list[tuple[int, dict[str, float]]] = field(default_factory=list)  # (step, task.score of its batch)
    seconds: float = 0.0  # of this call
    seconds_before: float = 0.0  # of the interrupted calls that this one has taken up
    resumed_from: int = 0  # the step at which an interrupted run was taken up
    stopped: bool = False  # True: ended early, on request
    moved: list[tuple[int, float]] = field(default_factory=list)  # by hand: (steps taken before, learning-rate factor)

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return len(self.losses)


OPTIMISERS = {
    "adamw": torch.optim.AdamW,  # Loshchilov & Hutter 2019, arXiv:1711.05101
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True),
}
REPORT_EVERY = 10  # steps between two calls of `on_report`
_in_training: "weakref.WeakSet[nn.Module]" = weakref.WeakSet()
_lock = threading.Lock()


def fit(
    backbone: nn.Module,
    task: PretextTask,
    data: Split,
    *,
    steps: int,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.05,
    optimiser: str = "adamw",
    seed: int = 0,
    precision: torch.dtype = torch.float32,
    checkpoint: Path | None = None,
    checkpoint_every: int = 50,
    on_report: Callable[[History], None] | None = None,
    stop: threading.Event | None = None,
    continues: History | None = None,
    learning_rate_factor: Callable[[], float] | None = None,
) -> History:
    """Train a backbone and a task's head together; both are changed in place.

    The learning rate rises over the first tenth of the steps and falls to zero along a cosine.

    Args:
        backbone, task: on the device where training shall happen.
        data: what `task.sample` draws from.
        steps: optimiser steps.
        batch_size: samples a step, before the task multiplies them (rotation makes four of each).
        optimiser: one of `OPTIMISERS`; "sgd" has Nesterov's momentum of 0.9.
        seed: of the generator that every random draw of the training comes from.
        precision: torch.bfloat16 for autocast, torch.float32 for none.
        checkpoint: file to save to every `checkpoint_every` steps and at the end. An unfinished one, written by the same
            code under the same settings, is taken up where it ended; a finished one is never a reason to skip training.
        on_report: called every few steps and at the end.
        stop: set it from another thread to end after the current step; what is done is saved.
        continues: what an earlier call returned when it was stopped. The very same network and task go on from
            `checkpoint`, and from nothing else; `task.setup` is not repeated.
        learning_rate_factor: read before each step; multiplies the learning rate. Its changes are kept in the history,
            since they change the result.

    Returns:
        The history. The resumed history equals the uninterrupted one, bit for bit; so do the weights.

    Raises:
        CourseError: the samples lack what the task learns from, the backbone is being trained already, the loss is no longer a
            number, the checkpoint belongs to another network, is damaged, or is not the one that `continues` needs, or it
            cannot be written.
    """
    require_content(task, data)
    with _lock:
        if backbone in _in_training:
            raise CourseError("This network is being trained already; press Stop or wait for it to finish, then try again.")
        _in_training.add(backbone)
    try:
        device = next(backbone.parameters()).device
        for module in (backbone, task):
            module.to(memory_format=torch.channels_last)
            module.train()
        settings = settings_of(
            device, data, task, steps, batch_size, learning_rate, weight_decay, seed, precision, optimiser
        )
        if continues is None:
            task.setup(backbone, data)
        step_module = Step(backbone, task, torch.Generator(device).manual_seed(seed))
        fused = device.type in ("cpu", "cuda")  # one pass over the weights: a tenth of a small net's step saved
        make = OPTIMISERS[optimiser]
        optimiser = make(step_module.parameters(), learning_rate, weight_decay=weight_decay, fused=fused)
        history = History(steps)
        if continues is not None or (checkpoint is not None and checkpoint.exists()):
            resume(checkpoint, step_module, optimiser, history, settings, continues)

        def autocast():
            return torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16)

        began = time.perf_counter()
        steps_an_epoch = max(1, len(data) // batch_size)
        losses = torch.zeros(steps, device=device)  # kept on the device: reading a number would make it wait
        for step in range(history.step, steps):
            if step % steps_an_epoch == 0:
                for parameter in task.start_epoch(backbone, data):
                    optimiser.state.pop(parameter, None)
            factor = 1.0 if learning_rate_factor is None else learning_rate_factor()
            if factor != (history.moved[-1][1] if history.moved else 1.0):
                history.moved.append((step, factor))
            for group in optimiser.param_groups:
                group["lr"] = learning_rate * schedule(step, steps) * factor
            batch = task.sample(data, batch_size, step_module.rng)
            with autocast():
                outcome = step_module(batch)
            optimiser.zero_grad(set_to_none=True)
            outcome.loss.backward()
            optimiser.step()
            task.after_step(backbone, outcome.prediction)
            losses[step] = outcome.loss.detach()

            done = step + 1
            history.stopped = stop is not None and stop.is_set() and done < steps
            ends = done == steps or history.stopped
            saves = checkpoint is not None and (ends or done % checkpoint_every == 0)
            if ends or saves or done % REPORT_EVERY == 0:
                history.losses += losses[history.step : done].tolist()
                if not math.isfinite(history.losses[-1]):
                    raise CourseError(f"The loss is no longer a number at step {done}; try a smaller learning rate.")
                history.seconds = time.perf_counter() - began
            if ends or done % REPORT_EVERY == 0:
                with torch.no_grad(), autocast():  # a score may run part of the head once more
                    history.scores.append((done, task.score(outcome.prediction, outcome.hidden)))
            if saves:
                save_checkpoint(checkpoint, step_module, optimiser, history, settings)
            if on_report and (ends or done % REPORT_EVERY == 0):
                on_report(history)
            if ends:
                break
        return history
    finally:
        with _lock:
            _in_training.discard(backbone)


def require_content(task: PretextTask, data: Split) -> None:
    """Raise `CourseError` when the samples lack something that the task learns from."""
    missing = [name for name in task.content if getattr(data, name) is None]
    if missing:
        raise CourseError(
            f"{type(task).__name__} learns from {' and '.join(task.content)}, and these samples have no {missing[0]}: 'world' "
            "has images, 'world:clips' has clips, 'world:sounds' has clips and sounds."
        )


def schedule(step: int, steps: int) -> float:
    """The share of the peak learning rate at `step`: linear rise over a tenth of the steps, then a cosine to zero."""
    rise = max(1, steps // 10)
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


# --- checkpoints -----------------------------------------------------------------------------------------------------


def code_hash() -> str:
    """A hash of the code that a training run depends on: the loop, the tasks, the backbones."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in [here / "training.py", *sorted((here / "models").glob("*.py")), *sorted((here / "pretext").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def settings_of(
    device: torch.device, data: Split, task: PretextTask, steps: int, batch_size: int = 32, learning_rate: float = 3e-3,
    weight_decay: float = 0.05, seed: int = 0, precision: torch.dtype = torch.float32, optimiser: str = "adamw",
) -> dict[str, Any]:  # fmt: skip
    """What decides how a training run ends, beside the network that it begins with; the defaults are those of `fit`.

    Of a task, before its `setup`: its class, and its options as far as they are plain values or functions.
    """
    options = {name: getattr(value, "__qualname__", value) for name, value in vars(task).items() if name[0] != "_"}
    plain = {name: str(value) for name, value in options.items() if isinstance(value, (bool, int, float, str, tuple, type(None)))}
    plain.pop("training")
    return {
        "task": {"class": type(task).__qualname__} | plain,
        "steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "weight_decay": weight_decay,
        "optimiser": optimiser, "seed": seed, "precision": str(precision), "samples": len(data), "device": device.type,
        "code": code_hash(),
    }  # fmt: skip


def save_checkpoint(
    path: Path, step: Step, optimiser: torch.optim.Optimizer, history: History, settings: dict[str, Any]
) -> None:
    """Write weights, buffers, optimiser state and the generator's state to a safetensors file, in one atomic step."""
    tensors = {f"network.{name}": value for name, value in step.state_dict().items()}
    for i, parameter in enumerate(step.parameters()):
        for name, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{i}.{name}"] = torch.as_tensor(value)
    tensors["generator"] = step.rng.get_state()
    metadata = {
        "settings": json.dumps(settings),
        "losses": json.dumps(history.losses),
        "scores": json.dumps(history.scores),
        "moved": json.dumps(history.moved),
        "seconds": str(history.seconds_before + history.seconds),
        "code": settings["code"],
    }
    with replacing(path) as temporary:
        # Copies, since safetensors wants plain memory that no two tensors share.
        plain = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
        try:
            save_file(plain, temporary, metadata)
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(str(error)) from error


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a checkpoint.

    Raises:
        CourseError: there is no such file, or it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        for name in ("settings", "losses", "scores"):
            json.loads(metadata[name])
        return tensors, metadata
    except FileNotFoundError as error:
        raise CourseError(f"There is no checkpoint at {path}; train the network first.") from error
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CourseError(f"The checkpoint {path} is damaged and cannot be read; delete it and train again.") from error


def load_network(path: Path, step: Step) -> dict[str, str]:
    """Copy a checkpoint's weights and buffers into `step`; returns the checkpoint's metadata.

    Raises:
        CourseError: no such file, damaged, or written for another network; `step` is unchanged then.
    """
    tensors, metadata = read_checkpoint(path)
    _copy_network(path, tensors, step)
    return metadata


def load_finished(path: Path, step: Step, settings: dict[str, Any]) -> bool:
    """`load_network`, if the checkpoint is of a run that ended under these very settings, with no hand on the learning rate.

    Else `step` stays as it is, and the answer is False.
    """
    try:
        tensors, metadata = read_checkpoint(path)
        finished = len(json.loads(metadata["losses"])) == settings["steps"] and not json.loads(metadata.get("moved", "[]"))
        if json.loads(metadata["settings"]) != settings or not finished:
            return False
        _copy_network(path, tensors, step)
    except CourseError:  # none there, damaged, or of another network
        return False
    return True


def _copy_network(path: Path, tensors: dict[str, Tensor], step: Step) -> None:
    saved = {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
    own = step.state_dict()
    differing = [n for n in sorted(saved.keys() | own.keys()) if n not in saved or n not in own or saved[n].shape != own[n].shape]
    if differing:
        raise CourseError(
            f"The checkpoint {path} belongs to another network: they differ at '{differing[0]}'"
            f"{f' and {len(differing) - 1} other places' if len(differing) > 1 else ''}; "
            "build the network that it was saved from, or delete the file."
        )
    step.load_state_dict(saved)


def resume(
    path: Path, step: Step, optimiser: torch.optim.Optimizer, history: History, settings: dict[str, Any],
    continues: History | None = None,
) -> None:
    """Take up an unfinished run; leaves everything as it is when the checkpoint is finished or of other settings.

    Raises:
        CourseError: the checkpoint is not that of the run that `continues`; everything is as it was then.
    """  # fmt: skip
    tensors, metadata = read_checkpoint(path)
    losses, saved = json.loads(metadata["losses"]), json.loads(metadata["settings"])
    if continues is not None:  # the very same task; what its `setup` has set is no other option
        settings["task"] = saved.get("task")
    unfinished = saved == settings and len(losses) < settings["steps"]
    if continues is not None and not (unfinished and losses == continues.losses):
        raise CourseError(
            f"This run cannot be continued: the checkpoint {path} is no longer the one that it left when it was stopped. "
            "Make a new network and run the training cell again."
        )
    if not unfinished:
        return
    _copy_network(path, tensors, step)
    for i, parameter in enumerate(step.parameters()):
        prefix = f"optimiser.{i}."
        state = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        for name, value in state.items():
            if value.shape == parameter.shape and value.dim() > 0:
                state[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
        if state:
            optimiser.state[parameter] = state
    step.rng.set_state(tensors["generator"])
    history.losses, history.resumed_from = losses, len(losses)
    history.seconds_before = float(metadata["seconds"])
    history.scores = [(done, scores) for done, scores in json.loads(metadata["scores"])]
    history.moved = [(done, factor) for done, factor in json.loads(metadata["moved"])]
