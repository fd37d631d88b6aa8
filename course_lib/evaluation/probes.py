"""Linear probes: how much of the class can be read off frozen features by a straight line?

A probe is a logistic regression on features that are standardised by their training statistics. Its strength of
regularisation is chosen on the validation split, and so is the best stage; the test split is used once, for the figure.
"""

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib import memory
from course_lib.data import Dataset, Split
from course_lib.errors import CourseError
from course_lib.features import extract, random_subset, some_of_each
from course_lib.pretext import PretextTask

STRENGTHS = (0.003, 0.03)  # scikit-learn's C, weakest fit first; more cost time and decide nothing at these sizes


@dataclass(frozen=True)
class Probe:
    """A fitted probe's figures: accuracies in 0…1."""

    stage: str
    validation: float
    test: float
    strength: float  # the C that did best on the validation split


@functools.cache
def _pools():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looks through all loaded libraries, which takes as long as a small fit: once


def one_thread():
    """Within this, scikit-learn's matrices keep to one thread; enter it after the estimator has been imported.

    They are small: threads that wait for one another make a fit five times as slow on two cores.
    """
    return _pools().limit(limits=1, user_api="blas")


def linear_probe(stage: str, train: tuple, validation: tuple, test: tuple, strengths=STRENGTHS) -> Probe:
    """Fit on `train`, choose C on `validation`, report on `test`; each is (features N x D, labels N)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    features, labels = train
    mean, spread = features.mean(0), features.std(0).clamp_min(1e-6)
    (x, y), (x_validation, y_validation), (x_test, y_test) = (
        (((f - mean) / spread).numpy(), target.cpu().numpy()) for f, target in ((features, labels), validation, test)
    )
    fitted = []
    for strength in strengths:
        classifier = LogisticRegression(C=strength, max_iter=100, tol=1e-3)
        with one_thread(), warnings.catch_warnings():
            # A hundred iterations decide the third digit; more only cost time.
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(x, y)
        fitted.append((classifier.score(x_validation, y_validation), -strength, classifier))
    validation_accuracy, negative_strength, classifier = max(fitted, key=lambda fit: fit[:2])
    return Probe(stage, validation_accuracy, classifier.score(x_test, y_test), -negative_strength)


def averaged_probe(stage: str, x: dict[str, Tensor], y: dict[str, Tensor], draws: Sequence[Tensor]) -> Probe:
    """The mean of linear probes that each learn from other rows of "train"; the strength is chosen on "val", over all of them.

    x: features by split, N x D; y: labels by split, N.
    """
    found = []
    for strength in STRENGTHS:
        fitted = [
            linear_probe(stage, (x["train"][rows], y["train"][rows]), *((x[part], y[part]) for part in ("val", "test")),
                         strengths=(strength,))
            for rows in draws
        ]  # fmt: skip
        means = (sum(getattr(probe, part) for probe in fitted) / len(fitted) for part in ("validation", "test"))
        found.append(Probe(stage, *means, strength))
    return max(found, key=lambda probe: probe.validation)


def drawn(dataset: Dataset, rng: torch.Generator, train_size: int, test_size: int, label: int | None = None) -> dict[str, Split]:
    """Which samples a probe learns from, is chosen by and is tested on: "train", "val" and "test", of this label or of all.

    `rng` is on the CPU; equal generators draw equal samples, so that networks answer equal questions.
    """
    asked = {}
    for name, size in (("train", train_size), ("val", test_size), ("test", test_size)):
        split = getattr(dataset, name)
        asked[name] = random_subset(split if label is None else split.subset(split.labels.cpu() == label), size, rng)
    return asked


def features_of(task: PretextTask, backbone: nn.Module, asked: dict[str, Split]) -> dict[str, dict[str, Tensor]]:
    """Features of some splits after every stage, as `task.represent` defines them: split -> stage -> N x D."""
    return {name: extract(task.represent, backbone, split, backbone.stage_names) for name, split in asked.items()}


def probe_stages(
    task: PretextTask,
    backbone: nn.Module,
    dataset: Dataset,
    rng: torch.Generator,
    train_size: int = 4000,
    test_size: int = 4000,
) -> dict[str, Probe]:
    """A linear probe on every stage of a frozen backbone, on features as `task.represent` defines them.

    `rng` (on the CPU) draws which `train_size` training samples carry a label for the probe, and which `test_size`
    samples of the validation and of the test split are asked; equal generators ask equal questions.

    Raises:
        CourseError: the data has fewer than two classes.
    """
    if len(dataset.classes) < 2:
        raise CourseError(f"A probe needs at least two classes, and {dataset.name} has {len(dataset.classes)}.")
    asked = drawn(dataset, rng, train_size, test_size)
    features = features_of(task, backbone, asked)
    found = {
        stage: linear_probe(stage, *((features[name].pop(stage), asked[name].labels) for name in asked))
        for stage in backbone.stage_names
    }
    memory.give_back()
    return found


def best_stage(probes: dict[str, Probe], controls: dict[str, Probe] | None = None) -> str:
    """The stage that does best on the validation split; with `controls`, the one that gains most over them there.

    The test figures have no say in it.
    """

    def height(stage: str) -> float:
        return probes[stage].validation - (controls[stage].validation if controls else 0)

    return max(probes, key=height)


def few_shot(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, classes: list[int], rng: torch.Generator,
    shots: int = 5, draws: int = 10,
) -> float:  # fmt: skip
    """How well a linear probe with `shots` labels a class tells `classes` apart: mean test accuracy (0…1) over `draws` of them.

    The backbone stays frozen; to ask what it makes of classes that it has never seen, it must not have been trained on them.
    The stage and the probe's strength are those that do best on the validation split, over all draws.

    Args:
        classes: labels of the data set, two or more.
        rng: a CPU generator, which draws the pictures that carry a label; equal generators ask equal questions.

    Raises:
        CourseError: a class has fewer than `shots` training samples, or there is one class only.
    """
    if len(classes) < 2:
        raise CourseError(f"Telling classes apart takes two of them or more, and {len(classes)} was given.")
    splits = {}
    for name in ("train", "val", "test"):
        split = getattr(dataset, name)
        splits[name] = split.subset(torch.isin(split.labels.cpu(), torch.tensor(classes)))
    labels = splits["train"].labels.cpu()
    rows = []
    for _ in range(draws):
        chosen = some_of_each(labels, shots, rng)
        if len(chosen) < len(classes) or min(map(len, chosen)) < shots:
            raise CourseError(f"{shots} labels a class were asked for, and a class has fewer training samples.")
        rows.append(torch.cat(chosen))
    kept, rows = torch.cat(rows).unique(), torch.stack(rows)
    splits["train"] = splits["train"].subset(kept)
    features, answers = features_of(task, backbone, splits), {name: split.labels.cpu() for name, split in splits.items()}
    found = {}
    for stage in backbone.stage_names:
        x = {name: features[name][stage] for name in splits}
        found[stage] = averaged_probe(stage, x, answers, torch.searchsorted(kept, rows))
    memory.give_back()
    return found[best_stage(found)].test
