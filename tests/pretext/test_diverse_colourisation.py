"""Diverse colourisation: one draw a picture, which moves colours only as far as training lets it."""

import pytest
import torch

from course_lib.data import Batch, Split
from course_lib.features import fingerprint
from course_lib.models import build_backbone
from course_lib.pretext import load
from course_lib.pretext.colour import paint
from course_lib.pretext.diverse_colourisation import DiverseColourisation, spread
from course_lib.training import Step, fit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(count=6, side=16, seed=0):
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=seeded(seed))


@pytest.fixture
def network():
    backbone = build_backbone(rng=seeded(1), width=8, image_size=16)
    return backbone, DiverseColourisation(backbone, seeded(2), latent=3)


def batch(images):
    return Batch(torch.arange(len(images)), images=images)


def test_hides_colours_and_draws_z(network):
    _, task = network
    (seen, draws), hidden = task.hide(batch(pictures()), seeded())
    assert seen.shape == (6, 3, 16, 16) and draws.shape == (6, 3) and hidden.shape == (6, 2, 4, 4)
    again = task.hide(batch(pictures()), seeded())[0][1]
    assert torch.equal(draws, again) and not torch.equal(draws, task.hide(batch(pictures()), seeded(9))[0][1])


def test_at_first_every_colouring_is_grey(network):
    backbone, task = network
    before = fingerprint(backbone)
    several = task.several(backbone, pictures(), 5, seeded())
    assert several.shape == (6, 5, 2, 4, 4) and (several == 0).all() and (spread(several) == 0).all()
    assert fingerprint(backbone) == before


def test_a_colouring_follows_from_columns_and_z():
    backbone = build_backbone(rng=seeded(1), width=8, image_size=16)
    task = DiverseColourisation(backbone, seeded(2), latent=3).eval()
    torch.nn.init.normal_(task.head[-1].weight, generator=seeded(4))
    columns, z = torch.rand(2, 64, 4, 4, generator=seeded()), torch.randn(2, 3, generator=seeded())
    one = task.colours_for(columns, z)
    assert torch.equal(one, task.colours_for(columns, z)) and not torch.allclose(one, task.colours_for(columns, -z))
    assert torch.allclose(one[..., 0, 0], task.colours_for(columns[..., :1, :1], z)[..., 0, 0], atol=1e-5)  # cell by cell


def test_the_spread_is_the_distance_from_the_mean():
    several = torch.tensor([3.0, -3.0])[None, :, None, None, None].expand(1, 2, 2, 1, 1)
    assert spread(several).item() == pytest.approx(18**0.5)


def test_every_parameter_is_trained(network):
    backbone, task = network
    for last in (task.head[-1], task.posterior[-1]):
        torch.nn.init.normal_(last.weight, generator=seeded(4))
    Step(backbone, task, seeded())(batch(pictures())).loss.backward()
    assert all(weights.grad is not None for module in (backbone, task) for weights in module.parameters())


def test_colourings_differ_where_colours_do():
    """Upper halves red or green by chance, lower halves always blue: after training the draws differ above, not below."""
    lightness = torch.randint(110, 150, (256, 1, 16, 16), dtype=torch.uint8, generator=seeded(3)).expand(-1, 3, -1, -1)
    ab = torch.zeros(256, 2, 16, 16)
    sign = torch.randint(0, 2, (256, 1, 1), generator=seeded(5)) * 2.0 - 1
    ab[:, 0, :8], ab[:, 1, 8:] = 35 * sign, -35
    images = paint(lightness.contiguous(), ab)
    data = Split(labels=torch.zeros(256, dtype=torch.int64), classes=["none"], images=images)
    backbone = build_backbone(rng=seeded(1), width=8, image_size=16)
    task = DiverseColourisation(backbone, seeded(2), latent=3)
    fit(backbone, task, data, steps=120, batch_size=32)
    apart = spread(task.several(backbone, images[:20], 16, seeded(7)))
    assert apart[:, :2].mean() > 3 * apart[:, 2:].mean() and apart[:, :2].mean() > 10


def test_found_by_name():
    assert load("diverse_colourisation") is DiverseColourisation
