"""What students get has no solutions and can be marked; what the instructor keeps is an nbgrader course."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.errors import CourseError
from course_lib.exercises import find
from course_lib.run import flavours, notebooks

NAMES = list(notebooks.sources())


def source_of(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells)


def marked(notebook, what: str) -> list:
    return [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get(what)]


@pytest.mark.parametrize("name", NAMES)
def test_students_get_no_solution(name):
    plain, handed_out = notebooks.read(notebooks.sources()[name]), flavours.student(name)
    nbformat.validate(handed_out)
    text = source_of(handed_out)
    for cell in plain.cells:
        for shown in flavours.SHOWN.findall(cell.source):
            assert shown not in text and flavours.CODE.findall(shown)[0] not in text
    asked = re.findall(r'= exercise\("([^"]+)"', source_of(plain))
    assert len(marked(handed_out, "solution")) == len(marked(handed_out, "grade")) == len(asked)
    assert all(not set(cell.metadata.get("tags", [])) & {"instructor"} for cell in handed_out.cells)
    assert sum(cell.metadata.nbgrader.points for cell in marked(handed_out, "grade")) == sum(find(a).importance for a in asked)
    for cell in marked(handed_out, "grade"):
        assert re.search(r"^assert check\(.*\)\.passed$", cell.source, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_the_instructor_has_every_solution_in_its_place(name):
    kept = flavours.instructor(name)
    nbformat.validate(kept)
    assert flavours.STUB not in source_of(kept)
    notes = [cell.source for cell in kept.cells if "instructor" in cell.metadata.get("tags", [])]
    assert notes[0].startswith("**For who teaches.**") and "The profile quick on world takes" in notes[0]
    panels = [k for k, cell in enumerate(kept.cells) if cell.source == "lectern = session.teach()"]
    assert len(panels) == 1 and "session = start(" in kept.cells[panels[0] - 1].source
    assert "instructor" in kept.cells[panels[0]].metadata.tags and "session.teach" not in source_of(flavours.student(name))
    for cell in marked(kept, "solution"):
        ast.parse(cell.source)
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION") == 1


def test_a_folder_with_somebodys_work_is_left_alone(tmp_path, course):
    assert course("student", tmp_path, "rotation").exit_code == 0
    path = tmp_path / "02_rotation.ipynb"
    assert course("student", tmp_path, "rotation").exit_code == 0, "the same again changes nothing"
    path.write_text("my own work")
    refused = course("student", tmp_path)
    assert refused.exit_code == 2 and "choose another folder" in refused.stderr
    assert path.read_text() == "my own work" and len(list(tmp_path.iterdir())) == 1
    assert course("student", tmp_path, "rotatoin").exit_code == 2


def test_a_solution_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(flavours, "_solutions", lambda notebook: {})
    with pytest.raises(CourseError, match="shows no solution of `rotate`"):
        flavours.instructor("02_rotation")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbgrader_hands_out_and_marks(tmp_path, course):
    """Empty: no points. Solved: all of them. And what nbgrader makes of the instructor's course is what students get."""
    pytest.importorskip("nbgrader", reason="nbgrader is not here; install it with pip install -c constraints.txt -e '.[teach]'")
    name = "02_rotation"
    assert course("instructor", tmp_path, name).exit_code == 0
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "COURSE_OUT": str(tmp_path / "out")
    }  # fmt: skip

    def nbgrader(*words):
        done = subprocess.run(["nbgrader", *words, name], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    nbgrader("generate_assignment")
    released = tmp_path / "release" / name / f"{name}.ipynb"
    handed_out = flavours.student(name)
    assert [cell.source for cell in nbformat.read(released, as_version=4).cells] == [cell.source for cell in handed_out.cells]
    solved = (tmp_path / "source" / name / f"{name}.ipynb").read_text(encoding="utf-8")
    for who, text in (("empty", nbformat.writes(handed_out)), ("solved", solved)):
        path = tmp_path / "submitted" / who / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    nbgrader("autograde")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        marks = {row["student"]: (row["score"], row["max_score"]) for row in book.submission_dicts(name)}
    full = sum(cell.metadata.nbgrader.points for cell in marked(handed_out, "grade"))
    assert full > 0 and marks == {"empty": (0, full), "solved": (full, full)}
