"""Features, probes and neighbours: they read, they never write."""

import pytest
import torch

from course_lib.evaluation import neighbours, pretext, probes
from course_lib.features import extract, fingerprint, frozen, random_subset
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation


@pytest.fixture
def backbone(rng):
    return build_backbone("small", rng=rng, width=8, image_size=16)


def test_frozen_notices_parameters_and_buffers(backbone):
    with pytest.raises(AssertionError, match="has changed"), frozen(backbone):
        backbone.blocks.conv1[0].weight.add_(1e-3)
    with pytest.raises(AssertionError, match="has changed"), frozen(backbone):
        backbone.blocks.conv1[1].running_mean.add_(1e-3)
    with pytest.raises(AssertionError, match="has changed"), frozen(backbone):
        backbone.train()(torch.randn(4, 3, 16, 16))  # training mode updates BatchNorm's buffers


def test_probes_leave_the_backbone_untouched(backbone, dataset, rng):
    before = fingerprint(backbone.train())
    found = probes.probe_stages(Rotation(backbone, rng), backbone, dataset, rng)
    assert fingerprint(backbone) == before and backbone.training
    assert list(found) == backbone.stage_names
    assert found["conv1"].test > 0.9  # the classes differ in where a dark patch is


def test_the_test_split_chooses_nothing(backbone, dataset, rng):
    """Poisoned test labels change the reported figures and no choice."""
    task = Rotation(backbone, rng)
    honest = probes.probe_stages(task, backbone, dataset, torch.Generator().manual_seed(3))
    dataset.test.labels = 1 - dataset.test.labels
    poisoned = probes.probe_stages(task, backbone, dataset, torch.Generator().manual_seed(3))
    assert probes.best_stage(honest) == probes.best_stage(poisoned)
    for stage in honest:
        assert honest[stage].strength == poisoned[stage].strength
        assert honest[stage].test == pytest.approx(1 - poisoned[stage].test)


def test_extract_does_not_depend_on_the_batch_size(backbone, dataset, rng):
    task = Rotation(backbone, rng)
    one, many = (extract(task.represent, backbone, dataset.test, ["conv3"], batch_size=size)["conv3"] for size in (7, 64))
    assert torch.allclose(one, many, atol=1e-5)


def test_extract_runs_each_stage_once_a_batch(backbone, dataset, rng):
    task, runs = Rotation(backbone, rng), []
    for name, block in backbone.blocks.items():
        block.register_forward_hook(lambda *_, name=name: runs.append(name))
    some = dataset.test.subset(slice(40))
    found = extract(task.represent, backbone, some, ["conv1", "conv4", "conv2"], batch_size=20)
    assert runs == ["conv1", "conv2", "conv3", "conv4"] * 2
    with frozen(backbone):
        for stage, features in found.items():
            assert torch.allclose(features, task.represent(backbone, some.batch(range(40)), stage), atol=1e-5)


def test_extract_tells_a_tasks_inputs_apart(backbone, dataset):
    def both_ways(backbone, batch, stage):
        inputs = (batch.images.float(), 255 - batch.images.float())
        return torch.cat([backbone.stages(images, last=stage)[stage].mean((2, 3)) for images in inputs], 1)

    some = dataset.test.subset(slice(20))
    found = extract(both_ways, backbone, some, ["conv1", "conv2"], batch_size=20)
    with frozen(backbone):
        for stage, features in found.items():
            assert torch.allclose(features, both_ways(backbone, some.batch(range(20)), stage), atol=1e-3)


def test_pretext_scores_average_over_samples(backbone, dataset, rng):
    task = Rotation(backbone, rng)
    small, large = (pretext.pretext_scores(backbone, task, dataset.test, rng, batch_size=size) for size in (10, 64))
    assert small == pytest.approx(large)
    assert 0 <= small["accuracy"] <= 1


def test_random_subset_is_without_repetition(dataset, rng):
    subset = random_subset(dataset.train, 100, rng)
    assert len(subset) == 100
    assert len(random_subset(dataset.train, 10**6, rng)) == len(dataset.train)


def test_neighbours():
    bank = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]])
    assert neighbours.nearest(torch.tensor([[2.0, 0.0]]), bank, 2).tolist() == [[0, 2]]
    labels = torch.tensor([0, 1, 0])
    assert neighbours.knn_accuracy((bank, labels), (bank, labels), neighbours=1) == 1.0


def test_one_class_cannot_be_probed(backbone, dataset, rng):
    dataset.classes = ["only"]
    with pytest.raises(Exception, match="at least two classes"):
        probes.probe_stages(Rotation(backbone, rng), backbone, dataset, rng)
