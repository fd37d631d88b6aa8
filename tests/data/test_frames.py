"""Single frames of clips as a data set of pictures."""

import pytest
import torch

from course_lib.data.frames import frames
from course_lib.data.splits import Dataset, Split
from course_lib.errors import CourseError


def films(count, length=8):
    """Clips whose pixels say 10 times the clip's number plus the moment."""
    numbers = 10 * torch.arange(count)[:, None] + torch.arange(length)
    return Split(
        torch.arange(count) % 2, ["a", "b"],
        clips=numbers.to(torch.uint8).view(count, length, 1, 1, 1).expand(-1, -1, 3, 6, 6),
        sounds=torch.zeros(count, 100, dtype=torch.int16), rate=100,
        annotations={"keypoints": numbers[..., None, None].expand(-1, -1, 4, 3).float(), "scene": torch.arange(count) % 3,
                     "flow": torch.zeros(count, length - 1, 2, 6, 6), "name": [f"film {k}" for k in range(count)],
                     "present": torch.eye(length, dtype=torch.bool)[:count]},  # as many kinds as frames
    )  # fmt: skip


def dataset():
    return Dataset("films", films(5), films(2), films(3), ["a", "b"], "0" * 12, None, [])


def test_each_frame_keeps_its_own_annotations_and_its_clips():
    found = frames(dataset(), 4)
    assert found.size == 6 and found.classes == ["a", "b"] and (len(found.train), len(found.test)) == (20, 12)
    pixels = found.train.images[:, 0, 0, 0]
    assert pixels.tolist()[:8] == [1, 3, 5, 7, 11, 13, 15, 17] and found.train.images.shape == (20, 3, 6, 6)
    annotations = found.train.annotations
    assert torch.equal(annotations["keypoints"][:, 0, 0], pixels.float())
    assert torch.equal(annotations["clip"], pixels.long() // 10) and torch.equal(annotations["scene"], annotations["clip"] % 3)
    assert annotations["name"][4:9] == ["film 1"] * 4 + ["film 2"] and "flow" not in annotations
    assert torch.equal(found.train.labels, annotations["clip"] % 2)
    assert torch.equal(annotations["present"].int().argmax(1), annotations["clip"])
    assert found.train.clips is None and found.train.sounds is None


def test_an_annotation_can_take_the_classes_place():
    found = frames(dataset(), 1, label="scene")
    assert found.classes == found.test.classes == ["0", "1", "2"] and found.test.labels.tolist() == [0, 1, 2]
    assert found.test.images[:, 0, 0, 0].tolist() == [4, 14, 24]


@pytest.mark.parametrize(("count", "label", "words"), [
    (0, None, "8 frames, and 0 of each"), (9, None, "8 frames, and 9 of each"), (1, "weather", "does not know the weather"),
])  # fmt: skip
def test_bad_input_gets_a_sentence(count, label, words):
    with pytest.raises(CourseError, match=words):
        frames(dataset(), count, label)


def test_pictures_have_no_frames():
    pictures = Split(torch.zeros(2, dtype=torch.int64), ["a"], images=torch.zeros(2, 3, 6, 6, dtype=torch.uint8))
    with pytest.raises(CourseError, match="has no clips; choose a data set that has"):
        frames(Dataset("photos", pictures, pictures, pictures, ["a"], "0" * 12, 6, []), 1)
