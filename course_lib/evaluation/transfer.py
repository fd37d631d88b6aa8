"""What features know about space: surface normals and the points of a body, read off by a linear map or after fine-tuning.

Both are known for every scene of the world, points also in every frame of its clips. A class name says little about
them, so they ask something else of a network than a probe of classes does (Goyal et al. 2019, arXiv:1905.01235, section
6.4, use normals for that reason).
"""

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Dataset, Split
from course_lib.data.world.objects import KEYPOINTS
from course_lib.errors import CourseError
from course_lib.evaluation.probes import Probe, drawn, features_of, one_thread
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, normalise

STRENGTHS = (100.0, 1000.0, 10_000.0)  # of the ridge's penalty, on features with spread 1; the validation split chooses
CELLS = 4  # along each side, over which normals are averaged
NEAR = 0.1  # of the picture's side: how near a point must be put to count as found


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that a linear map may read off features.

    Attributes:
        of: the numbers to predict, for samples: float N x K.
        score: of what was predicted and what is true, both N x K: the larger, the better.
    """

    of: Callable[[Split], Tensor]
    score: Callable[[Tensor, Tensor], float]


def normals(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, train_size: int = 4000, test_size: int = 4000
) -> dict[str, Probe]:
    """By stage: the share (R², at most 1) of the variance of surface normals that a ridge regression reads off its features.

    Normals are averaged over 4 x 4 cells of the picture, three numbers each: right, up, towards the viewer. `rng` (on the
    CPU) draws the samples, as in `probe_stages`; the penalty is chosen on the validation split.

    Raises:
        CourseError: the data has no normals.
    """

    found = _read(task, backbone, drawn(dataset, rng, train_size, test_size), NORMALS)
    return {stage: probe for stage, (probe, _) in found.items()}


def keypoints(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, body: str = "person",
    train_size: int = 4000, test_size: int = 4000,
) -> dict[str, Probe]:  # fmt: skip
    """By stage: PCK, the share (0…1) of a body's points, seen or hidden, put within a tenth of the picture's side.

    Only pictures of that body are asked about; all of its points are regressed together (percentage of correct keypoints:
    Yang & Ramanan 2013). `rng` as in `normals`.

    Raises:
        CourseError: the data has no keypoints, or no such body.
    """
    if body not in KEYPOINTS:
        raise CourseError(f"Only {', '.join(KEYPOINTS)} have named points, and {body!r} has none; choose one of them.")
    _annotation(dataset.train, "keypoints")
    asked = drawn(dataset, rng, train_size, test_size, dataset.classes.index(body))
    found = _read(task, backbone, asked, points_of(body))
    return {stage: probe for stage, (probe, _) in found.items()}


def points_of(body: str) -> Target:
    """Where the points of this body are, as shares of the picture's side; scored by PCK at a tenth of it."""

    def places(data: Split) -> Tensor:
        return _places(data, len(KEYPOINTS[body]))

    return Target(places, _near)


class Points:
    """Where the points of figures were put, and where they are, in pixels: columns, then rows.

    Attributes:
        said, true: float32 N x K x 2.
        seen: bool N x K; the others are hidden or outside the picture.
        images: uint8 N x 3 x S x S.
        validation: PCK at a tenth of the side on the validation split, by which a stage may be chosen.
    """

    def __init__(self, said: Tensor, asked: Split, validation: float):
        self.validation = validation
        truth = _annotation(asked, "keypoints").float().cpu()
        self.images, self.true, self.seen = asked.images.cpu(), truth[..., :2], truth[..., 2] == 2
        self.said = said.view_as(self.true).float() * self.images.shape[-1]


def points(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, train_size: int = 2000, test_size: int = 800
) -> dict[str, Points]:
    """By stage: where a ridge regression on frozen features puts the points of figures in test pictures (`data.frames` of the
    world's clips). `rng` as in `normals`; the penalty is chosen by the PCK on the validation split.

    Raises:
        CourseError: the data has no keypoints.
    """
    asked = drawn(dataset, rng, train_size, test_size)
    found = _read(task, backbone, asked, Target(_places, _near))
    return {stage: Points(said, asked["test"], probe.validation) for stage, (probe, said) in found.items()}


class PointRegression(PretextTask):
    """Puts the points of a figure, in the contract of a pretext task: what is hidden is where somebody marked them.

    Trained on data `with_points`. The last map, on a grid of 6 x 6, feeds one linear layer.

    Args:
        backbone: built for the pictures' size; trained along, unless somebody froze it.
        count: how many points.
        rng: a CPU generator for the head's first weights.
    """

    uses_labels = True

    def __init__(self, backbone: Backbone, count: int, rng: torch.Generator):
        super().__init__()
        self.head = initialise(nn.Linear(36 * backbone.widths[backbone.stage_names[-1]], 2 * count), rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: float images; `hidden`: N x K x 3, columns and rows as shares of the side from the centre, and
        2 if seen."""
        places = batch.labels[..., :2] / batch.images.shape[-1] - 0.5
        return normalise(batch.images), torch.cat([places, batch.labels[..., 2:]], dim=2)

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Columns and rows, N x K x 2, as in `hide`."""
        return self.head(F.adaptive_avg_pool2d(backbone(visible), 6).flatten(1)).unflatten(1, (-1, 2))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Squared distance, over the points that are seen."""
        return 100 * (prediction.float() - hidden[..., :2])[hidden[..., 2] == 2].square().mean()

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`pck`: the share (0…1) of the points seen that are put within a tenth of the side."""
        distance = (prediction.float() - hidden[..., :2]).norm(dim=2)[hidden[..., 2] == 2]
        return {"pck": (distance <= NEAR).float().mean().item()}


def with_points(split: Split) -> Split:
    """A split whose labels are the points of its figures: float32 N x K x 3, columns, rows, and 2 if seen.

    Raises:
        CourseError: the data has no keypoints.
    """
    return dataclasses.replace(split, labels=_annotation(split, "keypoints").float().to(split.labels.device))


def _places(data: Split, count: int | None = None) -> Tensor:
    return _annotation(data, "keypoints")[:, :count, :2].float().cpu().flatten(1) / data.images.shape[-1]


def _normals(data: Split) -> Tensor:
    return F.adaptive_avg_pool2d(_annotation(data, "normals").float() / 127, CELLS).flatten(1)


def _near(said: Tensor, true: Tensor) -> float:
    return ((said - true).unflatten(1, (-1, 2)).norm(dim=2) <= NEAR).float().mean().item()


def _annotation(data: Split, name: str) -> Tensor:
    if name not in data.annotations:
        raise CourseError(f"{name.capitalize()} are known in scenes of the data set 'world' only; these samples have none.")
    return data.annotations[name]


def truth_of(asked: dict[str, Split], targets: dict[str, Target]) -> dict[str, list[Tensor]]:
    """What is true of the samples asked: "train", "val", "test" -> N x K for each target, in their order."""
    return {name: [target.of(split).float().cpu() for target in targets.values()] for name, split in asked.items()}


def read_off(features: dict[str, dict[str, Tensor]], truth: dict[str, list[Tensor]], targets: dict[str, Target]):
    """By target and stage: how well a ridge regression reads it, as a `Probe`, and what it predicts for the test samples.

    All targets are solved at once, since the costly part, the products of the features, is the same for all. Each chooses
    its own penalty, by its score on the validation samples.

    Args:
        features: "train", "val", "test" -> stage -> N x D (`features.extract`).
        truth: of the same samples (`truth_of`).
    """
    from sklearn.linear_model import Ridge

    widths = [part.shape[1] for part in truth["train"]]
    found = {name: {} for name in targets}
    for stage in features["train"]:
        x = {name: features[name][stage] for name in truth}
        mean, spread = x["train"].mean(0), x["train"].std(0).clamp_min(1e-6)
        x = {name: ((some - mean) / spread).numpy() for name, some in x.items()}
        for strength in STRENGTHS:
            with one_thread():
                ridge = Ridge(strength).fit(x["train"], torch.cat(truth["train"], dim=1).numpy())
            said = {name: torch.from_numpy(ridge.predict(x[name])).view(len(x[name]), -1) for name in ("val", "test")}
            said = {name: numbers.split(widths, dim=1) for name, numbers in said.items()}
            for k, (name, target) in enumerate(targets.items()):
                validation = target.score(said["val"][k], truth["val"][k])
                if stage not in found[name] or validation > found[name][stage][0].validation:
                    test = target.score(said["test"][k], truth["test"][k])
                    found[name][stage] = Probe(stage, validation, test, strength), said["test"][k]
    return found


def explained(said: Tensor, true: Tensor) -> float:
    """R², the share (at most 1) of the variance of `true` (N x K) that `said` explains."""
    return 1 - ((said - true).square().sum() / (true - true.mean(0)).square().sum()).item()


def _read(
    task: PretextTask, backbone: nn.Module, asked: dict[str, Split], target: Target
) -> dict[str, tuple[Probe, Tensor]]:  # fmt: skip
    return read_off(features_of(task, backbone, asked), truth_of(asked, {"target": target}), {"target": target})["target"]


NORMALS = Target(_normals, explained)  # averaged over 4 x 4 cells of the picture, three numbers each
