"""The colourisation task, by its properties."""

import time

import pytest
import torch

from course_lib.data import Batch, Split
from course_lib.data.world import render
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext import load, pooled
from course_lib.pretext.colour import annealed_mean, paint, rebalanced, to_lab
from course_lib.pretext.colourisation import Colourisation, grey
from course_lib.training import Step, fit, load_network


def made(size=16, width=8, seed=0, name="small", **options):
    backbone = build_backbone(name, rng=torch.Generator().manual_seed(seed), width=width, image_size=size)
    return backbone, Colourisation(backbone, torch.Generator().manual_seed(seed + 1), **options)


def pictures(count=3, size=16, seed=0):
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def batch_of(images):
    return Batch(torch.arange(len(images)), images=images)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_hides_the_colour_and_shows_the_lightness():
    _, task = made()
    images = pictures()
    visible, hidden = task.eval().hide(batch_of(images), seeded())
    lab = to_lab(images)
    assert visible.shape == (3, 3, 16, 16) and hidden.shape == (3, 2, 4, 4)
    assert all(torch.equal(visible[:, channel], lab[:, 0] / 50 - 1) for channel in range(3))
    assert visible.min() >= -1 and visible.max() <= 1
    assert torch.allclose(hidden[0, :, 0, 1], lab[0, 1:, :4, 4:8].mean((1, 2)), atol=1e-4)


def test_training_mirrors_half_and_both_parts_alike():
    _, task = made(cell=1)
    images = pictures(1).expand(400, -1, -1, -1)
    visible, hidden = task.train().hide(batch_of(images), seeded())
    plain, colours = task.eval().hide(batch_of(images[:1]), seeded())
    mirrored = torch.tensor([torch.equal(some, plain[0].flip(-1)) for some in visible])
    assert 150 < mirrored.sum() < 250
    assert torch.equal(visible[~mirrored], plain.expand(int((~mirrored).sum()), -1, -1, -1))
    assert torch.equal(hidden[mirrored], colours.flip(-1).expand(int(mirrored.sum()), -1, -1, -1))
    again = task.train().hide(batch_of(images), seeded())
    assert torch.equal(again[0], visible) and torch.equal(again[1], hidden)


@pytest.mark.parametrize("name", ["small", "small_groupnorm", "rotnet_nin"])
@pytest.mark.parametrize(("size", "cell", "cells"), [(64, 4, 16), (32, 4, 8), (32, 2, 16), (18, 4, 4), (16, 32, 1)])
def test_predicts_every_cell_whatever_the_network(name, size, cell, cells):
    for target, numbers in (("classification", 259), ("regression", 2)):
        backbone, task = made(size, name=name, target=target, cell=cell)
        visible, hidden = task.hide(batch_of(pictures(2, size)), seeded())
        prediction = task.predict(backbone, visible)
        assert prediction.shape == (2, numbers, cells, cells) and hidden.shape == (2, 2, cells, cells)
        task.loss(prediction, hidden).backward()
        assert task.head.weight.grad.abs().sum() > 0


def test_the_first_guess_is_grey_or_every_bin_alike():
    for target in ("classification", "regression"):
        backbone, task = made(target=target)
        assert task.predict(backbone, grey(to_lab(pictures()))).abs().max() == 0


@pytest.mark.parametrize("rebalance", [None, 0.5])
def test_the_loss_is_the_cross_entropy_with_soft_labels(rebalance):
    _, task = made(rebalance=rebalance)
    hidden = 30 * torch.randn(2, 2, 3, 3, generator=seeded(1))
    task.bins.measure(hidden)
    logits = torch.randn(2, 259, 3, 3, generator=seeded(2))
    nearest, shares = task.bins.encode(hidden)
    labels = torch.zeros(2, 259, 3, 3).scatter(1, nearest, shares)  # Z of the paper, written out
    # v(Z), eq. 3; of two bins equally near, either is the argmax of Z
    weights = rebalanced(task.bins.prior, rebalance)[nearest[:, 0]] if rebalance else 1.0
    expected = -(weights * (labels * logits.log_softmax(1)).sum(1)).mean()  # eq. 2
    assert torch.allclose(task.loss(logits, hidden), expected)


def test_the_regression_pays_half_the_squared_distance():
    _, task = made(target="regression")
    guess, hidden = torch.zeros(1, 2, 1, 1), torch.tensor([33.0, -44.0])[None, :, None, None]
    assert task.loss(guess, hidden).item() == pytest.approx(0.5 * (0.3**2 + 0.4**2))
    assert torch.allclose(task.ab(hidden / 110), hidden)


def test_the_squared_distance_averages_what_the_distribution_keeps():
    """Red or green, as often the one as the other: the regression's best answer is brown, the distribution keeps both."""
    hidden = torch.tensor([[50.0, 30.0], [-40.0, 40.0]]).repeat(8, 1)[:, :, None, None]
    mean = hidden.mean((0, 2, 3))
    for target in ("regression", "classification"):
        _, task = made(target=target, rebalance=None)
        free = torch.zeros(1, task.head.out_channels, 1, 1, requires_grad=True)  # one answer for all
        optimiser = torch.optim.Adam([free], 0.05 if target == "regression" else 0.5)
        for _ in range(150):
            optimiser.zero_grad()
            task.loss(free.expand(16, -1, -1, -1), hidden).backward()
            optimiser.step()
        if target == "regression":
            assert torch.allclose(task.ab(free).flatten(), mean, atol=1)
        else:
            likeliest = task.bins.centres[free.flatten().topk(2).indices]
            assert {tuple(centre.tolist()) for centre in likeliest} == {(50.0, 30.0), (-40.0, 40.0)}


def test_scores_of_the_truth_and_of_grey():
    _, task = made(target="regression")
    hidden = 30 * torch.randn(2, 2, 3, 3, generator=seeded())
    assert task.score(hidden / 110, hidden) == pytest.approx({"chroma_ratio": 1, "error_ratio": 0}, abs=1e-5)
    assert task.score(0 * hidden, hidden) == {"chroma_ratio": 0, "error_ratio": 1}


@pytest.mark.parametrize("target", ["classification", "regression"])
def test_learns_sixteen_scenes_by_heart(target):
    images = render(0, range(16), size=32)["images"]
    scenes = Split(labels=torch.zeros(16, dtype=torch.int64), classes=["scene"], images=images)
    backbone, task = made(32, target=target)
    fit(backbone, task, scenes, steps=120, batch_size=16, learning_rate=1e-2)
    task.eval()
    guess = task.ab(task.guess(backbone, images), 1.0)
    truth = task.colours_of(to_lab(images))
    mean = truth.mean((0, 2, 3), keepdim=True)
    assert (guess - truth).square().sum(1).mean() < 0.5 * (mean - truth).square().sum(1).mean()


@pytest.mark.parametrize("name", ["small", "small_groupnorm"])
def test_represents_without_colour(name):
    backbone, task = made(name=name)
    backbone.eval()
    images = pictures()
    visible = task.eval().hide(batch_of(images), seeded())[0]
    seen = {stage: task.represent(backbone, batch_of(images), stage) for stage in backbone.stage_names}
    for stage, maps in backbone.stages(visible).items():
        assert torch.equal(seen[stage], pooled(maps))
    # What remains is what the rounding to bytes and the table's steps do to the lightness.
    colourless = task.represent(backbone, batch_of(to_grey(images)), "conv5")
    others = task.represent(backbone, batch_of(to_grey(pictures(seed=9))), "conv5")
    assert (colourless - seen["conv5"]).norm() < 0.1 * (others - seen["conv5"]).norm()


def to_grey(images):
    return paint(images, torch.zeros(len(images), 2, 1, 1))


def test_setup_measures_the_prior_and_refuses_grey(dataset):
    backbone, task = made()
    before = task.bins.prior.clone()
    task.setup(backbone, dataset.train)
    assert not torch.equal(task.bins.prior, before) and task.bins.prior.sum().item() == pytest.approx(1)
    dataset.train.images = dataset.train.images[:, :1].expand(-1, 3, -1, -1)
    with pytest.raises(CourseError, match="grey"):
        task.setup(backbone, dataset.train)


def test_a_checkpoint_brings_the_bins_along(dataset, tmp_path):
    backbone, task = made()
    fit(backbone, task, dataset.train, steps=3, batch_size=8, checkpoint=tmp_path / "run.safetensors")
    other = made(seed=5)
    load_network(tmp_path / "run.safetensors", Step(*other))
    images = pictures()
    assert torch.equal(other[1].bins.prior, task.bins.prior)
    assert torch.equal(other[1].guess(other[0], images), task.guess(backbone, images))


def test_the_same_seed_learns_the_same(dataset):
    losses = []
    for _ in range(2):
        backbone, task = made()
        losses.append(fit(backbone, task, dataset.train, steps=5, batch_size=8, seed=3).losses)
    assert losses[0] == losses[1]


def test_colours_a_picture_at_full_size_and_quickly():
    backbone, task = made(64)
    with torch.no_grad():
        task.head.bias[7] = 9.0  # a network that is sure
    images = pictures(1, 64)
    task.colours(backbone, images)
    times = []
    for _ in range(5):
        began = time.process_time()
        coloured = task.colours(backbone, images, temperature=0.2)
        times.append(time.process_time() - began)
    assert coloured.shape == images.shape and coloured.dtype == torch.uint8
    assert min(times) < 0.2
    assert torch.equal(task.ab(task.guess(backbone, images), 0.01)[0, :, 3, 3], task.bins.centres[7])
    bits = task.entropy(backbone, images)
    assert bits.shape == (1, 64, 64) and bits.min() > 0 and bits.max() < 1
    assert backbone.training and task.training  # as they were


def test_the_colouring_decodes_at_the_temperature_asked_for():
    _, task = made()
    logits = torch.randn(1, 259, 2, 2, generator=seeded())
    for temperature in (0.1, 1.0):
        assert torch.equal(task.ab(logits, temperature), annealed_mean(logits, task.bins.centres, temperature))


def test_draws_grey_colour_and_picture():
    _, task = made()
    figure = task.draw(batch_of(pictures(2)), seeded())
    assert [axis.get_title() for axis in figure.axes[:3]] == ["visible: lightness", "hidden: a and b", "the picture"]
    first = figure.axes[0].images[0].get_array()
    assert len(figure.axes) == 6 and (abs(first[..., 0].astype(int) - first[..., 2]) <= 1).all()


def test_bad_settings_are_refused():
    for options, words in (
        ({"target": "grey"}, "classification or regression"),
        ({"rebalance": 0.0}, "lambda"),
        ({"cell": 0}, "cell has a side"),
    ):
        with pytest.raises(CourseError, match=words):
            made(**options)
    backbone, task = made(target="regression")
    with pytest.raises(CourseError, match="how sure"):
        task.entropy(backbone, pictures())


def test_found_by_name():
    assert load("colourisation") is Colourisation
