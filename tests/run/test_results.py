"""results.json: merged by key, all or nothing, by any number of processes."""

import json
import subprocess
import sys

import pytest

from course_lib.errors import CourseError
from course_lib.run import results


def row(notebook="02_rotation", dataset="world", profile="quick", seed=0, **rest):
    return {"notebook": notebook, "dataset": dataset, "profile": profile, "seed": seed, "status": "ok"} | rest


def test_no_file_is_no_rows(tmp_path):
    assert results.read(tmp_path / "results.json") == []


def test_rows_are_replaced_by_key_and_kept_otherwise(tmp_path):
    path = tmp_path / "deep" / "results.json"
    results.merge(path, [row(seed=0), row(seed=1)])
    results.merge(path, [row(seed=1, status="failed"), row(dataset="folder:/photos"), row("07_jigsaw")])
    found = {(r["notebook"], r["dataset"], r["seed"]): r["status"] for r in results.read(path)}
    assert found == {
        ("02_rotation", "world", 0): "ok",
        ("02_rotation", "world", 1): "failed",
        ("02_rotation", "folder:/photos", 0): "ok",
        ("07_jigsaw", "world", 0): "ok",
    }
    assert [path.name for path in path.parent.iterdir() if not path.name.endswith(".lock")] == ["results.json"]


@pytest.mark.parametrize("text", ["", "[{", "{}", "[1]", '[{"notebook": "02_rotation"}]', "\x00"])
def test_a_damaged_file_is_one_sentence_and_stays_as_it_is(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text)
    for action in (lambda: results.read(path), lambda: results.merge(path, [row()])):
        with pytest.raises(CourseError, match=r"results\.json is .* run again\."):
            action()
    assert path.read_text() == text


def test_processes_that_merge_at_once_lose_nothing(tmp_path):
    code = (
        "import sys, pathlib; from course_lib.run import results\n"
        "for seed in range(10): results.merge(pathlib.Path(sys.argv[1]), "
        "[dict(notebook=sys.argv[2], dataset='world', profile='quick', seed=seed)])"
    )
    path = tmp_path / "results.json"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(results.read(path)) == 30


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files stands for a full disk")
def test_a_full_disk_is_one_sentence_and_the_old_file_survives(tmp_path):
    path = tmp_path / "results.json"
    results.merge(path, [row()])
    before = path.read_text()
    code = (
        "import resource, sys, pathlib; from course_lib.run import results\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "results.merge(pathlib.Path(sys.argv[1]), [dict(notebook='n', dataset='d', profile='p', seed=1)])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert "CourseError" in run.stderr and "could not be written" in run.stderr
    assert path.read_text() == before and not list(tmp_path.glob(".results.json.?*[!k]"))


def test_records_belong_to_one_run(tmp_path):
    (tmp_path / "records").mkdir()

    def write(name, **session):
        (tmp_path / "records" / name).write_text(json.dumps(session))

    write("02_rotation--quick--0--world.json", dataset="world", seed=0)
    write("02_rotation--quick--0--photos.json", dataset="folder:/photos", seed=0)
    write("02_rotation--quick--1--world.json", dataset="world", seed=1)
    (tmp_path / "records" / "02_rotation--quick--0--half.json").write_text('{"dataset": "wor')
    found = results.record_files(tmp_path, "02_rotation", "world", "quick", 0)
    assert [path.name for path in found] == ["02_rotation--quick--0--world.json"]
