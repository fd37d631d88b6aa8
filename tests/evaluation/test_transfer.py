"""Normals and points: a linear map reads them off features that hold them, and off others it does not."""

import dataclasses

import pytest
import torch

from course_lib.data.world.objects import KEYPOINTS
from course_lib.errors import CourseError
from course_lib.evaluation.probes import few_shot
from course_lib.evaluation.transfer import keypoints, normals
from course_lib.features import fingerprint
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation


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
