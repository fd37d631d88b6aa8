"""Small videos for tests: a disc that crosses a picture, and a tone."""

from pathlib import Path

import av
import numpy as np

COLOURS = {"red": (220, 40, 40), "green": (30, 180, 60), "blue": (40, 60, 220), "grey": (128, 128, 128)}


def video(
    path: Path, seconds=1.6, rate=25, size=(96, 64), colour="grey", tone=None, codec="mpeg4", mark=0, frames=None, sound_at=0.0
):
    """Write a video: one colour, a bright disc that crosses it (`mark`: another path for every number), and a tone.

    frames: pixels of each frame instead (uint8, height x width x 3). sound_at: the second at which the tone starts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if frames is None:
        frames = [moving_disc(time / rate / max(seconds, 1), size, colour, mark) for time in range(round(seconds * rate))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        stream.bit_rate = 1_000_000
        sound = None
        if tone is not None:
            sound = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48_000)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
        if tone is not None:
            time = np.arange(round(seconds * 48_000)) / 48_000
            wave = (0.5 * np.sin(2 * np.pi * tone * time) * (time >= sound_at)).astype(np.float32)
            for start in range(0, len(wave), 960):
                frame = av.AudioFrame.from_ndarray(np.tile(wave[start : start + 960], (2, 1)), "fltp", "stereo")
                frame.sample_rate, frame.pts = 48_000, start
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def moving_disc(share, size, colour, mark):
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    centre = size[0] * (0.2 + 0.6 * share), size[1] * (0.3 + 0.4 * (mark * 0.37 % 1))
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < (min(size) * 0.12) ** 2
    frame = np.empty((size[1], size[0], 3), np.uint8)
    frame[:] = COLOURS[colour]
    frame[inside] = 250
    return frame
