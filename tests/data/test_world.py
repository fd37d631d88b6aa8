"""The world: a scene depends on its number alone, its truth agrees with its pixels, nothing cheap gives it away."""

import hashlib
import subprocess
import sys
import time

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_lib.data.world import CLASSES, render, scene
from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import palette
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.objects import EXTENTS, PAINTERS

TRUTH = ("images", "labels", "masks", "boxes")


@pytest.fixture(scope="module")
def scenes():
    return render(11, range(800))


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _digest(scenes):
    return hashlib.sha256(b"".join(scenes[name].numpy().tobytes() for name in TRUTH)).hexdigest()


def _assert_same(scenes, others, positions):
    for name in TRUTH:
        assert torch.equal(scenes[name][positions], others[name]), name
    for name, values in others["factors"].items():
        expected = scenes["factors"][name][positions]
        assert torch.equal(expected.nan_to_num(-9), values.nan_to_num(-9)), name


def test_a_scene_is_the_same_in_any_order_and_company(scenes):
    positions = torch.randperm(800, generator=torch.Generator().manual_seed(0))[:40]
    _assert_same(scenes, render(11, positions), positions)


def test_a_scene_is_the_same_alone(scenes):
    for position in (0, 7, 799):
        _assert_same(scenes, render(11, [position]), torch.tensor([position]))


def test_small_chunks_change_nothing(scenes, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(scene, "_CHUNK_PIXELS", 3 * 64 * 64)
    _assert_same(scenes, render(11, range(24)), torch.arange(24))
    assert torch.get_num_threads() == threads


def test_one_thread_changes_nothing(scenes, one_thread):
    _assert_same(scenes, render(11, range(24)), torch.arange(24))


def test_another_process_renders_the_same_scenes():
    code = (
        "import hashlib; from course_lib.data.world import render;"
        " scenes = render(-5, range(2**40, 2**40 + 3), 40);"
        f"print(hashlib.sha256(b''.join(scenes[name].numpy().tobytes() for name in {TRUTH})).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _digest(render(-5, range(2**40, 2**40 + 3), 40))


def test_nothing_global_is_drawn():
    before = torch.get_rng_state()
    render(0, range(3), 16)
    assert torch.equal(before, torch.get_rng_state())


def test_seeds_and_numbers_differ():
    scenes = torch.cat([render(seed, range(3), 32)["images"] for seed in (0, 1, -1, 2**63)])
    assert len(scenes.flatten(1).unique(dim=0)) == len(scenes)


def test_shapes_and_ranges(scenes):
    images, masks, boxes = (scenes[name] for name in ("images", "masks", "boxes"))
    assert images.shape == (800, 3, 64, 64) and images.dtype == torch.uint8
    assert masks.shape == (800, 64, 64) and masks.dtype == torch.bool
    assert boxes.shape == (800, 4) and boxes.dtype == torch.float32
    assert scenes["labels"].dtype == torch.int64
    brightness = images.float().mean((1, 2, 3))
    assert brightness.min() > 20 and brightness.max() < 245
    assert images.float().flatten(1).std(1).min() > 8
    assert render(0, [], 32)["images"].shape == (0, 3, 32, 32)
    with pytest.raises(ValueError, match="size is 8"):
        render(0, [1], 8)


def test_classes_are_balanced_and_most_scenes_have_no_horizon(scenes):
    counts = torch.bincount(scenes["labels"], minlength=len(CLASSES))
    assert counts.min() > 0.7 * 800 / len(CLASSES) and counts.max() < 1.3 * 800 / len(CLASSES)
    land = scenes["factors"]["scene.land"].bool()
    assert 0.4 <= (~land).float().mean() <= 0.65
    assert torch.equal(scenes["factors"]["scene.horizon"].isnan(), ~land)


def test_boxes_are_the_edges_of_the_masks(scenes):
    for mask, box in zip(scenes["masks"][:200], scenes["boxes"][:200], strict=True):
        rows, columns = mask.nonzero(as_tuple=True)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_the_object_can_be_seen_where_its_factors_say(scenes):
    assert scenes["masks"].flatten(1).float().mean(1).min() > 0.01
    left, top, right, bottom = (scenes["boxes"] / 64 - 0.5).unbind(1)
    x, y = scenes["factors"]["object.x"], scenes["factors"]["object.y"]
    cos, sin = cos_sin(scenes["factors"]["camera.roll"])
    assert (((left + right) / 2 - (x * cos - y * sin)).abs() < 0.35).all()
    assert ((-(top + bottom) / 2 - (y * cos + x * sin)).abs() < 0.35).all()


def test_objects_stand_below_the_horizon(scenes):
    land = scenes["factors"]["scene.land"].bool()
    bottom = 0.5 - scenes["boxes"][land, 3] / 64
    assert (bottom < scenes["factors"]["scene.horizon"][land] + 0.1).all()


@pytest.mark.parametrize("label", range(len(CLASSES)), ids=CLASSES)
def test_an_object_stays_within_its_extent(label, one_thread):
    # The renderer leaves out what is beyond: a part outside would be cut off in some batches and not in others.
    draw = Draws(label, torch.arange(100))
    side = (torch.arange(56) + 0.5) / 35 - 0.8
    x, y = side.expand(100, 56, 56).contiguous(), (0.5 - side)[:, None].expand(100, 56, 56).contiguous()
    canvas = Canvas(x, y, torch.full((100, 1, 1), 1 / 35), torch.full_like(x, -0.6))
    PAINTERS[label](canvas, draw, palette(draw, torch.full((100, 1, 1), 0.6)))
    width, height = EXTENTS[label]
    outside = (x.abs() > width / 2 + 0.03) | (y < -0.06) | (y > height + 0.03)
    assert canvas.coverage[outside].max() == 0
    assert canvas.coverage.flatten(1).mean(1).min() > 0.02


def test_light_tells_what_is_up_on_land_only(scenes):
    land = scenes["factors"]["scene.land"].bool()
    cos, sin = cos_sin(scenes["factors"]["light.angle"])
    assert (sin[land] > 0).all()
    assert cos[~land].mean().abs() < 0.1 and sin[~land].mean().abs() < 0.1


def test_a_larger_picture_shows_the_same_scene():
    small, large = (render(4, range(12), size) for size in (48, 96))
    shrunk = torch.nn.functional.avg_pool2d(large["images"].float(), 2)
    assert (shrunk - small["images"]).abs().mean() < 8
    both = (small["masks"] & large["masks"][:, ::2, ::2]).sum() / (small["masks"] | large["masks"][:, ::2, ::2]).sum()
    assert both > 0.85
    for name, values in small["factors"].items():
        assert torch.equal(values.nan_to_num(-9), large["factors"][name].nan_to_num(-9)), name


def test_a_thumbnail_gives_neither_the_class_nor_the_rotation(scenes):
    def accuracy(features, targets):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        return model.fit(features[:560], targets[:560]).score(features[560:], targets[560:])

    thumbnails = torch.nn.functional.avg_pool2d(scenes["images"].float(), 16)
    turns = torch.arange(800) * 7 // 3 % 4
    turned = torch.stack([image.rot90(int(turn), (1, 2)) for image, turn in zip(thumbnails, turns, strict=True)])
    assert accuracy(thumbnails.flatten(1).numpy(), scenes["labels"].numpy()) < 0.3
    assert accuracy(turned.flatten(1).numpy(), turns.numpy()) < 0.55


def test_the_cost_is_linear():
    def seconds(count):
        start = time.process_time()
        render(9, range(count), 32)
        return time.process_time() - start

    few, many = seconds(100), seconds(300)
    assert many < 3 * few * 1.5
