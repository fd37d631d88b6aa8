"""The odd quarter: what is pasted, what is seen, and that it can be learnt."""

import pytest
import torch

from course_lib.data import Split
from course_lib.models import build_backbone
from course_lib.pretext.odd_quarter import OddQuarter, exchange, standardised_quarters, with_gap
from course_lib.training import fit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def split(count=48, side=32):
    """Flat pictures, each of its own colour."""
    colour = torch.randint(0, 256, (count, 3, 1, 1), generator=seeded(), dtype=torch.uint8)
    return Split(labels=torch.zeros(count, dtype=torch.int64), classes=["one"], images=colour.expand(-1, -1, side, side).clone())


def make(side=32, **mends):
    backbone = build_backbone("small", width=8, rng=seeded(1), image_size=side)
    return backbone, OddQuarter(backbone, seeded(2), **mends)


def test_one_quarter_and_no_more_is_exchanged():
    images, others = torch.zeros(4, 3, 6, 6), torch.ones(4, 3, 6, 6)
    result = exchange(images, others, torch.arange(4))
    first, second = slice(3), slice(3, 6)
    for n, (rows, columns) in enumerate([(first, first), (first, second), (second, first), (second, second)]):
        assert result[n, :, rows, columns].eq(1).all() and result[n].sum() == 27


def test_quarters_in_their_own_light():
    pictures = torch.randn(5, 3, 12, 12, generator=seeded()) * 3 + 7
    quarter = standardised_quarters(pictures)[:, :, 6:, :6]
    assert quarter.mean((2, 3)).abs().max() < 1e-5
    assert torch.allclose(quarter.square().mean((1, 2, 3)), torch.ones(5), atol=1e-4)
    lit = torch.full((1, 3, 12, 12), 3.0)
    assert standardised_quarters(lit).abs().max() == 0, "flat stays flat"
    shade = torch.ones(1, 1, 12, 12)
    shade[..., :6] = 0.5
    assert torch.allclose(standardised_quarters(pictures * shade), standardised_quarters(pictures), atol=1e-4)


def test_the_gap_hides_the_inner_borders_only():
    seen = with_gap(torch.ones(1, 3, 16, 16), 2)
    assert seen[..., 6:10, :].abs().sum() == 0 and seen[..., :, 6:10].abs().sum() == 0
    assert seen[..., :6, :6].eq(1).all() and seen[..., 10:, 10:].eq(1).all()


def test_labels_are_balanced_and_depend_on_the_generator_only():
    batch = split(800, 8).batch(range(800))
    _, task = make(8)
    visible, hidden = task.hide(batch, seeded(3))
    torch.rand(5)
    again, same = task.hide(batch, seeded(3))
    assert torch.equal(visible, again) and torch.equal(hidden, same)
    assert (torch.bincount(hidden, minlength=4) / 800 - 0.25).abs().max() < 0.05
    assert visible.shape == batch.images.shape and visible.dtype == torch.float32


def test_what_is_pasted_is_the_partners_same_quarter():
    images = split(6).images
    pictures, hidden = make()[1].pasted(images, seeded())
    for n, quarter in enumerate(hidden.tolist()):
        row, column = quarter // 2 * 16, quarter % 2 * 16
        assert torch.equal(pictures[n, :, row : row + 16, column : column + 16], images[n - 1, :, :16, :16])
        assert (pictures[n] != images[n]).flatten(1).any(0).sum() in (0, 256)


@pytest.mark.parametrize("side", [15, 33])
def test_odd_sides_and_a_picture_alone(side):
    backbone, task = make(side)
    visible, hidden = task.hide(split(1, side).batch([0]), seeded())
    assert visible.shape[-1] == side - 1
    assert task.predict(backbone.eval(), visible).shape == (1, 4) and hidden.shape == (1,)


def test_colours_that_differ_are_learnt_in_the_open_and_gone_in_their_own_light():
    for mends, least, most in (({"gap": False, "own_light": False}, 0.8, 1), ({}, 0, 0.5)):
        backbone, task = make(**mends)
        history = fit(backbone, task, split(), steps=60, batch_size=32, seed=1)
        mean = sum(scores["accuracy"] for _, scores in history.scores[-3:]) / 3
        assert least <= mean <= most


def test_draw_shows_what_is_pasted_above_what_is_seen():
    figure = make()[1].draw(split().batch(range(3)), seeded())
    assert len(figure.axes) == 6 and all("left" in a.get_title() or "right" in a.get_title() for a in figure.axes[:3])
