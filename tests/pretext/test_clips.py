"""What the tasks on clips share: moments, motion, frames."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.pretext import clips


def film(*levels):
    """A clip of flat grey frames, uint8 1 x T x 3 x 8 x 8."""
    return torch.tensor(levels, dtype=torch.uint8).view(1, -1, 1, 1, 1).expand(1, -1, 3, 8, 8)


def test_motion_is_the_mean_change_of_brightness():
    assert torch.allclose(clips.motion(film(10, 10, 40, 15)), torch.tensor([[0.0, 30.0, 25.0]]), atol=1e-4)


@pytest.mark.parametrize(
    ("length", "most", "count", "step"), [(16, 8, 8, 2), (17, 8, 8, 2), (8, 8, 8, 1), (5, 8, 5, 1), (30, 8, 8, 3)]
)
def test_moments_are_evenly_spaced_and_begin_anywhere(length, most, count, step):
    rng = torch.Generator().manual_seed(0)
    moments = clips.every_second(torch.zeros(200, length, 3, 2, 2, dtype=torch.uint8), most, rng)
    assert moments.shape == (200, count) and (moments.diff(dim=1) == step).all()
    assert moments.min() == 0 and moments.max() == length - 1  # neither end is left out


def test_quintuples_are_all_there_are_and_ascend():
    table = clips.quintuples(8)
    assert table.shape == (56, 5) and (table.diff(dim=1) > 0).all() and len(table.unique(dim=0)) == 56
    with pytest.raises(CourseError, match="five or more, and this one has 4: use longer clips"):
        clips.quintuples(4)


def test_windows_are_drawn_where_much_moves():
    # Nothing moves until the last three frames.
    frames = film(50, 50, 50, 50, 50, 80, 120, 200).expand(500, -1, -1, -1, -1)
    rng = torch.Generator().manual_seed(0)
    fast = clips.draw_quintuples(frames, rng, 1, high_motion=True)[:, 0]
    blind = clips.draw_quintuples(frames, rng, 1, high_motion=False)[:, 0]
    assert fast.shape == blind.shape == (500, 5) and (fast.diff(dim=1) > 0).all()
    assert (fast[:, 3] >= 5).float().mean() > 0.99 > 0.9 > (blind[:, 3] >= 5).float().mean()


def test_motion_blind_windows_are_all_equally_likely():
    frames, rng = film(*range(7)).expand(2000, -1, -1, -1, -1), torch.Generator().manual_seed(0)
    drawn = clips.draw_quintuples(frames, rng, 3, high_motion=False)
    counts = drawn.flatten(0, 1).unique(dim=0, return_counts=True)[1]
    assert len(counts) == 21 and counts.min() > 6000 / 21 * 0.7 and counts.max() < 6000 / 21 * 1.3


def test_frames_are_taken_each_clips_own():
    numbers = torch.arange(6, dtype=torch.uint8).view(2, 3, 1, 1, 1).expand(2, 3, 3, 4, 4)
    taken = clips.at(numbers, torch.tensor([[2, 0], [1, 1]]))
    assert taken.shape == (2, 2, 3, 4, 4) and taken[..., 0, 0, 0].tolist() == [[2, 0], [4, 4]]


def test_each_frame_is_shaken_by_itself_and_keeps_its_pixels():
    rng = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (5, 4, 3, 9, 12), generator=rng, dtype=torch.uint8)
    moved = clips.shaken(frames, 2, rng)
    found = set()
    for clip in range(5):
        for k in range(4):
            shifts = [
                (down, right)
                for down in range(-2, 3) for right in range(-2, 3)
                if torch.equal(moved[clip, k, :, 2:-2, 2:-2], frames[clip, k, :, 2 + down : 7 + down, 2 + right : 10 + right])
            ]  # fmt: skip
            assert len(shifts) == 1
            found.add((shifts[0], clip, k))
    assert len({shift for shift, *_ in found}) > 8 and moved.shape == frames.shape and moved.dtype == torch.uint8


def test_the_centroid_is_that_of_what_moves():
    frames = torch.full((1, 5, 3, 21, 21), 90, dtype=torch.uint8)
    for k, (row, column) in enumerate([(10, 10), (2, 10), (18, 10), (10, 4), (10, 16)]):
        frames[0, k, :, row - 2 : row + 3, column - 2 : column + 3] = 250
    found = clips.centroids(frames)
    assert torch.allclose(found[0], torch.tensor([[0, 0], [0, -0.8], [0, 0.8], [-0.6, 0], [0.6, 0]]), atol=1e-3)
    still = clips.centroids(frames[:, :1].expand(-1, 5, -1, -1, -1))
    assert torch.allclose(still, torch.zeros(1, 5, 2), atol=1e-5)
