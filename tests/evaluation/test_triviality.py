"""The triviality table's readers find what is there to find, and nothing where there is nothing."""

import json

import pytest
import torch

from course_lib.data import Dataset, Split
from course_lib.errors import CourseError
from course_lib.evaluation import triviality
from course_lib.evaluation.supervised import accuracy, few_labels, train_supervised
from course_lib.evaluation.triviality import (
    Row,
    cheap,
    gradients,
    histogram,
    motion_energy,
    order_of_centroids,
    thumbnail,
)
from course_lib.models import build_backbone
from course_lib.run import audit


def dataset(images, labels, name="toy"):
    def split(part):
        return Split(labels=labels[part], classes=["a", "b"], images=images[part])

    parts = {"train": split(slice(0, 240)), "val": split(slice(240, 320)), "test": split(slice(320, 480))}
    return Dataset(name=name, **parts, classes=["a", "b"], fingerprint="0" * 12, size=16, skipped=[])


@pytest.fixture
def noise():
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (480, 3, 16, 16), dtype=torch.uint8, generator=rng), torch.randint(0, 2, (480,), generator=rng)


@pytest.fixture
def coloured(noise):
    """Class b is redder, and lighter at the top; nothing else."""
    images, labels = noise
    images = images // 2
    images[labels == 1, 0] += 100
    images[:, :, :6] += 20
    return images, labels


def test_readers_find_a_colour(coloured):
    found = {name: value for name, _, value in cheap(dataset(*coloured), 0, 240)}
    for reader in ("pixels", "thumbnail", "histogram", "nearest"):
        assert found[f"audit.{reader}"] > 0.9, reader
    assert found["audit.thumbnail_rotation"] > 0.9  # lighter at the top


def test_readers_find_nothing_in_noise(noise):
    found = {name: value for name, _, value in cheap(dataset(*noise), 0, 240)}
    assert all(abs(found[f"audit.{reader}"] - 0.5) < 0.14 for reader in ("pixels", "thumbnail", "histogram", "nearest"))
    assert abs(found["audit.thumbnail_rotation"] - 0.25) < 0.1


def test_what_readers_see(noise):
    images, _ = noise
    counted = histogram(images[:5])
    assert counted.shape == (5, 216) and torch.allclose(counted.sum(1), torch.ones(5))
    red = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    red[:, 0] = 255
    assert histogram(red).argmax().item() == 5 * 36
    assert thumbnail(images[:5]).shape == (5, 48) and thumbnail(red)[0, :16].eq(1).all()
    stripes = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    stripes[0, :, ::4], stripes[1, :, :, ::4] = 255, 255
    across, down = gradients(stripes)
    assert (across - down).norm() > 1


def test_the_supervised_control_learns_from_labels(coloured):
    data = dataset(*coloured)
    few = few_labels(data.train, 20, torch.Generator().manual_seed(0))
    assert torch.bincount(few.labels).tolist() == [20, 20]
    assert few_labels(data.train, None, torch.Generator()) is data.train
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=8, image_size=16)
    task = train_supervised(backbone, data, few, 40, 0, batch_size=16)
    assert accuracy(backbone, task, data.test) > 0.85


def moving_figures(count, drift):
    """Clips in whose masks a square goes down by `drift` pixels a frame, from anywhere."""
    rng = torch.Generator().manual_seed(0)
    masks = torch.zeros(count, 8, 24, 24, dtype=torch.bool)
    for clip in masks:
        row, column = torch.randint(0, 8, (2,), generator=rng).tolist()
        for time, frame in enumerate(clip):
            place = row + drift * time + int(torch.randint(0, 3, (), generator=rng))
            frame[place : place + 3, column : column + 3] = True
    return masks


@pytest.mark.parametrize(("drift", "least", "most"), [(1, 0.8, 1.0), (0, 0.35, 0.62)])
def test_centroids_tell_the_order_of_what_drifts(drift, least, most):
    masks, labels = moving_figures(400, drift), torch.zeros(400, dtype=torch.int64)

    def split(part):
        return Split(labels=labels[part], classes=["a"], annotations={"masks": masks[part]})

    data = Dataset("world:clips", split(slice(0, 200)), split(slice(200, 300)), split(slice(300, 400)), ["a"], "0" * 12, None, [])
    ((name, _, accuracy),) = order_of_centroids(data, 0)
    assert name == "audit.centroid_order" and least <= accuracy <= most


def test_motion_tells_what_sounds_unless_both_move():
    rng = torch.Generator().manual_seed(0)
    clips = torch.zeros(60, 4, 3, 16, 16, dtype=torch.uint8)
    heard = torch.zeros(60, 4, 16, 16, dtype=torch.bool)
    heard[..., :8] = True
    present = torch.ones(60, 2, dtype=torch.bool)
    present[50:, 1] = False  # alone
    flicker = torch.randint(0, 255, (60, 4, 3, 16, 16), dtype=torch.uint8, generator=rng)

    def found(both):
        moving = clips.clone()
        moving[..., :8] = flicker[..., :8]
        moving[both, ..., 8:] = flicker[both][..., 8:]  # as lively
        seen = {"masks": heard, "silent_masks": ~heard, "present": present}
        test = Split(labels=torch.zeros(60, dtype=torch.int64), classes=["a"], clips=moving, annotations=seen)
        ((_, _, share),) = motion_energy(Dataset("world:sounds", test, test, test, ["a"], "0" * 12, None, []), 0)
        return share

    assert found(torch.zeros(60, dtype=torch.bool)) == 1.0
    assert 0.2 < found(torch.ones(60, dtype=torch.bool)) < 0.8


def test_a_table_for_a_notebook(tmp_path, monkeypatch):
    rows = [Row("audit.pixels", "pixels", [0.21, 0.234], (None, 0.5)), Row("audit.rotation", "rotation", [0.8], (0.9, None))]
    table = {"date": "2026-01-01", "machine": "a laptop", "rows": [vars(row) | {"held": row.held} for row in rows]}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "audit.json").write_text(json.dumps({"world": table, "world:clips": table, "photos.zip": table}))
    monkeypatch.setattr(audit, "project", lambda: tmp_path)
    text = audit.as_markdown({"audit.pixels": {"value": 0.3}})
    assert "| pixels | 30 % | 21–23 % | 21–23 % | ≤ 50 % ✓ |" in text
    assert "| rotation |  | 80 % | 80 % | ≥ 90 % ✗ missed |" in text and "clips" not in text


def test_what_nobody_can_be_asked_about(tmp_path):
    nothing = Split(labels=torch.zeros(3, dtype=torch.int64), classes=["a"])
    data = Dataset("clips:mine", nothing, nothing, nothing, ["a"], "0" * 12, None, [])
    with pytest.raises(CourseError, match="has none; try world"):
        audit.measure(data, 1, tmp_path, print)


def test_a_limit_must_hold_for_every_seed():
    assert Row("a", "a", [0.3, 0.5], (None, 0.5)).held
    assert not Row("a", "a", [0.3, 0.51], (None, 0.5)).held
    assert not Row("a", "a", [0.9, 0.96], (0.95, None)).held
    assert Row("a", "a", [0.8, 0.93], (0.8, 0.93)).held and not Row("a", "a", [0.79, 0.9], (0.8, 0.93)).held
    assert Row("a", "a", [0.9]).held is None


def test_tables_are_kept_side_by_side(coloured, tmp_path, monkeypatch):
    monkeypatch.setattr(triviality, "LABELS", {"20": 2})
    monkeypatch.setattr(triviality, "ROTATION_STEPS", 2)
    monkeypatch.setattr(triviality, "SIZE", 60)
    said = []
    tables = {name: audit.measure(dataset(*coloured, name=name), 2, tmp_path, said.append) for name in ("one", "two")}
    kept = audit.read(tmp_path)
    assert list(kept) == ["one", "two"] and {len(row["values"]) for row in kept["one"]["rows"]} == {2}
    text = audit.as_text(tables)
    assert "one" in text and "rotation, network" in text and len(said) == 2 * len(kept["one"]["rows"]) * 2
