"""Neighbours, and the parts of bodies that they may share."""

import pytest
import torch

from course_lib.data import Split
from course_lib.data.world import CLASSES
from course_lib.errors import CourseError
from course_lib.evaluation.neighbours import follow, part_patches, share_alike


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


def annotated(scene_kinds, columns):
    """Pictures of 20 pixels a side with a scene each, and two points in one row at these columns."""
    points = torch.tensor([[[c, 3.0, 2.0], [c + 5, 3.0, 2.0]] for c in columns])
    images = torch.zeros(len(columns), 3, 20, 20, dtype=torch.uint8)
    return Split(torch.zeros(len(columns), dtype=torch.int64), ["a"], images,
                 annotations={"scene": torch.tensor(scene_kinds), "keypoints": points})  # fmt: skip


def test_what_neighbours_share_is_counted():
    bank, asked = annotated([0, 1, 1, 2], [2.0, 4.0, 4.1, 9.0]), annotated([1, 2], [2.0, 9.0])
    found = torch.tensor([[0, 1], [3, 2]])
    assert share_alike(found, asked, bank, "scene") == 0.5
    assert share_alike(found, asked, bank, "pose") == 0.75  # a tenth of 20 pixels is 2: columns 2 and 4, 9 and 9
    with pytest.raises(CourseError, match="have no weather, so their neighbours"):
        share_alike(found, asked, bank, "weather")
    del asked.annotations["keypoints"]
    with pytest.raises(CourseError, match="have no keypoints, so their neighbours cannot be compared in pose"):
        share_alike(found, asked, bank, "pose")


def test_what_looks_alike_is_followed_where_it_goes():
    rng = torch.Generator().manual_seed(0)
    ground, thing = torch.randn(2, 8, 1, 1, generator=rng)
    maps = ground.expand(4, 8, 10, 10).clone()
    for t in range(4):  # two by two cells that go one to the right each time
        maps[t, :, 4:6, 2 + t : 4 + t] = thing
    first = torch.zeros(10, 10)
    first[4:6, 2:4] = 1
    found = follow(maps, first, nearest=3)
    for t in range(4):
        assert found[t, 4:6, 2 + t : 4 + t].min() > 0.9 and abs(found[t].sum() - 4) < 0.5
    assert follow(maps, first, nearest=3, reach=1)[3, 4:6, 5:7].max() < 0.9  # it has gone too far to be found
    assert follow(maps[:1], first, nearest=500).shape == (1, 10, 10)  # more than there are
