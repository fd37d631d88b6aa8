"""One table for all methods: what their frozen features are worth for many downstream tasks, and what they know of the world.

Every entry chooses its stage, and whatever else there is to choose, on the validation samples; the test samples give its
figure, once. All networks answer the same questions about the same samples.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Dataset, Split
from course_lib.data.world.scene import CLASSES, SEMANTICS
from course_lib.errors import CourseError
from course_lib.evaluation.neighbours import knn_accuracy
from course_lib.evaluation.probes import Probe, averaged_probe, best_stage, drawn, features_of, linear_probe
from course_lib.evaluation.transfer import NORMALS, Target, explained, points_of, read_off, truth_of
from course_lib.features import some_of_each
from course_lib.pretext import PretextTask

CELLS = 8  # along each side, in which segmentation names what it sees
SHOTS, DRAWS = 5, 3  # labels a class, and how often they are drawn
BODY = "person"  # whose points are asked for

COLUMNS = {
    "linear": "accuracy of a linear probe",
    "knn": "accuracy of a vote among 20 nearest neighbours",
    "few_labels": f"accuracy of a linear probe with {SHOTS} labels a class",
    "fine_tuned": "accuracy after all weights were trained on the labelled pictures",
    "detection": "mean average precision at an overlap of one half",
    "segmentation": f"mean intersection over union, {CELLS} x {CELLS} cells a picture",
    "normals": "share of the variance of surface normals explained (R²)",
    "keypoints": "points of figures put within a tenth of the side (PCK)",
}


@dataclass(frozen=True)
class Entry:
    """One entry of the table.

    Attributes:
        test: its figure on the test samples, as `COLUMNS` says.
        validation: by what its stage was chosen.
        stage: which; None where there was none to choose.
        by_stage: the probes of all stages; their `test` is what the stage was chosen without.
    """

    test: float
    validation: float
    stage: str | None = None
    by_stage: dict[str, Probe] | None = None


class Questions:
    """The samples and targets that all networks are asked about.

    Args:
        dataset: with at least two classes; what needs the world's truth is asked of the world only.
        rng: a CPU generator; equal generators ask equal questions.
        train_size, test_size: labelled samples; samples that choose, and as many that test.

    Raises:
        CourseError: there is one class only.
    """

    def __init__(self, dataset: Dataset, rng: torch.Generator, train_size: int, test_size: int):
        if len(dataset.classes) < 2:
            raise CourseError(f"A table needs at least two classes to tell apart, and {dataset.name} has {len(dataset.classes)}.")
        self.classes, self.size = len(dataset.classes), dataset.size
        self.asked = drawn(dataset, rng, train_size, test_size)
        self.shots = [torch.cat(some_of_each(self.asked["train"].labels.cpu(), SHOTS, rng)) for _ in range(DRAWS)]
        self.truth_known = "normals" in dataset.train.annotations
        if self.truth_known:
            self.people = drawn(dataset, rng, train_size, test_size, dataset.classes.index(BODY))
            self.targets = {
                "detection": Target(self._things, self._found), "segmentation": Target(_parts, mean_iou), "normals": NORMALS,
            } | FACTORS  # fmt: skip
            points = points_of(BODY)
            self.of_people = {"keypoints": points, "factor.pose": Target(points.of, explained)}
            self.truth, self.truth_of_people = truth_of(self.asked, self.targets), truth_of(self.people, self.of_people)

    def ask(self, task: PretextTask, backbone: nn.Module) -> dict[str, Entry]:
        """The row of a network, frozen; all columns but `fine_tuned`, and factors of the world as `factor.NAME`.

        Features are what `task.represent` says.
        """
        features, labels = features_of(task, backbone, self.asked), {n: s.labels.cpu() for n, s in self.asked.items()}
        stages = {"linear": self._linear, "knn": self._knn, "few_labels": self._few_labels}
        row = {}
        for name, probe in stages.items():
            row[name] = _entry({
                stage: probe(stage, {part: features[part][stage] for part in features}, labels) for stage in backbone.stage_names
            })  # fmt: skip
        if self.truth_known:
            found = read_off(features, self.truth, self.targets)
            row |= {name: _entry({stage: probe for stage, (probe, _) in stages.items()}) for name, stages in found.items()}
            boxes = found["detection"][row["detection"].stage][1]
            row["detection"] = Entry(self.mean_average_precision(boxes), row["detection"].validation, row["detection"].stage)
            people = read_off(features_of(task, backbone, self.people), self.truth_of_people, self.of_people)
            row |= {name: _entry({stage: probe for stage, (probe, _) in stages.items()}) for name, stages in people.items()}
        return row

    def mean_average_precision(self, said: Tensor) -> float:
        """mAP at an overlap of one half over the test samples, of boxes and scores as `_things` lays them out."""
        from torchmetrics.detection import MeanAveragePrecision

        metric = MeanAveragePrecision(iou_thresholds=[0.5], backend="faster_coco_eval")
        true = self.truth["test"][list(self.targets).index("detection")]
        boxes, scores = said[:, :4] * self.size, said[:, 4:]
        best = scores.max(1)
        metric.update(
            [{"boxes": box[None], "scores": score[None], "labels": label[None]}
             for box, score, label in zip(boxes, best.values, best.indices, strict=True)],
            [{"boxes": box[None], "labels": label[None]}
             for box, label in zip(true[:, :4] * self.size, true[:, 4:].argmax(1), strict=True)],
        )  # fmt: skip
        return metric.compute()["map"].item()

    def _things(self, split: Split) -> Tensor:
        """The thing in each picture: its box as shares of the side, then one number a class: N x (4 + classes)."""
        boxes = split.annotations["boxes"].float().cpu() / self.size
        return torch.cat([boxes, F.one_hot(split.labels.cpu(), self.classes).float()], dim=1)

    @staticmethod
    def _found(said: Tensor, true: Tensor) -> float:
        """The share of things that are named rightly in a box that overlaps theirs by at least one half.

        With one thing a picture, what mAP rewards, up to the order of the scores; quick enough to choose by.
        """
        named = said[:, 4:].argmax(1) == true[:, 4:].argmax(1)
        return (named & (overlap(said[:, :4], true[:, :4]) >= 0.5)).float().mean().item()

    @staticmethod
    def _linear(stage: str, x: dict[str, Tensor], y: dict[str, Tensor]) -> Probe:
        return linear_probe(stage, *((x[part], y[part]) for part in ("train", "val", "test")))

    @staticmethod
    def _knn(stage: str, x: dict[str, Tensor], y: dict[str, Tensor]) -> Probe:
        return Probe(stage, *(knn_accuracy((x["train"], y["train"]), (x[part], y[part])) for part in ("val", "test")), math.nan)

    def _few_labels(self, stage: str, x: dict[str, Tensor], y: dict[str, Tensor]) -> Probe:
        return averaged_probe(stage, x, y, self.shots)


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes, row by row: N x 4 and N x 4 (left, top, right, bottom) give N numbers in 0…1."""
    corner, opposite = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    shared = (opposite - corner).clamp_min(0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp_min(0).prod(1) for box in (one, other)]
    return shared / (areas[0] + areas[1] - shared).clamp_min(1e-9)


def mean_iou(said: Tensor, true: Tensor) -> float:
    """Mean intersection over union of the parts of pictures; both N x (cells x parts), the largest number names the cell."""
    from torchmetrics.functional.classification import multiclass_jaccard_index

    said, true = (numbers.unflatten(1, (-1, len(SEMANTICS))).argmax(2) for numbers in (said, true))
    return multiclass_jaccard_index(said, true, len(SEMANTICS)).item()


def _parts(split: Split) -> Tensor:
    """The share of each part of a picture in each cell: N x (cells x parts)."""
    pictures = split.annotations["semantics"].cpu()
    shares = [F.adaptive_avg_pool2d((pictures == part).float(), CELLS) for part in range(len(SEMANTICS))]
    return torch.stack(shares, dim=3).flatten(1)


def _entry(probes: dict[str, Probe]) -> Entry:
    best = probes[best_stage(probes)]
    return Entry(best.test, best.validation, best.stage, probes)


# --- factors of the world ------------------------------------------------------------------------------------------------


def _factor(*names: str, circular: bool = False) -> Target:
    """Factors of scenes, each at spread one; those that go round as cosine and sine."""

    def values(split: Split) -> Tensor:
        numbers = torch.stack([split.annotations[f"factor.{name}"].float().cpu() for name in names], dim=1)
        return torch.cat([(2 * math.pi * numbers).cos(), (2 * math.pi * numbers).sin()], dim=1) if circular else numbers

    return Target(values, explained)


def _classes(split: Split) -> Tensor:
    return F.one_hot(split.labels.cpu(), len(CLASSES)).float()


FACTORS: dict[str, Target] = {
    "factor.class": Target(_classes, explained),
    "factor.hue": _factor("colour.hue", circular=True),
    "factor.lightness": _factor("colour.lightness"),
    "factor.position": _factor("object.x", "object.y"),
    "factor.scale": _factor("object.scale"),
    "factor.light": _factor("light.angle", circular=True),
    "factor.landscape": _factor("scene.land"),  # outdoors or before a surface
    "factor.exposure": _factor("camera.exposure"),
}
