"""Caches: built once, whole or not at all, checked, rebuilt."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import cache
from course_lib.data.samples import SPLITS, Samples, arrangement, divide
from course_lib.data.splits import assemble
from course_lib.errors import CourseError

# A data set of 300 samples whose build leaves a line in a file and takes a moment, for processes to meet in.
PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from course_lib.data import cache
from course_lib.data.samples import Samples, digest

def collect(scratch, progress):
    with open(sys.argv[1], "a") as file:
        file.write("built\\n")
    def fetch(rows):
        print("writing", flush=True)
        time.sleep(float(sys.argv[2]))
        return {"images": np.zeros((len(rows), 3, 8, 8), np.uint8) + rows[:, None, None, None].astype(np.uint8),
                "labels": rows % 2}
    return Samples(["even", "odd"], np.array([digest(b"%d" % i) for i in range(300)], np.uint64), [""] * 300, fetch)

manifest, arrays = cache.open_cache("toy", "toy", "1", collect, progress=False)
print("opened", manifest["fingerprint"], len(arrays["images"]))
"""


def samples(count: int = 300) -> Samples:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    labels = np.arange(count) % 2
    boxes = rng.random((count, 4), dtype=np.float32)
    return Samples(
        classes=["even", "odd"],
        digests=rng.integers(0, 2**64, count, dtype=np.uint64),
        splits=[""] * count,
        fetch=lambda rows: {"images": images[rows], "labels": labels[rows], "boxes": boxes[rows]},
    )


def build(count: int = 300, key: str = "1"):
    return cache.open_cache("toy", "toy", key, lambda scratch, progress: samples(count), progress=False)


@pytest.mark.skipif(sys.platform == "win32", reason="files without content take up room on Windows")
def test_a_set_larger_than_memory_opens_at_once(data):
    """A cache whose images are a hole in a file, as large as twice the memory: only what is looked at is read."""
    build()
    directory = cache.list_caches()[0]["directory"]
    rows = 2 * psutil.virtual_memory().total // (3 * 64 * 64)
    manifest = json.loads((directory / "manifest.json").read_text())
    for name, shape, dtype in (("images", (rows, 3, 64, 64), np.uint8), ("labels", (rows,), np.bool_)):
        np.lib.format.open_memmap(directory / f"{name}.npy", "w+", dtype, shape)
        manifest["files"][f"{name}.npy"]["bytes"] = (directory / f"{name}.npy").stat().st_size
    np.lib.format.open_memmap(directory / "images.npy", "r+")[-1] = 7
    manifest["files"]["labels.npy"]["sha256"] = cache._sha256(directory / "labels.npy")
    manifest["files"].pop("boxes.npy")
    manifest["splits"] = {"train": rows - 2, "val": 1, "test": 1}
    manifest["fingerprint"] = cache._fingerprint(manifest)
    (directory / "manifest.json").write_text(json.dumps(manifest))
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    manifest, arrays = cache.open_cache("toy", "toy", "1", fail, progress=False)
    dataset = assemble(manifest, arrays, "cpu")
    assert time.perf_counter() - start < 5  # a fraction of a second, but for a busy machine
    assert len(dataset.train) == rows - 2 and dataset.test.batch([0]).images.eq(7).all()
    batch = dataset.train.batch([0, rows // 2, rows - 3])
    assert batch.images.shape == (3, 3, 64, 64) and not batch.images.any()
    assert dataset.train.subset(slice(5, 9)).images.shape == (4, 3, 64, 64)
    assert psutil.Process().memory_info().rss - before < 300e6


def fail(scratch, progress):
    raise AssertionError("built again")


def process(log, seconds: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(log), str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def folders(data):
    return [path for path in (data / "cache").iterdir() if path.is_dir()]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=400, unique=True), st.booleans(), st.integers(1, 399))
def test_splits_are_disjoint_and_stable(digests, has_test, cut):
    digests = np.array(digests, dtype=np.uint64)
    rows = ["test", "train", "train"] if has_test else [""]
    given_splits = [rows[i % len(rows)] for i in range(len(digests))]
    whole = divide(digests, given_splits)
    assert set(whole) <= set(SPLITS)
    if has_test:  # what is test stays test, and nothing else becomes it
        assert [split == "test" for split in whole] == [split == "test" for split in given_splits]

    part = divide(digests[:cut], given_splits[:cut])
    moved = np.flatnonzero(part != whole[:cut])
    # Only the sample that stands in for an otherwise empty split may move when others are added.
    assert len(moved) <= 2 and all((part == part[row]).sum() == 1 for row in moved)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=200))
def test_arrangement_keeps_every_sample_once_and_copies_together(digests):
    digests = np.array(digests, dtype=np.uint64)
    order, sizes = arrangement(Samples([], digests, [""] * len(digests), None))
    assert sorted(order) == list(range(len(digests))) and sum(sizes.values()) == len(digests)
    split_of = dict(zip(order, np.repeat(SPLITS, list(sizes.values())), strict=True))
    for value in digests:
        assert len({split_of[row] for row in np.flatnonzero(digests == value)}) == 1


def test_shares_of_the_splits():
    digests = np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64)
    splits = divide(digests, [""] * len(digests))
    assert (splits == "test").mean() == pytest.approx(0.2, abs=0.01)
    assert (splits == "val").mean() == pytest.approx(0.08, abs=0.01)


def test_arrays_come_back_in_the_order_of_the_splits(data):
    manifest, arrays = build()
    source = samples()
    order, sizes = arrangement(source)
    for name, values in source.fetch(order).items():
        assert np.array_equal(arrays[name], values) and arrays[name].dtype == values.dtype
    assert manifest["splits"] == sizes and all(sizes.values())
    assert manifest["classes"] == ["even", "odd"] and len(manifest["fingerprint"]) == 12
    arrays["images"][0] = 7  # copy-on-write: the file stays as it was
    assert cache.verify()[0]["damage"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how a file is mapped")
def test_of_a_large_file_only_what_is_asked_for_is_read(data, monkeypatch):
    def advised():
        """Of each mapped file of the cache, whether it is read in any order (the flag rr)."""
        found, file = {}, None
        for line in Path("/proc/self/smaps").read_text().splitlines():
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                file = Path(line.split()[-1]).name
            elif line.startswith("VmFlags:") and file in ("images.npy", "labels.npy"):
                found[file] = "rr" in line.split()
        return found

    manifest, arrays = build()
    assemble(manifest, arrays, "cpu")
    assert advised() == {"images.npy": False, "labels.npy": False}
    monkeypatch.setattr(cache, "READ_AROUND", arrays["images"].nbytes - 1)
    assemble(manifest, arrays, "cpu")
    assert advised() == {"images.npy": True, "labels.npy": False}


def test_a_second_opening_builds_nothing_and_leaves_nothing_behind(data):
    first, _ = build()
    second, _ = cache.open_cache("toy", "toy", "1", fail, progress=False)
    assert first == second and len(folders(data)) == 1


def test_another_key_is_another_cache_with_another_fingerprint(data):
    first, _ = build(300, "1")
    second, _ = build(299, "2")
    assert first["fingerprint"] != second["fingerprint"] and len(folders(data)) == 2


@pytest.mark.parametrize("what", ["flip", "cut", "remove", "manifest", "garbage", "classes"])
def test_damage_is_found_and_mended(data, capsys, what):
    before, _ = build()
    (folder,) = folders(data)
    images, manifest = folder / "images.npy", folder / "manifest.json"
    if what == "flip":
        content = bytearray(images.read_bytes())
        content[5000] ^= 1
        images.write_bytes(content)
    elif what == "cut":
        os.truncate(images, 1000)
    elif what == "remove":
        images.unlink()
    elif what == "manifest":
        os.truncate(manifest, 100)
    elif what == "garbage":
        manifest.write_text("[]")
    elif what == "classes":
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"classes": ["odd", "even"]}))
    assert cache.verify()[0]["damage"]
    assert len(cache.list_caches()) == 1
    after, _ = build()
    assert after == before and cache.verify()[0]["damage"] is None
    assert "damaged" in capsys.readouterr().out


def test_list_verify_clear(data):
    build(300, "1")
    build(200, "2")
    listed = cache.list_caches()
    assert sorted(entry["samples"] for entry in listed) == [200, 300]
    assert all(entry["name"] == "toy" and entry["bytes"] > 192 * 200 for entry in listed)
    with pytest.raises(CourseError, match=r"photos.*toy"):
        cache.verify("photos")
    with pytest.raises(CourseError, match=r"photos.*toy"):
        cache.clear("photos")
    assert len(cache.clear(listed[0]["directory"].name)) == 1 and len(cache.list_caches()) == 1
    assert len(cache.clear("toy")) == 1 and cache.list_caches() == [] and folders(data) == []
    assert cache.clear() == []


def test_twelve_processes_build_once(data, tmp_path):
    running = [process(tmp_path / "log", 1.0) for _ in range(12)]
    said = [each.communicate(timeout=120)[0] for each in running]
    assert [each.returncode for each in running] == [0] * 12, said
    assert (tmp_path / "log").read_text() == "built\n"
    assert len({text.splitlines()[-1] for text in said}) == 1 and len(folders(data)) == 1


def test_waiting_says_so(data, tmp_path, monkeypatch, capsys):
    builder = process(tmp_path / "log", 2.0)
    assert builder.stdout.readline() == "writing\n"
    monkeypatch.setattr(cache, "PATIENCE", 0.1)
    with pytest.raises(CourseError, match="being built"):
        cache.clear()
    manifest, _ = cache.open_cache("toy", "toy", "1", fail, progress=False)
    assert "Another process is building the cache of toy" in capsys.readouterr().out
    assert manifest["fingerprint"] in builder.communicate(timeout=60)[0]


def test_a_build_killed_midway_leaves_no_cache(data, tmp_path):
    builder = process(tmp_path / "log", 60)
    assert builder.stdout.readline() == "writing\n"
    time.sleep(0.1)
    builder.send_signal(signal.SIGKILL)
    builder.wait(timeout=30)
    builder.stdout.close()
    assert cache.list_caches() == [] and len(folders(data)) == 1
    build()
    assert len(cache.list_caches()) == 1 and len(folders(data)) == 1, "the stale folder should have gone"


def test_clear_removes_what_a_killed_build_left(data, tmp_path):
    builder = process(tmp_path / "log", 60)
    assert builder.stdout.readline() == "writing\n"
    builder.kill()
    builder.communicate(timeout=30)
    assert len(cache.clear()) == 1 and folders(data) == []


def test_a_build_that_fails_leaves_nothing(data):
    def collect(scratch, progress):
        raise CourseError("no photos")

    with pytest.raises(CourseError, match="no photos"):
        cache.open_cache("toy", "toy", "1", collect, progress=False)
    assert folders(data) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_full_disk_is_one_sentence(data, limited_files):
    with limited_files(30_000), pytest.raises(CourseError, match=r"could not be written.*COURSE_DATA"):
        build()
    assert folders(data) == []
    build()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc, where nothing can be written")
def test_unwritable_data_directory_is_one_sentence(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "/proc/nowhere")
    with pytest.raises(CourseError, match=r"/proc/nowhere.*COURSE_DATA"):
        build()


def test_a_data_directory_that_is_a_file_is_one_sentence(data):
    data.write_text("")
    with pytest.raises(CourseError, match="could not be written"):
        build()


def test_samples_that_differ_in_what_they_have_are_a_mistake_of_the_source(data):
    calls = []

    def fetch(rows):
        calls.append(rows)
        return {"labels": rows} | ({"masks": rows} if len(calls) > 1 else {})

    source = samples()
    source.fetch, source.rows = fetch, 100
    with pytest.raises(ValueError, match="masks"):
        cache.open_cache("toy", "toy", "1", lambda scratch, progress: source, progress=False)
