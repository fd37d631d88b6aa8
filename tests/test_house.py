"""The house itself: arrows point one way, names agree, text is clean."""

import ast
import csv
import re
import subprocess
import sys
import tomllib

import pytest

import course_lib
from course_lib.paths import project

ROOT = project()


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_arrows_point_one_way():
    result = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()")
    assert result.returncode == 0, result.stdout


def test_lint():
    result = run(sys.executable, "-m", "ruff", "check", ".")
    assert result.returncode == 0, result.stdout


def test_the_picture_of_the_house_is_todays():
    result = run(sys.executable, "docs/draw_architecture.py", "--check")
    assert result.returncode == 0, result.stderr


def test_importing_the_library_is_light():
    result = run(sys.executable, "-c", "import sys, course_lib, course_lib.data; assert 'torch' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_the_version_is_one():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert declared == cited == course_lib.__version__
    assert f"## {declared}" in (ROOT / "CHANGELOG.md").read_text()


def test_nothing_draws_from_the_global_generator():
    """In the library, every random call of torch names its generator."""
    drawing = {"rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "normal_", "uniform_"}
    for path in (ROOT / "course_lib").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr in drawing:
                names = [keyword.arg for keyword in call.keywords]
                assert "generator" in names, f"{path.name}:{call.lineno} draws without a generator"


@pytest.mark.parametrize("path", sorted((ROOT / "course_lib" / "papers").glob("*.csv")), ids=lambda path: path.stem)
def test_published_figures_are_cited(path):
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        assert reader.fieldnames == ["method", "dataset", "metric", "value", "unit", "citation"]
        rows = list(reader)  # none for a method that nobody has published: what `course new-method` writes
    for row in rows:
        assert list(row) == ["method", "dataset", "metric", "value", "unit", "citation"]
        float(row["value"])
        assert re.search(r"\d{4}", row["citation"])


def test_torchvision_imports():
    result = run(sys.executable, "-c", "import course_lib, torchvision; torchvision.models.resnet18()")
    assert result.returncode == 0, result.stderr
