"""The site's pages before Sphinx has them, what they refer to, and what bad input gets; tests/browser opens a built one."""

import csv
import re

import nbformat
import pytest

from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import results, site

BIBLIOGRAPHY = (project() / "docs" / "references.bib").read_text(encoding="utf-8")
GLOSSARY = (project() / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_a_notebook_to_read():
    code, markdown = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [
        markdown("# Which way is up?"),
        code("import importlib.util", metadata={"tags": ["install"]}),
        code("profile = 'quick'", metadata={"tags": ["parameters"]}),
        code("profile = 'smoke'", metadata={"tags": ["injected-parameters"]}),
        markdown("A **Probe** answers, **loudly**; `02_rotation` has one, `97_no_such` has none."),
    ]
    shown = site.readable(nbformat.v4.new_notebook(cells=cells), ["probe"], ["02_rotation"]).cells
    assert [cell.source for cell in shown] == [
        "# Which way is up?",
        site.STILL,
        "profile = 'smoke'",
        "A **{term}`Probe<probe>`** answers, **loudly**; [`02_rotation`](02_rotation.ipynb) has one, `97_no_such` has none.",
    ]


def test_a_panel_is_drawn_from_its_state_alone():
    data = {site.WIDGET: {"model_id": "1", "version_major": 2}, "text/plain": "VBox(…)"}
    cell = nbformat.v4.new_code_cell("panel", outputs=[nbformat.v4.new_output("display_data", data=data)])
    shown = site.readable(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), cell]), [], [])
    assert list(shown.cells[-1].outputs[0].data) == [site.WIDGET]


def test_every_claim_has_a_line():
    page, rows = site.claims(), results.read(project() / "docs" / "claims.json", results.CLAIM_KEY)
    assert page.count("\n| `") == len(rows)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in page.splitlines() if line.startswith("|"))


def test_every_paper_that_is_quoted_stands_in_the_bibliography():
    quoted = set()
    for path in (project() / "course_lib" / "papers").glob("*.csv"):
        with open(path, encoding="utf-8", newline="") as file:
            quoted |= {number for row in csv.DictReader(file) for number in re.findall(r"arXiv:([\d.]+\d)", row["citation"])}
    for path in (project() / "notebooks" / "source").glob("*.py"):
        quoted |= set(re.findall(r"arXiv:([\d.]+\d)", path.read_text(encoding="utf-8")))
    assert len(quoted) > 20
    assert quoted - set(re.findall(r"eprint = \{([\d.]+)\}", BIBLIOGRAPHY)) == set()


def test_the_glossary_is_in_order_and_explains_nothing_twice():
    terms = re.findall(r"^(.+)\n: ", GLOSSARY, re.MULTILINE)
    assert terms == sorted(set(terms), key=str.lower)


def test_nothing_to_show(tmp_path):
    with pytest.raises(CourseError, match="no executed notebooks"):
        site.build(tmp_path)


def test_a_damaged_notebook(tmp_path):
    pytest.importorskip("sphinx", reason="the extra `site` is not installed")
    (tmp_path / "executed").mkdir()
    (tmp_path / "executed" / "02_rotation.ipynb").write_text("{")
    with pytest.raises(CourseError, match=r"02_rotation\.ipynb is damaged"):
        site._write_source([tmp_path / "executed" / "02_rotation.ipynb"], tmp_path / "source")
