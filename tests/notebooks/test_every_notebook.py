"""The notebooks: generated, stripped, honest about their figures, and running."""

import json
import os
import re
import subprocess
import sys

import nbformat
import pytest

from course_lib.paths import project
from course_lib.run import notebooks

ROOT = project()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCES = sorted((ROOT / "notebooks" / "source").glob("*.py"))
# A number with a unit that somebody measured: percentages, seconds, minutes, megabytes, points.
MEASURED = re.compile(r"\d[\d.,]*\s*(%|s\b|sec|min\b|minutes?\b|MB\b|points?\b)")


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def course(*arguments, timeout=300):
    command = [sys.executable, "-m", "course_lib.run.command_line", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def test_every_source_has_its_notebook():
    assert [path.stem for path in NOTEBOOKS] == [path.stem for path in SOURCES]


def test_notebooks_are_what_their_sources_say():
    result = course("generate", "--check")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("method, notebook", [
    ("rotation", "02"), ("relative_position", "03"), ("colourisation", "04"), ("shuffle_and_learn", "05"),
    ("audio_visual", "06"), ("jigsaw", "07"), ("supervised", "02"),
])  # fmt: skip
def test_the_table_trains_networks_as_long_as_their_own_notebooks(method, notebook):
    """Else 08 finds none of them on the disk that was trained as it wants, and trains them all again."""
    table, own = (next(path for path in SOURCES if path.stem.startswith(n)).read_text(encoding="utf-8") for n in ("08", notebook))
    call = re.search(rf'session\.train\("{method}", .*', own)[0]
    budget = r"(session\.budget\([^)]*\))"
    wanted = re.search(rf"steps={budget}", call) or re.search(rf"^steps.*? = {budget}", own, re.MULTILINE)
    assert wanted[1] in table


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_outputs_are_stripped(self, path):
        command = [sys.executable, "-m", "nbstripout", "--keep-id", "--verify", str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr

    def test_cells_are_short(self, path):
        for cell in cells(path, "code"):
            assert len(cell.source.splitlines()) <= 20, cell.source

    def test_prose_holds_no_typed_measurement(self, path):
        for cell in cells(path, "markdown"):
            if "published" not in cell.metadata.get("tags", []):
                prose = re.sub(r"`[^`]*`|\{results[^}]*\}|\| section \|.*", "", cell.source)
                found = [match[0] for match in MEASURED.finditer(prose)]
                assert not found, found

    def test_prose_does_not_shout(self, path):
        for cell in cells(path, "markdown"):
            prose = re.sub(r"```.*?```|!\[|\$.*?\$", "", cell.source, flags=re.DOTALL)
            assert not re.search(r"\b(simply|obviously|in this notebook we will)\b|!", prose, re.IGNORECASE), cell.source

    def test_every_training_is_waited_for(self, path):
        """On a screen, two of them may run at once; without one, none is ever seen unfinished."""
        source = "\n".join(cell.source for cell in cells(path, "code"))
        began = re.findall(r"(\w+) = session\.(?:train|left_by_another)\(", source)
        assert set(began) <= set(re.findall(r"await (\w+)\.finished\(\)", source))

    def test_parameters(self, path):
        tagged = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
        assert len(tagged) == 1
        assert re.findall(r"^(\w+) =", tagged[0].source, re.MULTILINE) == ["profile", "dataset", "seed", "device"]


@pytest.fixture(scope="module")
def world():
    result = course("data", "build", "world")
    assert result.returncode == 0, result.stderr


def rows(out):
    return json.loads((out / "results.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_smoke_by_papermill(world, tmp_path):
    result = course("run", "--profile", "smoke", "--jobs", "2", "--out", tmp_path, timeout=1480)
    assert result.returncode == 0, result.stdout + result.stderr
    for row in rows(tmp_path):
        assert row["status"] == "ok" and row["profile"] == "smoke" and row["train_seconds"] > 0
        assert (tmp_path / "executed" / f"{row['notebook']}.ipynb").exists()
    assert {row["notebook"] for row in rows(tmp_path)} == {path.stem for path in NOTEBOOKS}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_smoke_by_nbval(world, tmp_path):
    """Every cell runs under nbval, too. One notebook will do: there are no committed outputs to compare."""
    path = ROOT / "notebooks" / "02_rotation.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('profile = "quick"', 'profile = "smoke"')
    nbformat.write(notebook, tmp_path / path.name)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", "--timeout=240", path.name],
        cwd=tmp_path, capture_output=True, text=True, timeout=580,
        env={**os.environ, "COURSE_OUT": str(tmp_path / "out"), "COURSE_HEADLESS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_quick_on_the_world_learns(world, tmp_path):
    """Real training, on the embedded data: the figures must leave chance behind."""
    result = course("run", "rotation", "--profile", "quick", "--out", tmp_path, timeout=850)
    assert result.returncode == 0, result.stdout + result.stderr
    (row,) = rows(tmp_path)
    records = {name: record["value"] for name, record in row["records"].items()}
    assert records["rot.pretext_accuracy"] > 0.35
    assert records["rot.probe.best"] > 0.15
    assert row["peak_rss_mb"] < 1000


def test_a_notebook_waits_for_others_that_exist():
    for name in notebooks.sources():
        assert set(notebooks.after(name)) <= notebooks.sources().keys() - {name}
