"""The sealed question of notebook 09: features are asked what nobody had in mind when their task was invented.

In the world: what does the thing stand before? In photos, of which only the class is known: do two of them show a thing of
the same class? Both are read off frozen features by a linear probe; the stage is chosen on the validation split.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib import memory
from course_lib.data import Dataset, Split
from course_lib.errors import CourseError
from course_lib.evaluation.probes import Probe, linear_probe, probe_stages
from course_lib.features import extract, random_subset
from course_lib.pretext import PretextTask

BEFORE = ["plaster", "bricks and planks", "leaves", "lights out of focus", "cloth", "open land"]


@dataclass(frozen=True)
class Envelope:
    """A question, and the data that asks it.

    Attributes:
        question: in words.
        answers: in words.
        chance: how often (0…1) the commonest answer is right, on the test split.
        dataset: the pictures; their labels are the answers, or, for pairs, the classes.
        pairs: whether two pictures are asked about at a time.
    """

    question: str
    answers: list[str]
    chance: float
    dataset: Dataset
    pairs: bool

    def probes(
        self, task: PretextTask, backbone: nn.Module, rng: torch.Generator, train_size: int, test_size: int
    ) -> dict[str, Probe]:
        """A linear probe for the question on every stage of a frozen backbone; arguments as for `probe_stages`."""
        if not self.pairs:
            return probe_stages(task, backbone, self.dataset, rng, train_size, test_size)
        features, pairs = {}, {}
        for name, size in (("train", train_size), ("val", test_size), ("test", test_size)):
            asked = random_subset(getattr(self.dataset, name), size, rng)
            features[name] = extract(task.represent, backbone, asked, backbone.stage_names)
            pairs[name] = draw_pairs(asked.labels.cpu(), 2 * len(asked), rng)
        found = {}
        for stage in backbone.stage_names:
            parts = []
            for name, (first, second, same) in pairs.items():
                rows = features[name][stage]
                parts.append(((rows[first] - rows[second]).abs(), same))
            found[stage] = linear_probe(stage, *parts)
        memory.give_back()
        return found

    def examples(self, rng: torch.Generator, count: int = 8) -> tuple[Tensor, list[str]]:
        """Pictures of the training split and the answers, for a figure: uint8 N x 3 x S x S (of pairs, side by side), N words."""
        some = random_subset(self.dataset.train, 50 if self.pairs else count, rng)
        images, labels = some.images.cpu(), some.labels.cpu()
        if not self.pairs:
            return images, [self.answers[label] for label in labels.tolist()]
        first, second, same = draw_pairs(labels, count // 2, rng)
        return torch.cat([images[first], images[second]], dim=3), [self.answers[answer] for answer in same.tolist()]


def open_envelope(dataset: Dataset) -> Envelope:
    """The sealed question, as this data set can ask it.

    Raises:
        CourseError: it knows neither what its things stand before nor two classes.
    """
    if "factor.scene.surface" in dataset.train.annotations:
        parts = {name: _by_place(getattr(dataset, name)) for name in ("train", "val", "test")}
        asked = dataclasses.replace(dataset, classes=BEFORE, **parts)
        commonest = torch.bincount(asked.test.labels).max().item() / len(asked.test)
        return Envelope("What does the thing stand before?", BEFORE, commonest, asked, pairs=False)
    if len(dataset.classes) < 2:
        raise CourseError(
            f"The sealed question compares pictures of two classes or more, and {dataset.name} has {len(dataset.classes)}."
        )
    return Envelope("Do the two pictures show a thing of the same class?", ["no", "yes"], 0.5, dataset, pairs=True)


def _by_place(split: Split) -> Split:
    """The split, its labels positions in `BEFORE`."""
    land, surface = (split.annotations[f"factor.scene.{name}"].flatten().cpu() for name in ("land", "surface"))
    labels = torch.where(land == 1, len(BEFORE) - 1, surface).to(torch.int64)
    return dataclasses.replace(split, labels=labels.to(split.labels.device), classes=BEFORE)


def draw_pairs(labels: Tensor, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """`count` pairs of different samples: the places of the first and of the second, and 1 where their labels are equal.

    Every second pair is of equal labels. labels: int64 N; rng: on the CPU.

    Raises:
        CourseError: no two samples have equal labels, or all have.
    """
    equal = labels[:, None] == labels
    equal.fill_diagonal_(False)
    other = labels[:, None] != labels
    able = (equal.any(1) & other.any(1)).nonzero().flatten()
    if not len(able):
        raise CourseError("Pairs need two samples of one class, and one of another.")
    first = able[torch.randint(0, len(able), (count,), generator=rng)]
    same = torch.arange(count) % 2
    weights = torch.where(same[:, None] == 1, equal[first], other[first]).float()
    return first, torch.multinomial(weights, 1, generator=rng).flatten(), same
