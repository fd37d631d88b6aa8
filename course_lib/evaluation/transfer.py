"""What features know about space: surface normals and the points of a body, read off by a linear map.

Both are known for every scene of the world. A class name says little about them, so they ask something else of a network
than a probe of classes does (Goyal et al. 2019, arXiv:1905.01235, section 6.4, use normals for that reason).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Dataset, Split
from course_lib.data.world.objects import KEYPOINTS
from course_lib.errors import CourseError
from course_lib.evaluation.probes import Probe
from course_lib.features import extract, random_subset
from course_lib.pretext import PretextTask

STRENGTHS = (100.0, 1000.0, 10_000.0)  # of the ridge's penalty, on features with spread 1; the validation split chooses
CELLS = 4  # along each side, over which normals are averaged
NEAR = 0.1  # of the picture's side: how near a point must be put to count as found


def normals(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, train_size: int = 4000, test_size: int = 4000
) -> dict[str, Probe]:
    """By stage: the share (R², at most 1) of the variance of surface normals that a ridge regression reads off its features.

    Normals are averaged over 4 x 4 cells of the picture, three numbers each: right, up, towards the viewer. `rng` (on the
    CPU) draws the samples, as in `probe_stages`; the penalty is chosen on the validation split.

    Raises:
        CourseError: the data has no normals.
    """

    def target(data: Split) -> Tensor:
        return F.adaptive_avg_pool2d(_annotation(data, "normals").float() / 127, CELLS).flatten(1)

    def explained(said: Tensor, true: Tensor) -> float:
        return 1 - ((said - true).square().sum() / (true - true.mean(0)).square().sum()).item()

    return _read(task, backbone, dataset, rng, (train_size, test_size), target, explained)


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
    label, side = dataset.classes.index(body), dataset.size

    def target(data: Split) -> Tensor:
        points = data.annotations["keypoints"][:, : len(KEYPOINTS[body]), :2]
        return points.float().cpu().flatten(1) / side

    def found(said: Tensor, true: Tensor) -> float:
        return ((said - true).unflatten(1, (-1, 2)).norm(dim=2) <= NEAR).float().mean().item()

    return _read(task, backbone, dataset, rng, (train_size, test_size), target, found, label)


def _annotation(data: Split, name: str) -> Tensor:
    if name not in data.annotations:
        raise CourseError(f"{name.capitalize()} are known in scenes of the data set 'world' only; these samples have none.")
    return data.annotations[name]


def _read(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, sizes: tuple[int, int],
    target: Callable[[Split], Tensor], score: Callable[[Tensor, Tensor], float], label: int | None = None,
) -> dict[str, Probe]:  # fmt: skip
    """By stage: what `score` says of a ridge regression from features to the target; of samples with this label, or of all."""
    from sklearn.linear_model import Ridge
    from threadpoolctl import threadpool_limits

    features, targets = {}, {}
    for name, size in zip(("train", "val", "test"), (sizes[0], sizes[1], sizes[1]), strict=True):
        split = getattr(dataset, name)
        asked = random_subset(split if label is None else split.subset(split.labels.cpu() == label), size, rng)
        features[name], targets[name] = extract(task.represent, backbone, asked, backbone.stage_names), target(asked).cpu()
    found = {}
    for stage in backbone.stage_names:
        x = {name: some.pop(stage) for name, some in features.items()}
        mean, spread = x["train"].mean(0), x["train"].std(0).clamp_min(1e-6)
        x = {name: ((some - mean) / spread).numpy() for name, some in x.items()}
        fitted = []
        for strength in STRENGTHS:
            with threadpool_limits(1, user_api="blas"):  # small matrices: threads would only wait for one another
                ridge = Ridge(strength).fit(x["train"], targets["train"].numpy())
            validation, test = (score(torch.from_numpy(ridge.predict(x[name])), targets[name]) for name in ("val", "test"))
            fitted.append(Probe(stage, validation, test, strength))
        found[stage] = max(fitted, key=lambda probe: probe.validation)
    return found
