"""Where the course is not installed: the first cell of a notebook fetches it, and leaves Colab's own things alone."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement

from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import elsewhere

ROOT = project()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# A Python without the course, without the packages in LACKING and with old ones in OLD; pip is not called but noted.
COLAB = """
import importlib.metadata, json, os, subprocess, sys

sys.path = [path for path in sys.path if not os.path.exists(os.path.join(path or ".", "course_lib"))]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "").lower()]
lacking, old = json.loads(os.environ["LACKING"]), json.loads(os.environ["OLD"])
version, run = importlib.metadata.version, subprocess.run

def pretended(name):
    if name in lacking:
        raise importlib.metadata.PackageNotFoundError(name)
    return old.get(name) or version(name)

def noted(command, **options):
    if "pip" not in command:
        return run(command, **options)
    kept = open(command[command.index("-c") + 1]).read().split()
    print("PIP", json.dumps([command, kept]))
    return subprocess.CompletedProcess(command, 0)

importlib.metadata.version, subprocess.run = pretended, noted
exec(open(sys.argv[1]).read())
import course_lib.paths
print("PROJECT", course_lib.paths.project())
"""


@pytest.fixture
def colab(tmp_path):
    """Call it to run the first cell there, with an address for it; gives the finished process."""

    def run(address, lacking=(), old=None):
        code = elsewhere.CELL.format(address=address)
        (tmp_path / "cell.py").write_text(code, encoding="utf-8")
        environment = {name: os.environ[name] for name in os.environ if not name.startswith(("PYTHONPATH", "COURSE"))}
        environment |= {"LACKING": json.dumps(list(lacking)), "OLD": json.dumps(old or {})}
        return subprocess.run([sys.executable, "-c", COLAB, "cell.py"], cwd=tmp_path, env=environment,
                              capture_output=True, text=True)  # fmt: skip

    return run


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a git clone")
def test_the_first_cell_fetches_the_course_and_what_lacks(colab, tmp_path):
    address = f"file://{ROOT}"
    result = colab(address, lacking=["anywidget", "av"], old={"torch": "2.6.0"})
    assert result.returncode == 0, result.stderr
    assert f"Installing the course from {address}" in result.stdout
    assert f"PROJECT {tmp_path / 'course-pretext-tasks'}" in result.stdout
    assert (tmp_path / "course-pretext-tasks" / "notebooks" / "source" / "02_rotation.py").exists()
    (noted,) = [json.loads(line[4:]) for line in result.stdout.splitlines() if line.startswith("PIP ")]
    command, kept = noted
    asked = {Requirement(word).name for word in command[command.index("-c") + 2 :]}
    assert asked == {"anywidget", "av"}
    # The kernel and torch that are there stay, even if something that is installed would rather have others.
    assert "torch==2.6.0" in kept and any(line.startswith("ipykernel==") for line in kept)
    assert "Left as they are, though the course was tested with others: torch 2.6.0 instead of >=2.11." in result.stdout
    # After a restart of the kernel, nothing has to be fetched again.
    again = colab("file:///nowhere")
    assert again.returncode == 0 and "Installing" not in again.stdout and "PIP" not in again.stdout, again.stderr


def test_without_an_address_the_first_cell_says_what_to_do(colab):
    result = colab("")
    assert result.returncode == 1 and "put the address of its repository into ADDRESS" in result.stderr


def test_the_kernel_is_no_dependency_of_the_core():
    assert "ipykernel" not in {Requirement(line).name for line in elsewhere._project()["dependencies"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_cell(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert code[0].source == elsewhere.cell() and "parameters" in code[1].metadata["tags"]


def test_where_the_course_is_installed_the_cell_does_nothing(tmp_path):
    (tmp_path / "cell.py").write_text(elsewhere.cell(), encoding="utf-8")
    result = subprocess.run([sys.executable, "cell.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
                            capture_output=True, text=True)  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_links(monkeypatch):
    monkeypatch.setattr(elsewhere, "address", lambda: "")
    with pytest.raises(CourseError, match=r"urls\.Repository"):
        elsewhere.links(["02_rotation"])
    monkeypatch.setattr(elsewhere, "address", lambda: "https://github.com/somebody/course.git")
    table = elsewhere.links(["02_rotation"])
    assert "https://colab.research.google.com/github/somebody/course/blob/HEAD/notebooks/02_rotation.ipynb" in table
    assert "https://mybinder.org/v2/gh/somebody/course/HEAD?urlpath=lab/tree/notebooks/02_rotation.ipynb" in table


def test_binder_installs_the_tested_versions():
    python = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())["dependencies"][0]
    assert Requirement(f"python{elsewhere._project()['requires-python']}").specifier.contains(python.partition("=")[2])
    script = ROOT / "binder" / "postBuild"
    assert os.name == "nt" or os.access(script, os.X_OK)
    assert "-c constraints.txt -e '.[lab]'" in script.read_text() and "whl/cpu" in script.read_text()
