"""Caches: a data set decoded once, then memory-mapped by every notebook.

A cache is a folder `cache/<slug>-<key>` in the data directory: one .npy file an array, and `manifest.json` with the
classes, the sizes of the splits, and the size and SHA-256 of every file. It is built beside its place and renamed
into it, so it is there whole or not at all; a lock sees to it that one process builds while others wait.
"""

import contextlib
import hashlib
import itertools
import json
import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import filelock
import numpy as np
from tqdm.auto import tqdm

from course_lib.data.samples import Samples, arrangement
from course_lib.errors import CourseError
from course_lib.paths import data_directory

FORMAT = 2  # raise it when what a cache holds changes meaning: caches of another format are not found
HASHED_ON_OPEN = 2**28  # bytes, a quarter of a second: what is left is hashed by `verify` only, its size compared
READ_AROUND = 2**28  # bytes: of a larger file only what is asked for is read
_FIRST = ("labels.npy", "images.npy", "clips.npy", "sounds.npy")  # what is learnt from
PATIENCE = 3  # seconds of waiting for another process before saying so


def cache_directory() -> Path:
    """The folder that holds the caches."""
    return data_directory() / "cache"


def open_cache(name: str, slug: str, key: str, collect: Callable[[BinaryIO, bool], Samples], progress: bool = True):
    """Open the cache of a data set, building it where it is missing or damaged.

    Args:
        name: the data set's name, for messages and the manifest.
        slug: the readable part of the folder's name.
        key: identifies the content; another key is another cache.
        collect: called with an open temporary file, for what it must put by, and `progress`; returns the samples.
        progress: show a progress bar.

    Returns:
        The manifest (a dict with `name`, `classes`, `splits`, `skipped`, `files`, `fingerprint`) and the arrays by
        name, memory-mapped copy-on-write: train, val and test one behind the other, N rows in all.

    Raises:
        CourseError: the cache cannot be built or written.
    """
    directory = cache_directory() / f"{slug}-{hashlib.sha256(f'{FORMAT} {key}'.encode()).hexdigest()[:12]}"
    if damage(directory):
        with _locked(directory, name):
            found = damage(directory)  # another process may have built it while this one waited
            if found and directory.exists():
                print(f"The cache of {name} is damaged ({found}); building it again.")
            if found:
                _build(directory, name, collect, progress)
    manifest = _manifest(directory)
    return manifest, {Path(file).stem: _mapped(directory / file) for file in manifest["files"]}


def _mapped(file: Path) -> np.ndarray:
    """An array that is read as it is looked at; writing into it changes this process's copy only."""
    if sys.platform != "linux":
        return np.load(file, mmap_mode="c")
    # Linux refuses a copy that is larger than its memory, unless it is told that most of it will never be written.
    no_reserve = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Python has the name from 3.13 on
    with open(file, "rb") as opened:
        np.lib.format.read_magic(opened)
        shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
        memory = mmap.mmap(opened.fileno(), 0, mmap.MAP_PRIVATE | no_reserve, mmap.PROT_READ | mmap.PROT_WRITE)
        return np.ndarray(shape, dtype, memory, opened.tell())


def read_in_any_order(array: np.ndarray) -> None:
    """Tell the system that the rows of a mapped array will be asked for one here, one there.

    It would read what lies around each of them, too, and in a file that memory cannot hold throw that away unseen: several
    times what was asked for. Of a small file this soon brings in the rest, so it may do so.
    """
    if isinstance(array.base, mmap.mmap) and array.nbytes > READ_AROUND and hasattr(mmap, "MADV_RANDOM"):  # not on Windows
        array.base.madvise(mmap.MADV_RANDOM)


def damage(directory: Path, thorough: bool = False) -> str | None:
    """What is wrong with a cache, in a few words, or None.

    Compares the size of every file, and the SHA-256 of those that sum up to `HASHED_ON_OPEN`, or of all when the check
    is to be `thorough`.
    """
    try:
        manifest = _manifest(directory)
        if manifest["fingerprint"] != _fingerprint(manifest):
            return "manifest.json was changed"
        for file, expected in manifest["files"].items():
            if (directory / file).stat().st_size != expected["bytes"]:
                return f"{file} has another size than it was written with"
        files = _within(manifest["files"], _bytes(manifest) if thorough else HASHED_ON_OPEN)
        with ThreadPoolExecutor(2) as pool:
            for file, found in zip(files, pool.map(lambda file: _sha256(directory / file), files), strict=True):
                if found != manifest["files"][file]["sha256"]:
                    return f"{file} has other content than was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return f"it cannot be read: {error}"
    return None


def _within(files: dict[str, dict], most: int) -> list[str]:
    """As many files as have `most` bytes in all: what is learnt from first, then the smallest."""
    order = sorted(files, key=lambda file: (file not in _FIRST, files[file]["bytes"]))
    sums = itertools.accumulate(files[file]["bytes"] for file in order)
    return [file for file, total in zip(order, sums, strict=True) if total <= most]


def list_caches() -> list[dict]:
    """One dict a cache: `name`, `directory`, `bytes`, `samples`, `fingerprint`; None for what is unreadable."""
    caches = []
    for directory in _directories():
        entry = dict.fromkeys(("name", "bytes", "samples", "fingerprint")) | {"directory": directory}
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            manifest = _manifest(directory)
            entry |= {"name": manifest["name"], "bytes": _bytes(manifest), "fingerprint": manifest["fingerprint"]}
            entry["samples"] = sum(manifest["splits"].values())
        caches.append(entry)
    return caches


def verify(name: str | None = None) -> list[dict]:
    """Hash every file of the caches of one data set, or of all: dicts with `name`, `directory`, `damage` (or None).

    Raises:
        CourseError: there is no cache of that name.
    """
    return [{**cache, "damage": damage(cache["directory"], thorough=True)} for cache in _caches_of(name)]


def clear(name: str | None = None) -> list[Path]:
    """Remove the caches of one data set, or all of them and what interrupted builds left; returns what was removed.

    Raises:
        CourseError: there is no cache of that name, one is being built, or the folder cannot be written.
    """
    removed = [cache["directory"] for cache in _caches_of(name)]
    if name is None and cache_directory().is_dir():
        unfinished = {_place_of(directory) for directory in cache_directory().glob(".*.building-*")}
        removed += sorted(unfinished - set(removed))
    for directory in removed:
        with _locked(directory, directory.name, wait=False), _writing(directory.name):
            _remove_unfinished(directory)
            if directory.exists():
                shutil.rmtree(directory)
    return removed


def _directories() -> list[Path]:
    if not cache_directory().is_dir():
        return []
    return sorted(path for path in cache_directory().iterdir() if path.is_dir() and not path.name.startswith("."))


def _caches_of(name: str | None) -> list[dict]:
    caches = [cache for cache in list_caches() if name in (None, cache["name"], cache["directory"].name)]
    if name is not None and not caches:
        known = ", ".join(cache["name"] or cache["directory"].name for cache in list_caches()) or "none yet"
        raise CourseError(f"There is no cache of a data set called {name!r}: the caches are {known}.")
    return caches


def _manifest(directory: Path) -> dict:
    return json.loads((directory / "manifest.json").read_text(encoding="utf-8"))


def _bytes(manifest: dict) -> int:
    return sum(file["bytes"] for file in manifest["files"].values())


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(manifest: dict) -> str:
    content = json.dumps([manifest["classes"], manifest["splits"], manifest["files"]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


@contextlib.contextmanager
def _writing(name: str):
    """Whatever the file system refuses becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"The cache of {name} could not be written in {cache_directory()} ({error.strerror or error}): free some "
            "space there, or set COURSE_DATA to a folder that you may write to."
        ) from error


@contextlib.contextmanager
def _locked(directory: Path, name: str, wait: bool = True):
    """Hold the lock of one cache. The operating system frees it when its owner dies, however it dies."""
    with _writing(name):
        cache_directory().mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(directory.with_name(directory.name + ".lock"))
        try:
            lock.acquire(timeout=PATIENCE if wait else 0)
        except filelock.Timeout as error:
            if not wait:
                raise CourseError(f"The cache of {name} is being built: try again when that is done.") from error
            print(f"Another process is building the cache of {name}; waiting for it.")
            lock.acquire()
        except NotImplementedError as error:  # a file system without locks
            raise OSError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _remove_unfinished(directory: Path) -> None:
    """Remove what killed builds of this cache left. Only the lock's owner may: nobody else is building then."""
    for path in directory.parent.glob(f".{directory.name}.building-*"):
        shutil.rmtree(path, ignore_errors=True)


def _place_of(unfinished: Path) -> Path:
    return unfinished.with_name(unfinished.name[1:].partition(".building-")[0])


def _build(directory: Path, name: str, collect: Callable[[BinaryIO, bool], Samples], progress: bool) -> None:
    _remove_unfinished(directory)
    temporary = directory.with_name(f".{directory.name}.building-{os.getpid()}")
    try:
        with _writing(name), tempfile.TemporaryFile(dir=cache_directory()) as scratch:
            temporary.mkdir()
            samples = collect(scratch, progress)
            order, sizes = arrangement(samples)
            manifest = {
                "format": FORMAT,
                "name": name,
                "classes": samples.classes,
                "splits": sizes,
                "rate": samples.rate,
                "skipped": samples.skipped,
                "files": _write_arrays(temporary, samples, order, tqdm(
                    total=len(order), desc=f"writing {name}", unit=" samples", disable=not progress, leave=False
                )),
            }
            manifest["fingerprint"] = _fingerprint(manifest)
            (temporary / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            if directory.exists():
                shutil.rmtree(directory)
            os.replace(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_arrays(directory: Path, samples: Samples, order: np.ndarray, bar: tqdm) -> dict[str, dict]:
    """Write NAME.npy for every array of the samples; returns each file's size and SHA-256.

    The files are written, not memory-mapped: on a full disk a write raises an error, while a store into a map kills
    the process.
    """
    files: dict[str, _HashedFile] = {}
    with contextlib.ExitStack() as stack, bar:
        for start in range(0, len(order), samples.rows):
            rows = order[start : start + samples.rows]
            fetched = samples.fetch(rows)
            if start and fetched.keys() != files.keys():
                raise ValueError(f"samples differ in what they have: {fetched.keys() ^ files.keys()}")
            for name, values in fetched.items():
                values = np.ascontiguousarray(values)
                if not start:
                    files[name] = stack.enter_context(_HashedFile(directory / f"{name}.npy"))
                    header = np.lib.format.header_data_from_array_1_0(values)
                    header["shape"] = (len(order), *values.shape[1:])
                    np.lib.format.write_array_header_1_0(files[name], header)
                files[name].write(values)
            bar.update(len(rows))
    return {f"{name}.npy": {"bytes": file.bytes, "sha256": file.sha256.hexdigest()} for name, file in files.items()}


class _HashedFile:
    """A file opened for writing that hashes what passes, and reaches the disk before it is closed."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")  # noqa: SIM115 (closed by __exit__)
        self.sha256, self.bytes = hashlib.sha256(), 0

    def write(self, data) -> None:
        data = memoryview(data).cast("B")
        self.file.write(data)
        self.sha256.update(data)
        self.bytes += len(data)

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        with self.file:
            if exception[0] is None:
                self.file.flush()
                os.fsync(self.file.fileno())
