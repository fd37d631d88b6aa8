"""The control that may see the labels: the same backbone, loop and augmentation, trained to name the class."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Dataset, Split
from course_lib.evaluation.pretext import pretext_scores
from course_lib.features import some_of_each
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, normalise
from course_lib.pretext.patches import standardised
from course_lib.pretext.rotation import shifted_and_mirrored
from course_lib.training import fit


class Supervised(PretextTask):
    """Classification, in the contract of a pretext task: what is hidden is the label that somebody gave.

    Args:
        backbone: its last stage, averaged over the image, feeds the head.
        classes: how many there are.
        rng: a CPU generator for the head's first weights.
        colours: what becomes of the colours of images, as float N x 1 x 3 x S x S, given a generator; None leaves them.
        augment: moves and mirrors the images in training.
    """

    uses_labels = True

    def __init__(
        self,
        backbone: Backbone,
        classes: int,
        rng: torch.Generator,
        colours: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        augment: Callable[[Tensor, torch.Generator], Tensor] = shifted_and_mirrored,
    ):
        super().__init__()
        self.chance, self.colours, self.augment = 1 / classes, colours, augment
        self.head = initialise(nn.Linear(backbone.widths[backbone.stage_names[-1]], classes), rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: N x 3 x S x S float images, shifted and mirrored in training; `hidden`: N labels."""
        images = self.augment(batch.images, rng) if self.training else batch.images
        images = normalise(images)
        if self.colours is not None:
            images = standardised(self.colours(images[:, None], rng)[:, 0])
        return images, batch.labels

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Logits, N x classes."""
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy."""
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: the share of classes named correctly."""
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}


def few_labels(data: Split, per_class: int | None, rng: torch.Generator) -> Split:
    """At most `per_class` samples of every class (None: all), drawn by `rng`, in the split's order."""
    if per_class is None:
        return data
    return data.subset(torch.cat(some_of_each(data.labels.cpu(), per_class, rng)).sort().values)


def accuracy(backbone: Backbone, task: PretextTask, data: Split) -> float:
    """The share (0…1) of the samples of `data` whose class is named."""
    return pretext_scores(backbone, task, data, torch.Generator(data.device))["accuracy"]


def train_supervised(backbone: Backbone, dataset: Dataset, data: Split, steps: int, seed: int, **options) -> Supervised:
    """Train `backbone` (in place) to name the classes of `data`; `options` go to `fit`. Returns the task with its head."""
    task = Supervised(backbone, len(dataset.classes), torch.Generator().manual_seed(seed)).to(data.device)
    fit(backbone, task, data, steps=steps, seed=seed, **options)
    return task
