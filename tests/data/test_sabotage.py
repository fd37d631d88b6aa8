"""Every leak is found by a reader that a student has, not found where it is not, and faint.

Limits lie between what was measured on six draws of 300 scenes: the most that a witness said of any other set, and the least
that it said of the set with its leak (in the comments).
"""

import pytest
import torch
import torch.nn.functional as F
from sklearn.feature_selection import f_classif

from course_lib.data.camera import chromatic_aberration
from course_lib.data.sabotage import LEAKS
from course_lib.evaluation.checkup import READERS, layout
from course_lib.evaluation.triviality import thumbnail
from course_lib.pretext.patches import grid_for
from course_lib.pretext.rotation import four_rotations
from course_lib.run.sabotage import pictures
from course_lib.shortcuts import linear_reader, read_place_from_profiles, read_rotation_from_frequencies


def told(see, learn, test):
    return linear_reader(*((see(images).numpy(), answers.numpy()) for images, answers in (learn, test)), C=0.1, max_iter=200)


def which_class(reader):
    return lambda train, test: told(READERS[reader], train, test)


def which_angle(train, test):
    return told(READERS["seams"], *(four_rotations(images) for images, _ in (train, test)))


def which_split(train, test):
    """Learnt from half of both, asked about the other half; as many of one as of the other."""
    old, new = train[0][:: len(train[0]) // len(test[0])], test[0]
    answers = torch.arange(2).repeat_interleave(len(new) // 2)
    return told(READERS["frequencies"], *((torch.cat([old[half::2], new[half::2]]), answers) for half in (0, 1)))


def which_cell(train, test):
    grid = grid_for(64, patch=14, jitter=0, random_origin=False)
    return read_place_from_profiles(train[0], test[0], grid, torch.Generator().manual_seed(0), questions=1000)


def fringes(train, test):
    """How much better red and blue fit one another after a lens that undoes the leak than after one that doubles it."""
    def misfit(pixels):
        images = chromatic_aberration(test[0], pixels).float()
        return sum((images[:, 0] - images[:, 2]).diff(dim=axis).abs().mean() for axis in (-1, -2))

    return (misfit(1.0) / misfit(-1.0)).log().item()


def twins(train, test):
    """The share of test pictures that have all but the same thumbnail as a training picture."""
    small = [thumbnail(images, 16) for images, _ in (train, test)]
    old, new = (F.normalize(rows - rows.mean(1, keepdim=True), dim=1) for rows in small)
    return ((new @ old.T).amax(1) > 0.95).float().mean().item()


def apart(describe):
    """How far classes lie apart in the number in which they do most, beside the spread within them."""
    def witness(train, test):
        images, labels = (torch.cat(parts) for parts in zip(train, test, strict=True))
        return float(f_classif(describe(images.float().mean(1)).numpy(), labels.numpy())[0].max())

    return witness


WITNESSES = {  # leak -> who finds it, and the limit
    "compression": (which_cell, 0.5),
    "lens": (fringes, 0.2),
    "edge": (which_angle, 0.75),
    "copies": (twins, 0.15),
    "cameras": (which_split, 0.7),
    "pattern": (which_class("frequencies"), 0.65),
    "mark": (apart(lambda grey: grey.diff(dim=-1).flatten(1)), 20),
    "light": (apart(lambda grey: grey.mean((1, 2))[:, None]), 8),
}
