"""The workflows of .github: what they call exists, and nothing in them can change or run on without us."""

import re
import shlex
import shutil
import subprocess
import tomllib

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.paths import project
from course_lib.run.command_line import main

ROOT = project()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SETS_UP = {"setup", "course", "test", "lab", "bench"}  # words of course.py itself; anything else it hands to `course`
PINNED = re.compile(r"uses: ([\w./-]+)@([0-9a-f]{40}) # v(\d+\.\d+\.\d+)$", re.MULTILINE)

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def commands(path):
    """Every line of every `run`, in words."""
    return [shlex.split(line) for step in steps(path) for line in step.get("run", "").splitlines()]


def check_course(words):
    """Raise unless `course`, followed by these words, is a command with options that it knows. Nothing is executed."""
    command = main
    while isinstance(command, click.Group):
        name, *words = words
        if name not in command.commands:
            raise click.UsageError(f"no command {name}")
        command = command.commands[name]
    command.make_context(name, list(words))


def check(words):
    """Raise unless a command that a workflow calls is one that this repository has, or a tool in a fixed version."""
    program, *rest = words
    if program == "make":
        targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
        assert rest[0] in targets and all(word.startswith("ARGS=") for word in rest[1:])
    elif program == ".venv/bin/course":
        check_course(rest)
    elif program == "pipx":
        assert rest[0] == "run" and any(re.fullmatch(r"[\w-]+==[\d.]+", word) for word in rest)
    elif [program, *rest[:1]] == ["python", "course.py"]:
        if rest[1] not in SETS_UP:
            check_course(rest[1:])
    else:
        assert words == [".ci/run"] and (ROOT / ".ci" / "run").exists()


def test_there_is_one_for_each_kind_of_machine():
    assert [path.stem for path in WORKFLOWS] == ["cpu", "gpu"]


@every_workflow
def test_actions_are_pinned_by_commit(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    pinned = PINNED.findall(path.read_text(encoding="utf-8"))
    assert used == [f"{action}@{commit}" for action, commit, _ in pinned]


def test_one_action_has_one_version():
    pinned = {found for path in WORKFLOWS for found in PINNED.findall(path.read_text(encoding="utf-8"))}
    assert len(pinned) == len({action for action, _, _ in pinned})


@every_workflow
def test_they_may_only_read(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    assert "secrets." not in path.read_text(encoding="utf-8")


@every_workflow
def test_every_job_has_a_time_limit(path):
    for job in read(path)["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 360


def test_our_own_machine_runs_nobodys_pull_request():
    own = [read(path) for path in WORKFLOWS if "self-hosted" in path.read_text(encoding="utf-8")]
    assert [set(workflow[True]) for workflow in own] == [{"schedule", "workflow_dispatch"}]  # YAML reads `on` as true


@every_workflow
def test_the_commands_exist(path):
    assert commands(path)
    for words in commands(path):
        check(words)


@pytest.mark.parametrize("wrong", [
    "make cake", "make test --no-such", ".venv/bin/course fly", ".venv/bin/course run --no-such", ".venv/bin/course data fly",
    ".venv/bin/course bench --repetitions none", "python course.py report --no-such", "pipx run ruff", "pytest", "./run",
])  # fmt: skip
def test_a_command_that_does_not_exist_is_found(wrong):
    with pytest.raises((AssertionError, click.UsageError)):
        check(shlex.split(wrong))


def test_every_supported_python_and_system_is_tested():
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    supported = Requirement(f"python{requires}").specifier
    matrix = read(ROOT / ".github" / "workflows" / "cpu.yml")["jobs"]["tests"]["strategy"]["matrix"]
    left_out = [(job["os"], job["python"]) for job in matrix["exclude"]]
    tested = {(system, python) for system in matrix["os"] for python in matrix["python"]} - set(left_out)
    assert {python for _, python in tested} == {f"3.{minor}" for minor in range(8, 30) if supported.contains(f"3.{minor}")}
    assert {system.split("-")[0] for system, _ in tested} == {"ubuntu", "macos", "windows"}


def test_tools_have_the_tested_version_where_there_is_one():
    lines = re.findall(r"^([\w.-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    tested = {canonicalize_name(name): version for name, version in lines}
    for path in WORKFLOWS:
        for tool, version in re.findall(r"([\w-]+)==([\d.]+)", path.read_text(encoding="utf-8")):
            assert tested.get(canonicalize_name(tool), version) == version


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_actionlint():
    result = subprocess.run(["actionlint"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
