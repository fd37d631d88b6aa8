"""What the player carries to the browser; how it plays is tested there."""

import base64
import io
import wave

import pytest
import torch
from PIL import Image

from course_lib.errors import CourseError
from course_lib.widgets.player import Player, wav


def contents(address, kind):
    head, _, body = address.partition(",")
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(body))


@pytest.fixture
def film():
    rng = torch.Generator().manual_seed(0)
    clip = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8, generator=rng)
    return clip, torch.randint(-2000, 2000, (8000,), dtype=torch.int16, generator=rng)


def test_it_carries_frames_sound_and_spectrogram(film):
    clip, sound = film
    player = Player("words", clip, sound)
    assert player.seconds == 0.5 and len(player.frames) == 5 and player.overlay == []
    with Image.open(contents(player.frames[3], "image/png")) as picture:
        assert picture.size == (8, 8) and picture.getpixel((2, 1)) == tuple(clip[3, :, 1, 2].tolist())
    with wave.open(contents(player.sound, "audio/wav")) as file:
        assert (file.getnframes(), file.getframerate(), file.getsampwidth()) == (8000, 16_000, 2)
        assert file.readframes(8000) == sound.numpy().tobytes()
    with Image.open(contents(player.spectrogram, "image/png")) as picture:
        assert picture.size == (50, 64)


def test_heat_is_the_more_opaque_the_larger(film):
    heat = torch.tensor([0.0, 0.5, 1.0])[:, None, None].expand(3, 4, 4)
    player = Player("words", film[0], film[1], heat=heat)
    opaque = []
    for address in player.overlay:
        with Image.open(contents(address, "image/png")) as picture:
            opaque.append(picture.getpixel((0, 0))[3])
    assert opaque[0] == 0 and opaque[0] < opaque[1] < opaque[2] < 255


def test_a_film_without_sound_needs_a_length(film):
    silent = Player("words", film[0], seconds=2)
    assert silent.seconds == 2 and silent.sound == silent.spectrogram == ""
    with pytest.raises(CourseError, match="how many seconds"):
        Player("words", film[0])
    with pytest.raises(CourseError, match="nothing to play"):
        Player("words")


def test_a_sound_becomes_a_file_whatever_its_layout(film):
    assert wav(film[1][::2], 8000) == wav(film[1][::2].clone(), 8000)
