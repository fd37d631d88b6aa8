"""The JPEG audit changes the data as it says, and nothing else."""

import torch

from course_lib.pretext.rotation import rotate
from course_lib.shortcuts import jpeg_audit, randomly_turned, saved_as_jpeg


def test_turned_at_random(rng):
    images = torch.randint(0, 256, (400, 3, 6, 6), dtype=torch.uint8, generator=rng)
    turned = randomly_turned(images, rng)
    counts = [sum(torch.equal(turned[i], rotate(images[i], k)) for i in range(400)) for k in range(4)]
    assert sum(counts) == 400 and min(counts) > 60


def test_saving_changes_little_and_keeps_flat_pictures(rng):
    flat = torch.full((2, 3, 16, 16), 128, dtype=torch.uint8)
    assert (saved_as_jpeg(flat).int() - flat.int()).abs().max() <= 2
    smooth = torch.arange(0, 256, 8, dtype=torch.uint8).expand(1, 3, 32, 32)
    assert (saved_as_jpeg(smooth).int() - smooth.int()).abs().float().mean() < 4


def test_the_two_copies_differ_by_the_compression_alone(dataset, rng):
    audit = jpeg_audit(dataset.train, rng, size=50)
    assert list(audit) == ["turned", "turned and saved"]
    assert torch.equal(audit["turned and saved"].images, saved_as_jpeg(audit["turned"].images))
    assert torch.equal(audit["turned"].labels, audit["turned and saved"].labels)
    assert len(audit["turned"]) == 50


def test_stronger_compression_changes_more(rng):
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=rng)
    weak, strong = ((saved_as_jpeg(images, quality).int() - images.int()).abs().float().mean() for quality in (95, 20))
    assert strong > weak
