"""`course bench --scaling`: what data costs that grows, fourfold and sixteenfold, in time and in memory.

**Training** reads its batches from a cache on the disk, which the library builds and maps into memory. Anonymous memory,
which the system could not take back, must not grow with the data, nor the time of a step by more than what the disk takes
to read it. Once PyTorch is loaded, each process may take no more than LIMIT_MB, with everything that it keeps of files; the
largest cache is larger than that. **Building** the cache of a folder of photos must take time in proportion, and the same memory.
"""

import contextlib
import io
import json
import os
import statistics
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch

from course_lib.data import cache, open_dataset
from course_lib.data.samples import Samples
from course_lib.data.splits import assemble
from course_lib.models import build_backbone
from course_lib.paths import write_atomically
from course_lib.pretext.rotation import Rotation
from course_lib.run.bench import FILE, SIDE, WIDTH, apart, device_name, read
from course_lib.training import fit

FACTORS = (1, 4, 16)
IMAGES = 40_000  # 117 MiB; sixteen times as many take 1.8 GiB
PHOTOS = 1000
STEPS = 100  # of training; every ten are timed together
LIMIT_MB = 512  # of memory for training, beside PyTorch itself


def measure(
    out: Path, images: int = IMAGES, photos: int = PHOTOS, limit_mb: int = LIMIT_MB, steps: int = STEPS,
    say: Callable[[str], None] = print,
) -> dict:  # fmt: skip
    """Measure both on this processor; add `scaling` to `out`/bench.json and return it.

    - `training`: for each size `images`, `file_mb`, `build_seconds`, `step_ms` (median), `anonymous_mb` (the most).
    - `limit_mb`: what each of these processes was allowed; None where this system does not let us limit it.
    - `building`: for each size `photos`, `seconds`, `anonymous_mb` (the most).

    Raises:
        CourseError: a measuring process died, or the file cannot be read or written.
    """
    earlier = read(out)
    result = {"limit_mb": limit_mb if may_limit() else None, "training": [], "building": []}
    out.mkdir(parents=True, exist_ok=True)
    for factor in FACTORS:
        with tempfile.TemporaryDirectory(dir=out) as folder:
            row = apart(_train, folder, factor * images, result["limit_mb"], steps)
        result["training"].append(row)
        say("{images} images ({file_mb:.0f} MB): {step_ms:.1f} ms a step, {anonymous_mb:.0f} MB of its own".format_map(row))
    for factor in FACTORS:
        with tempfile.TemporaryDirectory(dir=out) as folder:
            row = apart(_build, folder, factor * photos)
        result["building"].append(row)
        say("{photos} photos: built in {seconds:.1f} s, {anonymous_mb:.0f} MB of its own".format_map(row))
    kept = earlier or {"device": device_name("cpu")}
    write_atomically(out / FILE, json.dumps(kept | {"scaling": result}, indent=1) + "\n")
    return result


def _train(folder: str, images: int, limit_mb: int | None, steps: int) -> dict:
    """Build a cache of so many images and train on it, in this process, which has nothing else to do."""
    with limited(limit_mb):
        rng = np.random.default_rng(0)

        def fetch(rows):
            return {
                "images": rng.integers(0, 256, (len(rows), 3, SIDE, SIDE), dtype=np.uint8),
                "labels": np.zeros(len(rows), np.int64),
            }

        def collect(scratch, progress):
            return Samples(["noise"], rng.integers(0, 2**64, images, dtype=np.uint64), [""] * images, fetch)

        os.environ["COURSE_DATA"] = folder
        began = time.perf_counter()
        manifest, arrays = cache.open_cache("noise", "noise", "noise", collect, progress=False)
        built = time.perf_counter() - began
        data = assemble(manifest, arrays, "cpu").train
        backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=WIDTH, image_size=SIDE)
        marks: list[float] = []
        with Anonymous() as watched:
            fit(
                backbone, Rotation(backbone, torch.Generator().manual_seed(0)), data, steps=steps, batch_size=64,
                on_report=lambda history: marks.append(time.perf_counter()),
            )  # fmt: skip
    return {
        "images": images,
        "file_mb": round(images * 3 * SIDE * SIDE / 2**20, 1),
        "build_seconds": round(built, 2),
        "step_ms": round(100 * statistics.median(np.diff(marks)), 2),  # a report every ten steps
        "anonymous_mb": round(watched.most, 1),
    }


def _build(folder: str, photos: int) -> dict:
    """Build the cache of an archive of so many small photos, in two classes."""
    from PIL import Image

    rng, archive = np.random.default_rng(0), Path(folder) / "photos.tar"
    with tarfile.open(archive, "w") as tar:
        for k in range(photos):
            photo = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(photo, "JPEG")
            entry = tarfile.TarInfo(f"class{k % 2}/{k}.jpg")
            entry.size = photo.tell()
            photo.seek(0)
            tar.addfile(entry, photo)
    os.environ["COURSE_DATA"] = folder
    began = time.perf_counter()
    with Anonymous() as watched:
        open_dataset(f"folder:{archive}", progress=False)
    return {"photos": photos, "seconds": round(time.perf_counter() - began, 2), "anonymous_mb": round(watched.most, 1)}


class Anonymous:
    """Within `with`: the most memory of this process that belongs to no file, in MB, looked at fifty times a second."""

    def __enter__(self):
        self.most, self._over = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._thread.join()

    def _watch(self):
        process = psutil.Process()
        while not self._over.wait(0.02):
            memory = process.memory_info()
            self.most = max(self.most, (memory.rss - getattr(memory, "shared", 0)) / 2**20)


# --- a limit of memory, where the system lets us set one: on Linux, to who may make a control group


def may_limit() -> bool:
    """Whether `limited` works here."""
    try:
        with _group(2**40):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def limited(limit_mb: int | None):
    """Within `with`, this process may take so much more memory, pages of files among it; None: as much as ever. Yields the
    folder of the control group, if there is one."""
    if limit_mb is None:
        yield None
        return
    with _group(limit_mb * 2**20) as group:
        own = group.parent / "cgroup.procs"
        (group / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield group
        finally:
            own.write_text(str(os.getpid()))


@contextlib.contextmanager
def _group(most: int):
    """A control group, below the one of this process, that may use `most` bytes."""
    memberships = dict(line.split(":")[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    if "memory" in memberships:  # version 1
        parent, limit = Path("/sys/fs/cgroup/memory" + memberships["memory"]), "memory.limit_in_bytes"
    else:
        parent, limit = Path("/sys/fs/cgroup" + memberships[""]), "memory.max"
    group = parent / f"course-bench-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(most))
        yield group
    finally:
        group.rmdir()
