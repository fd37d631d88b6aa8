"""Cells: a picture depends on its number alone, its truth agrees with its pixels, and nothing in it tells what is up."""

import hashlib
import subprocess
import sys

import pytest
import torch
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from course_lib.data.world import cells
from course_lib.data.world.cells import CELL_CLASSES, STAINS, render_cells
from course_lib.errors import CourseError

TRUTH = ("images", "labels", "masks", "boxes", "instances")


@pytest.fixture(scope="module")
def pictures():
    return render_cells(3, range(3400))


def _digest(pictures):
    return hashlib.sha256(b"".join(pictures[name].numpy().tobytes() for name in TRUTH)).hexdigest()


def _assert_same(pictures, others, positions):
    for name in TRUTH:
        assert torch.equal(pictures[name][positions], others[name]), name
    for name, values in others["factors"].items():
        assert torch.equal(pictures["factors"][name][positions].nan_to_num(-9), values.nan_to_num(-9)), name


# --- a picture is a function of its number


def test_a_picture_is_the_same_in_any_order_and_company(pictures):
    positions = torch.randperm(3400, generator=torch.Generator().manual_seed(0))[:40]
    _assert_same(pictures, render_cells(3, positions), positions)
    for position in (0, 1, 3399):
        _assert_same(pictures, render_cells(3, [position]), torch.tensor([position]))


def test_chunks_and_threads_change_nothing(pictures, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(cells, "_CHUNK_PIXELS", 3 * 64 * 64)
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            _assert_same(pictures, render_cells(3, range(24)), torch.arange(24))
    finally:
        torch.set_num_threads(threads)


def test_another_process_renders_the_same_pictures():
    code = (
        "import hashlib; from course_lib.data.world.cells import render_cells;"
        " pictures = render_cells(-5, range(2**40, 2**40 + 3), 40);"
        f"print(hashlib.sha256(b''.join(pictures[name].numpy().tobytes() for name in {TRUTH})).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _digest(render_cells(-5, range(2**40, 2**40 + 3), 40))


def test_nothing_global_is_drawn():
    before = torch.get_rng_state()
    render_cells(0, range(3), 16)
    assert torch.equal(before, torch.get_rng_state())


def test_seeds_and_numbers_differ():
    pictures = torch.cat([render_cells(seed, range(3), 32)["images"] for seed in (0, 1, -1, 2**63)])
    assert len(pictures.flatten(1).unique(dim=0)) == len(pictures)


def test_a_larger_picture_shows_the_same_cells():
    small, large = (render_cells(4, range(12), size) for size in (48, 96))
    assert (avg_pool2d(large["images"].float(), 2) - small["images"]).abs().mean() < 8
    for name in ("masks", "instances"):
        a, b = small[name] > 0, large[name][:, ::2, ::2] > 0
        assert (a & b).sum() / (a | b).sum() > 0.8
    for name, values in small["factors"].items():
        assert torch.equal(values.nan_to_num(-9), large["factors"][name].nan_to_num(-9)), name


# --- its truth


def test_shapes_and_ranges(pictures):
    expected = {
        "images": ((3400, 3, 64, 64), torch.uint8),
        "labels": ((3400,), torch.int64),
        "masks": ((3400, 64, 64), torch.bool),
        "boxes": ((3400, 4), torch.float32),
        "instances": ((3400, 64, 64), torch.uint8),
    }
    assert {name: (pictures[name].shape, pictures[name].dtype) for name in expected} == expected
    counts = torch.bincount(pictures["labels"])
    assert len(counts) == len(CELL_CLASSES) == 6 and counts.min() > 500 and counts.max() < 640
    assert pictures["images"].float().flatten(1).std(1).min() > 2
    assert render_cells(0, [], 32)["images"].shape == (0, 3, 32, 32)
    with pytest.raises(CourseError, match="size is 15"):
        render_cells(0, [1], 15)


def test_masks_boxes_and_instances_agree(pictures):
    assert torch.equal(pictures["instances"] == cells.MAIN, pictures["masks"])
    for mask, box in zip(pictures["masks"][:300], pictures["boxes"][:300], strict=True):
        rows, columns = mask.nonzero(as_tuple=True)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    shown = pictures["factors"]["bystanders"]
    assert shown.min() == 2 and shown.max() == 6
    assert (pictures["instances"].flatten(1).amax(1) <= shown + 1).all()


def test_the_main_cell_is_the_largest_and_near_the_centre(pictures):
    areas = torch.stack([(pictures["instances"] == k).flatten(1).sum(1) for k in range(1, 8)], dim=1)
    assert (areas[:, 0] > areas[:, 1:].amax(1)).float().mean() > 0.999
    left, top, right, bottom = (pictures["boxes"] / 64 - 0.5).unbind(1)
    assert ((left + right) / 2).abs().max() < 0.3 and ((top + bottom) / 2).abs().max() < 0.3


def test_the_main_cell_differs_from_what_is_around_it(pictures):
    images, masks = pictures["images"][:500].float(), pictures["masks"][:500, None]
    apart = (images * masks).sum((2, 3)) / masks.sum((2, 3)) - (images * ~masks).sum((2, 3)) / (~masks).sum((2, 3))
    assert apart.abs().amax(1).min() > 4


# --- classes are shapes


def _accuracy(reader, features, targets, train):
    features = features.float().flatten(1).numpy()
    model = make_pipeline(StandardScaler(), reader).fit(features[:train], targets[:train].numpy())
    return model.score(features[train:], targets[train:].numpy())


def test_size_colour_and_raw_pixels_hardly_tell_the_class(pictures):
    images, labels = pictures["images"].float(), pictures["labels"]
    area = pictures["masks"].flatten(1).float().mean(1, keepdim=True)
    colours = torch.cat([images.mean((2, 3)), images.std((2, 3))], dim=1)
    assert _accuracy(LogisticRegression(), torch.cat([area, area * area], dim=1), labels, 2400) < 0.28
    assert _accuracy(LogisticRegression(), colours, labels, 2400) < 0.4
    assert _accuracy(RidgeClassifier(1e3), avg_pool2d(images, 2), labels, 2400) < 0.35


def test_stain_and_size_are_drawn_without_a_look_at_the_class(pictures):
    labels, stains = pictures["labels"], pictures["factors"]["stain"]
    table = torch.bincount(labels * len(STAINS) + stains, minlength=6 * len(STAINS)).view(6, -1).float()
    expected = table.sum(1, keepdim=True) * table.sum(0) / table.sum()
    freedom = 5 * (len(STAINS) - 1)
    assert ((table - expected).square() / expected).sum() < freedom + 4 * (2 * freedom) ** 0.5
    scales = torch.stack([pictures["factors"]["cell.scale"][labels == k].mean() for k in range(6)])
    assert scales.max() / scales.min() < 1.02


# --- there is no up


def _turned(features):
    """Each of N x C x S x S pictures in its four orientations, and by how many quarters it was turned."""
    turned = torch.cat([features.rot90(k, (2, 3)) for k in range(4)])
    return turned, torch.arange(4).repeat_interleave(len(features))


def _pixels(images):
    """Every second pixel's neighbourhood, in colour: N x 3072."""
    return avg_pool2d(images.float(), 2).flatten(1)


def _gradient_histograms(images):
    """How strongly the brightness rises in each of eight directions, in each of 4 x 4 parts: N x 128."""
    grey = images.float().mean(1)
    right, up = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2], grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1]
    octant = (right > 0) + 2 * (up > 0) + 4 * (right.abs() > up.abs())
    strength = (right * right + up * up).sqrt()
    return torch.cat([adaptive_avg_pool2d(strength * (octant == k), 4).flatten(1) for k in range(8)], dim=1)


def _rotation_accuracies(images, train, describers=(_pixels, _gradient_histograms)):
    """Of linear readers of pixels and of gradient histograms, on pictures that they were not trained on."""
    turned, turns = _turned(images)
    fitted = (torch.arange(len(images)) < train).repeat(4)
    order = (~fitted).to(torch.int8).argsort(stable=True)
    result = []
    for describe in describers:
        features = torch.cat([describe(some) for some in turned.split(100)])
        result.append(_accuracy(RidgeClassifier(1e3), features[order], turns[order], 4 * train))
    return result


def test_no_linear_reader_tells_the_rotation(pictures):
    for accuracy in _rotation_accuracies(pictures["images"], 1400):  # 2000 others, in four orientations each
        assert abs(accuracy - 0.25) <= 0.02


def test_a_faint_slope_would_have_been_found(pictures):
    # The test above is worth something if its readers see a leak: here one side is brighter by a few grey levels.
    slope = torch.linspace(-4, 4, 64)[:, None]
    images = (pictures["images"] + slope).clamp(0, 255).to(torch.uint8)
    (accuracy,) = _rotation_accuracies(images, 1400, [_pixels])
    assert accuracy > 0.4
