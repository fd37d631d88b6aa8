"""The hub for many on one machine: what it refuses, what a student gets, and, where root may make users, a real one."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from course_lib.paths import project

ROOT = project()
CONFIG = ROOT / "deploy" / "jupyterhub_config.py"
AS_ROOT = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, as the hub does")
READ_CONFIG = f"""
import runpy
from unittest.mock import MagicMock
runpy.run_path({str(CONFIG)!r}, init_globals={{"get_config": MagicMock}})
"""


def read_config(**environment):
    return subprocess.run([sys.executable, "-c", READ_CONFIG], env=os.environ | environment, capture_output=True, text=True)


@AS_ROOT
@pytest.mark.parametrize("settings, says", [
    ({"COURSE_HUB_GROUP": "nobody-has-made-this-group"}, "There is no group nobody-has-made-this-group"),
    ({"COURSE_HUB_URL": "http://0.0.0.0:80"}, "must not cross a network unencrypted"),
    ({"COURSE_HUB_URL": "https://:443"}, "COURSE_HUB_TLS"),
    ({"COURSE_HUB_URL": "http://:80", "COURSE_HUB_TLS": "/etc/tls"}, "must not cross a network unencrypted"),
])  # fmt: skip
def test_the_hub_refuses_in_a_sentence(settings, says, tmp_path):
    result = read_config(**{"COURSE_HUB_GROUP": "root", "COURSE_HUB_STATE": str(tmp_path / "state")} | settings)
    assert result.returncode == 1 and says in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_student_gets_folders_links_and_notebooks(deployed, tmp_path, monkeypatch):
    student_server = deployed("student_server")
    home, shared, course = tmp_path / "home", tmp_path / "shared", tmp_path / "opt"
    for folder in (home, shared / "cache" / "world-1", shared / "cache" / "unfinished", course / "notebooks"):
        folder.mkdir(parents=True)
    home.chmod(0o755)
    (shared / "cache" / "world-1" / "manifest.json").write_text("{}")
    (course / "notebooks" / "02_rotation.ipynb").write_text("first")
    monkeypatch.setattr(student_server, "project", lambda: course)
    made = student_server.prepare(home, shared)
    assert home.stat().st_mode & 0o777 == 0o700
    caches = made / "data" / "cache"
    assert [path.name for path in caches.iterdir()] == ["world-1"] and (caches / "world-1").is_symlink()
    assert (made / "work" / "02_rotation.ipynb").read_text() == "first"
    # The course has moved on; the student's own cache and copy stay.
    (made / "work" / "02_rotation.ipynb").write_text("mine")
    (caches / "folder-mine").mkdir()
    (shared / "cache" / "world-1").rename(shared / "cache" / "world-2")
    student_server.prepare(home, shared)
    assert sorted(path.name for path in caches.iterdir()) == ["folder-mine", "world-2"]
    assert (made / "work" / "02_rotation.ipynb").read_text() == "mine"


def test_limits_for_both_versions_of_control_groups(deployed, tmp_path):
    pytest.importorskip("jupyterhub", reason="JupyterHub is not here; install it with pip install -c constraints.txt -e '.[hub]'")
    settings = deployed("limited_spawner").settings
    old = settings(2**31, 1.5, tmp_path)
    assert {folder.name for folder in old} == {"memory", "cpu", "pids"}
    assert old[tmp_path / "cpu"] == {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"}
    (tmp_path / "cgroup.controllers").touch()
    assert settings(2**31, 1.5, tmp_path) == {
        tmp_path: {"memory.max": "2147483648", "cpu.max": "150000 100000", "pids.max": "512"}
    }


# --- a real hub


def why_no_hub() -> str:
    """What is missing for a real hub with real users, or ""."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("useradd") is None:
        return "needs root on Linux, to make users"
    if importlib.util.find_spec("jupyterhub") is None or shutil.which("configurable-http-proxy") is None:
        return "needs pip install -e '.[hub]' and npm install -g configurable-http-proxy"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        nobody = dict(user=65534, group=65534, extra_groups=[])
        subprocess.run([sys.executable, "-c", "import course_lib.run.lab"], cwd="/", check=True, capture_output=True, **nobody)
        return ""
    return f"other users may not run {sys.executable}"


BURN = """
import resource, subprocess, sys, time
code = "import time; end = time.time() + 4\\nwhile time.time() < end: pass"
begun = time.time()
both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
[one.wait() for one in both]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
"""


@pytest.fixture
def shared():
    """Rendered pictures, or at least their manifest, in a folder that everyone may read (pytest's own may not be)."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cache = Path(folder) / "cache" / "world-0"
        cache.mkdir(parents=True)
        (cache / "manifest.json").write_text("{}")
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_students_at_a_real_hub(deployed, shared):
    missing = why_no_hub()
    if missing:
        pytest.skip(f"no hub: {missing}")
    twelve_users = deployed("twelve_users")
    limits = {"COURSE_HUB_MEMORY": "700M", "COURSE_HUB_CORES": "0.5", "COURSE_DATA": str(shared)}
    with twelve_users.students(2) as (ann, bob), twelve_users.hub([ann, bob], **limits) as folder:
        assert (folder / "state").stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o077 for path in (folder / "state").iterdir()} == {0}

        stranger = twelve_users.Student(ann.name, "not the password", ann.url)
        assert not stranger.log_in()
        assert ann.log_in() and bob.log_in()
        ann.start_server()
        bob.start_server()

        # What is Ann's, Bob can neither read by code nor ask her server for.
        with ann.kernel() as execute:
            execute("open('secret.txt', 'w').write('a diary')")
            work = ann.home / "course" / "work"
            assert execute("import os; print(os.getcwd())").strip() == str(work)
            assert twelve_users.can_read(ann, work / "secret.txt")
            assert not twelve_users.can_read(bob, work / "secret.txt")
            assert not twelve_users.can_read(bob, ann.home)
            assert not twelve_users.can_read(bob, folder / "state" / "cookie_secret")
            assert bob.web.get(f"{ann.url}/user/{ann.name}/api/contents/secret.txt").status_code == 403
            # Nor listen to her kernel: it has no port.
            assert execute("import ipykernel.kernelapp as k; print(k.IPKernelApp.instance().transport)").strip() == "ipc"

            # The processor: two processes that want a core each get half a core together.
            execute(BURN)
            share = float(execute("print((used.ru_utime + used.ru_stime) / (time.time() - begun))"))
            assert share < 0.6

            # The memory: who takes too much loses the kernel, and nobody else does.
            with pytest.raises(RuntimeError, match="the kernel died"):
                execute("much = bytearray(2**30); much[::4096] = bytes([1]) * len(much[::4096])")
        with bob.kernel() as execute:
            assert execute("print(6 * 7)").strip() == "42"
        assert ann.api("GET", "status").ok
    assert subprocess.run(["id", ann.name], capture_output=True).returncode != 0
