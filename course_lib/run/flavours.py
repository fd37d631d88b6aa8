"""Two flavours of the notebooks, made from the one source in nbgrader's conventions: what students get, and what is graded by.

A folder that `course instructor` has written is an nbgrader course: `nbgrader generate_assignment 02_rotation` makes of its
source what `course student` writes, and `nbgrader autograde 02_rotation` marks what comes back.
"""

import ast
import re
import textwrap
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises import find
from course_lib.paths import project, write_atomically
from course_lib.run import notebooks, results
from course_lib.run.report import duration

SHOWN = re.compile(r"<details><summary>(?:A solution|One that passes)[^<]*</summary>(.*?)</details>\n*", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
ASKED = re.compile(r'= exercise\("([^"]+)"')
OPENS = re.compile(r"^session = start\(", re.MULTILINE)
STUB = "raise NotImplementedError  # your turn"
SETTINGS = '''\
"""nbgrader's settings for this course; see https://nbgrader.readthedocs.io"""

import os

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

c = get_config()
c.CourseDirectory.course_id = "pretext_tasks"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError  # your turn: replace this line"}
# Marking needs the exercises, not the figures: every network is trained for a few steps.
os.environ["COURSE_PROFILE"] = "smoke"
os.environ["COURSE_HEADLESS"] = "1"
c.ExecutePreprocessor.timeout = 600  # seconds a cell; the default of 30 is too short for one that trains
# What is for the instructor's eyes goes no further.
c.GenerateAssignment.preprocessors = [TagRemovePreprocessor, *GenerateAssignment.preprocessors.default()]
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"instructor"}
'''


def student(name: str):
    """The notebook without its solutions and without what is for the instructor; graded cells stand at its end."""
    notebook = notebooks.read(notebooks.sources()[name])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SHOWN.sub("", cell.source).strip("\n")
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return _graded(notebook)


def instructor(name: str):
    """The notebook with each solution in its place, between nbgrader's marks, with the notes and the panel for who teaches.

    What a solution says beside its code becomes such a note, too: a cell tagged `instructor`.
    """
    import nbformat

    notebook = notebooks.read(notebooks.sources()[name], notes=True)
    answers, cells = _solutions(notebook), []
    for cell in notebook.cells:
        if cell.cell_type == "code" and STUB in cell.source:
            cell.source = _solved(cell.source, answers, name)
        remarks = []
        if cell.cell_type == "markdown":
            remarks = [CODE.sub("", shown).strip() for shown in SHOWN.findall(cell.source)]
            cell.source = SHOWN.sub("", cell.source).strip("\n")
        for number, remark in enumerate(filter(None, remarks)):
            note = nbformat.v4.new_markdown_cell(remark, id=f"remark-{cell.id}-{number}")
            note.metadata["tags"] = ["instructor"]
            cells.append(note)
        cells += [cell] if cell.source else []
        if cell.cell_type == "code" and OPENS.search(cell.source):
            panel = nbformat.v4.new_code_cell("lectern = session.teach()", id="lectern")
            panel.metadata["tags"] = ["instructor"]
            cells.append(panel)
    at = next(k for k, cell in enumerate(cells) if "instructor" in cell.metadata.get("tags", []))
    cells[at].source += f"\n\n{_timing(name, cells)}"
    notebook.cells = cells
    return _graded(notebook)


def write(flavour: str, names: list[str], out: Path) -> list[Path]:
    """Write notebooks of one flavour, `student` or `instructor`, into a folder; the paths.

    Raises:
        CourseError: a file there is another one, perhaps with somebody's work in it: nothing is written then.
    """
    import nbformat

    made = {}
    for name in names:
        folder = out / "source" / name if flavour == "instructor" else out
        made[folder / f"{name}.ipynb"] = nbformat.writes({"student": student, "instructor": instructor}[flavour](name)) + "\n"
    if flavour == "instructor":
        made[out / "nbgrader_config.py"] = SETTINGS
    for path, text in made.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise CourseError(f"{path} exists and is another one; move it away, or choose another folder, and run this again.")
    for path, text in made.items():
        write_atomically(path, text)
    return list(made)


def _solutions(notebook) -> dict[str, tuple[str, ast.FunctionDef]]:
    """Function -> the solution that the notebook shows: the text that it stands in, and its place there."""
    found = {}
    for cell in notebook.cells:
        for shown in SHOWN.findall(cell.source) if cell.cell_type == "markdown" else ():
            for code in CODE.findall(shown):
                text = textwrap.dedent(code)
                for node in ast.parse(text).body:
                    if isinstance(node, ast.FunctionDef):
                        found[node.name] = (text, node)
    return found


def _solved(source: str, answers: dict, notebook: str) -> str:
    """A cell whose line "your turn" is replaced by the body of the solution, between nbgrader's marks."""
    lines = source.splitlines()
    at = next(k for k, line in enumerate(lines) if STUB in line)
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    name = next(found[1] for line in reversed(lines[:at]) if (found := re.match(r"\s*def (\w+)\(", line)))
    if name not in answers:
        raise CourseError(f"{notebook} shows no solution of `{name}`: a cell below it needs one, in <details>.")
    text, node = answers[name]
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    first, last = body[0].lineno, node.end_lineno
    solution = textwrap.indent(textwrap.dedent("\n".join(text.splitlines()[first - 1 : last])), indent)
    return "\n".join([*lines[:at], f"{indent}### BEGIN SOLUTION", solution, f"{indent}### END SOLUTION", *lines[at + 1 :]])


def _timing(name: str, cells: list) -> str:
    """How long students need for the exercises, and the committed times of the notebook."""
    asked = [title for cell in cells if cell.cell_type == "code" for title in ASKED.findall(cell.source)]
    minutes = {title.partition(".")[2]: find(title).minutes for title in asked}
    sentences = []
    if minutes:
        each = ", ".join(f"`{title}` {count}" for title, count in minutes.items())
        sentences.append(f"Minutes for the exercises: {each}; {sum(minutes.values())} in all.")
    measured = results.read(project() / "docs" / "measurements.json", ("notebook", "profile", "dataset", "machine"))
    sentences += [
        f"The profile {row['profile']} on {row['dataset']} takes {duration(row['seconds'])} on {row['machine']} ({row['date']})."
        for row in measured
        if row["notebook"] == name
    ]
    return " ".join(sentences)


def _graded(notebook):
    """Mark the cells in which students write, and add one graded cell an exercise at the end, so that none stops *Run All*."""
    import nbformat

    graded = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if STUB in cell.source or "### BEGIN SOLUTION" in cell.source:
            cell.metadata["nbgrader"] = _marks(f"answer-{cell.id}", solution=True)
        graded += ASKED.findall(cell.source)
    if graded:
        notebook.cells.append(nbformat.v4.new_markdown_cell(
            "## Marks\n\nNothing to do here. Each cell below passes if your own function does; one that is not written yet "
            "gives no points, and an error that you may leave alone.", id="marks",
        ))  # fmt: skip
    for name in graded:
        code = f'from course_lib.exercises import check, yours\n\nassert check("{name}", yours("{name}")).passed'
        cell = nbformat.v4.new_code_cell(code, id=f"marks-{name.replace('.', '-')}"[:64])
        cell.metadata["nbgrader"] = _marks(name.replace(".", "-"), grade=True, locked=True, points=find(name).importance)
        notebook.cells.append(cell)
    return notebook


def _marks(identifier: str, **marks) -> dict:
    """nbgrader's metadata of a cell (schema 3)."""
    plain = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    return plain | {"grade_id": identifier} | marks
