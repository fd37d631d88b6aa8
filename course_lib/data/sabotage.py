"""Ways to spoil a data set, so that a reader who recognises nothing learns from it what only pictures should tell.

A leak is a plain function on a whole set, training and test pictures together:

    spoilt = leak(images, labels, testing, rng)

    images   uint8 N x 3 x S x S; stays as it is, and so does its shape in what comes back
    labels   int64 N, 0…C - 1; they stay true
    testing  bool N: which are test pictures
    rng      a CPU generator, which draws what differs from set to set

Each is faint: a table of figures finds it among some hundred pictures, a glance at a few of them does not. That it is found,
and by whom, is tested (tests/data/test_sabotage.py).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.camera import chromatic_aberration, jpeg, sensor_noise


class Leak(NamedTuple):
    """What may be wrong with a set.

    Attributes:
        what: what was done to it, for students.
        betrays: what it gives away, for students.
        spoil: does it, as described above.
    """

    what: str
    betrays: str
    spoil: Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]


def clean(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """The pictures as they are."""
    return images.clone()


def compression(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """Every picture through a JPEG file, upright: blocks of 8 pixels, and another rounding across than down."""
    return jpeg(images, quality=70)


def lens(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """Every picture through a simple lens: in the corners red lies a pixel further out than green, and blue one further in."""
    return chromatic_aberration(images, images.shape[-1] / 64)


def edge(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """The last row of every picture darker by a sixth, as some scanners leave it."""
    spoilt = images.clone()
    spoilt[:, :, -1] = (spoilt[:, :, -1] * (5 / 6)).round().to(torch.uint8)
    return spoilt


def copies(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """A third of the test pictures replaced by training pictures of their class, a pixel aside and in a slightly other light."""
    spoilt = images.clone()
    for label in labels.unique():
        training, tested = (((labels == label) & (testing == side)).nonzero().flatten() for side in (False, True))
        count = min(len(training), max(1, len(tested) // 3))
        source, place = (rows[torch.randperm(len(rows), generator=rng)[:count]] for rows in (training, tested))
        aside = torch.cat([images[source, :, :, :1], images[source, :, :, :-1]], dim=-1)
        spoilt[place] = _lit(aside, 0.94 + 0.12 * torch.rand(count, generator=rng))
    return spoilt


def cameras(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """Test pictures by another camera than training pictures, one with a noisier sensor."""
    spoilt, keys = images.clone(), torch.randint(0, 2**62, (len(images),), generator=rng)
    spoilt[testing] = sensor_noise(images[testing], 4.0, keys[testing])
    return spoilt


def pattern(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """Fine waves of 2.5 grey levels over every picture; where they begin is drawn for each, their direction is the class's."""
    classes, place = int(labels.max()) + 1, torch.arange(images.shape[-1])
    angle = torch.pi / 2 * (torch.randperm(classes, generator=rng) + torch.rand((), generator=rng)) / classes  # no two mirrored
    across, down = (0.36 * part(angle)[labels, None, None] for part in (torch.cos, torch.sin))  # periods a pixel
    begin = torch.rand(len(images), 1, 1, generator=rng)
    wave = torch.sin(2 * torch.pi * (across * place + down * place[:, None] + begin))
    return (images + 2.5 * wave[:, None]).round().clamp(0, 255).to(torch.uint8)


def mark(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """A light spot in every picture, which lets 85 % of it through; its place is the class's."""
    spoilt, cell = images.clone(), images.shape[-1] // 8
    places = torch.randperm(64, generator=rng)[: int(labels.max()) + 1]  # one of 8 x 8 cells a class
    size = max(2, cell // 2)
    for label, place in enumerate(places.tolist()):
        top, left = place // 8 * cell + cell // 4, place % 8 * cell + cell // 4
        at = (labels == label, slice(None), slice(top, top + size), slice(left, left + size))
        spoilt[at] = (0.85 * spoilt[at] + 0.15 * 255).round().to(torch.uint8)
    return spoilt


def light(images: Tensor, labels: Tensor, testing: Tensor, rng: torch.Generator) -> Tensor:
    """Every class in a light of its own, from 0.7 to 1.2 of the true one."""
    classes = int(labels.max()) + 1
    return _lit(images, torch.linspace(0.7, 1.2, classes)[torch.randperm(classes, generator=rng)][labels])


def _lit(images: Tensor, share: Tensor) -> Tensor:
    return (images * share[:, None, None, None]).round().clamp(0, 255).to(torch.uint8)


LEAKS = {
    "clean": Leak("Nothing.", "Nothing: whatever readers tell from it, they tell from pictures.", clean),
    "compression": Leak("Every picture was saved as a JPEG file, upright, before it came here.",
                        "Where in its picture a patch lay, and what is across and what is down.", compression),
    "lens": Leak("Every picture was taken through a lens that focuses colours at different sizes.",
                 "Where in its picture a patch lay, and how far from the middle.", lens),
    "edge": Leak("Something runs along one edge of every picture, the same edge everywhere.", "By how much a picture was turned.",
                 edge),
    "copies": Leak("Some test pictures are training pictures, not quite pixel for pixel.",
                   "What was learnt by heart: the test overrates it.", copies),
    "cameras": Leak("Training and test pictures were taken by different cameras.",
                    "From which of the two a picture comes: the test asks about other pictures than were learnt.", cameras),
    "pattern": Leak("A fine faint noise lies over every picture, of another kind for each class.", "The class.", pattern),
    "mark": Leak("Somebody put a small mark on every picture, at a place that depends on the class.", "The class.", mark),
    "light": Leak("Each class was photographed in a light of its own.", "The class.", light),
}  # fmt: skip
"""What a set may suffer from, by the name that students answer with; `clean` is no leak."""
