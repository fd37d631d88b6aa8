"""JupyterLab over copies: a student's work is never overwritten; the server is private."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from course_lib.run import lab


@pytest.fixture
def folders(tmp_path):
    shipped, work = tmp_path / "notebooks", tmp_path / "work"
    shipped.mkdir()
    (shipped / "02_rotation.ipynb").write_text("first")
    return shipped, work


def test_a_first_copy_then_nothing_to_do(folders):
    shipped, work = folders
    assert lab.copy_notebooks(shipped, work) == ["02_rotation.ipynb: copied."]
    assert (work / "02_rotation.ipynb").read_text() == "first"
    assert lab.copy_notebooks(shipped, work) == []


def test_an_untouched_copy_follows_the_course(folders):
    shipped, work = folders
    lab.copy_notebooks(shipped, work)
    (shipped / "02_rotation.ipynb").write_text("second")
    assert lab.copy_notebooks(shipped, work) == ["02_rotation.ipynb: updated."]
    assert (work / "02_rotation.ipynb").read_text() == "second"


@pytest.mark.parametrize("manifest", ["kept", "lost", "damaged"])
def test_a_students_copy_is_kept_and_the_new_version_put_beside_it_once(folders, manifest):
    shipped, work = folders
    lab.copy_notebooks(shipped, work)
    mine = work / "02_rotation.ipynb"
    mine.write_text("mine")
    assert lab.copy_notebooks(shipped, work) == [], "the course has not changed"
    if manifest == "lost":
        (work / lab.SHIPPED).unlink()
    if manifest == "damaged":
        (work / lab.SHIPPED).write_text("{")
    (shipped / "02_rotation.ipynb").write_text("second")
    assert lab.copy_notebooks(shipped, work) == [
        "02_rotation.ipynb: yours is kept; the course's new version is 02_rotation.new.ipynb."
    ]
    assert lab.copy_notebooks(shipped, work) == []
    (work / "02_rotation.new.ipynb").write_text("mine too")
    (shipped / "02_rotation.ipynb").write_text("third")
    lab.copy_notebooks(shipped, work)
    found = {path.name: path.read_text() for path in work.glob("*.ipynb")}
    assert found == {
        "02_rotation.ipynb": "mine",
        "02_rotation.new.ipynb": "mine too",
        "02_rotation.new2.ipynb": "third",
    }


def test_a_copy_that_the_student_removed_comes_back(folders):
    shipped, work = folders
    lab.copy_notebooks(shipped, work)
    (work / "02_rotation.ipynb").unlink()
    assert lab.copy_notebooks(shipped, work) == ["02_rotation.ipynb: copied."]


def test_another_folder_is_opened_as_it_is(tmp_path, course, monkeypatch):
    opened = []
    monkeypatch.setattr(lab, "serve", lambda folder, *options: opened.append(folder) or 0)
    assert course("lab", tmp_path).exit_code == 0
    assert opened == [tmp_path] and not list(tmp_path.iterdir())
    assert course("lab", tmp_path / "nowhere").exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
def test_the_server_wants_its_token_saves_often_and_pairs_no_notebooks(tmp_path):
    pytest.importorskip("jupyterlab")
    code = (
        "import sys, pathlib; from course_lib.run import lab\n"
        "sys.exit(lab.serve(pathlib.Path(sys.argv[1]), False, lambda line: print(line, flush=True)))"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://127\.0\.0\.1:(\d+)/lab\?token=(\S+)", server.stdout.readline())
        port, token = address[1], address[2]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents")
        assert urllib.request.urlopen(f"http://127.0.0.1:{port}/api/contents?token={token}").status == 200
        settings = f"http://127.0.0.1:{port}/lab/api/settings/@jupyterlab/docmanager-extension:plugin?token={token}"
        saving = json.load(urllib.request.urlopen(settings))["schema"]["properties"]["autosaveInterval"]
        assert saving["default"] == 10, "seconds: a closed tab loses what it has shown since it was saved"
        commands = " ".join(" ".join(child.cmdline()) for child in psutil.Process(server.pid).children(recursive=True))
        assert port in commands and token not in commands, "any user of this computer can read a command line"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    log = (tmp_path / ".jupyterlab.log").read_text()
    assert server.returncode == 0
    assert "Jupytext Server Extension" not in log and "jupytext | extension was successfully loaded" not in log
    assert "0.0.0.0" not in log
