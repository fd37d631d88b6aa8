"""Cutting, hiding and permuting, by their properties."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.pretext import normalise
from course_lib.pretext.patches import (
    GREEN_MAGENTA,
    Grid,
    colour_dropped,
    cut,
    cut_rescaled,
    greyscaled,
    grid_for,
    permutations,
    projected,
    projected_and_greyscaled,
    rescaled_window,
    standardised,
)

grids = st.builds(
    lambda patch, gap, jitter, random_origin, side: Grid(patch, patch + gap, jitter, random_origin, side=side),
    st.integers(1, 6), st.integers(0, 3), st.integers(0, 3), st.booleans(), st.integers(1, 4),
)  # fmt: skip


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(seed))


# --- where patches lie


@given(grid=grids, more=st.integers(0, 5), wider=st.integers(0, 5), seed=st.integers(0, 99))
def test_patches_lie_in_the_picture_in_their_cells_row_by_row(grid, more, wider, seed):
    height, width = grid.span + more, grid.span + wider
    for edges, side in zip(grid.places(7, height, width, seeded(seed)), (height, width), strict=True):
        assert edges.shape == (7, grid.side**2) and edges.dtype == torch.int64
        assert edges.min() >= 0 and edges.max() + grid.patch <= side
    top, left = (edges.unflatten(1, (grid.side, grid.side)) for edges in grid.places(7, height, width, seeded(seed)))
    cells = torch.arange(grid.side) * grid.stride
    for down in (top - cells[:, None], left - cells):
        assert (down.amax((1, 2)) - down.amin((1, 2)) <= grid.jitter).all()  # one origin for all, and jitter beyond it


def test_every_origin_and_every_jitter_comes():
    grid = Grid(patch=2, stride=3, jitter=1)
    top, left = grid.places(2000, grid.span + 2, grid.span + 1, seeded())
    assert top[:, 0].unique().tolist() == [0, 1, 2, 3] and left[:, 0].unique().tolist() == [0, 1, 2]
    assert ((top[:, 8] - top[:, 0]).unique() - 6).tolist() == [-1, 0, 1]
    assert not torch.equal(top[:, 0] - top[:, 1], left[:, 0] - left[:, 3])  # each axis and each patch by its own draw


def test_the_middle_of_the_picture_and_alignment():
    top, left = Grid(patch=4, stride=5, jitter=0, random_origin=False).places(3, 20, 18, seeded())
    assert top[:, 0].tolist() == [3] * 3 and left[:, 0].tolist() == [2] * 3  # 14 pixels wide, in 20 x 18
    for random_origin in (True, False):
        edges = Grid(14, 16, 0, random_origin, align=8).places(200, 64, 64, seeded())
        assert all((edge % 8 == 0).all() for edge in edges)
    assert Grid(14, 16, 0, align=8).places(200, 64, 64, seeded())[0][:, 0].unique().tolist() == [0, 8, 16]


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"patch": 0}, "one or more"), ({"side": 0}, "one or more"), ({"align": 0}, "one or more"),
    ({"jitter": -1}, "no negative jitter"), ({"patch": 14, "stride": 13}, "overlap"),
    ({"patch": 8, "align": 8, "stride": 18, "jitter": 0}, "multiples of 8"),
    ({"patch": 8, "align": 8, "stride": 16}, "multiples of 8"),
])  # fmt: skip
def test_impossible_grids_are_refused(settings, sentence):
    with pytest.raises(CourseError, match=sentence):
        Grid(**settings)


def test_small_pictures_are_refused():
    for height, width in ((52, 64), (64, 52)):
        with pytest.raises(CourseError, match=f"at least 53 pixels a side, and these have {height} x {width}"):
            Grid(14, 18, 3).places(1, height, width, seeded())


@pytest.mark.parametrize("size", range(15, 257))
def test_the_courses_grid_fits_every_size(size):
    grid = grid_for(size)
    assert grid.span <= size and grid.patch >= 3
    grid.places(2, size, size, seeded())


def test_the_courses_grid():
    assert grid_for(64) == Grid() and grid_for(64, jitter=0, side=2) == Grid(jitter=0, side=2)
    with pytest.raises(CourseError, match="14 pixels are too small"):
        grid_for(14)


# --- cutting


@given(grid=grids, more=st.integers(0, 4), channels=st.integers(1, 4), count=st.integers(1, 4))
def test_cutting_takes_the_pixels_that_lie_there(grid, more, channels, count):
    images = pictures(count, channels, grid.span + more, grid.span + 2 * more)
    top, left = grid.places(count, *images.shape[2:], seeded(1))
    taken = cut(images, top, left, grid.patch)
    assert taken.shape == (count, grid.side**2, channels, grid.patch, grid.patch) and taken.dtype == torch.uint8
    for i, j in itertools.product(range(count), range(grid.side**2)):
        rows, columns = (slice(int(edge[i, j]), int(edge[i, j]) + grid.patch) for edge in (top, left))
        assert torch.equal(taken[i, j], images[i, :, rows, columns])


def test_a_window_as_large_as_the_picture_is_no_rescaling():
    images, grid = pictures(5, 3, 30, 34), Grid(patch=6, stride=8, jitter=2)
    top, left = grid.places(5, 30, 34, seeded(3))
    assert torch.equal(cut_rescaled(images, grid, seeded(3), smallest=1, largest=1), cut(images, top, left, 6))


def test_rescaled_patches_come_from_one_window_of_the_right_size():
    """On a picture whose brightness is its column (or row), a patch's brightness tells where it was taken."""
    grid = Grid(patch=8, stride=20, jitter=0)
    column = torch.arange(64, dtype=torch.uint8) * 4
    for axis, ramp in (("columns", column.expand(64, 64)), ("rows", column[:, None].expand(64, 64))):
        taken = cut_rescaled(ramp.expand(300, 3, 64, 64).contiguous(), grid, seeded(), 0.5, 0.8)
        assert taken.shape == (300, 9, 3, 8, 8) and taken.dtype == torch.uint8
        place = taken.float().mean((2, 3, 4)).unflatten(1, (3, 3)) / 4
        place = place if axis == "columns" else place.transpose(1, 2)
        assert (place[:, 0] - place[:, 2]).abs().max() < 0.3  # patches of a column agree
        scale = (place[:, :, 2] - place[:, :, 0]) / 40
        assert (scale - scale[:, :1]).abs().max() < 0.02
        assert scale.min() > 0.49 and scale.max() < 0.81 and scale.max() - scale.min() > 0.25


def test_windows_keep_the_shape_and_flat_pictures():
    flat = torch.full((3, 3, 20, 20), 90, dtype=torch.uint8)
    assert torch.equal(rescaled_window(flat, seeded()), flat)
    assert (cut_rescaled(flat, Grid(4, 5, 1), seeded()) == 90).all()


# --- hiding


@given(count=st.integers(1, 3), patch=st.integers(2, 6), seed=st.integers(0, 99))
def test_standardised_patches_forget_light_and_contrast(count, patch, seed):
    patches = torch.randn(count, 4, 3, patch, patch, generator=seeded(seed))
    result = standardised(patches)
    assert torch.allclose(result.mean((2, 3, 4)), torch.zeros(count, 4), atol=1e-5)
    assert torch.allclose(result.std((2, 3, 4), correction=0), torch.ones(count, 4), atol=1e-4)
    assert torch.allclose(standardised(patches * 3 + 5), result, atol=1e-4)
    one, other = result[:, :, :, 0, 0] - result[:, :, :, 1, 1], patches[:, :, :, 0, 0] - patches[:, :, :, 1, 1]
    ratios = one / other  # one spread for the three channels: differences keep their ratios
    assert torch.allclose(ratios, ratios[..., :1].expand_as(ratios), rtol=1e-2)


def test_flat_patches_stay_flat():
    assert (standardised(torch.full((2, 9, 3, 4, 4), 0.7)).abs() < 1e-4).all()
    nearly = torch.zeros(1, 1, 3, 4, 4)
    nearly[..., 0] = 0.01
    assert standardised(nearly).std() < 0.5


def test_one_channel_stays_and_the_others_are_gone():
    patches = torch.randn(200, 9, 3, 6, 6, generator=seeded())
    result = colour_dropped(patches, seeded(1))
    same = (result == patches).flatten(3).all(3)
    assert (same.sum(2) == 1).all()
    assert (result[~same] == 0).all()
    often = same.float().mean((0, 1))
    assert ((often - 1 / 3).abs() < 0.06).all()  # 1800 draws: five standard deviations
    assert (same[:, 0] != same[:, 1]).any(1).float().mean() > 0.5  # each patch by its own draw
    assert torch.equal(colour_dropped(patches, seeded(1)), result)


def test_projection_takes_green_against_magenta_and_nothing_else():
    a = torch.tensor(GREEN_MAGENTA)
    patches = torch.randn(2, 5, 3, 4, 4, generator=seeded())
    result = projected(patches)
    assert torch.einsum("npchw,c->nphw", result, a).abs().max() < 1e-5
    assert torch.allclose(projected(result), result, atol=1e-6)
    gone = patches - result
    assert torch.allclose(gone, gone[:, :, :1] * torch.tensor([1.0, -2.0, 1.0])[:, None, None], atol=1e-6)


def test_a_share_of_the_samples_in_grey_all_patches_alike():
    patches = normalise(pictures(1000, 2, 3, 3, 3))
    result = greyscaled(patches, 0.4, seeded())
    grey = ((result[:, :, 0] == result[:, :, 1]) & (result[:, :, 1] == result[:, :, 2])).flatten(1).all(1)
    assert torch.equal(result[~grey], patches[~grey])
    assert abs(grey.float().mean() - 0.4) < 0.08  # five standard deviations
    white = torch.ones(1, 1, 3, 2, 2)
    assert torch.allclose(greyscaled(white, 1.0, seeded()), white)
    assert torch.equal(greyscaled(patches, 0.0, seeded()), patches)
    green = torch.tensor([0.0, 1.0, 0.0])[None, None, :, None, None]
    assert torch.allclose(greyscaled(green, 1.0, seeded()), torch.full((1, 1, 3, 1, 1), 0.587))


@pytest.mark.parametrize("draws", [
    lambda rng: cut_rescaled(pictures(4, 3, 20, 20), Grid(4, 5, 1), rng),
    lambda rng: rescaled_window(pictures(4, 3, 20, 20), rng),
    lambda rng: colour_dropped(normalise(pictures(4, 2, 3, 5, 5)), rng),
    lambda rng: greyscaled(normalise(pictures(40, 2, 3, 5, 5)), 0.5, rng),
    lambda rng: torch.stack(Grid(4, 5, 1).places(9, 20, 20, rng)),
])  # fmt: skip
def test_draws_from_the_generator_handed_in_alone(draws):
    state = torch.get_rng_state()
    assert torch.equal(draws(seeded(4)), draws(seeded(4)))
    assert not torch.equal(draws(seeded(4)), draws(seeded(5)))
    assert torch.equal(torch.get_rng_state(), state)


# --- permutations


def smallest_distance(chosen):
    return min(int((a != b).sum()) for a, b in itertools.combinations(chosen, 2))


@given(count=st.integers(2, 6), tiles=st.integers(3, 4), seed=st.integers(0, 9))
def test_permutations_are_chosen_greedily(count, tiles, seed):
    chosen = permutations(count, tiles, seed)
    assert chosen.shape == (count, tiles) and chosen.dtype == torch.int64
    assert torch.equal(chosen.sort(1).values, torch.arange(tiles).expand(count, tiles))
    every = torch.tensor(list(itertools.permutations(range(tiles))))
    for k in range(1, count):
        from_nearest = (every[:, None] != chosen[:k]).sum(2).amin(1)
        own = int((chosen[k] != chosen[:k]).sum(1).min())
        assert own == from_nearest.max()
    assert torch.equal(permutations(count, tiles, seed), chosen)


def test_nine_permutations_of_nine_tiles_agree_nowhere():
    assert smallest_distance(permutations(9)) == 9
    assert smallest_distance(permutations(24)) >= 7
    assert not torch.equal(permutations(9), permutations(9, seed=1))


def test_all_permutations_and_more_tiles_than_can_be_listed():
    assert len(permutations(math.factorial(4), 4).unique(dim=0)) == 24
    many = permutations(5, tiles=16)
    assert torch.equal(many.sort(1).values, torch.arange(16).expand(5, 16)) and smallest_distance(many) >= 15


@pytest.mark.parametrize(("count", "tiles"), [(1, 9), (0, 3), (7, 3), (-2, 4)])
def test_too_few_or_too_many_permutations_are_refused(count, tiles):
    with pytest.raises(CourseError, match=f"{tiles} tiles have {math.factorial(tiles)} permutations, and {count} were"):
        permutations(count, tiles)


def test_two_samples_of_three_in_grey_and_none_with_green_against_magenta():
    patches = normalise(pictures(300, 2, 3, 4, 4))
    result = projected_and_greyscaled(patches, seeded())
    assert (result[:, :, 1] * 2 - result[:, :, 0] - result[:, :, 2]).abs().max() < 1e-5
    grey = (result[:, :, 0] - result[:, :, 2]).abs().amax((1, 2, 3)) < 1e-5
    assert 0.55 < grey.float().mean() < 0.78
