"""Finding, generating and executing notebooks."""

import json
import os
import signal
import subprocess
import sys
import threading

import nbformat
import psutil
import pytest
from waiting import wait_for

from course_lib.errors import CourseError
from course_lib.run import notebooks, results


def rows(out):
    return results.read(out / "results.json")


@pytest.mark.parametrize("query", ["02_rotation", "02", "2", "rotation", "ROTA"])
def test_a_notebook_is_found_by_name_number_or_part(project, query):
    for name in ("01_cost", "02_rotation", "12_counting"):
        project(name)
    assert notebooks.find(query) == "02_rotation"


@pytest.mark.parametrize(("query", "sentence"), [("9", "'9'; there are 01_cost, 02_rotation"), ("o", "01_cost or 02_rotation")])
def test_an_unknown_or_ambiguous_notebook_is_one_sentence(project, query, sentence):
    project("01_cost")
    project("02_rotation")
    with pytest.raises(CourseError, match=sentence):
        notebooks.find(query)


def test_generate_is_a_function_of_the_sources(project, tmp_path, course):
    source = project("01_stub")
    assert course("generate", "--check").exit_code == 1
    assert course("generate").exit_code == 0
    path = tmp_path / "notebooks" / "01_stub.ipynb"
    first = path.read_text()
    notebook = nbformat.reads(first, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert course("generate", "--check").exit_code == 0

    path.unlink()
    course("generate")
    assert path.read_text() == first

    source.write_text(source.read_text() + "\n# %%\n1 + 1\n\n# %%\n1 + 1\n")
    assert "01_stub" in course("generate", "--check").output
    course("generate")
    after = nbformat.read(path, as_version=4)
    assert [cell.id for cell in after.cells][: len(notebook.cells)] == [cell.id for cell in notebook.cells]
    assert len({cell.id for cell in after.cells}) == len(after.cells)


def test_outputs_in_a_generated_notebook_are_out_of_step(project, tmp_path, course):
    project("01_stub")
    course("generate")
    path = tmp_path / "notebooks" / "01_stub.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="left over")]
    nbformat.write(notebook, path)
    assert course("generate", "--check").exit_code == 1
    course("generate")
    assert "left over" not in path.read_text()


def test_run_executes_records_and_goes_on_after_a_failure(project, tmp_path, course):
    project("01_fails", "record(stub_before=0.9)\nraise ValueError('nine\\nlines')")
    project("02_works")
    project("03_mistake", "raise CourseError('Seed 7 is unlucky; choose another.')")
    out = tmp_path / "out"
    result = course("run", "--out", out, "--seed", "7", "--profile", "smoke", "--jobs", "2")
    assert result.exit_code == 1, result.output
    fails, works, mistake = rows(out)
    assert works == works | {"notebook": "02_works", "status": "ok", "profile": "smoke", "dataset": "world", "seed": 7}
    assert works["records"] == {"stub.score": {"value": 7.5, "chance": 0.25, "unit": ""}}
    wanted = "notebook status seconds train_seconds peak_rss_mb device profile dataset seed records error"
    assert set(wanted.split()) <= works.keys()
    assert works["error"] is None and works["train_seconds"] == 0.5 and works["device"] == "cpu"
    assert 0 < works["seconds"] < 60 and 30 < works["peak_rss_mb"] < 300
    assert fails["status"] == "failed" and fails["error"].startswith("ValueError: nine lines (see 01_fails.ipynb and")
    assert fails["records"]["stub.before"]["value"] == 0.9, "what was recorded before the failure is kept"
    assert mistake["error"] == "Seed 7 is unlucky; choose another."
    assert "mendable" not in mistake
    for name in ("01_fails", "02_works", "03_mistake"):
        assert nbformat.read(out / "executed" / f"{name}.ipynb", as_version=4).cells
        assert sum(line.startswith(name) for line in result.stdout.splitlines()) == 2, "a line when it starts, one at its end"
    assert [path.name for path in (out / "executed").glob("*.log")] == ["01_fails.log"]

    only_mistakes = course("run", "3", "--out", out)
    assert only_mistakes.exit_code == 2
    assert len(rows(out)) == 4, "another profile and seed is another row"
    assert course("run", "works", "--out", out, "--seed", "7", "--profile", "smoke").exit_code == 0
    assert len(rows(out)) == 4, "the same run is the same row"


def test_peak_memory_is_the_kernels_high_water_mark(project, tmp_path, course):
    project("01_large", "block = bytearray(400 * 2**20)\nblock[::4096] = b'x' * len(block[::4096])\ndel block\ntime.sleep(1)")
    course("run", "--out", tmp_path / "out")
    assert 430 < rows(tmp_path / "out")[0]["peak_rss_mb"] < 700


def test_the_kernel_is_this_python_whatever_the_user_has_installed(project, tmp_path, course, monkeypatch):
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({"argv": ["/nonexistent"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    project("01_stub", f"import sys\nassert sys.prefix == {sys.prefix!r}\nassert os.environ['COURSE_HEADLESS'] == '1'")
    result = course("run", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output


def test_timeout_stops_the_notebook_and_keeps_what_it_did(project, tmp_path, course):
    project("01_slow", "record(stub_before=0.4)\n\n# %%\ntime.sleep(600)")
    result = course("run", "--out", tmp_path / "out", "--timeout", "15")  # a kernel may take long to start
    assert result.exit_code == 1
    (row,) = rows(tmp_path / "out")
    assert row["status"] == "timeout" and 15 <= row["seconds"] < 60 and "--timeout" in row["error"]
    assert row["records"]["stub.before"]["value"] == 0.4
    assert nbformat.read(tmp_path / "out" / "executed" / "01_slow.ipynb", as_version=4).cells[2].execution_count


def test_a_killed_kernel_is_a_failure_and_the_next_run_is_clean(project, tmp_path, course):
    project("01_dies", "record(stub_before=0.4)\n\n# %%\nif seed == 0: os.kill(os.getpid(), 9)")
    out = tmp_path / "out"
    assert course("run", "--out", out).exit_code == 1
    (row,) = rows(out)
    assert row["status"] == "failed" and "the kernel died" in row["error"]
    assert row["peak_rss_mb"] > 30 and row["records"]["stub.before"]["value"] == 0.4
    project("01_dies", "record(stub_after=0.6)")
    assert course("run", "--out", out).exit_code == 0
    assert [row["records"].keys() for row in rows(out)] == [{"stub.after"}], "nothing of the killed run is left"


def test_a_notebook_without_a_parameter_is_refused(project, tmp_path, course):
    source = project("01_stub")
    source.write_text(source.read_text().replace("seed = 0\n", ""))
    result = course("run", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "has no seed in a cell tagged `parameters`" in result.stderr


COMMAND = """
import pathlib, sys
from course_lib.run import command_line, notebooks
notebooks.project = lambda: pathlib.Path(sys.argv[1])
command_line._open = lambda dataset: None
command_line.main(sys.argv[2:])
"""


def start(tmp_path, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def kernels(process):
    return [p for p in psutil.Process(process.pid).children(recursive=True) if "ipykernel_launcher" in " ".join(p.cmdline())]


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
def test_interrupt_keeps_what_had_finished(project, tmp_path):
    project("01_quick")
    project("02_slow", "record(stub_before=0.4)\ntime.sleep(600)")
    out = tmp_path / "out"
    process = start(tmp_path, "run", "--out", out)
    wait_for(lambda: list((out / "records").glob("02_slow*")))
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert [row["status"] for row in rows(out)] == ["ok", "interrupted"]
    assert rows(out)[1]["records"]["stub.before"]["value"] == 0.4


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_kill_9_of_the_command_leaves_no_kernel_and_the_next_run_is_clean(project, tmp_path, course):
    project("01_slow", "record(stub_before=0.4)\ntime.sleep(600 if seed == 0 else 0)")
    out = tmp_path / "out"
    process = start(tmp_path, "run", "--out", out)
    wait_for(lambda: list((out / "records").glob("01_slow*")))
    (kernel,) = kernels(process)
    process.kill()
    process.communicate()
    wait_for(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, 30)
    assert rows(out) == []
    project("01_slow")
    result = wait_for(lambda: (r := course("run", "--out", out)).exit_code == 0 and r, 30)
    assert "ok" in result.output
    assert [row["records"]["stub.score"]["value"] for row in rows(out)] == [0.5]


def test_two_runs_at_once_are_isolated_by_out_and_refused_in_one(project, tmp_path, course):
    project("01_stub", "record(stub_score=0.1 + seed)\ntime.sleep(3)")
    results_of = {}

    def go(seed):
        process = start(tmp_path, "run", "--out", tmp_path / f"out{seed}", "--seed", seed)
        process.communicate(timeout=60)
        results_of[seed] = process.returncode

    threads = [threading.Thread(target=go, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    wait_for(lambda: list((tmp_path / "out1" / "records").glob("*.json")))
    refused = course("run", "--out", tmp_path / "out1")
    assert refused.exit_code == 2 and "Another `course` is executing 01_stub" in refused.stderr
    for thread in threads:
        thread.join()
    assert results_of == {1: 0, 2: 0}
    for seed in (1, 2):
        (row,) = rows(tmp_path / f"out{seed}")
        assert row["records"]["stub.score"]["value"] == seed + 0.1


def test_a_notebook_that_uses_others_checkpoints_waits_for_them(project, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    uses = {"a": [], "b": [], "c": ["b"]}

    def job(name, seed=0):
        return notebooks.Job(name, "quick", "world", seed, "cpu", tmp_path / f"{name}{seed}.ipynb")

    a, b, c = jobs = [job("a"), job("b"), job("c")]
    assert notebooks._next(jobs, [], uses, 2) == b  # somebody waits for it
    assert notebooks._next([a, c], [b], uses, 3) == a
    assert notebooks._next([a, c], [b, job("x")], uses, 3) is None  # no core is idle, and what c waits for would suffer
    assert notebooks._next([a], [b, job("x")], uses, 3) == a
    assert notebooks._next([c], [b], uses, 2) is None
    assert notebooks._next([c], [job("b", seed=1)], uses, 2) == c  # another run's checkpoints are of no use to it
    assert notebooks._next(jobs, [], uses, 1) == a  # one after the other: the order of the course
    path = project("c")
    path.write_text(path.read_text().replace("# jupyter:\n", "# jupyter:\n#   course:\n#     after: [b]\n", 1))
    assert notebooks.after("c") == ["b"]
