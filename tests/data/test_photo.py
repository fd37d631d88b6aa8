"""A photo of the user's own: what is read, and what is refused in a sentence."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import photo
from course_lib.data.photo import read_photo
from course_lib.errors import CourseError


def encoded(width, height, kind="PNG", mode="RGB"):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze()).convert(mode).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(64, 64), (90, 64), (16, 40), (500, 300)])
def test_the_middle_square_at_the_size_asked(width, height):
    picture = read_photo(encoded(width, height), 64)
    assert picture.shape == (3, 64, 64) and picture.dtype == torch.uint8 and picture.is_contiguous()


def test_from_a_path_as_from_its_bytes(tmp_path):
    file = tmp_path / "mine.png"
    file.write_bytes(encoded(80, 70))
    assert torch.equal(read_photo(file, 64), read_photo(file.read_bytes(), 64))
    assert torch.equal(read_photo(str(file), 32), read_photo(file.read_bytes(), 32))


def test_a_grey_photo_has_three_equal_channels():
    picture = read_photo(encoded(64, 64, mode="L"), 64)
    assert torch.equal(picture[0], picture[1]) and torch.equal(picture[0], picture[2])


@pytest.mark.parametrize(("content", "sentence"), [
    (b"this is a letter", "not an image"),
    (b"", "not an image"),
    (encoded(64, 64)[:100], "not an image"),
    (encoded(1, 1), "1 pixels along its short side"),
    (encoded(200, 15), "15 pixels along its short side"),
])  # fmt: skip
def test_what_is_no_photo_is_refused(content, sentence):
    with pytest.raises(CourseError, match=sentence) as refused:
        read_photo(content, 64, "holiday.png")
    assert "holiday.png" in str(refused.value)


def test_a_path_that_is_not_there_or_is_a_folder(tmp_path):
    for path in (tmp_path / "nothing.jpg", tmp_path, "\0"):
        with pytest.raises(CourseError, match="no photo to read"):
            read_photo(path, 64)


def test_too_many_bytes_or_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(photo, "BYTES_LIMIT", 1000)
    file = tmp_path / "large"
    file.write_bytes(encoded(64, 64))
    with pytest.raises(CourseError, match="large has more than"):
        read_photo(file, 64)
    with pytest.raises(CourseError, match="the upload has more than"):
        read_photo(file.read_bytes(), 64)
    monkeypatch.undo()
    header = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(header, "PNG")
    with pytest.raises(CourseError, match=r"bomb\.png is refused"):
        read_photo(header.getvalue(), 64, "bomb.png")
