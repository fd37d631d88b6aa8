"""The measurement of what the library costs: a step, memory, waiting, and data that grows."""

import json
import os
import time

import pytest

from course_lib.errors import CourseError
from course_lib.run import bench, scaling


@pytest.mark.slow
def test_bench_measures_every_task(course, tmp_path, monkeypatch):
    from course_lib import pretext

    monkeypatch.setattr(bench, "VISIBLE", 16)
    monkeypatch.setattr(bench, "WIDTH", 8)
    monkeypatch.setattr(bench, "measure_ways", lambda device, runs, say: {})
    monkeypatch.setattr(bench, "first_figure", lambda: 1.0)
    (tmp_path / "bench.json").write_text('{"device": "cpu", "scaling": {"limit_mb": 1}}')
    result = course("bench", "--device", "cpu", "--repetitions", "20", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    measured = json.loads((tmp_path / "bench.json").read_text())
    assert set(measured["overhead"]) == set(measured["steps"]) == set(pretext.names())
    assert all(0.5 < ratio < 10 for ratio in measured["overhead"].values()) and measured["device"].startswith("cpu")
    assert measured["scaling"] == {"limit_mb": 1}, "what `--scaling` wrote stays"


def test_a_step_is_measured():
    step = bench.measure_step("rotation", "cpu", 20, visible=16, width=8)
    assert 0.5 < step["overhead"] < 10
    assert step["overhead"] == pytest.approx(step["ours_ms"] / step["bare_ms"], rel=0.01)
    assert step["hide_share"] == pytest.approx(step["hide_ms"] / step["ours_ms"], rel=0.01) and 0 < step["hide_share"] < 1
    assert step["pictures_per_second"] == pytest.approx(4 * step["samples_per_second"], rel=0.01), "each at four angles"
    assert step["samples_per_second"] == pytest.approx(4 / (1e-3 * step["ours_ms"]), rel=0.01)
    assert 50 < step["peak_mb"] < 10_000


def test_the_median_of_the_runs_counts(tmp_path, monkeypatch):
    steps = iter([1.5, 1.0, 1.1])

    def apart(work, name, *arguments):
        assert work is bench.measure_step
        step = dict.fromkeys(["ours_ms", "bare_ms", "hide_ms", "hide_share", "pictures_per_second", "peak_mb"], 1.0)
        return step | {"overhead": next(steps)}

    monkeypatch.setattr(bench.pretext, "names", lambda: ["rotation"])
    for name, stand_in in {"apart": apart, "measure_ways": lambda *_: {}, "import_seconds": lambda: {"course_lib": 0.1},
                           "first_figure": lambda: 2.0}.items():  # fmt: skip
        monkeypatch.setattr(bench, name, stand_in)
    measured = bench.measure("cpu", tmp_path, runs=3, say=lambda _: None)
    assert measured["overhead"] == {"rotation": 1.1} and measured["steps"]["rotation"]["runs"] == [1.5, 1.0, 1.1]
    assert bench.read(tmp_path) == json.loads(json.dumps(measured))


def test_the_fastest_of_interleaved_repetitions_counts():
    calls = []

    def action(name, seconds):
        return lambda: (calls.append(name), time.sleep(seconds))

    quick, slow = bench._fastest([action("a", 0.001), action("b", 0.004)], "cpu", 20)
    assert 0.001 <= quick < slow and slow >= 0.004
    assert calls == ["a", "b"] * 25


def test_a_process_of_its_own_has_its_own_peak():
    """A parent that once held much memory must not show in what its child is said to have used."""
    block = bytearray(b"x") * (bench_mb := 600) * 2**20
    assert bench.peak_memory() > bench_mb
    del block
    assert bench.apart(bench.peak_memory) < bench.peak_memory() - 100


def test_a_process_that_dies_is_one_sentence():
    with pytest.raises(CourseError, match="was killed"):
        bench.apart(os.abort)


def test_importing_the_library_is_quick():
    seconds = bench.import_seconds(repetitions=1)
    assert 0 < seconds["course_lib"] < 0.3, "beyond torch; a hundredth of that on an idle machine"
    assert seconds["course_lib"] <= seconds["course_lib.start"] and seconds["torch"] > 0


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_file_is_one_sentence_before_anything_is_measured(course, tmp_path, text):
    (tmp_path / "bench.json").write_text(text)
    for option in ([], ["--scaling"]):
        refused = course("bench", *option, "--device", "cpu", "--out", tmp_path)
        assert refused.exit_code == 2 and "delete it and run `course bench` again" in refused.stderr


def test_bad_options_are_refused(course, tmp_path):
    assert "device" in course("bench", "--device", "gpu", "--out", tmp_path).stderr
    assert course("bench", "--runs", 0, "--out", tmp_path).exit_code == 2
    assert course("bench", "--repetitions", 19, "--out", tmp_path).exit_code == 2


@pytest.mark.slow
def test_the_first_picture_of_a_notebook(project, tmp_path, monkeypatch):
    monkeypatch.setattr("course_lib.data.open_dataset", lambda *_, **__: None)
    monkeypatch.setattr(bench, "project", lambda: tmp_path)
    picture = 'from IPython.display import HTML\ntime.sleep(0.5)\nHTML("<img src=\'data:image/png;base64,aGk=\'>")'
    project("01_picture", picture)
    assert 0.5 < bench.first_figure("01_picture", repetitions=1) < 60
    project("02_none", "print('no picture')")
    with pytest.raises(CourseError, match="shows no picture"):
        bench.first_figure("02_none", repetitions=1)
    project("03_fails", "1 / 0")
    with pytest.raises(CourseError, match="03_fails failed before its first picture: ZeroDivisionError"):
        bench.first_figure("03_fails", repetitions=1)


@pytest.mark.slow
def test_data_that_grows(tmp_path):
    """Of its own, a process takes no more memory for sixteen times the data, and a step about the same time."""
    (tmp_path / "bench.json").write_text('{"device": "cpu", "overhead": {"rotation": 1.0}}')
    said = []
    scaling.measure(tmp_path, images=2000, photos=50, limit_mb=400, steps=20, say=said.append)
    held = json.loads((tmp_path / "bench.json").read_text())
    assert held["overhead"] == {"rotation": 1.0} and len(said) == 6
    training, building = held["scaling"]["training"], held["scaling"]["building"]
    assert [row["images"] for row in training] == [2000, 8000, 32000]
    assert [row["photos"] for row in building] == [50, 200, 800]
    for rows in (training, building):
        assert rows[-1]["anonymous_mb"] < 1.5 * rows[0]["anonymous_mb"], rows
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"], "the caches are gone"


def _kept_of_a_file(folder, limits):
    """Under each limit: MB that the system keeps for a process which writes a file of 200 MB and reads it."""
    kept = []
    for limit_mb in limits:
        with scaling.limited(limit_mb) as group:
            with open(folder / str(limit_mb), "wb+") as file:
                for _ in range(20):
                    file.write(bytes(10 * 2**20))
                file.seek(0)
                while file.read(2**20):
                    pass
            name = next(name for name in ("memory.usage_in_bytes", "memory.current") if (group / name).exists())
            kept.append(int((group / name).read_text()) / 2**20)
    return kept


def test_a_process_keeps_to_its_limit_of_memory(tmp_path):
    if not scaling.may_limit():
        pytest.skip("this system lets nobody limit a process's memory")
    little, all_of_it = bench.apart(_kept_of_a_file, tmp_path, (100, 1000))
    assert little <= 100 and all_of_it > 190
