"""Normals and points: a linear map reads them off features that hold them, and off others it does not."""

import dataclasses

import pytest
import torch

from course_lib.data.world.objects import KEYPOINTS
from course_lib.errors import CourseError
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.probes import few_shot
from course_lib.evaluation.transfer import PointRegression, keypoints, normals, points, with_points
from course_lib.features import fingerprint
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation
from course_lib.training import fit


def with_truth(dataset):
    """A data set whose class 0 is a person, with points and normals that follow from where its dark patch is."""
    points = len(KEYPOINTS["person"])

    def annotated(split):
        left = split.labels.float()
        found = torch.zeros(len(split), 13, 3)
        found[:, :points, 0], found[:, :points, 1], found[:, :points, 2] = split.images[:, 0, 5, 11, None].float() / 16, 8.0, 2.0
        slope = (left * 254 - 127)[:, None, None, None].expand(-1, 3, 16, 16).to(torch.int8)
        return dataclasses.replace(split, annotations={"keypoints": found, "normals": slope})

    changed = {name: annotated(getattr(dataset, name)) for name in ("train", "val", "test")}
    return dataclasses.replace(dataset, classes=["person", "left"], **changed)


@pytest.fixture
def network(rng):
    backbone = build_backbone("small", rng=rng, width=8, image_size=16)
    return Rotation(backbone, rng), backbone


def test_what_features_hold_is_read_off(network, dataset, rng):
    task, backbone = network
    before = fingerprint(backbone)
    found = normals(task, backbone, with_truth(dataset), rng)
    assert list(found) == backbone.stage_names and fingerprint(backbone) == before
    assert found["conv1"].test > 0.8
    assert keypoints(task, backbone, with_truth(dataset), rng)["conv1"].test == 1.0  # all within a tenth of the side


def test_what_they_do_not_hold_is_not(network, dataset, rng):
    task, backbone = network
    truth = with_truth(dataset)
    for name in ("train", "val", "test"):
        split = getattr(truth, name)
        noise = torch.randint(-127, 128, split.annotations["normals"].shape, generator=rng).to(torch.int8)
        split.annotations["normals"] = noise
    assert normals(task, backbone, truth, rng)["conv1"].test < 0.1


def test_the_test_split_chooses_nothing(network, dataset):
    task, backbone = network
    honest = normals(task, backbone, with_truth(dataset), torch.Generator().manual_seed(3))
    poisoned = with_truth(dataset)
    poisoned.test.annotations["normals"] = -poisoned.test.annotations["normals"]
    found = normals(task, backbone, poisoned, torch.Generator().manual_seed(3))
    for stage, probe in honest.items():
        assert (probe.strength, probe.validation) == (found[stage].strength, found[stage].validation)
        assert probe.test > found[stage].test


def test_data_without_truth_is_refused_in_a_sentence(network, dataset, rng):
    for read in (normals, keypoints):
        with pytest.raises(CourseError, match="'world' only"):
            read(*network, dataclasses.replace(dataset, classes=["person", "left"]), rng)
    with pytest.raises(CourseError, match="'house' has none"):
        keypoints(*network, dataset, rng, body="house")


def test_few_labels_of_classes_that_are_easy(network, dataset, rng):
    task, backbone = network
    before = fingerprint(backbone)
    assert few_shot(task, backbone, dataset, [0, 1], rng, shots=5, draws=3) > 0.9
    assert fingerprint(backbone) == before


def test_few_labels_depend_on_the_generator_alone(network, dataset):
    asked = [few_shot(*network, dataset, [0, 1], torch.Generator().manual_seed(seed), shots=1, draws=2) for seed in (4, 4)]
    assert asked[0] == asked[1]


def test_few_labels_need_two_classes_and_enough_samples(network, dataset, rng):
    with pytest.raises(CourseError, match="two of them or more"):
        few_shot(*network, dataset, [1], rng)
    with pytest.raises(CourseError, match="fewer training samples"):
        few_shot(*network, dataset, [0, 1], rng, shots=500)


def test_points_are_put_where_features_say(network, dataset, rng):
    task, backbone = network
    truth = with_truth(dataset)
    for split in (truth.train, truth.val, truth.test):
        split.annotations["keypoints"][:, 1, 2] = 1.0  # hidden
    before = fingerprint(backbone)
    found = points(task, backbone, truth, rng, train_size=200, test_size=40)
    assert list(found) == backbone.stage_names and fingerprint(backbone) == before
    first = found["conv1"]
    assert first.said.shape == first.true.shape == (40, 13, 2) and first.images.shape == (40, 3, 16, 16)
    assert first.seen[:, 0].all() and not first.seen[:, 1].any() and first.validation > 0.8
    assert ((first.said - first.true).norm(dim=2)[first.seen] <= 1.6).float().mean() > 0.8
    with pytest.raises(CourseError, match="'world' only"):
        points(task, backbone, dataset, rng)


def test_points_are_learnt_by_fine_tuning(network, dataset, rng):
    _, backbone = network
    truth = with_truth(dataset)
    task = PointRegression(backbone, 13, rng)
    before = pretext_scores(backbone, task, with_points(truth.test), rng)
    fit(backbone, task, with_points(truth.train), steps=60, batch_size=32)
    after = pretext_scores(backbone, task, with_points(truth.test), rng)
    assert after["loss"] < 0.3 * before["loss"] and after["pck"] > before["pck"] + 0.3
    hidden = torch.tensor([[[0.0, 0.0, 2.0], [0.3, 0.0, 1.0]]])  # the second point is not seen
    said = torch.tensor([[[0.05, 0.05], [-0.4, 0.4]]])
    assert task.score(said, hidden) == {"pck": 1.0} and task.loss(said, hidden).item() == pytest.approx(0.25)
    with pytest.raises(CourseError, match="'world' only"):
        with_points(dataset.train)
