"""Clips: one depends on its number alone, its truth agrees with its pixels, and only the poses tell the frames' order."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from course_lib.data.world import clips as module
from course_lib.data.world.clips import COLOURS, SCENES, render_clips
from course_lib.data.world.figure import ACTIONS, KEYPOINTS, POSTURES
from course_lib.errors import CourseError

COUNT, FRAMES, SIZE = 640, 16, 48
TENSORS = ("clips", "labels", "keypoints", "masks", "flow", "scene", "colour", "motion")


@pytest.fixture(scope="module")
def clips():
    return render_clips(11, range(COUNT))


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _digest(clips):
    return hashlib.sha256(b"".join(clips[name].numpy().tobytes() for name in TENSORS)).hexdigest()


def _assert_same(clips, others, positions):
    for name in TENSORS:
        assert torch.equal(clips[name][positions], others[name]), name
    for name, values in others["factors"].items():
        expected = clips["factors"][name][positions]
        assert torch.equal(expected.nan_to_num(-9), values.nan_to_num(-9)), name


def test_a_clip_is_the_same_in_any_order_and_company(clips):
    positions = torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))[:40]
    _assert_same(clips, render_clips(11, positions), positions)


def test_a_clip_is_the_same_alone(clips):
    for position in (0, 7, COUNT - 1):
        _assert_same(clips, render_clips(11, [position]), torch.tensor([position]))


def test_small_chunks_change_nothing(clips, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_PIXELS", 3 * FRAMES * SIZE**2)
    _assert_same(clips, render_clips(11, range(24)), torch.arange(24))


def test_one_thread_changes_nothing(clips, one_thread):
    _assert_same(clips, render_clips(11, range(24)), torch.arange(24))


def test_another_process_renders_the_same_clips():
    code = (
        "import hashlib; from course_lib.data.world.clips import render_clips;"
        " clips = render_clips(-5, range(2**40, 2**40 + 3), 32, 5, moving_background=True);"
        f"print(hashlib.sha256(b''.join(clips[name].numpy().tobytes() for name in {TENSORS})).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _digest(render_clips(-5, range(2**40, 2**40 + 3), 32, 5, moving_background=True))


def test_nothing_global_is_drawn():
    before = torch.get_rng_state()
    render_clips(0, range(3), 16, 2)
    assert torch.equal(before, torch.get_rng_state())


def test_shapes_and_ranges(clips):
    points = len(KEYPOINTS)
    expected = {
        "clips": (torch.uint8, FRAMES, 3, SIZE, SIZE),
        "labels": (torch.int64,),
        "keypoints": (torch.float32, FRAMES, points, 3),
        "masks": (torch.bool, FRAMES, SIZE, SIZE),
        "flow": (torch.float16, FRAMES - 1, 2, SIZE, SIZE),
        "scene": (torch.int64,),
        "colour": (torch.int64,),
        "motion": (torch.float32, FRAMES - 1),
    }
    for count, part in ((COUNT, clips), (0, render_clips(0, []))):
        for name, (dtype, *shape) in expected.items():
            assert part[name].dtype == dtype and part[name].shape == (count, *shape), name
    assert points == 13
    assert clips["masks"].flatten(2).float().mean(2).min() > 0.03
    assert render_clips(0, [1], 20, 3)["clips"].shape == (1, 3, 3, 20, 20)


def test_mistakes_are_explained():
    with pytest.raises(CourseError, match="size is 8"):
        render_clips(0, [1], 8)
    with pytest.raises(CourseError, match="at least 2 frames"):
        render_clips(0, [1], frames=1)


def test_actions_scenes_and_colours_are_spread(clips):
    assert len(ACTIONS) >= 8
    assert sorted(action for actions in POSTURES.values() for action in actions) == sorted(ACTIONS)
    for name, kinds in (("labels", ACTIONS), ("scene", SCENES)):
        counts = torch.bincount(clips[name], minlength=len(kinds)) * len(kinds) / COUNT
        assert counts.min() > 0.65 and counts.max() < 1.35
    counts = torch.bincount(clips["colour"], minlength=len(COLOURS))
    assert (counts > 0).all() and counts.max() < 0.4 * COUNT


def test_the_body_stands_crouches_or_is_upside_down(clips):
    rows = dict(zip(KEYPOINTS, clips["keypoints"][..., 1].unbind(2), strict=True))
    height = (rows["left_ankle"] + rows["right_ankle"]) / 2 - rows["head"]
    of_action = {action: height[clips["labels"] == label] for label, action in enumerate(ACTIONS)}
    for action in POSTURES["upright"]:
        assert of_action[action].min() > 12, action
    assert of_action["handstand"].max() < -10 and of_action["bicycle"].max() < -4
    assert of_action["cartwheel"].max() > 10 and of_action["cartwheel"].min() < -10
    for action in POSTURES["crouching"]:
        assert of_action[action].quantile(0.1) < 0.7 * of_action["walk"].mean(), action


def test_less_than_half_a_period_is_seen(clips):
    assert clips["factors"]["action.period"].min() >= 2 * FRAMES
    assert clips["factors"]["action.seen"].max() < 0.5
    assert 0.4 < clips["factors"]["action.backwards"].float().mean() < 0.6


def test_visible_keypoints_lie_on_the_figure(clips):
    column, row, seen = clips["keypoints"].unbind(3)
    inside = (column >= 0) & (column < SIZE) & (row >= 0) & (row < SIZE)
    assert inside[seen == 2].all() and set(seen.unique().tolist()) == {1.0, 2.0}
    pixels = row.clamp(0, SIZE - 1).to(torch.int64) * SIZE + column.clamp(0, SIZE - 1).to(torch.int64)
    assert clips["masks"].flatten(2).gather(2, pixels)[seen == 2].all()
    assert (seen == 2).float().mean((0, 1)).min() > 0.25  # each of them is often seen


def test_the_flow_leads_into_the_next_frame(clips):
    frames, following = (clips["clips"][:60, part].flatten(0, 1).float() for part in (slice(None, -1), slice(1, None)))
    flow, masks = clips["flow"][:60].flatten(0, 1).float(), clips["masks"][:60, :-1].flatten(0, 1)
    place = torch.arange(SIZE) + 0.5
    goal = torch.stack([place + flow[:, 0], place[:, None] + flow[:, 1]], dim=-1) * (2 / SIZE) - 1
    warped = torch.nn.functional.grid_sample(following, goal, align_corners=False, padding_mode="border")
    changed, left = (frames - following).abs().mean(1), (frames - warped).abs().mean(1)
    moving = masks & (flow.norm(dim=1) > 0.7)
    assert left[masks].mean() < 0.65 * changed[masks].mean()
    assert left[moving].mean() < 0.35 * changed[moving].mean()
    assert flow.abs().max() < SIZE / 4


def test_the_motion_is_the_length_of_the_flow(clips):
    length, masks = clips["flow"][:100].float().norm(dim=2), clips["masks"][:100, :-1]
    expected = (length * masks).sum((2, 3)) / masks.sum((2, 3))
    assert torch.allclose(clips["motion"][:100], expected, atol=1e-3)
    of_clips = clips["motion"].mean(1)
    assert of_clips.quantile(0.9) > 3 * of_clips.quantile(0.1)  # there are quiet and lively clips


def test_half_of_the_cameras_pan_in_any_direction(clips):
    pan = torch.stack([clips["factors"]["camera.pan_x"], -clips["factors"]["camera.pan_y"]], dim=1) * SIZE
    pans = clips["factors"]["camera.pans"].bool()
    assert 0.4 < pans.float().mean() < 0.6
    assert (pan[~pans] == 0).all() and pan[pans].norm(dim=1).min() > 0.2
    assert pan.mean(0).abs().max() < 0.1
    corner = clips["flow"][:, :, :, 0, 0][~clips["masks"][:, :, 0, 0].any(1)].float()
    assert torch.allclose(corner, pan[~clips["masks"][:, :, 0, 0].any(1), None].expand_as(corner), atol=1e-3)


def test_a_moving_background_leaves_the_figure_alone(clips):
    moving = render_clips(11, range(40), moving_background=True)
    for name in ("labels", "keypoints", "masks", "motion", "scene", "colour"):
        assert torch.equal(moving[name], clips[name][:40]), name
    still, masks = clips["flow"][:40], clips["masks"][:40, :-1, None].expand(-1, -1, 2, -1, -1)
    assert torch.equal(moving["flow"][masks], still[masks])
    assert (moving["flow"] != still).any(2).float().mean() > 0.03


def test_a_larger_clip_shows_the_same(clips):
    large = render_clips(11, range(12), 96)
    shrunk = torch.nn.functional.avg_pool2d(large["masks"].float(), 2) >= 0.5
    both, either = (shrunk & clips["masks"][:12]).sum(), (shrunk | clips["masks"][:12]).sum()
    assert both / either > 0.85
    assert (large["keypoints"][..., :2] / 2 - clips["keypoints"][:12, ..., :2]).abs().max() < 0.5


def test_the_centroids_do_not_tell_the_order_of_the_frames(clips):
    place = torch.arange(SIZE, dtype=torch.float64)
    masks = clips["masks"].double()
    centroids = torch.stack([masks.sum(2) @ place, masks.sum(3) @ place], dim=2) / masks.sum((2, 3))[..., None]
    rng = np.random.default_rng(0)
    features, targets = [], np.arange(COUNT) % 2
    for clip, ordered in zip(centroids.numpy(), targets, strict=True):
        first, middle, last = sorted(rng.choice(FRAMES, 3, replace=False))
        three = clip[[first, middle, last] if ordered else [middle, first, last]]
        steps = np.stack([three[1] - three[0], three[2] - three[1], three[2] - three[0]])
        features.append(np.concatenate([three, steps, abs(steps)]).ravel())
    features = np.stack(features)
    for columns in (slice(6), slice(None)):  # what a net would be given, then with steps worked out for it
        for model in (LogisticRegression(C=0.1, max_iter=500), GradientBoostingClassifier(n_estimators=50, max_depth=2)):
            accuracies = []
            for split in range(3):
                order = np.random.default_rng(split).permutation(COUNT)
                train, held_out = order[: COUNT // 2], order[COUNT // 2 :]
                model.fit(features[train, columns], targets[train])
                accuracies.append(model.score(features[held_out, columns], targets[held_out]))
            assert np.mean(accuracies) <= 0.56, accuracies
