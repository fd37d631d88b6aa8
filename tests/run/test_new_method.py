"""A new method is whole from the start, and edits nothing that exists."""

import os
import random
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from course_lib.errors import CourseError
from course_lib.paths import project as root
from course_lib.paths import write_atomically
from course_lib.run import claims, new_method, notebooks


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the course in which a method may be added; commands run on the copy's library."""
    folder = tmp_path_factory.mktemp("course")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("course_lib", "notebooks"):
        shutil.copytree(root() / name, folder / name, ignore=ignore)
    shutil.copy(root() / "pyproject.toml", folder)
    (folder / "tests" / "exercises").mkdir(parents=True)
    for name in ("mutants.py", "refusals.py"):
        shutil.copy(root() / "tests" / "exercises" / name, folder / "tests" / "exercises")
    return folder


def in_copy(copy, module, *arguments):
    environment = os.environ | {"PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)


def files(copy):
    found = [path for path in copy.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(copy)): path.read_bytes() for path in found if ".hypothesis" not in path.parts}


@pytest.mark.parametrize("name", ["rotation", "Rotation", "two words", "class", "9lives", "a-b", "../up", "x" * 31, ""])
def test_a_name_that_will_not_do(copy, course, monkeypatch, name):
    monkeypatch.setattr(new_method, "project", lambda: copy)
    before = files(copy)
    result = course("new-method", name)
    assert result.exit_code == 2 and result.stderr.startswith("course: ") and repr(name) in result.stderr
    assert files(copy) == before


def test_a_method_is_written_whole_or_not_at_all(copy, course, monkeypatch):
    monkeypatch.setattr(new_method, "project", lambda: copy)
    before = files(copy)

    def fail(path, text):
        if path.suffix == ".csv":
            raise CourseError("The disk is full.")
        write_atomically(path, text)

    monkeypatch.setattr(new_method, "write_atomically", fail)
    assert course("new-method", "upside_down").exit_code == 2
    assert files(copy) == before


@pytest.mark.slow
def test_a_new_method_passes_its_tests(copy, course, monkeypatch):
    monkeypatch.setattr(new_method, "project", lambda: copy)
    monkeypatch.setattr(notebooks, "project", lambda: copy)
    before = files(copy)
    result = course("new-method", "upside_down")
    assert result.exit_code == 0, result.output
    after = files(copy)
    new = sorted(set(after) - set(before))
    assert {name: after[name] for name in before} == before, "an existing file was edited"
    notebook = notebooks.find("upside_down")
    assert new == sorted([
        "course_lib/pretext/upside_down.py", "course_lib/exercises/upside_down.py", "course_lib/papers/upside_down.csv",
        "course_lib/claims/upside_down.csv", f"notebooks/source/{notebook}.py", f"notebooks/{notebook}.ipynb",
        "course_lib/quizzes/upside_down.toml", "course_lib/demos/upside_down.toml", "tests/pretext/test_upside_down.py",
        "tests/exercises/test_upside_down_exercises.py",
    ])  # fmt: skip
    assert all(name in result.stdout for name in new)
    assert course("new-method", "upside_down").exit_code == 2, "it exists by now"
    assert notebook not in notebooks.generate(check=True)
    assert claims.load(copy / "course_lib" / "claims")["upside_down.learns"].b == "0.5"
    lint = in_copy(copy, "ruff", "check", *(name for name in new if name.endswith(".py")))
    assert lint.returncode == 0, lint.stdout
    tests = in_copy(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/pretext", "tests/exercises")
    assert tests.returncode == 0, tests.stdout


@pytest.mark.slow
def test_the_notebook_of_a_new_method_runs(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(new_method, "project", lambda: copy)
    monkeypatch.setattr(notebooks, "project", lambda: copy)
    if "upside_down.py" not in {path.name for path in (copy / "course_lib" / "pretext").iterdir()}:
        new_method.write("upside_down")
    rng = random.Random(0)
    for k in range(80):
        path = tmp_path / "photos" / ("light" if k % 2 else "dark") / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (32, 32), bytes(rng.randrange(128) + 128 * (k % 2) for _ in range(32 * 32 * 3))).save(path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    photos, out = f"folder:{tmp_path / 'photos'}", str(tmp_path / "out")
    module = "course_lib.run.command_line"
    run = in_copy(copy, module, "run", "upside_down", "--profile", "smoke", "--dataset", photos, "--out", out)
    assert run.returncode == 0, run.stdout + run.stderr
