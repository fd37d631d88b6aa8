"""The jigsaw task, by its properties."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext import load, normalise, patches
from course_lib.pretext.jigsaw import MIDDLE, Jigsaw, compose, scramble, unscramble
from course_lib.training import Step, fit

SIX = patches.permutations(6)
GRID = patches.Grid(patch=8, stride=9, jitter=1)  # 27 pixels wide
OPEN = {"rescale": False, "colours": None, "standardise": False}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(seed))


def batch(count=4, side=32):
    return Batch(torch.arange(count), images=pictures(count, 3, side, side))


def jigsaw(**options):
    backbone = build_backbone(rng=seeded(1), width=8, image_size=8)
    return backbone, Jigsaw(backbone, seeded(2), **{"permutations": SIX, "grid": GRID, "puzzles": 1} | options)


@given(count=st.integers(1, 5), k=st.integers(2, 7), side=st.integers(1, 4), seed=st.integers(0, 99))
def test_place_k_holds_the_tile_that_the_permutation_names(count, k, side, seed):
    tiles, rng = pictures(count, 9, 3, side, side, seed=seed), seeded(seed)
    permutations = torch.rand(k, 9, generator=rng).argsort(1)
    index = torch.randint(0, k, (count,), generator=rng)
    scrambled = scramble(tiles, index, permutations)
    for sample in range(count):
        for place, tile in enumerate(permutations[index[sample]].tolist()):
            assert torch.equal(scrambled[sample, place], tiles[sample, tile])
    assert torch.equal(unscramble(scrambled, index, permutations), tiles)


@given(count=st.integers(1, 3), side=st.integers(1, 5), gap=st.integers(0, 3))
def test_composed_pictures_hold_the_tiles_row_by_row(count, side, gap):
    tiles = pictures(count, 9, 3, side, side)
    whole = compose(tiles, gap)
    assert whole.dtype == torch.uint8 and whole.shape == (count, 3, 3 * side + 2 * gap, 3 * side + 2 * gap)
    left = torch.ones_like(whole, dtype=torch.bool)
    for k in range(9):
        top, across = k // 3 * (side + gap), k % 3 * (side + gap)
        assert torch.equal(whole[..., top : top + side, across : across + side], tiles[:, k])
        left[..., top : top + side, across : across + side] = False
    assert (whole[left] == 255).all()


def test_hides_scrambled_tiles_and_their_permutation():
    """Open and without jitter, the tiles put back in order are the picture's own pixels."""
    grid = patches.Grid(patch=8, stride=12, jitter=0, random_origin=False)
    _, task = jigsaw(grid=grid, **OPEN)
    some = batch(40)
    (visible, _), hidden = task.hide(some, seeded())
    assert visible.shape == (40, 9, 3, 8, 8) and visible.dtype == torch.float32
    assert hidden.dtype == torch.int64 and set(hidden.tolist()) == set(range(6))
    ordered = unscramble(visible, hidden, task.permutations)
    for k in range(9):
        top, left = k // 3 * 12, k % 3 * 12
        assert torch.equal(ordered[:, k], normalise(some.images)[:, :, top : top + 8, left : left + 8])


def test_several_puzzles_of_the_same_tiles():
    """Each is the scrambling that its permutation says, no two of a window are equal, and there are at most as many as K."""
    grid = patches.Grid(patch=8, stride=12, jitter=0, random_origin=False)
    some = batch(5)
    for asked, made in ((4, 4), (50, 6)):
        (tiles, places), hidden = jigsaw(grid=grid, puzzles=asked, **OPEN)[1].hide(some, seeded())
        assert places.shape == (5, made, 9) and hidden.shape == (5 * made,)
        assert (places[:, 0] == torch.arange(9)).all()
        hidden = hidden.unflatten(0, (5, made))
        assert all(len(set(answers)) == made for answers in hidden.tolist())
        whole = unscramble(tiles, hidden[:, 0], SIX)
        for puzzle in range(made):
            laid = tiles[torch.arange(5)[:, None], places[:, puzzle]]
            assert torch.equal(unscramble(laid, hidden[:, puzzle], SIX), whole)


def test_a_window_answers_many_puzzles_as_it_answers_each():
    backbone, task = jigsaw(puzzles=3)
    backbone.eval(), task.eval()
    (tiles, places), _ = task.hide(batch(), seeded())
    together = task.predict(backbone, (tiles, places)).unflatten(0, (4, 3))
    for puzzle in range(3):
        alone = tiles[torch.arange(4)[:, None], places[:, puzzle]], torch.arange(9).expand(4, 1, 9)
        assert torch.allclose(task.predict(backbone, alone), together[:, puzzle], atol=1e-5)


def test_a_network_names_puzzles_that_were_made_before():
    backbone, task = jigsaw(puzzles=3, colours=None)
    backbone.eval(), task.eval()
    tiles, _ = task.puzzles(batch().images, seeded())
    places = torch.arange(9).expand(4, 1, 9)
    assert torch.equal(task.name(backbone, tiles, seeded()), task.predict(backbone, (task.seen(tiles, seeded()), places)))


def test_every_permutation_comes_equally_often():
    hidden = jigsaw()[1].hide(batch(3000), seeded())[1]
    counts = hidden.bincount(minlength=6)
    assert ((counts > 390) & (counts < 610)).all()  # 500 expected, five standard deviations


def test_what_the_network_sees_is_blocked():
    (visible, _), _ = jigsaw()[1].hide(batch(), seeded())
    assert visible.mean((2, 3, 4)).abs().max() < 1e-5
    assert (visible.std((2, 3, 4), correction=0) - 1).abs().max() < 1e-4
    green_magenta = visible[:, :, 1] * 2 - visible[:, :, 0] - visible[:, :, 2]
    assert green_magenta.std((2, 3)).max() < 1e-4


def test_each_remedy_can_be_left_off():
    some = batch()
    bright = jigsaw(standardise=False, colours=None)[1].hide(some, seeded())[0][0]
    assert bright.mean((2, 3, 4)).abs().max() > 0.01 and (bright.abs() <= 1).all()
    colourful = jigsaw(colours=None)[1].hide(some, seeded())[0][0]
    assert (colourful.std((3, 4)) > 0.5).all()
    # Pixels of tiles that were not rescaled are pixels of the picture.
    flat = {tuple(pixel) for pixel in normalise(some.images)[0].flatten(1).T.tolist()}
    cut, rescaled = (jigsaw(**OPEN | {"rescale": rescale})[1].hide(some, seeded())[0][0] for rescale in (False, True))
    share = [sum(tuple(pixel) in flat for pixel in tiles[0].transpose(0, 1).flatten(1).T.tolist()) for tiles in (cut, rescaled)]
    assert share[0] == 9 * 64 and share[1] < 9


def test_the_same_draws_from_the_same_state():
    _, task = jigsaw()
    ((first, _), a), ((again, _), b), ((other, _), c) = (task.hide(batch(20), seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again) and torch.equal(a, b)
    assert not torch.equal(first, other) and not torch.equal(a, c)


def test_the_grid_follows_the_pictures_unless_given():
    task = jigsaw(grid=None)[1]
    for side in (32, 64, 20):
        assert task.hide(batch(2, side), seeded())[0][0].shape[-1] == patches.grid_for(side).patch


def test_a_shared_tower_treats_all_places_alike():
    """With the tiles of two samples exchanged at one place, the vectors are exchanged there, and nothing else changes."""
    backbone, task = jigsaw()
    backbone.eval()
    (visible, _), _ = task.hide(batch(2), seeded())
    vectors = task._vectors(backbone, task.fc6[0], visible)
    visible[:, 7] = visible[:, 7].flip(0)
    exchanged = task._vectors(backbone, task.fc6[0], visible)
    assert torch.allclose(exchanged[:, 7], vectors[:, 7].flip(0), atol=1e-5)
    assert torch.allclose(exchanged[:, :7], vectors[:, :7], atol=1e-5)


def test_nine_towers_of_the_same_size_each_see_their_own_place():
    backbone, task = jigsaw(shared=False)
    task.eval(), backbone.eval()
    size = sum(weights.numel() for weights in backbone.parameters())
    assert [sum(weights.numel() for weights in tower.parameters()) for tower in task.others] == [size] * 8
    weights = [tower.blocks.conv1[0].weight for tower in (backbone, *task.others)]
    assert len({tuple(weight.flatten().tolist()) for weight in weights}) == 9
    (visible, places), _ = task.hide(batch(), seeded())
    visible.requires_grad_()
    tile = visible.select(1, 3)
    task.head(F.pad(task._vectors(task.others[2], task.fc6[3], tile[:, None]), (0, 0, 3, 5)).flatten(1)).sum().backward()
    assert visible.grad[:, 3].abs().sum() > 0 and visible.grad[:, :3].abs().sum() == 0
    before = task.predict(backbone, (visible, places)).detach()
    torch.nn.init.zeros_(task.others[2].blocks.conv1[0].weight)
    assert not torch.allclose(task.predict(backbone, (visible, places)), before)


def test_the_audit_sees_the_middle_alone():
    backbone, task = jigsaw(sees="one")
    backbone.eval(), task.eval()
    (visible, places), _ = task.hide(batch(), seeded())
    visible.requires_grad_()
    prediction = task.predict(backbone, (visible, places))
    assert prediction.shape == (4, 6)
    prediction.square().sum().backward()
    seen = visible.grad.flatten(2).abs().sum((0, 2))
    assert seen[MIDDLE] > 0 and seen.count_nonzero() == 1


def test_every_parameter_is_trained():
    for options in ({}, {"shared": False}, {"sees": "one"}):
        backbone, task = jigsaw(**options)
        Step(backbone, task)(batch(8)).loss.backward()
        assert all(weights.grad is not None for module in (backbone, task) for weights in module.parameters())


@pytest.mark.parametrize(("options", "sentence"), [
    ({"permutations": torch.arange(8)[None]}, "nine tiles holds 0 to 8"),
    ({"permutations": torch.arange(9)}, "nine tiles holds 0 to 8"),
    ({"permutations": torch.zeros(3, 9, dtype=torch.int64)}, "nine tiles holds 0 to 8"),
    ({"grid": patches.Grid(side=2)}, "3 x 3 tiles"),
    ({"sees": "two"}, "all or one of the tiles, not 'two'"),
    ({"sees": "one", "shared": False}, "One tile needs one tower"),
    ({"puzzles": 0}, "one puzzle or more, not 0"),
    ({"puzzles": 4, "shared": False}, "leave `puzzles` at 1"),
])  # fmt: skip
def test_what_makes_no_jigsaw_is_refused(options, sentence):
    with pytest.raises(CourseError, match=sentence):
        jigsaw(**options)


def test_small_pictures_are_refused():
    with pytest.raises(CourseError, match="at least 27 pixels"):
        jigsaw()[1].hide(batch(side=16), seeded())


def test_draws_what_is_hidden_beside_what_is_seen():
    figure = jigsaw()[1].draw(batch(2), seeded())
    hidden = jigsaw()[1].puzzles(batch(2).images, seeded())[1]
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "the picture" and len(titles) == 6
    assert titles[1::3] == [f"hidden: permutation {answer}" for answer in hidden.tolist()]


def test_represents_whole_pictures():
    backbone, task = jigsaw()
    backbone.eval()
    assert task.represent(backbone, batch(), "conv3").shape == (4, 32 * 16)


def test_found_by_name_with_the_lectures_chance():
    assert load("jigsaw") is Jigsaw
    assert jigsaw()[1].chance == 1 / 6
    backbone = build_backbone(rng=seeded(), width=8)
    assert Jigsaw(backbone, seeded()).permutations.shape == (24, 9)


def test_learns_a_few_dozen_pictures():
    """Open, 32 shaded pictures: well above the chance of one in six."""
    side = torch.arange(32) / 31
    corners = torch.rand(32, 3, 2, 2, generator=seeded(3))
    images = F.interpolate(corners, size=(32, 32), mode="bilinear", align_corners=True)
    images = (images + 0.1 * side[:, None] - 0.1 * side).clamp(0, 1) * 255
    data = Split(labels=torch.zeros(32, dtype=torch.int64), classes=["none"], images=images.to(torch.uint8))
    backbone, task = jigsaw(**OPEN)
    history = fit(backbone, task, data, steps=60, batch_size=32, learning_rate=5e-3)
    late = [scores["accuracy"] for _, scores in history.scores[-2:]]
    assert history.losses[0] > 1.5 and min(late) > 0.6
