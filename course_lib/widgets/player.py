"""A film, its sound, and the sound's picture with a cursor that moves along; nothing plays until asked.

Sounds are played by this widget, never by `IPython.display.Audio` in an output that is redrawn: that hangs kernels that
run without a screen. The JavaScript lies beside this file.
"""

import io
import wave
from pathlib import Path

import anywidget
import traitlets
from torch import Tensor

from course_lib.data.spectrograms import log_mel
from course_lib.errors import CourseError
from course_lib.plots.images import coloured, picture_png
from course_lib.plots.style import data_address


class Player(anywidget.AnyWidget):
    """Pictures and a sound that run together, from start to end, when somebody presses Play or moves the slider.

    Args:
        words: what is to be seen and heard, for those who cannot.
        contents: what `load` takes.
    """

    _esm = Path(__file__).with_name("player.js")
    _css = Path(__file__).with_name("player.css")
    words = traitlets.Unicode().tag(sync=True)
    frames = traitlets.List(traitlets.Unicode()).tag(sync=True)  # pictures, as data addresses
    overlay = traitlets.List(traitlets.Unicode()).tag(sync=True)  # half transparent, over the frames
    sound = traitlets.Unicode().tag(sync=True)
    spectrogram = traitlets.Unicode().tag(sync=True)
    seconds = traitlets.Float(1.0).tag(sync=True)

    def __init__(self, words: str, clip: Tensor | None = None, sound: Tensor | None = None, **contents):
        super().__init__()
        self.load(words, clip, sound, **contents)

    def load(
        self, words: str, clip: Tensor | None = None, sound: Tensor | None = None, *, heat: Tensor | None = None,
        rate: int = 16_000, seconds: float | None = None,
    ) -> None:  # fmt: skip
        """Show something else, from its start.

        Args:
            clip: uint8 T x 3 x S x S.
            sound: int16, samples, `rate` a second.
            heat: laid over the frames, T x h x w, 0 (nothing) to 1.
            seconds: how long all of it takes; as long as the sound, unless given.

        Raises:
            CourseError: there is nothing to play, or a film without a sound and without a length.
        """
        if clip is None and sound is None:
            raise CourseError("There is nothing to play: give a clip, a sound, or both.")
        if sound is None and seconds is None:
            raise CourseError("Say how many seconds a clip without sound takes.")
        with self.hold_sync():
            self.words, self.seconds = words, float(seconds or len(sound) / rate)
            self.frames = [] if clip is None else [data_address(picture_png(frame)) for frame in clip]
            self.overlay = [] if heat is None else [data_address(picture_png(one)) for one in coloured(heat, fade=True)]
            self.sound = "" if sound is None else data_address(wav(sound, rate), "audio/wav")
            self.spectrogram = ""
            if sound is not None:
                self.spectrogram = data_address(picture_png(coloured(log_mel(sound[None], rate) / 255)[0]))


def wav(sound: Tensor, rate: int) -> bytes:
    """A sound (int16, S samples, `rate` a second) as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.cpu().contiguous().numpy().astype("<i2").tobytes())
    return buffer.getvalue()
