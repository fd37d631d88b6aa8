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

from course_lib.data.camera import Camera
from course_lib.data.world import CLASSES, render, scene
from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import free_rgb, gamut_radius, lab_rgb, palette
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.objects import EXTENTS, KEYPOINTS, PAINTERS
from course_lib.data.world.scene import CHANGES, OBJECT, SEMANTICS
from course_lib.errors import CourseError

TRUTH = (
    "images", "labels", "masks", "boxes", "instances", "semantics", "depth", "normals", "ambiguity", "keypoints",
)  # fmt: skip


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
    assert [scenes["captions"][i] for i in positions.tolist()] == others["captions"]
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
    with pytest.raises(CourseError, match="size is 8"):
        render(0, [1], 8)


def test_classes_are_balanced_and_most_scenes_have_no_horizon(scenes):
    counts = torch.bincount(scenes["labels"], minlength=len(CLASSES))
    assert counts.min() > 0.7 * 800 / len(CLASSES) and counts.max() < 1.3 * 800 / len(CLASSES)
    land = scenes["factors"]["scene.land"].bool()
    assert 0.4 <= (~land).float().mean() <= 0.8
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
    PAINTERS[label](canvas, draw, palette(draw, torch.full((100, 1, 1), 0.6), False))
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


def test_the_instances_are_what_the_masks_and_semantics_say(scenes):
    instances, semantics, labels = (scenes[name].long() for name in ("instances", "semantics", "labels"))
    assert torch.equal(instances == OBJECT, scenes["masks"])
    names = torch.tensor([SEMANTICS.index(name) for name in CLASSES])
    assert (semantics == names[labels][:, None, None])[scenes["masks"]].all()
    assert torch.equal(semantics == SEMANTICS.index("thing"), instances > OBJECT)
    behind = [set(found.unique().tolist()) & {2, 3, 4, 5} for found in instances]
    assert sum(len(found) >= 2 for found in behind) > 0.75 * len(behind)  # some lie out of sight
    assert 0.1 < (instances == 6).flatten(1).any(1).float().mean() < 0.4
    land = scenes["factors"]["scene.land"].bool()
    assert not (semantics[~land] == SEMANTICS.index("sky")).any() and not (semantics[land] == 0).any()


def test_depth_and_normals_agree():
    """On every curved part of an object: where depth falls to the right, the surface turns to the left."""
    scenes = render(3, range(60), 128)
    depth, normals = scenes["depth"].float(), scenes["normals"].float() / 127
    inner = -torch.nn.functional.max_pool2d(-scenes["masks"].float()[:, None], 5, 1, 2)[:, 0] > 0
    right, up, front = normals.unbind(1)
    unit = depth / 128  # a pixel's side in the world, at that depth
    slope_x = ((depth[:, :, 2:] - depth[:, :, :-2]) / (2 * unit[:, :, 1:-1]))[:, 1:-1]
    slope_y = ((depth[:, :-2] - depth[:, 2:]) / (2 * unit[:, 1:-1]))[:, :, 1:-1]
    chosen = (inner & (front > 0.4))[:, 1:-1, 1:-1]
    for slope, tilt in ((slope_x, right), (slope_y, up)):
        expected = (tilt / front.clamp(min=0.2))[:, 1:-1, 1:-1][chosen]
        curved = expected.abs() > 0.2
        agree, opposed = ((slope[chosen][curved] + sign * expected[curved]).abs() < 0.2 for sign in (-1, 1))
        assert agree.float().mean() > 0.75 and opposed.float().mean() < 0.1  # edges between parts are jumps


def test_the_ground_is_a_plane_and_the_sky_has_no_depth(scenes):
    ground = scenes["semantics"] == SEMANTICS.index("ground")
    sky = scenes["semantics"] == SEMANTICS.index("sky")
    assert scenes["depth"][sky].isinf().all() and scenes["depth"][~sky].isfinite().all()
    assert (scenes["normals"].permute(0, 2, 3, 1)[sky] == 0).all()
    cos, sin = (value[:, None, None] for value in cos_sin(scenes["factors"]["camera.roll"]))
    place = (torch.arange(64) + 0.5) / 64 - 0.5
    up = -place[:, None] * cos - place * sin
    height = (up - scenes["factors"]["scene.horizon"][:, None, None] - 0.035) * scenes["depth"].float()
    assert (height[ground] + 1).abs().max() < 0.02  # the camera stands one height above it


def test_keypoints_lie_on_the_object(scenes):
    found = 0
    for name, points in KEYPOINTS.items():
        which = (scenes["labels"] == CLASSES.index(name)).nonzero().flatten()
        keypoints = scenes["keypoints"][which]
        assert (keypoints[:, len(points) :] == 0).all() and (keypoints[:, : len(points), 2] > 0).all()
        column, row, state = keypoints.unbind(2)
        near = torch.nn.functional.max_pool2d(scenes["masks"][which].float()[:, None], 3, 1, 1)[:, 0].bool()
        visible = state == 2
        sample = torch.arange(len(which))[:, None].expand_as(column)
        assert near[sample[visible], row[visible].long(), column[visible].long()].all()
        found += int(visible.sum())
        assert visible[:, : len(points)].float().mean() > 0.6
    assert found > 1000
    unarticulated = scenes["labels"] == CLASSES.index("house")
    assert (scenes["keypoints"][unarticulated] == 0).all()


def test_captions_name_what_is_there_in_many_words():
    scenes = render(0, range(3000), 16)
    words = {word.strip(",") for caption in scenes["captions"] for word in caption.split()}
    assert len(words) >= 300
    lamps = [caption for caption, label in zip(scenes["captions"], scenes["labels"], strict=True) if CLASSES[label] == "lamp"]
    assert all(any(noun in caption for noun in ("lamp", "lantern", "light", "luminaire")) for caption in lamps)


@pytest.mark.parametrize("change", CHANGES)
def test_a_counterfactual_changes_one_thing(change, scenes):
    index = range(120)
    other = render(11, index, change=change)
    differs = (other["images"].int() - scenes["images"][:120].int()).abs().amax(1) > 0
    differs = differs.flatten(1).any(1)
    land = scenes["factors"]["scene.land"][:120].bool()
    if change in ("without sky", "without ground"):
        assert not differs[~land].any() and differs[land].float().mean() > 0.9  # a wall has neither
    else:
        assert differs.float().mean() > 0.9
    assert torch.equal(other["labels"], scenes["labels"][:120])
    before = scenes["instances"][:120]
    if change == "without object":
        assert not other["masks"].any() and torch.equal(other["instances"] > 1, before > 1) is False
    elif change == "turned":
        assert not torch.equal(other["masks"], scenes["masks"][:120])
    else:
        assert torch.equal(other["instances"], before)  # nothing moves
    if change == "without sky":
        assert not (other["semantics"] == SEMANTICS.index("sky")).any()
    if change == "without ground":
        assert not (other["semantics"] == SEMANTICS.index("ground")).any()
    if change in ("recoloured", "relit"):
        assert torch.equal(other["depth"], scenes["depth"][:120])


def test_recolouring_keeps_the_lightness(scenes):
    from skimage.color import rgb2lab

    other = render(11, range(120), change="recoloured")
    one, two = (
        torch.from_numpy(rgb2lab(images.permute(0, 2, 3, 1).numpy())) for images in (scenes["images"][:120], other["images"])
    )
    free = (scenes["ambiguity"][:120] > 0) & scenes["masks"][:120]
    lightness, colour = (one - two)[free].abs()[:, 0], (one - two)[free][:, 1:].norm(dim=1)
    assert lightness.median() < 3 and colour.median() > 15


def test_a_factor_can_be_given(scenes):
    given = render(11, range(30), factors={"object.scale": 0.5, "object.lean": 0.0})
    assert (given["factors"]["object.scale"] == 0.5).all()
    assert torch.equal(given["factors"]["colour.hue"], scenes["factors"]["colour.hue"][:30])
    with pytest.raises(CourseError, match=r"object\.scael"):
        render(11, range(3), factors={"object.scael": 0.5})
    with pytest.raises(CourseError, match="There is no change 'upside down'"):
        render(11, range(3), change="upside down")


def test_free_colours_are_grey_on_average(scenes):
    """At every lightness the mean of a and b over ambiguous pixels is near grey; the bird's two colours make brown."""
    from skimage.color import rgb2lab

    lab = torch.from_numpy(rgb2lab(scenes["images"].permute(0, 2, 3, 1).numpy()))
    pixels = lab[scenes["ambiguity"] == 1]
    bins = (pixels[:, 0] / 10).long()
    for lightness in bins.unique():
        colour = pixels[bins == lightness][:, 1:]
        if len(colour) > 20_000:
            assert colour.mean(0).norm() / colour.norm(dim=1).mean() < 0.3, lightness
    a, b = lab[scenes["ambiguity"] == 2][:, 1:].mean(0)
    assert b > 10 and abs(a) < 15


def test_free_colours_stay_inside_the_gamut():
    from skimage.color import rgb2lab

    lightness = torch.linspace(20, 95, 16)[:, None, None]
    cos, sin = cos_sin((torch.arange(72) / 72)[None, None].expand(16, 1, 72))
    errors = []
    for share in (1.0, 1.3):  # just inside, and outside for some of the hues
        a, b = gamut_radius(lightness) * share * cos, gamut_radius(lightness) * share * sin
        asked = torch.stack([lightness.expand_as(a), a, b], dim=-1)[:, 0]
        found = torch.from_numpy(rgb2lab(lab_rgb(lightness, a, b)[:, :, 0].permute(0, 2, 1).numpy()))
        errors.append((found - asked).norm(dim=-1).amax(1))
    assert errors[0].max() < 4  # the curve of sRGB is approximate
    assert (errors[1] > errors[0]).float().mean() > 0.8
    grey = free_rgb(torch.tensor([[[0.7]]]), 40.0, (torch.arange(360) / 360)[None, None]).mean((0, 2, 3))
    assert (grey - grey.mean()).abs().max() < 0.05


def test_a_camera_leaves_its_traces():
    plain = render(2, range(6))["images"]
    for options in ({"aberration": 2.0}, {"vignetting": 0.5}, {"noise": 8.0}, {"jpeg": 60}, {"jpeg": 60, "subsampling": "4:4:4"}):
        taken = render(2, range(6), camera=Camera(**options))["images"]
        assert taken.shape == plain.shape and not torch.equal(taken, plain)
        assert torch.equal(taken[3:], render(2, [3, 4, 5], camera=Camera(**options))["images"]), options
    assert torch.equal(render(2, range(6), camera=Camera())["images"], plain)
