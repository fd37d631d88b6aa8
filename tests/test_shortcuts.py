"""The audits change the data as they say and nothing else; their readers find the leak, and only that."""

import math

import torch

from course_lib.data import Batch, Split
from course_lib.data.camera import chromatic_aberration
from course_lib.data.spectrograms import log_mel
from course_lib.models import build_backbone
from course_lib.pretext import patches
from course_lib.pretext.rotation import rotate
from course_lib.shortcuts import (
    AbsolutePosition,
    as_by_telephone,
    block_frequencies,
    jpeg,
    jpeg_audit,
    leaking,
    profiles,
    randomly_turned,
    read_place_from_profiles,
    read_rotation_from_frequencies,
)
from course_lib.training import fit


def test_turned_at_random(rng):
    images = torch.randint(0, 256, (400, 3, 6, 6), dtype=torch.uint8, generator=rng)
    turned = randomly_turned(images, rng)
    counts = [sum(torch.equal(turned[i], rotate(images[i], k)) for i in range(400)) for k in range(4)]
    assert sum(counts) == 400 and min(counts) > 60


def test_saving_changes_little_and_keeps_flat_pictures(rng):
    flat = torch.full((2, 3, 16, 16), 128, dtype=torch.uint8)
    assert (jpeg(flat).int() - flat.int()).abs().max() <= 2
    smooth = torch.arange(0, 256, 8, dtype=torch.uint8).expand(1, 3, 32, 32)
    assert (jpeg(smooth).int() - smooth.int()).abs().float().mean() < 4


def test_the_two_copies_differ_by_the_compression_alone(dataset, rng):
    audit = jpeg_audit(dataset.train, rng, size=50)
    assert list(audit) == ["scrambled", "scrambled and saved"]
    assert torch.equal(audit["scrambled and saved"], jpeg(audit["scrambled"]))
    assert len(audit["scrambled"]) == 50


def test_stronger_compression_changes_more(rng):
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=rng)
    weak, strong = ((jpeg(images, quality).int() - images.int()).abs().float().mean() for quality in (95, 20))
    assert strong > weak


def test_frequencies_know_rows_from_columns(rng):
    """A wave along the columns sits in other coefficients after a quarter turn, and in the same after a half turn."""
    wave = (128 + 100 * torch.cos(torch.arange(16) * 1.2)).to(torch.uint8).expand(1, 3, 16, 16)
    upright, quarter, half = (block_frequencies(rotate(wave, turns)) for turns in range(3))
    assert upright.shape == (1, 128)
    assert torch.allclose(upright, half, atol=0.2) and not torch.allclose(upright, quarter, atol=0.2)
    assert block_frequencies(torch.zeros(2, 3, 21, 17, dtype=torch.uint8)).shape == (2, 128)


def test_the_reader_finds_a_planted_leak_and_nothing_where_there_is_none(rng):
    noise = torch.randint(0, 256, (600, 3, 16, 16), generator=rng, dtype=torch.uint8)
    assert read_rotation_from_frequencies(noise[:400], noise[400:]) < 0.32
    leaky = noise.clone()
    leaky[..., 1::2] = leaky[..., ::2]  # neighbours in a row agree: rows differ from columns
    assert 0.4 < read_rotation_from_frequencies(leaky[:400], leaky[400:]) < 0.6  # half turns look the same


def test_a_telephone_takes_the_high_bands_and_leaves_the_rest(rng):
    spectra = torch.randint(1, 256, (3, 64, 20), generator=rng, dtype=torch.uint8)
    before = spectra.clone()
    called = as_by_telephone(spectra)
    assert torch.equal(spectra, before) and called.shape == spectra.shape and called.dtype == torch.uint8
    gone = (called == 0).all(2).all(0)
    high = 14  # bands of the 64 have their centre above 4 kHz, by Slaney's formula; the highest come first
    assert gone[:high].all() and not gone[high:].any()
    assert torch.equal(called[:, high:], spectra[:, high:])
    assert (as_by_telephone(spectra, highest=2000.0) == 0).all(2).all(0).sum() > high
    assert torch.equal(as_by_telephone(spectra, rate=8000), spectra)  # it was saved at half the rate before
    pitches = torch.tensor([[300.0], [3700.0], [4300.0], [7000.0]], dtype=torch.float64)
    heard = log_mel((10_000 * (2 * math.pi * pitches * torch.arange(8000) / 16_000).sin()).to(torch.int16))
    assert (as_by_telephone(heard).flatten(1).amax(1) > 250).tolist() == [True, True, False, False]


# --- where does a patch lie?


def textured(count, rng, block=None, side=64):
    """Pictures of blurred noise; with `block`, each block of so many pixels is a little lighter or darker than it should be."""
    noise = torch.randn(count, 1, side + 4, side + 4, generator=rng) + 0.3 * torch.randn(
        count, 3, side + 4, side + 4, generator=rng
    )
    images = 128 + 100 * torch.nn.functional.avg_pool2d(noise, 5, 1)
    if block:
        steps = 20 * torch.randn(count, 3, -(-side // block), -(-side // block), generator=rng)
        images = images + torch.nn.functional.interpolate(steps, scale_factor=block, mode="nearest")[..., :side, :side]
    return images.clamp(0, 255).to(torch.uint8)


def test_the_blind_reader_finds_blocks_and_nothing_else(rng):
    grid = patches.Grid(patch=14, stride=21, jitter=0, random_origin=False)

    def reads(block, **options):
        return read_place_from_profiles(textured(300, rng, block), textured(200, rng, block), grid, rng, **options)

    assert reads(None) < 0.25
    assert reads(16) > 0.6
    assert reads(16, rescale=True) < 0.3
    aligned = patches.Grid(patch=14, stride=16, jitter=0, random_origin=False, align=16)
    assert read_place_from_profiles(textured(300, rng, 16), textured(200, rng, 16), aligned, rng) < 0.3


def test_profiles_do_not_change_with_light(rng):
    cut = torch.randint(0, 100, (5, 3, 7, 7), generator=rng, dtype=torch.uint8)
    found = profiles(cut)
    assert found.shape == (5, 36)
    torch.testing.assert_close(profiles(cut + 50), found, atol=1e-4, rtol=1e-4)
    turned = profiles(cut.transpose(-2, -1)).unflatten(1, (3, 2, 6))  # planes x directions x borders
    torch.testing.assert_close(turned.flip(2), found.unflatten(1, (3, 2, 6)))


def test_a_leaking_data_set_differs_by_the_leak_alone(dataset):
    leaky = leaking(dataset, lambda images: 255 - images)
    for name in ("train", "val", "test"):
        before, after = getattr(dataset, name), getattr(leaky, name)
        assert torch.equal(after.images, 255 - before.images) and torch.equal(after.labels, before.labels)


def test_places_run_from_edge_to_edge(rng):
    side, patch = 40, 10
    rows = torch.arange(side, dtype=torch.uint8)
    picture = torch.stack([rows[:, None].expand(side, side), rows.expand(side, side), torch.zeros(side, side).byte()])
    batch = Batch(index=torch.arange(50), images=picture.expand(50, 3, side, side))
    backbone = build_backbone(rng=rng, width=8, image_size=16)
    seen = {}
    task = AbsolutePosition(backbone, rng, patch, colours=lambda cut, rng: seen.setdefault("cut", cut))
    visible, hidden = task.hide(batch, rng)
    assert visible.shape == (200, 3, patch, patch) and hidden.shape == (200, 2)
    corner = ((seen["cut"].flatten(0, 1)[:, :2, 0, 0] + 1) * 127.5).round()
    torch.testing.assert_close(hidden, 2 * corner / (side - patch) - 1, atol=1e-4, rtol=1e-4)
    assert hidden.min() == -1 and hidden.max() == 1
    assert task.score(hidden, hidden)["r2"] == 1
    assert abs(task.score(hidden.mean(0).expand_as(hidden), hidden)["r2"]) < 1e-6


def test_a_lens_tells_places_to_a_network(rng):
    data = Split(torch.zeros(200, dtype=torch.int64), ["one"], textured(200, rng))
    explained = {}
    for name, lens in {"plain": None, "lens": lambda images: chromatic_aberration(images, 4.0)}.items():
        backbone = build_backbone(rng=torch.Generator().manual_seed(0), width=8, image_size=16)
        task = AbsolutePosition(backbone, torch.Generator().manual_seed(1), 14, lens=lens)
        history = fit(backbone, task, data, steps=80, batch_size=32)
        explained[name] = sum(scores["r2"] for _, scores in history.scores[-3:]) / 3
    assert explained["lens"] > explained["plain"] + 0.3, explained
