"""The table: what its measures mean, that nothing moves a network, that the test samples choose nothing."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import Dataset, Split
from course_lib.data.world.scene import CLASSES, SEMANTICS
from course_lib.errors import CourseError
from course_lib.evaluation import probes
from course_lib.evaluation.probes import Probe
from course_lib.evaluation.table import BODY, FACTORS, Questions, mean_iou, overlap
from course_lib.features import fingerprint
from course_lib.models import build_backbone
from course_lib.pretext import PretextTask, patches
from course_lib.pretext.rotation import Rotation
from course_lib.training import Step, fit, load_finished, settings_of

FACTOR_NAMES = (
    "colour.hue", "colour.lightness", "object.x", "object.y", "object.scale", "light.angle", "scene.land", "camera.exposure"
)  # fmt: skip


def tiny_world(seed: int = 0) -> Dataset:
    """Random pictures with every truth that the table asks for; some of it can be seen in them."""
    rng = torch.Generator().manual_seed(seed)

    def split(count):
        labels = torch.arange(count) % len(CLASSES)
        images = torch.randint(0, 80, (count, 3, 16, 16), generator=rng, dtype=torch.uint8)
        images[torch.arange(count), labels % 3] += (labels * 17).to(torch.uint8)[:, None, None]
        left = torch.randint(0, 8, (count, 2), generator=rng).float()
        annotations = {
            "boxes": torch.cat([left, left + 6], dim=1),
            "semantics": torch.randint(0, len(SEMANTICS), (count, 16, 16), generator=rng, dtype=torch.uint8),
            "normals": torch.randint(-127, 128, (count, 3, 16, 16), generator=rng).to(torch.int8),
            "keypoints": torch.rand(count, 13, 3, generator=rng) * 16,
        } | {f"factor.{name}": torch.rand(count, generator=rng) for name in FACTOR_NAMES}
        return Split(labels=labels, classes=list(CLASSES), images=images, annotations=annotations)

    return Dataset("tiny", split(200), split(100), split(100), list(CLASSES), "0123456789ab", 16, [])


def poisoned(dataset: Dataset) -> Dataset:
    """The same with everything wrong about the test samples that a person or the world has said of them."""
    test = dataset.test
    return dataclasses.replace(dataset, test=dataclasses.replace(
        test, labels=(test.labels + 1) % len(dataset.classes), annotations={k: v.roll(7, 0) for k, v in test.annotations.items()}
    ))  # fmt: skip


@pytest.fixture
def backbone(rng):
    return build_backbone("small", rng=rng, width=8, image_size=16)


def row_of(dataset, task, backbone):
    return Questions(dataset, torch.Generator().manual_seed(2), 120, 60).ask(task, backbone)


def test_a_row_has_every_column_and_frozen_is_frozen(backbone, rng):
    task = Rotation(backbone, rng)
    before = fingerprint(backbone.train()), fingerprint(task)
    row = row_of(tiny_world(), task, backbone)
    named = {"linear", "knn", "few_labels", "detection", "segmentation", "normals", "keypoints", "factor.pose"}
    assert set(row) == named | set(FACTORS)
    assert (fingerprint(backbone), fingerprint(task)) == before and backbone.training
    assert all(entry.stage in backbone.stage_names for entry in row.values())
    assert row["linear"].test > 0.2  # colours tell classes apart
    again = row_of(tiny_world(), task, backbone)
    assert {name: entry.test for name, entry in row.items()} == {name: entry.test for name, entry in again.items()}


def test_photos_are_asked_what_needs_no_world(backbone, dataset, rng):
    row = row_of(dataset, PretextTask(), backbone)
    assert set(row) == {"linear", "knn", "few_labels"} and row["linear"].test > 0.9


def test_one_class_is_no_table(dataset, rng):
    with pytest.raises(CourseError, match="at least two classes"):
        Questions(dataclasses.replace(dataset, classes=["all"]), rng, 20, 20)


# --- poisoned test labels choose nothing ---------------------------------------------------------------------------------


def test_the_test_samples_choose_nothing_in_the_table(backbone, rng):
    """Not a stage, not a penalty, not a validation figure; only what is reported changes."""
    task, world = Rotation(backbone, rng), tiny_world()
    honest, wrong = row_of(world, task, backbone), row_of(poisoned(world), task, backbone)
    for name, entry in honest.items():
        assert (entry.stage, entry.validation) == (wrong[name].stage, wrong[name].validation), name
        for stage, probe in (entry.by_stage or {}).items():
            other = wrong[name].by_stage[stage]
            same = probe.strength == other.strength or probe.strength != probe.strength  # kNN has none
            assert same and probe.validation == other.validation, (name, stage)
    assert any(entry.test != wrong[name].test for name, entry in honest.items())


def test_nor_in_few_shot_probes(backbone, dataset, rng, monkeypatch):
    """Each fit's test figure is replaced by a number of its own, which tells what was chosen."""
    fitted = probes.linear_probe

    def numbered(stage, *parts, strengths):
        probe = fitted(stage, *parts, strengths=strengths)
        return dataclasses.replace(probe, test=backbone.stage_names.index(stage) + strengths[0])

    monkeypatch.setattr(probes, "linear_probe", numbered)
    flipped = dataclasses.replace(dataset, test=dataclasses.replace(dataset.test, labels=1 - dataset.test.labels))
    chosen = {
        probes.few_shot(PretextTask(), backbone, some, [0, 1], torch.Generator().manual_seed(1), draws=2)
        for some in (dataset, flipped)
    }
    assert len(chosen) == 1


@pytest.mark.parametrize("name", ["rotation", "relative_position", "colourisation", "jigsaw"])
def test_nor_in_training(name, tmp_path):
    """Checkpoints of tasks that use no labels are the same, bit for bit, whatever the labels say, of any split."""
    from course_lib.pretext import load

    found, world = [], tiny_world()
    wrong = poisoned(dataclasses.replace(world, train=dataclasses.replace(world.train, labels=world.train.labels.roll(3))))
    for which, some in (("honest", world), ("wrong", wrong)):
        draw = torch.Generator().manual_seed(0)
        tower = build_backbone("small", rng=draw, width=8, image_size=16)
        images = F.interpolate(some.train.images.float(), size=48).to(torch.uint8)  # patches need room
        task = load(name)(tower, draw)
        assert not task.uses_labels
        fit(tower, task, dataclasses.replace(some.train, images=images), steps=3, batch_size=4, checkpoint=tmp_path / which)
        found.append((fingerprint(tower), fingerprint(task)))
    assert found[0] == found[1]


# --- what the measures mean ------------------------------------------------------------------------------------------------


def test_overlap_is_torchvisions():
    from torchvision.ops import box_iou

    boxes = torch.rand(50, 2, 4, generator=torch.Generator().manual_seed(1)) * 20
    boxes[..., 2:] += boxes[..., :2]
    one, other = boxes.unbind(1)
    assert torch.allclose(overlap(one, other), box_iou(one, other).diagonal(), atol=1e-5)
    assert overlap(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[5.0, 5, 6, 6]])) == 0


def test_mean_iou_of_the_truth_is_one():
    cells = F.one_hot(torch.arange(4 * 60).view(4, 60) % len(SEMANTICS), len(SEMANTICS)).float().flatten(1)
    assert mean_iou(cells, cells) == 1
    half = cells.clone()
    half[:2] = cells[:2].roll(len(SEMANTICS), 1)  # every cell of two pictures is named after its neighbour
    assert 0 < mean_iou(half, cells) < 0.5


def test_mean_average_precision_of_the_truth_is_one():
    questions = Questions(tiny_world(), torch.Generator().manual_seed(2), 120, 60)
    true = questions._things(questions.asked["test"])
    assert questions.mean_average_precision(true) == pytest.approx(1, abs=1e-3)
    elsewhere = true.clone()
    elsewhere[:, :4] += 0.5
    assert questions.mean_average_precision(elsewhere) < 0.2
    assert questions._found(true, true) == 1 and questions._found(elsewhere, true) < 0.2


def test_people_alone_are_asked_for_their_points():
    questions = Questions(tiny_world(), torch.Generator().manual_seed(2), 120, 60)
    assert {CLASSES[label] for part in questions.people.values() for label in part.labels.tolist()} == {BODY}


# --- networks of other notebooks -------------------------------------------------------------------------------------------


def test_a_finished_run_is_taken_only_if_it_was_trained_just_so(dataset, tmp_path):
    def network():
        draw = torch.Generator().manual_seed(0)
        tower = build_backbone("small", rng=draw, width=8, image_size=16)
        return tower, Rotation(tower, draw)

    path, (tower, task) = tmp_path / "rotation.safetensors", network()
    fit(tower, task, dataset.train, steps=4, batch_size=8, checkpoint=path)
    other, other_task = network()
    settings = settings_of(torch.device("cpu"), dataset.train, other_task, 4, batch_size=8)
    otherwise = Rotation(other, torch.Generator().manual_seed(0), augment=patches.rescaled_window)
    fresh = fingerprint(other)
    assert not load_finished(path, Step(other, other_task), settings | {"steps": 5})
    assert not load_finished(path, Step(other, other_task), settings | {"seed": 1})
    changed = settings_of(torch.device("cpu"), dataset.train, otherwise, 4, batch_size=8)
    assert not load_finished(path, Step(other, otherwise), changed), "an option of the task was another one"
    assert not load_finished(tmp_path / "none", Step(other, other_task), settings)
    (tmp_path / "broken").write_bytes(b"no checkpoint")
    assert not load_finished(tmp_path / "broken", Step(other, other_task), settings)
    assert fingerprint(other) == fresh
    assert load_finished(path, Step(other, other_task), settings) and fingerprint(other) == fingerprint(tower)


def test_entries_choose_by_validation():
    from course_lib.evaluation.table import _entry

    found = _entry({"conv1": Probe("conv1", 0.5, 0.1, 1.0), "conv2": Probe("conv2", 0.4, 0.9, 1.0)})
    assert (found.stage, found.test, found.validation) == ("conv1", 0.1, 0.5)
