"""The triviality table: how far does something cheap get on a data set, beside a network that may learn?

A data set on which raw pixels, a thumbnail or a histogram name the class teaches nothing about features; one on which a
thumbnail names the rotation makes the pretext task trivial. Every row is measured over seeds, and for the world each
has a limit that was set before it was measured.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib import memory
from course_lib.data import Dataset, Split
from course_lib.data.counterfactual import changed
from course_lib.evaluation import sounding
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.probes import linear_probe, probe_stages
from course_lib.evaluation.supervised import Supervised, accuracy, few_labels, train_supervised
from course_lib.features import random_subset
from course_lib.models import Backbone, build_backbone
from course_lib.pretext.rotation import Rotation, four_rotations
from course_lib.training import fit

SIZE = 3000  # training samples that a cheap reader gets
LABELS = {"20": 400, "100": 800, "1000": 1000, "all": 2500}  # labels a class -> steps of training, 64 images each
ROTATION_STEPS = 1500


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: `audit.` and what was asked, as in results.
        what: the same in words.
        values: one a seed: accuracies in 0…1, or what `what` says.
        limit: the least and the most that a value may be, either None where any will do; None for no limit at all.
    """

    name: str
    what: str
    values: list[float] = field(default_factory=list)
    limit: tuple[float | None, float | None] | None = None

    @property
    def held(self) -> bool | None:
        """Whether every seed keeps within the limit."""
        if self.limit is None:
            return None
        least, most = self.limit
        return all((least is None or value >= least) and (most is None or value <= most) for value in self.values)


def pixels(images: Tensor) -> Tensor:
    """Every pixel's value: N x (3 S S), 0…1, at most 32 pixels a side."""
    return thumbnail(images, min(32, images.shape[-1]))


def thumbnail(images: Tensor, side: int = 4) -> Tensor:
    """The picture averaged down to `side` x `side` pixels: N x (3 side side), 0…1."""
    return F.adaptive_avg_pool2d(images.float() / 255, side).flatten(1)


def histogram(images: Tensor, bins: int = 6) -> Tensor:
    """How often each of `bins` ** 3 colours occurs: N x 216, summing to 1."""
    red, green, blue = (images.long() * bins // 256).flatten(2).unbind(1)
    colour = (red * bins + green) * bins + blue + torch.arange(len(images))[:, None] * bins**3
    counts = torch.bincount(colour.flatten(), minlength=len(images) * bins**3).view(len(images), -1)
    return counts.float() / colour.shape[1]


def gradients(images: Tensor) -> Tensor:
    """Histograms of oriented gradients (Dalal and Triggs 2005): N x D, cells of an eighth of the side."""
    import numpy as np
    from skimage.feature import hog

    cell = images.shape[-1] // 8
    rows = [
        hog(image, orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(2, 2), channel_axis=0)
        for image in images.numpy()
    ]
    return torch.from_numpy(np.stack(rows).astype("float32"))


def _linear(describe: Callable[[Tensor], Tensor], splits: dict[str, Split]) -> float:
    """Test accuracy of a logistic regression on `describe(images)`, its strength chosen on the validation split."""
    parts = [(describe(split.images), split.labels) for split in splits.values()]
    memory.give_back()
    return linear_probe("", *parts).test


def _rotated(describe: Callable[[Tensor], Tensor], splits: dict[str, Split]) -> float:
    """As `_linear`, for naming the rotation of every image at every angle."""
    parts = []
    for split in splits.values():
        turned, turns = four_rotations(split.images)
        parts.append((describe(turned), turns))
    memory.give_back()
    return linear_probe("", *parts).test


def _nearest(splits: dict[str, Split]) -> float:
    from sklearn.neighbors import KNeighborsClassifier

    train, test = splits["train"], splits["test"]
    neighbour = KNeighborsClassifier(1).fit(pixels(train.images).numpy(), train.labels.numpy())
    return float(neighbour.score(pixels(test.images).numpy(), test.labels.numpy()))


def _backbone(dataset: Dataset, seed: int) -> Backbone:
    return build_backbone("small", rng=torch.Generator().manual_seed(seed), image_size=dataset.size)


def _sizes(size: int) -> dict[str, int]:
    return {"train": size, "val": max(2, size // 3), "test": max(2, size * 2 // 3)}


def cheap(dataset: Dataset, seed: int, size: int = SIZE) -> Iterator[tuple[str, str, float]]:
    """What readers reach that learn no features: (name, in words, test accuracy). `size`: samples to train on."""
    rng = torch.Generator().manual_seed(seed)
    splits = {name: random_subset(getattr(dataset, name), count, rng) for name, count in _sizes(size).items()}
    yield "audit.pixels", "linear reader of the pixels", _linear(pixels, splits)
    yield "audit.thumbnail", "linear reader of 4 x 4 pixels", _linear(thumbnail, splits)
    yield "audit.histogram", "linear reader of the colours", _linear(histogram, splits)
    yield "audit.nearest", "nearest neighbour in pixels", _nearest(splits)
    fewer = {name: split.subset(slice(0, max(2, size // 4))) for name, split in splits.items()}
    yield "audit.thumbnail_rotation", "rotation, linear reader of 4 x 4 pixels", _rotated(thumbnail, fewer)


def designed(dataset: Dataset, seed: int, size: int = SIZE) -> Iterator[tuple[str, str, float]]:
    """What features reach that were made by hand, or by nobody: (name, in words, test accuracy)."""
    rng = torch.Generator().manual_seed(seed)
    splits = {name: random_subset(getattr(dataset, name), count, rng) for name, count in _sizes(size).items()}
    yield "audit.gradients", "linear reader of oriented gradients", _linear(gradients, splits)
    backbone = _backbone(dataset, seed)
    task = Supervised(backbone, len(dataset.classes), rng)
    probes = probe_stages(task, backbone, dataset, rng, size, size * 2 // 3)
    best = max(probes.values(), key=lambda probe: probe.validation)
    yield "audit.random_net", "best probe of a random network", best.test


def learnt(dataset: Dataset, seed: int) -> Iterator[tuple[str, str, float]]:
    """What the `small` network reaches with labels, and on rotation: (name, in words, test accuracy)."""
    for labels, steps in LABELS.items():
        per_class = None if labels == "all" else int(labels)
        backbone = _backbone(dataset, seed)
        data = few_labels(dataset.train, per_class, torch.Generator().manual_seed(seed))
        task = train_supervised(backbone, dataset, data, steps, seed, batch_size=64)
        what = "all labels" if per_class is None else f"at most {labels} labels a class"
        yield f"audit.supervised_{labels}", f"network, {what}, {steps} steps", accuracy(backbone, task, dataset.test)
    backbone = _backbone(dataset, seed)
    task = Rotation(backbone, torch.Generator().manual_seed(seed))
    fit(backbone, task, dataset.train, steps=ROTATION_STEPS, seed=seed)
    tested = random_subset(dataset.test, 2000, torch.Generator().manual_seed(seed))
    rotation = pretext_scores(backbone, task, tested, torch.Generator().manual_seed(seed))["accuracy"]
    yield "audit.rotation", f"rotation, network, {ROTATION_STEPS} steps", rotation
    if dataset.name == "world":
        empty = changed(tested, "without object")
        found = pretext_scores(backbone, task, empty, torch.Generator().manual_seed(seed))["accuracy"]
        yield "audit.rotation_without_object", "rotation, the same network on scenes without their object", found


def world_only(dataset: Dataset, seed: int) -> Iterator[tuple[str, str, float]]:
    """What only the renderer can be asked: leaks on content without an up, and colours where they are ambiguous."""
    from skimage.color import rgb2lab

    from course_lib.data.world import render

    start = 10**6 * (seed + 1)  # scenes that no data set holds
    nothing = {"scene.land": 0, "object.present": 0}
    noup = render(seed, range(start, start + 3000), factors=nothing)["images"]
    splits = {
        name: Split(labels=torch.zeros(len(images)), classes=[], images=images)
        for name, images in zip(("train", "val", "test"), noup.split(1000), strict=True)
    }
    yield "audit.noup_gradients", "rotation of scenes without any up, oriented gradients", _rotated(gradients, splits)
    yield "audit.noup_thumbnail", "rotation of scenes without any up, 4 x 4 pixels", _rotated(thumbnail, splits)
    scenes = render(seed, range(start, start + 1000))
    lab = torch.from_numpy(rgb2lab(scenes["images"].permute(0, 2, 3, 1).numpy())).float()
    colours = lab[scenes["ambiguity"] == 1]
    level = (colours[:, 0] / 2).long()
    mean = torch.zeros(51, 2).index_add_(0, level, colours[:, 1:]) / torch.bincount(level, minlength=51)[:, None].clamp(min=1)
    chroma = mean[level].norm(dim=1).mean() / colours[:, 1:].norm(dim=1).mean()
    yield "audit.ambiguous_chroma", "chroma of the best guess from lightness, over the true one", chroma.item()


def order_of_centroids(dataset: Dataset, seed: int) -> Iterator[tuple[str, str, float]]:
    """Whether three frames of a clip are in order, told from the place of the figure's centroid in each of them."""
    rng = torch.Generator().manual_seed(seed)
    parts = []
    for split in (dataset.train, dataset.val, dataset.test):
        centroids = _centroids(split.annotations["masks"])
        count, frames, _ = centroids.shape
        early, middle, late = torch.rand(count, frames, generator=rng).argsort(1)[:, :3].sort(1).values.unbind(1)
        ordered = torch.randint(0, 2, (count,), generator=rng).bool()
        times = torch.where(ordered[:, None], torch.stack([early, middle, late], 1), torch.stack([middle, early, late], 1))
        three = centroids[torch.arange(count)[:, None], times]
        steps = three.roll(-1, 1) - three
        parts.append((torch.cat([three, steps, steps.abs()], dim=1).flatten(1), ordered.long()))
    yield "audit.centroid_order", "order of three frames, linear reader of the figure's centroids", linear_probe("", *parts).test


def _centroids(masks: Tensor) -> Tensor:
    """Of masks (bool N x T x S x S): N x T x 2, column and row as shares of the side."""
    place = torch.linspace(0, 1, masks.shape[-1])
    area = masks.sum((2, 3)).clamp(min=1)
    return torch.stack([masks.sum(axis).float() @ place for axis in (2, 3)], dim=2) / area[..., None]


def motion_energy(dataset: Dataset, seed: int) -> Iterator[tuple[str, str, float]]:
    """How often the one of two instruments that sounds is the one that moves more."""
    rng = torch.Generator().manual_seed(seed)
    both = sounding.pairs(dataset.test)
    both = both.subset(torch.randint(0, len(both), (len(both),), generator=rng))  # a sample, drawn with replacement
    share = sounding.hits(sounding.motion(both.clips), both).float().mean().item()
    yield "audit.motion_energy", "which of two instruments sounds, by which moves more", share


def readers(dataset: Dataset) -> list[Callable[[Dataset, int], Iterator[tuple[str, str, float]]]]:
    """Who is to be asked about a data set; nobody where there are neither pictures nor a truth about clips."""
    if dataset.name == "world":
        return [cheap, designed, learnt, world_only]
    if dataset.name == "world:clips":
        return [order_of_centroids]
    if dataset.name == "world:sounds":
        return [motion_energy]
    return [cheap, designed, learnt] if dataset.size else []


def limits(rows: dict[str, Row]) -> None:
    """Give the world's rows the limits that it must keep, relative ones by the supervised network's mean."""
    for name, most in (("centroid_order", 0.56), ("motion_energy", 0.80)):  # of clips, of sounds
        if f"audit.{name}" in rows:
            rows[f"audit.{name}"].limit = (None, most)
            return

    def mean(name):
        values = rows[f"audit.{name}"].values
        return sum(values) / len(values)

    best = mean("supervised_all")
    for name, least, most in (
        ("pixels", None, best / 2), ("histogram", None, best / 2), ("gradients", None, 0.75 * best),
        ("random_net", None, 0.65 * best), ("nearest", None, 0.475), ("supervised_20", None, 0.40),
        ("supervised_1000", 0.80, 0.93), ("supervised_all", 0.95, None), ("thumbnail_rotation", None, 0.52),
        ("rotation", mean("thumbnail_rotation") + 0.15, None), ("rotation_without_object", None, mean("rotation") - 0.15),
        ("noup_gradients", 0.23, 0.27), ("noup_thumbnail", 0.23, 0.27), ("ambiguous_chroma", None, 0.15),
    ):  # fmt: skip
        rows[f"audit.{name}"].limit = (least, most)


def measure(dataset: Dataset, seeds: int, say: Callable[[str], None] = print) -> Iterator[list[Row]]:
    """The table of a data set, a value a seed: once after each seed, so that an interruption costs no finished one."""
    rows: dict[str, Row] = {}
    for seed in range(seeds):
        for reader in readers(dataset):
            for name, what, value in reader(dataset, seed):
                rows.setdefault(name, Row(name, what)).values.append(round(value, 4))
                say(f"{dataset.name}, seed {seed}: {what}: {value:.3f}")
        if dataset.name.startswith("world") and dataset.name != "world:cells":
            limits(rows)
        yield list(rows.values())
