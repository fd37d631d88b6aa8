"""A user's own photos: `folder:PATH`, a folder or an archive with a subfolder a class.

PATH holds `{train,test}/class/…` or `class/…`, perhaps inside one more folder. Where there is no `test`, `val` takes
its place; where there is neither, a hash of each file chooses a fifth for the test split.
"""

import hashlib
import io
import itertools
import math
import os
import struct
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from tqdm.auto import tqdm

from course_lib.data.archives import folder_files, read_files
from course_lib.data.samples import Samples, digest
from course_lib.errors import CourseError

NAMES = ["folder:PATH"]
VERSION = 1  # raise it when the same files would give other pixels or other splits

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
            ".pnm"}  # fmt: skip
FORMATS = ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]  # few decoders, so little for a hostile file to attack
SPLITS = {"train": "train", "test": "test", "val": "val", "valid": "val", "validation": "val"}
LARGEST = 64  # pixels: photos become squares of the median short side, but no larger
SMALLEST = 16  # pixels: below, the networks have nothing to look at
FEWEST = 10  # photos
PIXEL_LIMIT = 64 * 10**6  # declared in an image's header; larger ones are never decoded
SKIP_LIMIT = 0.05  # share of the files that may be undecodable
TASK_FILES, TASK_BYTES = 256, 2**22  # decoded by one thread at a time
HASHED_WHOLE = 2**30  # bytes: larger archives are known by path, size and time of change


def key(argument: str) -> str:
    """For an archive the hash of its content, for a folder that of its files' names, sizes and times of change."""
    path = Path(argument)
    try:
        if path.is_dir():
            files = [(name, s.st_size, s.st_mtime_ns) for name, s in folder_files(path) if _is_photo(name)]
            identity = hashlib.sha256(repr(files).encode()).hexdigest()
        elif path.stat().st_size < HASHED_WHOLE:
            with open(path, "rb") as file:
                identity = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            identity = f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
    except OSError as error:
        raise CourseError(f"{path} cannot be read ({error.strerror or error}): see who may read it.") from error
    return f"{VERSION} {identity}"


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    """Decode every photo once, in one pass over the files; the squares wait in `scratch` for their order.

    Raises:
        CourseError: the files cannot be read, or are no data set: no photos, fewer than `FEWEST`, one class only,
            train and test with different classes, more than 5 % undecodable, an image of more than 64 megapixels.
    """
    path = Path(argument)
    ignored, skipped, photos, end = [], [], [], 0  # photos: (name, digest, offset, side)
    bar = tqdm(desc=f"reading {path.name}", unit=" photos", disable=not progress, leave=False)
    with bar, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow: what it can mend, and sizes that decode() refuses by itself
        for name, identity, square in _decoded(read_files(path, lambda name: _is_photo(name, ignored))):
            if square is None:
                skipped.append(name)
            else:
                photos.append((name, identity, end, math.isqrt(len(square) // 3)))
                end += scratch.write(square)
            bar.update()
    scratch.flush()
    skipped.sort()
    _check_count(path, len(photos), skipped, ignored)

    photos.sort()
    places = layout(path.name, [name for name, *_ in photos])
    photos = [(*photo, *place) for photo, place in zip(photos, places, strict=True) if place]
    _, digests, offsets, sides, splits, classes = zip(*photos, strict=True)
    pixels = np.memmap(scratch, np.uint8, "r")
    names = sorted(set(classes))
    labels = np.array([names.index(name) for name in classes], dtype=np.int64)
    size = min(LARGEST, int(np.median(sides)))
    if size < SMALLEST:
        raise CourseError(f"The photos in {path.name} are {size} pixels wide or high: at least {SMALLEST} are needed.")

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        images = np.empty((len(rows), 3, size, size), np.uint8)
        for image, row in zip(images, rows, strict=True):
            side = sides[row]
            square = pixels[offsets[row] : offsets[row] + side * side * 3].reshape(side, side, 3)
            if side != size:
                square = np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC))
            image[:] = square.transpose(2, 0, 1)
        return {"images": images, "labels": labels[rows]}

    return Samples(names, np.array(digests, dtype=np.uint64), splits, fetch, skipped)


def layout(source: str, names: list[str]) -> list[tuple[str, str] | None]:
    """Read split and class off the names of the files.

    Args:
        source: what the files came in, for messages.
        names: relative paths with forward slashes.

    Returns:
        (split, class) a file, split "train", "test", "val" or "" where there are none; None for a file in no class.

    Raises:
        CourseError: no class folders, one class only, train and test with different classes.
    """
    paths = [name.split("/") for name in names]
    tops = {parts[0] for parts in paths}
    if len(tops) == 1 and not tops & SPLITS.keys() and any(len(parts) > 2 for parts in paths):
        paths = [parts[1:] for parts in paths]  # one folder around everything
    tops = {parts[0] for parts in paths if len(parts) > 1}
    if "train" in tops:
        places = [(SPLITS.get(parts[0]), parts[1]) if len(parts) > 2 else (None, "") for parts in paths]
    else:
        places = [("", parts[0]) if len(parts) > 1 else (None, "") for parts in paths]
    if "val" in (given := {split for split, _ in places}) and "test" not in given:
        places = [("test" if split == "val" else split, name) for split, name in places]
    places = [place if place[0] is not None else None for place in places]

    classes = {}
    for split, name in filter(None, places):
        classes.setdefault(split, set()).add(name)
    if not classes:
        raise CourseError(f"{source} has no class folders: sort photos as class/photo.jpg or train/class/photo.jpg.")
    if len(everything := set.union(*classes.values())) == 1:
        raise CourseError(f"{source} has one class only ({everything.pop()}): at least two class folders are needed.")
    for split, found in classes.items():
        if different := sorted(found ^ classes.get("train", found)):
            raise CourseError(
                f"The classes of train and {split} in {source} differ ({', '.join(different[:5])}): give both the same "
                "folders."
            )
    return places


def _is_photo(name: str, ignored: list | None = None) -> bool:
    if "/." in f"/{name}" or "__MACOSX/" in name:  # what systems leave behind
        return False
    if os.path.splitext(name)[1].lower() in SUFFIXES:
        return True
    if ignored is not None:
        ignored.append(name)
    return False


def _check_count(path: Path, photos: int, skipped: list[str], ignored: list[str]) -> None:
    others = f" ({len(ignored)} files of other kinds were ignored)" if ignored else ""
    if not photos and not skipped:
        raise CourseError(f"There are no photos in {path.name}{others}: {', '.join(sorted(SUFFIXES))} are read.")
    if len(skipped) > SKIP_LIMIT * (photos + len(skipped)):
        raise CourseError(
            f"{len(skipped)} of {photos + len(skipped)} images in {path.name} could not be decoded "
            f"({', '.join(skipped[:5])}{', …' if len(skipped) > 5 else ''}): more than {SKIP_LIMIT:.0%}; mend or "
            "remove them."
        )
    if photos < FEWEST:
        raise CourseError(f"There are {photos} photos in {path.name}{others}: at least {FEWEST} are needed.")


def _decoded(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, int, bytes | None]]:
    """Decode files in a few threads: (name, digest, square or None), in the order of the files.

    Threads, not processes: they work in every kernel and on every system, and Pillow decodes outside Python's lock.
    With small files most of the work is inside that lock, and several threads would only wait for one another.
    """
    tasks = _tasks(files)
    first = next(tasks)
    workers = 1 if len(first) == TASK_FILES else min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting = []
        for task in itertools.chain([first], tasks):
            waiting.append(pool.submit(_decode_all, task))
            if len(waiting) > 2 * workers:
                yield from waiting.pop(0).result()
        for decoding in waiting:
            yield from decoding.result()


def _tasks(files: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    task, size = [], 0
    for name, content in files:
        task.append((name, content))
        size += len(content)
        if len(task) == TASK_FILES or size > TASK_BYTES:
            yield task
            task, size = [], 0
    yield task


def _decode_all(files: list[tuple[str, bytes]]) -> list[tuple[str, int, bytes | None]]:
    return [(name, digest(content), decode(name, content)) for name, content in files]


def decode(name: str, content: bytes) -> bytes | None:
    """The centre square of a photo, upright, in RGB, at most `LARGEST` pixels wide.

    Grey, palette, CMYK and 16-bit images are converted, transparent ones laid on white. A photo whose short side has
    at most `LARGEST` pixels keeps its pixels bit for bit.

    Returns:
        side x side x 3 bytes; None when the content cannot be decoded.

    Raises:
        CourseError: the header declares more than 64 megapixels.
    """
    try:
        with _plain_jpeg(content) or Image.open(io.BytesIO(content), formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > PIXEL_LIMIT:
                raise CourseError(
                    f"{name} declares {image.width} x {image.height} pixels, more than {PIXEL_LIMIT // 10**6} million: "
                    "make it smaller or take it out."
                )
            if min(image.size) >= 4 * LARGEST:
                image.draft(None, (2 * LARGEST, 2 * LARGEST))  # a JPEG is decoded at a fraction of its size
            ImageOps.exif_transpose(image, in_place=True)
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            if image.width != image.height:
                image = image.crop((left, top, left + side, top + side))
            image = _rgb(image)
            if side > LARGEST:
                image = image.resize((LARGEST, LARGEST), Image.Resampling.BICUBIC)
            return image.tobytes()
    except CourseError:
        raise
    except Image.DecompressionBombError as error:
        raise CourseError(f"{name} is refused ({error}): make it smaller or take it out.") from error
    except Exception:  # a garbled file makes Pillow raise nearly anything
        return None


def _plain_jpeg(content: bytes) -> Image.Image | None:
    """Decode a small JPEG without a camera's segments; None for all else.

    `Image.open` reads a JPEG's segments in Python, which for a small photo takes longer than decoding it. Here they
    are skipped as far as the size, and libjpeg, which reads them anyway, does the rest.
    """
    at = 2
    while content[at : at + 2] in (b"\xff\xe0", b"\xff\xdb", b"\xff\xc4"):  # JFIF, quantisation, Huffman tables
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    height, width = struct.unpack(">HH", content[at + 5 : at + 9].ljust(4, b"\0"))
    colour = content[at + 4 : at + 5] == b"\x08" and content[at + 9 : at + 10] == b"\x03"  # 8 bits, 3 components
    if content[:2] != b"\xff\xd8" or content[at : at + 2] not in (b"\xff\xc0", b"\xff\xc2") or not colour:
        return None
    if not 0 < width * height < 2**16:
        return None
    try:
        return Image.frombytes("RGB", (width, height), content, "jpeg", "RGB", "")
    except ValueError:  # incomplete: Image.open decides
        return None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: convert() would clip it at 255
        scaled = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("the range of floating-point pixels is unknown")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image if image.mode == "RGB" else image.convert("RGB")
