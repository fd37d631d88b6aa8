"""course.py and the files around it: what a new user meets before any package is installed."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def assert_one_sentence(text):
    text = text.strip()
    assert text.endswith(".") and ". " not in text and "\n" not in text and "Traceback" not in text, text


# The machine is not what the course needs

@pytest.fixture
def clone(tmp_path):
    """A folder that looks like a fresh clone to course.py."""
    for name in ("course.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run_course(clone, *arguments, fake="", **environment):
    """Run course.py in a process of its own, after the line of Python `fake`; returns the finished process."""
    program = f"import sys, runpy; sys.argv = ['course.py', *{arguments}]\n{fake}\n" \
              f"runpy.run_path({str(clone / 'course.py')!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", program], cwd=clone, env=os.environ | environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("fake, says", [
    ("sys.version_info = (3, 9, 18, 'final', 0)", "3.11 to 3.14"),
    ("from importlib import util; find = util.find_spec\n"
     "util.find_spec = lambda name: None if name == 'ensurepip' else find(name)", "apt install python3."),
    ("import shutil; shutil.disk_usage = lambda path: type('', (), {'free': 1_500_000_000})", "1.5 GB"),
    ("import shutil; shutil.disk_usage = lambda path: type('', (), {'free': 1 << 50})\n"
     "import os, pathlib\ndef full(*_): raise OSError(28, 'No space left on device')\npathlib.Path.mkdir = full",
     "free some space"),
    ("import platform; platform.system = lambda: 'Darwin'; platform.machine = lambda: 'x86_64'", "Intel Mac"),
    ("import platform; platform.system = lambda: 'Darwin'; platform.machine = lambda: 'arm64'\n"
     "platform.mac_ver = lambda: ('13.6', ('', '', ''), 'arm64')", "macOS 13.6"),
    ("import platform; platform.system = lambda: 'Linux'; platform.libc_ver = lambda: ('', '')", "glibc"),
    ("sys.maxsize = 2**31 - 1", "32 bits"),
    ("import pathlib\ndef refuse(self, *_): raise PermissionError(13, 'Permission denied', str(self))\n"
     "pathlib.Path.mkdir = refuse", "could not be written (Permission denied)"),
], ids=["python", "venv", "disk", "full disk", "Intel Mac", "old macOS", "musl", "32 bits", "folder"])
def test_one_sentence_says_what_is_missing(clone, fake, says):
    finished = run_course(clone, "course", fake=fake, PATH=str(clone))
    assert finished.returncode == 2
    assert_one_sentence(finished.stderr)
    assert says in finished.stderr
    assert not (clone / ".venv").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(course, capsys):
    course.VENV.parent.rmdir()
    course.VENV.parent.write_text("a file stands where the folder should be")
    assert course.main(["setup"]) == 2
    assert_one_sentence(capsys.readouterr().err)


def test_no_network_at_the_first_installation(clone):
    offline = dict(PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_EXTRA_INDEX_URL="",
                   PIP_FIND_LINKS="", PIP_RETRIES="0", PIP_NO_INDEX="")
    finished = run_course(clone, "setup", **offline)
    assert finished.returncode == 2
    assert_one_sentence(finished.stderr)
    assert "registry could not be reached" in finished.stderr
    assert "GB to download" in finished.stdout       # said before anything is fetched
    assert (clone / ".venv" / "course-stamp").read_text() == ""     # the empty .venv is kept for the next attempt


def test_a_disk_that_fills_up_during_the_installation(course, capsys):
    with pytest.raises(course.SetUpError) as raised:
        course.explain("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n")
    assert_one_sentence(str(raised.value))


def test_another_failure_shows_what_pip_said(course, capsys):
    with pytest.raises(course.SetUpError) as raised:
        course.explain("ERROR: No matching distribution found for torch==2.13.0\n")
    assert_one_sentence(str(raised.value))
    assert "No matching distribution" in capsys.readouterr().err


def test_setup_and_course_refuse_arguments(course, capsys):
    assert course.main(["course", "--datset", "world"]) == 2
    message = capsys.readouterr().err
    assert_one_sentence(message.replace("course.py run", ""))
    assert "--datset" in message


# The second call

@pytest.fixture
def course(tmp_path, monkeypatch):
    """course.py as a module that believes in a clone under `tmp_path`, makes no environment and downloads nothing.

    `course.done` lists what it would have done.
    """
    specification = importlib.util.spec_from_file_location("course_under_test", ROOT / "course.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.ROOT = tmp_path
    module.VENV = tmp_path / "clone" / ".venv"
    module.STAMP = module.VENV / "course-stamp"
    module.PYTHON = Path(sys.executable)
    module.VENV.parent.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    module.done = []

    def make_venv():
        module.done.append("make .venv")
        shutil.rmtree(module.VENV, ignore_errors=True)
        module.VENV.mkdir()
        module.STAMP.write_text("")

    real_version, real_make_venv = module.python_in_venv, module.make_venv
    monkeypatch.setattr(module, "python_in_venv", lambda: real_version() if module.VENV.exists() else "")
    monkeypatch.setattr(module, "make_venv", lambda: make_venv() if module.VENV.parent.is_dir() else real_make_venv())
    monkeypatch.setattr(module, "install", lambda: module.done.append("pip"))
    monkeypatch.setattr(module, "announce", lambda: module.done.append("announce"))
    monkeypatch.setattr(module, "refuse_unsupported_machine", lambda: None)
    monkeypatch.setattr(module, "call", lambda command, cwd=None: module.done.append(command[2:]) or 0)
    return module


FIRST = ["announce", "make .venv", "pip"]


def test_the_second_call_installs_nothing(course):
    assert course.main(["setup"]) == 0
    assert course.done == FIRST
    assert course.main(["setup"]) == 0
    assert course.done == FIRST


def test_changed_dependencies_are_installed_into_the_same_environment(course):
    course.main(["setup"])
    with open(course.ROOT / "constraints.txt", "a") as file:
        file.write("another==1.0\n")
    course.main(["setup"])
    assert course.done == [*FIRST, "pip"]


def test_changed_settings_of_the_tools_install_nothing(course):
    course.main(["setup"])
    with open(course.ROOT / "pyproject.toml", "a") as file:
        file.write("[tool.another]\nsetting = 1\n")
    course.main(["setup"])
    assert course.done == FIRST


def test_a_killed_installation_is_started_afresh(course, monkeypatch):
    def killed():
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(course, "install", killed)
        assert course.main(["setup"]) == 130
    course.done.clear()
    assert course.main(["setup"]) == 0
    assert course.done == FIRST


def test_an_environment_without_a_working_python_is_made_again(course):
    course.main(["setup"])
    course.PYTHON = course.VENV / "bin" / "python"     # as after an upgrade that removed the Python below
    course.done.clear()
    course.main(["setup"])
    assert course.done == FIRST


def test_an_update_without_network_leaves_the_environment_as_it_was(course, monkeypatch, capsys):
    course.main(["setup"])
    before = course.stamp()
    (course.ROOT / "constraints.txt").write_text("another==1.0\n")

    def unreachable():
        raise ConnectionError("NewConnectionError")
    monkeypatch.setattr(course, "install", unreachable)
    assert course.main(["setup"]) == 2
    assert_one_sentence(capsys.readouterr().err)
    assert course.stamp() == before


# Handing over

def test_each_word_runs_its_module_in_the_environment(course, capsys):
    course.main(["setup"])
    for words, module in [
        (["test", "-k", "rotation"], [["pytest", "-k", "rotation"]]),
        (["lab"], [["course_lib.run.command_line", "lab"]]),
        (["run", "02_rotation"], [["course_lib.run.command_line", "run", "02_rotation"]]),
        (["course"], [["course_lib.run.command_line", "run", "--profile", "quick", "--jobs", "3" if os.cpu_count() > 1 else "1"],
                      ["course_lib.run.command_line", "report"]]),
    ]:
        course.done.clear()
        assert course.main(words) == 0
        assert course.done == module
    assert str(Path("report") / "index.html") in capsys.readouterr().out


def test_the_command_line_answers_as_a_module():
    answer = subprocess.run([sys.executable, "-m", "course_lib.run.command_line", "--help"], cwd=ROOT,
                            capture_output=True, text=True)
    assert answer.returncode == 0
    assert "report" in answer.stdout


@pytest.mark.parametrize("codes, code, called", [
    ({"run": 0, "report": 0}, 0, ["run", "report"]),
    ({"run": 1, "report": 0}, 1, ["run", "report"]),     # a notebook failed: the report says which
    ({"run": 0, "report": 1}, 1, ["run", "report"]),
    ({"run": 2}, 2, ["run"]),
])
def test_the_exit_code_of_course_is_that_of_its_parts(course, monkeypatch, codes, code, called):
    calls = []
    monkeypatch.setattr(course, "call", lambda command, cwd=None: calls.append(command[3]) or codes[command[3]])
    assert course.run_course() == code
    assert calls == called


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_another_python_is_asked_before_it_is_trusted(course, tmp_path, monkeypatch):
    this = f"python3.{sys.version_info[1]}"
    scripts = {f"python3.{minor}": "exit 127" for _, minor in course.VERSIONS} | {this: f'exec "{sys.executable}" "$@"'}
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert course.another_python() == [this]


def test_python_3_6_can_read_course_py():
    source = (ROOT / "course.py").read_text(encoding="utf-8")
    imported = {(node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
                for node in ast.walk(ast.parse(source, feature_version=(3, 6)))
                if isinstance(node, (ast.Import, ast.ImportFrom))}
    assert imported <= sys.stdlib_module_names


# The lists of versions agree

def requirements():
    return map(Requirement, sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"]))


def constraints():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)     # exact, and no local build such as +cpu
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines}


def test_every_dependency_has_an_exact_tested_version_within_its_range():
    pinned = constraints()
    for requirement in requirements():
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_course_py_knows_the_versions_of_pyproject(course):
    supported = Requirement(f"python{PROJECT['requires-python']}").specifier
    for minor in range(8, 20):
        assert supported.contains(f"3.{minor}") == ((3, minor) in course.VERSIONS)
    assert set(course.EXTRAS.split(",")) <= set(PROJECT["optional-dependencies"])


def test_conda_installs_the_same(course):
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    python, pip, through_pip = dependencies
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    assert through_pip == {"pip": ["-c constraints.txt", f"-e .[{course.EXTRAS}]"]}


def test_pre_commit_uses_the_tested_versions():
    pinned = constraints()
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]:
        for hook in repository["hooks"]:
            for requirement in map(Requirement, hook["additional_dependencies"]):
                assert requirement.specifier == Requirement(f"x=={pinned[requirement.name]}").specifier


def test_the_citation_names_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert (ROOT / "LICENSE").read_text().startswith("BSD 3-Clause License")


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a git clone")
def test_git_ignores_downloads_but_not_the_code_that_reads_them():
    ignored = ["data/world.npy", "build/results.json", "work/02_rotation.ipynb", ".venv/pyvenv.cfg"]
    kept = ["data/README.md", "course_lib/data/world.py", "tests/data/test_world.py", "notebooks/02_rotation.ipynb"]
    answer = subprocess.run(["git", "check-ignore", *ignored, *kept], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.split() == ignored


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["setup", "course", "test", "lab", "bench"])
def test_make_calls_course_py(target):
    plan = subprocess.run(["make", "--dry-run", "--no-print-directory", target, "PYTHON=python3", "ARGS=--more"],
                          cwd=ROOT, capture_output=True, text=True)
    assert plan.stdout.split() == ["python3", "course.py", target, "--more"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_check_of_a_clean_machine_can_be_started():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
