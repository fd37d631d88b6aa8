"""Write a sound of each instrument of `world:sounds`, as it stands in a clip, for a person to judge.

    python docs/listen.py build/sounds        guitar.wav, drum.wav, …
"""

import sys
import wave
from pathlib import Path

import numpy as np

from course_lib.data.world.sounds import INSTRUMENTS, RATE, render_sounds

CLIPS = 60  # in which every instrument is heard


def write_wav(path: Path, sound: np.ndarray) -> None:
    """Write a sound (int16, N samples at `RATE`) as a mono file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Name the folder for the sounds: python docs/listen.py build/sounds")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    clips = render_sounds(0, range(CLIPS), size=16, frames=2)
    for label, name in enumerate(INSTRUMENTS):
        position = int((clips["labels"] == label).nonzero()[0])
        write_wav(folder / f"{name}.wav", clips["sounds"][position].numpy())
