"""RotNet's own probes: small networks, trained on the maps of a frozen backbone (Gidaris et al. 2018, arXiv:1803.07728,
section 4.1). Unlike a linear probe, they learn from pictures that are moved and mirrored anew in every step.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Split
from course_lib.features import fingerprint, frozen
from course_lib.models import Backbone, initialise
from course_lib.models.rotnet_nin import convolutions
from course_lib.pretext import PretextTask, normalise
from course_lib.training import History, fit

HIDDEN = 200  # units in each of the two hidden layers


def mlp(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The paper's non-linear classifier: maps of `shape` (C, H, W), flattened, to 200, 200, `classes` logits."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(inplace=True),
        nn.Linear(HIDDEN, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(inplace=True),
        nn.Linear(HIDDEN, classes),
    )  # fmt: skip


def convolutional(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The paper's "+ conv": one more block of the network on maps of `shape` (C, H, W), averaged, to `classes` logits."""
    channels = shape[0]
    block = convolutions(channels, [channels] * 3, 3)
    return nn.Sequential(*block, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


HEADS: dict[str, tuple[str, Callable]] = {
    **{f"block {k} + MLP": (f"conv{k}", mlp) for k in (1, 2, 3, 4)},
    "+ conv": ("conv2", convolutional),
}  # name -> the stage whose map it reads, and how it is made


class Heads(nn.Module):
    """Some of `HEADS` side by side. They share nothing, so that training them together gives what each alone would learn.

    Args:
        backbone: whose maps they read; not kept.
        size: the side of its images in pixels.
        rng: a CPU generator for the first weights.
    """

    def __init__(self, backbone: Backbone, names: list[str], classes: int, size: int, rng: torch.Generator):
        super().__init__()
        self.stage = {name: HEADS[name][0] for name in names}
        with torch.no_grad():
            maps = backbone.eval().stages(torch.zeros(1, 3, size, size, device=next(backbone.parameters()).device))
        self.heads = nn.ModuleDict({name: HEADS[name][1](tuple(maps[self.stage[name]].shape[1:]), classes) for name in names})
        initialise(self, rng)

    def forward(self, maps: dict[str, Tensor]) -> dict[str, Tensor]:
        """Maps by stage, N x C x h x w each, to logits by head, N x classes each."""
        return {name: head(maps[self.stage[name]]) for name, head in self.heads.items()}


class FrozenHeads(PretextTask):
    """Classification by `Heads`, which take the backbone's place in the contract: the backbone itself is not trained.

    Args:
        backbone: stays as it is, in evaluation mode.
        augment: moves and mirrors the images in training.
    """

    uses_labels = True

    def __init__(self, backbone: Backbone, heads: Heads, augment: Callable[[Tensor, torch.Generator], Tensor]):
        super().__init__()
        self._backbone = [backbone]  # in a list, so that its weights are none of this task's
        self._last = max(heads.stage.values())
        self.augment = augment
        self.features = fingerprint(backbone)  # an option of the training, so that a checkpoint belongs to this backbone

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[dict[str, Tensor], Tensor]:
        """`visible`: the backbone's maps by stage, N x C x h x w; `hidden`: N labels."""
        images = self.augment(batch.images, rng) if self.training else batch.images
        with torch.no_grad():
            return self._backbone[0].stages(normalise(images), self._last), batch.labels

    def predict(self, backbone: Heads, visible: dict[str, Tensor]) -> dict[str, Tensor]:
        """Logits by head, N x classes each."""
        return backbone(visible)

    def loss(self, prediction: dict[str, Tensor], hidden: Tensor) -> Tensor:
        """Cross-entropy, summed over the heads."""
        return sum(F.cross_entropy(logits, hidden) for logits in prediction.values())

    def score(self, prediction: dict[str, Tensor], hidden: Tensor) -> dict[str, float]:
        """By head: the share (0…1) of classes named correctly."""
        return {name: (logits.argmax(1) == hidden).float().mean().item() for name, logits in prediction.items()}


def fit_heads(heads: Heads, task: FrozenHeads, data: Split, **options) -> History:
    """`fit`, with the proof that the backbone's parameters and BatchNorm buffers are bit for bit what they were.

    Raises:
        AssertionError: they are not.
    """
    with frozen(task._backbone[0]), torch.enable_grad():
        return fit(heads, task, data, **options)
