"""Lab, bins of colours, and the way back from a guess to a colour."""

import math

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.pretext.colour import (
    Bins,
    annealed_mean,
    entropy,
    paint,
    rebalanced,
    require_colour,
    to_lab,
    to_rgb,
)


def pictures(*shape, seed=0):
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def real_pictures():
    from skimage import data

    photos = [data.astronaut(), data.coffee(), data.chelsea()]
    return [torch.from_numpy(photo).permute(2, 0, 1)[None] for photo in photos]


# --- Lab


def test_known_colours():
    colours = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "blue": (0, 0, 255)}
    images = torch.tensor(list(colours.values()), dtype=torch.uint8)[:, :, None, None]
    known = torch.tensor([[0, 0, 0], [100, 0, 0], [53.24, 80.09, 67.2], [32.3, 79.19, -107.86]])
    assert torch.allclose(to_lab(images, exact=True)[:, :, 0, 0], known, atol=0.02)


def test_the_table_is_near_the_exact_colours():
    for images in [pictures(4, 3, 64, 64), pictures(4, 3, 64, 64, seed=1) // 8, *real_pictures()]:
        off = (to_lab(images) - to_lab(images, exact=True)).abs()
        assert off[:, 0].max() < 0.8 and off[:, 1:].max() < 2.4
        assert off[:, 0].mean() < 0.4 and off[:, 1:].mean() < 0.8


def test_there_and_back_again():
    for images in [pictures(2, 3, 16, 16), pictures(1, 3, 1, 1), pictures(3, 3, 5, 7)]:
        assert torch.equal(to_rgb(to_lab(images, exact=True)), images)
        # 4 levels share an entry of the table, whose colour lies in their middle
        assert (to_rgb(to_lab(images)).int() - images.int()).abs().max() <= 2


def test_greys_have_no_colour_and_stay_in_order():
    greys = torch.arange(256, dtype=torch.uint8).expand(1, 3, 1, 256)
    lab = to_lab(greys)
    assert lab[:, 1:].abs().max() < 0.01
    assert (lab[0, 0, 0].diff() >= 0).all() and lab.shape == (1, 3, 1, 256) and lab.dtype == torch.float32


def test_colours_that_no_screen_shows_are_clipped_without_a_warning(recwarn):
    rgb = to_rgb(torch.tensor([[10.0, 0.0, 110.0], [90.0, -110.0, -110.0]])[:, :, None, None])
    assert rgb.dtype == torch.uint8 and rgb.shape == (2, 3, 1, 1) and not recwarn.list


@pytest.mark.parametrize("images", [torch.rand(2, 3, 4, 4), pictures(3, 4, 4), pictures(2, 1, 4, 4)])
def test_other_things_than_pictures_are_refused(images):
    with pytest.raises(CourseError, match="uint8 pictures N x 3 x H x W"):
        to_lab(images)


def test_grey_pictures_are_refused():
    grey = pictures(4, 1, 16, 16).expand(-1, 3, -1, -1)
    with pytest.raises(CourseError, match="are grey"):
        require_colour(grey)
    require_colour(real_pictures()[0])
    require_colour(torch.cat([grey, pictures(1, 3, 16, 16)]))  # grey ones among others do no harm


# --- bins


@pytest.fixture(scope="module")
def bins():
    return Bins()


def test_bins_are_the_cells_of_the_grid_that_srgb_reaches(bins):
    assert bins.centres.shape == (259, 2) and len(bins) == 259
    assert (bins.centres % 10 == 0).all() and len(bins.centres.unique(dim=0)) == 259
    ab = to_lab(pictures(2, 3, 64, 64), exact=True)[:, 1:]
    distance = (ab.movedim(1, -1)[..., None, :] - bins.centres).abs().amax(-1).amin(-1)
    assert distance.max() <= 7.4  # in its own cell, or just outside one where the table's colour lies
    assert len(Bins(grid=20)) < 100


def test_soft_labels_are_those_of_the_definition(bins):
    rng = torch.Generator().manual_seed(0)
    ab = torch.randint(-60, 60, (2, 2, 3, 4), generator=rng).float()
    nearest, shares = bins.encode(ab)
    assert nearest.shape == shares.shape == (2, 10, 3, 4)
    squares = (ab[:, None] - bins.centres[None, :, :, None, None]).square().sum(2)
    chosen = squares.gather(1, nearest)
    assert torch.equal(chosen, squares.topk(10, dim=1, largest=False).values)  # the ten nearest, nearest first
    weights = torch.exp(-chosen / 50)
    assert torch.allclose(shares, weights / weights.sum(1, keepdim=True), atol=1e-6)
    assert torch.allclose(shares.sum(1), torch.ones(2, 3, 4))


def test_a_centre_is_its_own_nearest(bins):
    nearest, shares = bins.encode(bins.centres[:, :, None, None])
    assert torch.equal(nearest[:, 0, 0, 0], torch.arange(259))
    assert (shares[:, 0] > shares[:, 1]).all()


def test_colours_out_of_reach_go_to_the_nearest_bin(bins):
    nearest, shares = bins.encode(torch.tensor([500.0, -500.0])[None, :, None, None])
    expected = (bins.centres - torch.tensor([110.0, -110.0])).square().sum(1).min()
    found = (bins.centres[nearest[0, 0, 0, 0]] - torch.tensor([110.0, -110.0])).square().sum()
    assert found == expected and shares.isfinite().all()


def test_fewer_bins_than_neighbours():
    few = Bins(grid=100)
    nearest, shares = few.encode(torch.zeros(1, 2, 1, 1))
    assert len(few) < 10 and nearest.shape[1] == shares.shape[1] == len(few)


def test_the_prior_is_a_smoothed_count():
    bins = Bins()
    assert torch.allclose(bins.prior, torch.full((259,), 1 / 259))
    grey = int((bins.centres == 0).all(1).nonzero())
    bins.measure(torch.zeros(1, 2, 8, 8))
    kernel = torch.exp(-bins.centres.square().sum(1) / 50)
    assert torch.allclose(bins.prior, kernel / kernel.sum(), atol=1e-6) and bins.prior.argmax() == grey
    ab = torch.tensor([[40.0, 0.0], [40.0, 0.0], [40.0, 0.0], [-40.0, 0.0]])[:, :, None, None]
    bins.measure(ab)
    one, other = (int((bins.centres == torch.tensor([a, 0.0])).all(1).nonzero()) for a in (40.0, -40.0))
    assert bins.prior.sum() == pytest.approx(1) and bins.prior[one] / bins.prior[other] == pytest.approx(3, rel=1e-2)


def test_a_checkpoint_holds_centres_and_prior():
    assert set(Bins().state_dict()) == {"centres", "prior"}


# --- rebalancing


@pytest.mark.parametrize("lambda_", [0.01, 0.5, 1.0])
def test_weights_have_mean_one_under_the_prior_and_prefer_the_rare(lambda_):
    prior = torch.tensor([0.5, 0.3, 0.2, 0.0])
    weights = rebalanced(prior, lambda_)
    assert (prior * weights).sum().item() == pytest.approx(1)
    assert (weights.diff() >= 0).all() and weights.isfinite().all()
    if lambda_ == 1.0:
        assert torch.allclose(weights, torch.ones(4))


def test_weights_by_hand():
    # mixed: 5/8 and 3/8; inverted: 8/5 and 8/3; their mean under the prior: 3/4 * 8/5 + 1/4 * 8/3 = 28/15
    expected = torch.tensor([8 / 5, 8 / 3]) / (28 / 15)
    assert torch.allclose(rebalanced(torch.tensor([0.75, 0.25])), expected)


@pytest.mark.parametrize("lambda_", [0, -0.5, 1.5, float("nan")])
def test_other_lambdas_are_refused(lambda_):
    with pytest.raises(CourseError, match="lambda above 0"):
        rebalanced(torch.tensor([0.5, 0.5]), lambda_)


# --- from a guess to a colour


def test_temperature_one_is_the_mean_and_towards_zero_the_mode(bins):
    logits = torch.randn(2, 259, 3, 4, generator=torch.Generator().manual_seed(0))
    mean = torch.einsum("nqhw,qc->nchw", logits.softmax(1), bins.centres)
    mode = bins.centres[logits.argmax(1)].movedim(-1, 1)
    assert torch.allclose(annealed_mean(logits, bins.centres, 1.0), mean, atol=1e-4)
    assert torch.allclose(annealed_mean(logits, bins.centres, 1e-6), mode, atol=1e-4)
    assert torch.allclose(annealed_mean(1e37 * logits, bins.centres, 1e-6), mode, atol=1e-4)
    one_cell = annealed_mean(logits[..., 1, 2], bins.centres)
    assert torch.allclose(one_cell, annealed_mean(logits, bins.centres)[..., 1, 2], atol=1e-4)


def test_two_equal_colours_make_brown_at_any_temperature():
    centres = torch.tensor([[52.0, 34.0], [-42.0, 40.0]])  # red and green
    for temperature in (0.01, 0.38, 1.0):
        assert annealed_mean(torch.zeros(1, 2), centres, temperature).tolist() == [[5.0, 37.0]]


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_other_temperatures_are_refused(temperature):
    with pytest.raises(CourseError, match="must lie above 0"):
        annealed_mean(torch.zeros(1, 2), torch.zeros(2, 2), temperature)


def test_entropy_in_bits():
    even = torch.zeros(1, 8, 1, 1)
    sure = torch.tensor([200.0, 0, 0, 0])[None, :, None, None]
    two = torch.tensor([math.log(0.5), math.log(0.5), -1e4])[None, :, None, None]
    assert [round(entropy(logits).item(), 4) for logits in (even, sure, two)] == [3.0, 0.0, 1.0]


def test_painting_keeps_the_lightness():
    images = pictures(2, 3, 12, 12)
    grey = paint(images, torch.zeros(2, 2, 3, 3))
    assert (grey[:, 0].int() - grey[:, 2].int()).abs().max() <= 1
    assert (to_lab(grey, exact=True)[:, 0] - to_lab(images, exact=True)[:, 0]).abs().max() < 0.4
    dark = images // 4 + 90  # no colour that a screen could not show
    assert torch.equal(paint(dark, to_lab(dark, exact=True)[:, 1:]), dark)
