"""The JPEG audit changes the data as it says, and nothing else."""

import torch

from course_lib.pretext.rotation import rotate
from course_lib.shortcuts import (
    block_frequencies,
    jpeg,
    jpeg_audit,
    randomly_turned,
    read_rotation_from_frequencies,
)


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
