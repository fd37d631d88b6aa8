"""The contract of a pretext task: hide part of the data, predict it from the rest, measure how far off.

    visible, hidden = task.hide(batch, rng)
    prediction = task.predict(backbone, visible)
    loss = task.loss(prediction, hidden)

A file `course_lib/pretext/X.py` with a class of the same name in CamelCase is the task `X`; nothing else lists it.
"""

import importlib
import pkgutil
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.models import Backbone

_NOT_TASKS = {
    "patches", "colour", "clips",  # rooms that several tasks share
    "alternating",  # is made of tasks: what holds of them, and what they cost, is theirs
    "word2vec",  # keeps the contract on text: its backbone is a table of words, its data no Split
}  # fmt: skip


class PretextTask(nn.Module):
    """Base of every pretext task. Its head, and any second tower, are its parameters.

    A plain method writes `hide`, `predict`, `loss`, `score` and `draw`; the rest has a default. All randomness comes
    from the generator handed in (`rng`, on the data's device); the constructor gets one on the CPU for its head.
    """

    content = ("images",)  # what it needs of each sample: images, clips, sounds
    uses_labels = False  # True: batches carry the class labels (semi-supervised tasks)
    batch_coupled = False  # True: the loss of one sample depends on the others (contrastive, batch statistics)
    chance: float | None = None  # what guessing scores, where that is known

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Any, Any]:
        """Invent the labels: `(visible, hidden)` from raw samples. Augments, and converts to normalised float."""
        raise NotImplementedError

    def predict(self, backbone: nn.Module, visible: Any) -> Any:
        """What the network says about the hidden part: shared tower(s), then the task's own head."""
        raise NotImplementedError

    def loss(self, prediction: Any, hidden: Any) -> Tensor:
        """A scalar to minimise; `hidden` may be None."""
        raise NotImplementedError

    def score(self, prediction: Any, hidden: Any) -> dict[str, float]:
        """Readable measures of one batch, name -> number in the metric's unit (an accuracy lies in 0…1)."""
        return {}

    def draw(self, batch: Batch, rng: torch.Generator):
        """A matplotlib `Figure`: visible beside hidden, for a few samples."""
        raise NotImplementedError

    def setup(self, backbone: nn.Module, data: Split) -> None:
        """Called once before the optimiser is made: bins measured on the data, momentum copies."""

    def sample(self, data: Split, size: int, rng: torch.Generator) -> Batch:
        """Draw a training batch: uniformly, with replacement."""
        index = torch.randint(len(data), (size,), generator=rng, device=rng.device)
        return data.batch(index, labels=self.uses_labels)

    def represent(self, backbone: nn.Module, batch: Batch, stage: str) -> Tensor:
        """Features for probes, N x D: the stage's map, averaged over a grid of cells (see `pooled`); of clips, the mean over
        their frames."""
        if batch.images is not None:
            return pooled(backbone.stages(normalise(batch.images), last=stage)[stage])
        maps = backbone.stages(normalise(batch.clips.flatten(0, 1)), last=stage)[stage]
        return pooled(maps).unflatten(0, (len(batch.clips), -1)).mean(1)

    def start_epoch(self, backbone: nn.Module, data: Split) -> list[nn.Parameter]:
        """Called before each pass over the data; returns the parameters whose optimiser state must be forgotten."""
        return []

    def after_step(self, backbone: nn.Module, prediction: Any) -> None:
        """Called after each optimiser step: queues, momentum copies, proximal steps."""

    def evaluate(self, backbone: nn.Module, data: Split) -> dict[str, float]:
        """Measures that need a whole data set, such as clustering accuracy."""
        return {}


def normalise(images: Tensor) -> Tensor:
    """uint8 images (… x 3 x H x W, 0…255) to float32 in -1…1, laid out channels-last, which convolutions prefer."""
    if images.dim() == 4:
        images = images.contiguous(memory_format=torch.channels_last)  # before, while they are a quarter of the bytes
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def pooled(maps: Tensor, numbers: int = 512) -> Tensor:
    """Feature maps N x C x h x w averaged over a grid of cells: float32 N x D.

    The grid is the square one, no finer than the map, that brings D nearest to `numbers`: stages are then compared at
    much the same number of features, whatever their number of channels.
    """
    side = min(max(1, round((numbers / maps.shape[1]) ** 0.5)), *maps.shape[2:])
    return F.adaptive_avg_pool2d(maps.float(), side).flatten(1)


def names() -> list[str]:
    """The names of all pretext tasks."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_TASKS)


def load(name: str) -> type[PretextTask]:
    """The class of the task `name`.

    Raises:
        CourseError: there is no such task.
    """
    if name not in names():
        raise CourseError(f"There is no pretext task called '{name}'; choose one of {', '.join(names())}.")
    module = importlib.import_module(f"course_lib.pretext.{name}")
    return getattr(module, "".join(word.capitalize() for word in name.split("_")))


__all__ = ["Backbone", "Batch", "PretextTask", "load", "names", "normalise", "pooled"]
