"""The student's own photo: uploaded, opened by path, or refused; no screen."""

import datetime
import io

import pytest
import torch
from PIL import Image

from course_lib.widgets.photo import OwnPhoto


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def brightness(photo):
    from matplotlib.figure import Figure

    if photo.float().mean() > 250:
        raise ValueError("too bright")
    return Figure(figsize=(1, 1)), f"brightness {photo.float().mean():.0f}"


def widget():
    return OwnPhoto(brightness, torch.full((3, 32, 32), 10, dtype=torch.uint8), "Look.").show()


def png(level):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), (level,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_photo_by_upload_and_by_path(on_screen, tmp_path):
    photo = widget()
    assert "brightness 10" in photo.picture.value
    now = datetime.datetime.now(datetime.UTC)
    file = {"name": "mine.png", "type": "image/png", "size": 1, "content": memoryview(png(77)), "last_modified": now}
    photo.upload.value = (file,)
    assert "brightness 77" in photo.picture.value and photo.message.value == ""
    (tmp_path / "other.png").write_bytes(png(99))
    photo.path.value = str(tmp_path / "other.png")
    assert "brightness 99" in photo.picture.value


def test_what_cannot_be_read_is_said_and_the_last_photo_stays(on_screen):
    photo = widget()
    photo.path.value = "nowhere.png"
    assert "no photo to read" in photo.message.value and 'role="alert"' in photo.message.value
    assert "brightness 10" in photo.picture.value
    photo._uploaded(({"name": "letter.txt", "content": memoryview(b"Dear <b>")},))
    assert "letter.txt is not an image" in photo.message.value
    photo.path.value = ""
    assert "letter.txt" in photo.message.value


def test_an_error_while_drawing_is_shown(on_screen):
    photo = widget()
    photo._uploaded(({"name": "white.png", "content": memoryview(png(255))},))
    assert "too bright" in photo.message.value


def test_headless_the_example_is_drawn(capsys):
    widget()
