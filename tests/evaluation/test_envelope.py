"""The sealed question: its answers, its pairs, and who answers it."""

import dataclasses

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.evaluation.envelope import BEFORE, draw_pairs, open_envelope
from course_lib.models import build_backbone
from course_lib.pretext.odd_quarter import OddQuarter


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def with_places(dataset):
    """The same pictures; land or a surface behind them."""
    parts = {}
    for name in ("train", "val", "test"):
        split = getattr(dataset, name)
        land, surface = (torch.arange(len(split)) % 3 == 0).long(), torch.arange(len(split)) % 5
        parts[name] = dataclasses.replace(split, annotations={"factor.scene.land": land, "factor.scene.surface": surface})
    return dataclasses.replace(dataset, **parts)


def test_the_world_is_asked_what_a_thing_stands_before(dataset):
    envelope = open_envelope(with_places(dataset))
    assert not envelope.pairs and envelope.answers == BEFORE
    assert envelope.dataset.test.labels[:6].tolist() == [5, 1, 2, 5, 4, 0]
    assert envelope.dataset.classes == envelope.dataset.train.classes == BEFORE
    assert envelope.chance == pytest.approx((torch.arange(64) % 3 == 0).float().mean().item())
    assert dataset.classes == ["right", "left"], "the data set itself is as it was"
    images, words = envelope.examples(seeded(), 6)
    assert images.shape == (6, 3, 16, 16) and set(words) <= set(BEFORE)


def test_photos_are_compared(dataset):
    envelope = open_envelope(dataset)
    assert envelope.pairs and envelope.chance == 0.5
    images, words = envelope.examples(seeded(), 8)
    assert images.shape == (4, 3, 16, 32) and words == ["no", "yes"] * 2


def test_one_class_cannot_be_compared(dataset):
    with pytest.raises(CourseError, match="two classes or more"):
        open_envelope(dataclasses.replace(dataset, classes=["one"]))


@pytest.mark.parametrize("places", [True, False])
def test_a_probe_at_every_stage_and_equal_generators_ask_equal_questions(dataset, places):
    envelope = open_envelope(with_places(dataset) if places else dataset)
    backbone = build_backbone("small", rng=seeded(1), width=8, image_size=16)
    task = OddQuarter(backbone, seeded(2))
    first, second = (envelope.probes(task, backbone, seeded(3), 100, 50) for _ in range(2))
    assert first == second and list(first) == backbone.stage_names
    assert all(0 <= probe.test <= 1 for probe in first.values())


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_of_two_samples_half_of_them_equal(seed):
    labels = torch.randint(0, 5, (30,), generator=seeded(seed))
    first, second, same = draw_pairs(labels, 200, seeded(seed))
    assert (first != second).all()
    assert torch.equal((labels[first] == labels[second]).long(), same) and same.sum() == 100


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [0]])
def test_pairs_that_cannot_be_drawn(labels):
    with pytest.raises(CourseError, match="Pairs need"):
        draw_pairs(torch.tensor(labels), 4, seeded())


def test_samples_alone_in_their_class_are_left_out():
    first, _, _ = draw_pairs(torch.tensor([0, 0, 1]), 50, seeded())
    assert set(first.tolist()) == {0, 1}
