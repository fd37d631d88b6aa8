"""A user's own videos: `clips:PATH`, a folder with a subfolder a class, or of videos side by side.

PATH holds `{train,test}/class/…` or `class/…`, perhaps inside one more folder; videos without class folders are one
class, named after PATH. Each video is cut into windows of 16 frames, 12.5 frames a second; all of one video fall into
the same split, chosen by a hash of the file where the folders do not say. A video is streamed: no more of it than a few
windows is ever in memory.
"""

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm.auto import tqdm

from course_lib.data.archives import folder_files
from course_lib.data.samples import Samples, digest, divide
from course_lib.data.sources.folder import SKIP_LIMIT, SPLITS
from course_lib.errors import CourseError

NAMES = ["clips:PATH"]
VERSION = 1  # raise it when the same files would give other pixels, other sounds or other splits

SUFFIXES = {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ogv", ".3gp", ".wmv", ".flv"}
# What may be inside, whatever the name says. Playlists are not among it: they would make the reader open other files.
FORMATS = "mov,matroska,avi,mpeg,ogg,asf,flv"
SIZE = 48  # pixels a side of a clip
FRAMES, STEP = 16, 0.08  # of a window, and the seconds from one to the next
SHORTEST = 8  # frames: a shorter video is skipped, the last frame of a window that is nearly full is held
MOST_WINDOWS = 8  # of a video; a longer one gives at least half as many, spread evenly over it
MOST_FRAMES = 10_000  # decoded of a video, about six minutes; what follows is ignored
LONGEST_FRAME = 1.0  # seconds: a longer gap between two frames counts as this
RATE = 16_000  # of sounds; each is a second around the middle of its window
LARGEST_SIDE, PIXEL_LIMIT = 16_384, 64 * 10**6  # declared by a video; larger ones are never decoded
SMALLEST_SIDE = 16  # pixels: below, there is nothing to look at
FEWEST = 4  # videos: for three splits and one more


@dataclass
class Window:
    """A cut of a video: its first frame's time in the file, in seconds, and uint8 16 x 3 x 48 x 48; int16 16 000, or
    None where the file has no sound."""

    start: float
    clip: np.ndarray
    sound: np.ndarray | None = None


def key(argument: str) -> str:
    """The hash of the videos' names, sizes and times of change.

    Raises:
        CourseError: the path is no folder, or cannot be read.
    """
    path = Path(argument)
    if not path.is_dir():
        raise CourseError(f"{path} is not a folder: give the folder that holds your videos.")
    try:
        files = [(name, s.st_size, s.st_mtime_ns) for name, s in folder_files(path) if _is_video(name)]
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror or error}): see who may read it.") from error
    return f"{VERSION} {hashlib.sha256(repr(files).encode()).hexdigest()}"


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    """Decode every video once; its windows wait in `scratch` for their order.

    Each sample is a window: `clips` (uint8 16 x 3 x 48 x 48), `labels`, `video` (int64, the number of its file among
    those that were decoded, in the order of their names), `name` (the file and the second at which the window starts)
    and, where any file has sound, `sounds` (int16, 16 000 samples at 16 kHz, mono; zeros where there is none).

    Raises:
        CourseError: the files cannot be read, or are no data set: no videos, fewer than `FEWEST`, none to train on,
            train and test with different classes, more than 5 % that cannot be decoded, absurdly large frames.
    """
    path = Path(argument)
    names = [name for name, _ in folder_files(path) if _is_video(name)]
    if not names:
        raise CourseError(f"There are no videos in {path.name}: {', '.join(sorted(SUFFIXES))} are read.")
    names = [(name, place) for name, place in zip(names, layout(path.name, names), strict=True) if place]
    skipped, videos, windows, end = [], 0, [], 0  # windows: (video, digest, split, class, name, clip's, sound's offset)
    bar = tqdm(desc=f"reading {path.name}", unit=" videos", total=len(names), disable=not progress, leave=False)
    with bar:
        decoded = _decoded(path, [name for name, _ in names])
        for (name, (split, label)), (identity, cuts) in zip(names, decoded, strict=True):
            for cut in cuts:
                clip, end = end, end + scratch.write(cut.clip.tobytes())
                sound = None
                if cut.sound is not None:
                    sound, end = end, end + scratch.write(cut.sound.tobytes())
                windows.append((videos, identity, split, label, f"{name} at {cut.start:.1f} s", clip, sound))
            videos += bool(cuts)
            skipped.extend([] if cuts else [name])
            bar.update()
    scratch.flush()
    _check_count(path, videos, skipped)

    numbers, digests, splits, labels, titles, clips, sounds = zip(*windows, strict=True)
    digests = np.array(digests, dtype=np.uint64)
    if "train" not in divide(digests, splits):
        raise CourseError(f"No video in {path.name} is left to train on: add videos, or a folder train.")
    classes = sorted(set(labels))
    labels = np.array([classes.index(label) for label in labels], dtype=np.int64)
    numbers = np.array(numbers, dtype=np.int64)
    titles = np.array([title.encode(errors="replace") for title in titles])
    content = np.memmap(scratch, np.uint8, "r")

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        result = {
            "clips": np.stack([_cut_out(content, clips[row], np.uint8, (FRAMES, 3, SIZE, SIZE)) for row in rows]),
            "labels": labels[rows],
            "video": numbers[rows],
            "name": titles[rows],
        }
        if set(sounds) != {None}:
            result["sounds"] = np.stack([_cut_out(content, sounds[row], np.int16, (RATE,)) for row in rows])
        return result

    return Samples(classes, digests, splits, fetch, skipped, rate=RATE)


def layout(source: str, names: list[str]) -> list[tuple[str, str] | None]:
    """Read split and class off the names of the files.

    Args:
        source: the folder's name: the class of videos without class folders.
        names: relative paths with forward slashes.

    Returns:
        (split, class) a file, split "train", "test", "val" or "" where there are none; None for a file in no class.

    Raises:
        CourseError: train and test have different classes.
    """
    paths = [name.split("/") for name in names]
    tops = {parts[0] for parts in paths}
    if len(tops) == 1 and not tops & SPLITS.keys() and any(len(parts) > 2 for parts in paths):
        paths = [parts[1:] for parts in paths]  # one folder around everything
    given = "train" in {parts[0] for parts in paths if len(parts) > 1}
    paths = [(SPLITS.get(parts[0]), *parts[1:]) if given else ("", *parts) for parts in paths]  # split, class, …, file
    flat = not any(len(parts) > 2 for parts in paths)
    places = [(parts[0], source if flat else parts[1]) if len(parts) > 2 - flat else None for parts in paths]
    places = [place if place and place[0] is not None else None for place in places]
    if "val" in (splits := {place[0] for place in places if place}) and "test" not in splits:
        places = [("test" if place[0] == "val" else place[0], place[1]) if place else None for place in places]

    classes = {}
    for split, name in filter(None, places):
        classes.setdefault(split, set()).add(name)
    for split, found in classes.items():
        if different := sorted(found ^ classes.get("train", found)):
            raise CourseError(
                f"The classes of train and {split} in {source} differ ({', '.join(different[:5])}): give both the same "
                "folders."
            )
    return places


def _is_video(name: str) -> bool:
    if "/." in f"/{name}" or "__MACOSX/" in name:  # what systems leave behind
        return False
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _check_count(path: Path, videos: int, skipped: list[str]) -> None:
    if len(skipped) > SKIP_LIMIT * (videos + len(skipped)):
        raise CourseError(
            f"{len(skipped)} of {videos + len(skipped)} videos in {path.name} could not be decoded or are shorter than "
            f"{SHORTEST * STEP:.1f} s ({', '.join(skipped[:5])}{', …' if len(skipped) > 5 else ''}): more than "
            f"{SKIP_LIMIT:.0%}; mend or remove them."
        )
    if videos < FEWEST:
        raise CourseError(f"There are {videos} videos in {path.name}: at least {FEWEST} are needed.")


def _cut_out(content: np.ndarray, offset: int | None, kind: type, shape: tuple[int, ...]) -> np.ndarray:
    if offset is None:
        return np.zeros(shape, kind)
    return content[offset : offset + int(np.prod(shape)) * np.dtype(kind).itemsize].view(kind).reshape(shape)


def _decoded(folder: Path, names: list[str]) -> Iterator[tuple[int, list[Window]]]:
    """Decode files in a few threads: (digest, windows), in the order of the files; no windows if it cannot be decoded.

    Threads, not processes: they work in every kernel and on every system, and videos are decoded outside Python's lock.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        try:
            for name in names:
                waiting.append(pool.submit(_decode, folder, name))
                if len(waiting) > 2 * workers:
                    yield waiting.pop(0).result()
            for decoding in waiting:
                yield decoding.result()
        finally:
            pool.shutdown(cancel_futures=True)  # one refused video: the others need not be decoded


def _decode(folder: Path, name: str) -> tuple[int, list[Window]]:
    try:
        with open(folder / name, "rb") as file:
            identity = digest(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise CourseError(f"{folder / name} cannot be read ({error.strerror}): see who may read it.") from error
    return identity, decode(folder / name)


def decode(path: Path) -> list[Window]:
    """The windows of a video: one behind the other, or, of more than eight, evenly spread ones.

    Each frame is what was on screen at its moment, its short side resized to 48 pixels, the middle of the long side.
    The file's first video and its first sound track are read; how a telephone was held is not looked at.

    Returns:
        Windows in order; none if the file is no video, is damaged from the start or shorter than `SHORTEST` frames.

    Raises:
        CourseError: the frames are more than 16 384 pixels wide or high, or have more than 64 million pixels (with a
            decoder that does not say so, such a video has no windows).
    """
    try:
        windows = _watch(path)
    except CourseError:
        raise
    except Exception:  # a garbled file makes the decoders raise nearly anything
        return []
    with contextlib.suppress(Exception):  # the pictures are whole: what cannot be heard stays silent
        _listen(path, windows)
    return windows


def _open(path: Path):
    import av  # here, for the names of data sets to be known at once

    return av.open(
        f"file:{path}",  # a name with a colon would otherwise be a protocol
        options={"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_pixels": str(PIXEL_LIMIT)},
        metadata_errors="replace",
    )


def _frames(container, stream) -> Iterator:
    """The frames of a stream, as far as it can be decoded; a damaged packet costs its own frames only."""
    import av

    stream.thread_type = "NONE"  # the files already have a thread each
    packets = container.demux(stream)
    while True:
        try:
            yield from next(packets).decode()
        except StopIteration:
            return
        except av.error.InvalidDataError:
            continue
        except av.error.FFmpegError:
            return


def _watch(path: Path) -> list[Window]:
    from av.video.reformatter import Interpolation, VideoReformatter

    windows, stride, window, count = [], 1, None, 0  # count: frames taken so far, of all windows
    reformatter, how = VideoReformatter(), Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT

    def take(frame, time):
        """Put the frame that is on screen at this time of the file into its window, if that is one to keep."""
        nonlocal windows, stride, window, count
        number, place = divmod(count, FRAMES)
        count += 1
        if number % stride:
            return
        if place == 0:
            window = Window(time, np.empty((FRAMES, 3, SIZE, SIZE), np.uint8))
            windows.append(window)
        window.clip[place:] = _square(frame, reformatter, how)  # and held, should the video end here
        if place == SHORTEST - 1 and len(windows) > MOST_WINDOWS:
            windows, stride = windows[::2], 2 * stride  # every second one, of those before and from here on

    with _open(path) as container:
        stream = container.streams.video[0]
        _check_size(path, stream.codec_context.width, stream.codec_context.height)
        # The frame on screen, its time in the file, its time since the first one, and how long it stays.
        shown, now, moment, lasts = None, 0.0, 0.0, STEP
        for frame in itertools.islice(_frames(container, stream), MOST_FRAMES):
            _check_size(path, frame.width, frame.height)
            time = now + STEP / 2 if frame.time is None else frame.time
            if shown is not None:
                lasts = min(max(time - now, 0.0), LONGEST_FRAME)
                while count * STEP < moment + lasts - 1e-6:
                    take(shown, now + count * STEP - moment)
                moment += lasts
            shown, now = frame, time
        while shown is not None and count * STEP < moment + min(lasts, STEP) - 1e-6:
            take(shown, now + count * STEP - moment)  # the last frame stays as long as the one before
    last = (count - 1) // FRAMES
    if windows and last % stride == 0 and count - last * FRAMES < SHORTEST:
        windows.pop()
    return windows


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > LARGEST_SIDE or width * height > PIXEL_LIMIT:
        raise CourseError(
            f"{path.name} declares frames of {width} x {height} pixels, and at most {LARGEST_SIDE} a side and "
            f"{PIXEL_LIMIT // 10**6} million in all are read: make it smaller or take it out."
        )
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"frames of {width} x {height} pixels show nothing")


def _square(frame, reformatter, how) -> np.ndarray:
    """The middle of a frame, uint8 3 x 48 x 48."""
    short = min(frame.width, frame.height)
    width, height = (max(SIZE, round(side * SIZE / short)) for side in (frame.width, frame.height))
    pixels = reformatter.reformat(frame, width, height, "rgb24", interpolation=how, threads=1).to_ndarray()
    left, top = (width - SIZE) // 2, (height - SIZE) // 2
    return pixels[top : top + SIZE, left : left + SIZE].transpose(2, 0, 1)


def _listen(path: Path, windows: list[Window]) -> None:
    """Put the second around its middle into each window, if the video has sound."""
    import av

    with _open(path) as container:
        if not windows or not container.streams.audio:
            return
        stream = container.streams.audio[0]
        middle = FRAMES * STEP / 2
        starts = [round((window.start + middle - 0.5) * RATE) for window in windows]  # in samples of the file's clock
        for window in windows:
            window.sound = np.zeros(RATE, np.int16)
        resampler = av.AudioResampler("s16", "mono", RATE)
        place = 0
        # 100 000 frames last half an hour: longer than the pictures that are looked at.
        for frame in itertools.chain(itertools.islice(_frames(container, stream), 100_000), [None]):
            for part in resampler.resample(frame):
                heard = part.to_ndarray().reshape(-1)
                place = place if part.time is None else round(part.time * RATE)
                for start, window in zip(starts, windows, strict=True):
                    begin, end = max(place, start), min(place + len(heard), start + RATE)
                    if begin < end:
                        window.sound[begin - start : end - start] = heard[begin - place : end - place]
                place += len(heard)
            if place > starts[-1] + RATE:
                return
