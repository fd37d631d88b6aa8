"""Notebooks on Dask's workers: the rows of a plain run, whatever happens to the workers, the client or the scheduler."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from waiting import wait_for

from course_lib.errors import CourseError
from course_lib.run import command_line, notebooks, results

distributed = pytest.importorskip("distributed", reason="Dask is not here; install it with pip install -e '.[scale]'")
import dask  # noqa: E402

from course_lib.run import dask_jobs  # noqa: E402

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
PRELOAD = "from course_lib.run import notebooks; from pathlib import Path; notebooks.project = lambda: Path({!r}).resolve()"
LIBRARY = Path(command_line.__file__).parents[2]
QUIETLY = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
# Every execution leaves the number of its kernel.
COUNT = "with open(os.environ['COURSE_OUT'] + '/kernels', 'a') as file: print(os.getpid(), file=file, flush=True)\n"


def kernels(out):
    return [int(line) for line in (out / "kernels").read_text().split()] if (out / "kernels").exists() else []


def ended(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def rows(out):
    """The rows without what differs from run to run."""
    return [
        {name: row[name] for name in row if name not in ("seconds", "peak_rss_mb")} for row in results.read(out / "results.json")
    ]


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    """A link to the project that workers find, and the code that makes them find it."""
    link = tmp_path_factory.mktemp("workers") / "project"
    with dask.config.set({"distributed.worker.preload": [PRELOAD.format(str(link))]}):
        yield link


@pytest.fixture(scope="module")
def two_workers(preload):
    with distributed.LocalCluster(n_workers=2, **QUIETLY) as cluster:
        yield cluster


@pytest.fixture
def visible(preload, project, tmp_path):
    """Workers find this test's project."""
    preload.unlink(missing_ok=True)
    preload.symlink_to(tmp_path)


@pytest.fixture
def address(two_workers, visible):
    return two_workers.scheduler_address


def test_the_rows_are_those_of_a_plain_run(project, address, two_workers, tmp_path, course):
    project("01_mistake", COUNT + "record(stub_before=0.9)\nraise CourseError('Seed 7 is unlucky; choose another.')")
    project("02_works", COUNT + "record(stub_score=0.5 + seed)")
    plain = course("run", "--out", tmp_path / "plain", "--seed", "7")
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps(two_workers.scheduler.identity()))
    result = course("run", "--out", tmp_path / "dask", "--seed", "7", "--dask", file)
    assert result.exit_code == plain.exit_code == 2, result.output
    assert rows(tmp_path / "dask") == rows(tmp_path / "plain")
    assert [row["status"] for row in rows(tmp_path / "dask")] == ["failed", "ok"] and "02_works: ok in" in result.stdout
    assert len(kernels(tmp_path / "dask")) == 2, "what fails by itself is not executed again"
    assert not list((tmp_path / "dask").glob(".dask*"))


def test_the_job_of_a_killed_worker_is_executed_by_another(project, address, tmp_path):
    only_once = "if len(open(os.environ['COURSE_OUT'] + '/kernels').readlines()) == 1: time.sleep(600)"
    project("01_stub", COUNT + f"record(stub_score=0.5)\n{only_once}")
    out = tmp_path / "out"
    process = start(tmp_path, "run", "--out", out, "--dask", address)
    kernel = wait_for(lambda: kernels(out))[0]
    psutil.Process(kernel).parent().parent().kill()  # the kernel, the process that executes the notebook, the worker
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0, output
    assert [(row["status"], row["records"]["stub.score"]["value"]) for row in rows(out)] == [("ok", 0.5)]
    assert len(kernels(out)) == 2 and ended(kernel)
    assert (out / "executed" / "01_stub.ipynb").exists() and not list((out / "executed").glob(".*partial*"))


def test_a_job_that_kills_each_worker_is_a_failure(project, address, two_workers, tmp_path, course, monkeypatch):
    monkeypatch.setattr(two_workers.scheduler, "allowed_failures", 0)
    project("01_kills", "record(stub_before=0.4)\nimport psutil\npsutil.Process().parent().parent().kill()\ntime.sleep(60)")
    result = course("run", "--out", tmp_path / "out", "--dask", address)
    assert result.exit_code == 1, result.output
    (row,) = rows(tmp_path / "out")
    assert row["status"] == "failed" and "the worker died, 1 times" in row["error"]
    assert row["code"] == notebooks.code_version("01_kills") and row["records"]["stub.before"]["value"] == 0.4


def test_other_code_is_refused_before_anything_runs(project, address, preload, tmp_path, course):
    project("01_stub", COUNT)
    other = tmp_path / "other" / "notebooks" / "source"
    other.mkdir(parents=True)
    (other / "01_stub.py").write_text("# an older copy")
    preload.unlink()
    preload.symlink_to(tmp_path / "other")
    result = course("run", "--out", tmp_path / "out", "--dask", address)
    assert result.exit_code == 2 and "has the code of 01_stub" in result.stderr and "the same copy" in result.stderr
    assert rows(tmp_path / "out") == [] and kernels(tmp_path / "out") == []


def test_a_worker_that_comes_later_is_asked_with_its_first_job(project, address, tmp_path, monkeypatch):
    project("01_stub", COUNT)
    job = notebooks.Job("01_stub", "quick", "world", 0, "auto", tmp_path / "out" / "executed" / "01_stub.ipynb")
    monkeypatch.setattr(dask_jobs, "_refuse_at_once", lambda *arguments: None)
    monkeypatch.setattr(dask_jobs.platform, "python_version", lambda: "3.0")
    with pytest.raises(CourseError, match=r"has Python 3\.\d+\.\d+ where this computer has 3\.0"):
        dask_jobs.run([job], tmp_path / "out", address)
    assert kernels(tmp_path / "out") == []


def test_a_folder_that_the_workers_do_not_see_is_refused(project, address, tmp_path, course, monkeypatch):
    project("01_stub")
    monkeypatch.setattr(dask_jobs, "_mark", lambda out: contextlib.nullcontext(out / "elsewhere"))
    result = course("run", "--out", tmp_path / "out", "--dask", address)
    assert result.exit_code == 2 and "does not see" in result.stderr and rows(tmp_path / "out") == []


COMMAND = """
import pathlib, sys
from course_lib.run import command_line, notebooks
if __name__ == "__main__":
    notebooks.project = lambda: pathlib.Path(sys.argv[1])
    command_line._open = lambda dataset: None
    command_line._check = lambda profile, dataset, seed, device: (profile, dataset, int(seed), device)  # the real one needs torch
    command_line.main(sys.argv[2:])
"""


def start(tmp_path, *arguments):
    (tmp_path / "command.py").write_text(COMMAND)
    return subprocess.Popen(
        [sys.executable, str(tmp_path / "command.py"), str(tmp_path), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env=environment_of(tmp_path),
    )  # fmt: skip


def environment_of(tmp_path):
    preload = repr([PRELOAD.format(str(tmp_path))])
    return os.environ | {"PYTHONPATH": str(LIBRARY), "DASK_DISTRIBUTED__WORKER__PRELOAD": preload}


def test_ctrl_c_in_a_terminal_keeps_what_had_finished(project, tmp_path):
    project("01_quick", "record(stub_threads=int(os.environ['OMP_NUM_THREADS']))")
    project("02_slow", COUNT + "record(stub_before=0.4)\ntime.sleep(600)")
    project("03_waits")
    out = tmp_path / "out"
    process = start(tmp_path, "run", "--out", out, "--dask", "local:1")
    wait_for(lambda: list((out / "records").glob("02_slow*")))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it as well
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 130 and "Traceback" not in output, output
    assert [(row["notebook"], row["status"]) for row in rows(out)] == [("01_quick", "ok"), ("02_slow", "interrupted")], output
    assert rows(out)[0]["records"]["stub.threads"]["value"] == int(os.environ.get("OMP_NUM_THREADS", os.cpu_count()))
    assert rows(out)[1]["records"]["stub.before"]["value"] == 0.4 and ended(*kernels(out))


def test_kill_9_of_the_client_leaves_no_kernel_and_the_next_run_is_clean(project, address, tmp_path, course):
    project("01_slow", COUNT + "time.sleep(600)")
    out = tmp_path / "out"
    process = start(tmp_path, "run", "--out", out, "--dask", address)
    (kernel,) = wait_for(lambda: kernels(out))
    process.kill()
    process.communicate()
    wait_for(lambda: ended(kernel), 20)
    assert rows(out) == []
    project("01_slow")
    assert course("run", "--out", out, "--dask", address).exit_code == 0


def test_a_scheduler_that_goes_away_is_one_sentence(project, visible, tmp_path):
    project("01_slow", COUNT + "time.sleep(600)")
    out = tmp_path / "out"
    with distributed.LocalCluster(n_workers=1, **QUIETLY) as cluster:
        process = start(tmp_path, "run", "--out", out, "--dask", cluster.scheduler_address)
        (kernel,) = wait_for(lambda: kernels(out))
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 2 and "is gone" in output and "Traceback" not in output, output
    wait_for(lambda: ended(kernel), 20)


def test_local_listens_to_this_machine_only(visible):
    with dask_jobs.connected("local:1") as client:
        assert list(client.nthreads().values()) == [1]
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        listening = [
            connection.laddr.ip
            for process in processes
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 3 and set(listening) == {"127.0.0.1"}


@pytest.mark.parametrize("where", ["tcp://127.0.0.1:1", "local:0", "nowhere", "tls://127.0.0.1:1"])
def test_an_address_where_nothing_answers_is_one_sentence(project, tmp_path, course, monkeypatch, where):
    monkeypatch.setattr(dask_jobs, "CONNECT_SECONDS", 1)
    project("01_stub")
    result = course("run", "--out", tmp_path / "out", "--dask", where)
    assert result.exit_code == 2 and f"No scheduler of Dask answers at {where}" in result.stderr, result.output
    assert "Traceback" not in result.output


def test_a_scheduler_without_workers_is_one_sentence(project, tmp_path, course, monkeypatch):
    monkeypatch.setattr(dask_jobs, "WORKER_SECONDS", 1)
    project("01_stub")
    with distributed.LocalCluster(n_workers=0, **QUIETLY) as cluster:
        result = course("run", "--out", tmp_path / "out", "--dask", cluster.scheduler_address)
    assert result.exit_code == 2 and "has no worker" in result.stderr


def test_jobs_and_dask_exclude_one_another(project, tmp_path, course):
    project("01_stub")
    result = course("run", "--out", tmp_path / "out", "--dask", "local", "--jobs", "2")
    assert result.exit_code == 2 and "--jobs is for this machine" in result.stderr


def test_without_dask_it_says_what_to_install(project, tmp_path, course, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "course_lib.run.dask_jobs")
    monkeypatch.delattr("course_lib.run.dask_jobs")
    project("01_stub")
    result = course("run", "--out", tmp_path / "out", "--dask", "local")
    assert result.exit_code == 2 and "pip install -e '.[scale]'" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_the_script_for_slurm_encrypts_and_leaves_nothing_behind(project, tmp_path):
    """deploy/slurm/claims.sbatch as it is, with an `srun` that starts its task here, and `course run` for `course claims`."""
    project("01_stub", COUNT + "record(stub_threads=int(os.environ['MKL_NUM_THREADS']))")
    (tmp_path / "command.py").write_text(COMMAND)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    python = f"exec {sys.executable}"
    shells = {
        "srun": 'exec "$@"',
        "dask": f'{python} -m dask "$@"',
        "course": f'shift; {python} {tmp_path}/command.py {tmp_path} run --out {tmp_path}/out "$@"',
    }
    for name, code in shells.items():
        (programs / name).write_text(f"#!/bin/bash\n{code}\n")
        (programs / name).chmod(0o755)
    script = LIBRARY / "deploy" / "slurm" / "claims.sbatch"
    environment = environment_of(tmp_path) | {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_CPUS_PER_TASK": "3"}
    process = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, timeout=100)
    assert process.returncode == 0, process.stderr
    assert "Sent 1 jobs to tls://" in process.stdout
    assert [(row["status"], row["records"]["stub.threads"]["value"]) for row in rows(tmp_path / "out")] == [("ok", 3)]
    assert not list(tmp_path.glob(".dask-*"))
