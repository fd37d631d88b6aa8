"""Neighbours, and the parts of bodies that they may share."""

import pytest
import torch

from course_lib.data import Split
from course_lib.data.world import CLASSES
from course_lib.errors import CourseError
from course_lib.evaluation.neighbours import part_patches


def scene(points, label="person", size=20):
    """One picture whose pixels number themselves, and its keypoints."""
    places = torch.arange(size, dtype=torch.uint8)
    image = torch.stack([places[:, None].expand(size, size), places.expand(size, size), torch.zeros(size, size).byte()])
    keypoints = torch.zeros(1, 13, 3)
    for k, point in points.items():
        keypoints[0, k] = torch.tensor(point)
    return Split(torch.tensor([CLASSES.index(label)]), list(CLASSES), image[None], annotations={"keypoints": keypoints})


def test_a_patch_lies_around_each_part_that_one_sees():
    patches, names = part_patches(scene({0: (7, 9, 2), 8: (10, 12, 2), 5: (10, 12, 1), 3: (2, 9, 2)}), 6)
    assert names == ["person head", "person knee"]  # hidden parts, and those at the edge, are left out
    assert patches.shape == (2, 3, 6, 6)
    assert patches[0, :2, 3, 3].tolist() == [9, 7]  # row and column of the keypoint, in the patch's middle


def test_left_and_right_are_one_part():
    _, names = part_patches(scene({8: (8, 8, 2), 11: (12, 8, 2)}), 4)
    assert names == ["person knee", "person knee"]


def test_photos_have_no_parts(dataset):
    with pytest.raises(CourseError, match="data set 'world' only"):
        part_patches(dataset.test, 6)
