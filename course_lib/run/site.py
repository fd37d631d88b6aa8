"""`course site`: the executed notebooks as a static site that needs no kernel, no server and no network.

Sphinx builds it, with MyST-NB for the notebooks; what their widgets showed last is drawn by Jupyter's own widget manager.
"""

import contextlib
import io
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import results
from course_lib.run.report import short_data_set

# What pages need besides what Sphinx brings: packages of the npm registry, each with its version, SHA-256 and size in MB,
# and the files in them, each with its place on the site.
SCRIPTS = [
    ("@jupyter-widgets/html-manager", "1.0.15", "2b9d65cb7913e1c7d671757a10008b32c9c2448d4429513371e55c07d6107638", 5, {
        "package/dist/embed-amd.js": "_static/embed-amd.js",
        "package/dist/1551f4f60c37af51121f.woff2": "@jupyter-widgets/1551f4f60c37af51121f.woff2",  # the icons of buttons
    }),
    ("requirejs", "2.3.8", "777158e89275e16bd51aec3ef714fbcb5dc45789e7078659933bc814916d7dec", 1, {
        "package/require.js": "_static/require.js",
    }),
]  # fmt: skip
WIDGET = "application/vnd.jupyter.widget-view+json"
INDEX = """\
{introduction}

```{{toctree}}
:caption: Notebooks
:maxdepth: 1

{notebooks}
```

```{{toctree}}
:caption: To look up
:maxdepth: 1

claims
glossary
bibliography
```
"""
BIBLIOGRAPHY = """\
# Bibliography

What the notebooks, the tables of published figures and the sizes of data sets refer to.

```{bibliography}
:all:
:list: bullet
```
"""
CLAIMS = """\
# Claims

What the lecture says, as two figures to compare, A and B, with a margin, all written down before anything was measured.
A claim *holds* when the smallest A beats the largest B by the margin over three seeds, is *reversed* when B so beats A, and
is *undecided* otherwise. Each figure is given from its smallest to its largest.
"""
STILL = """\
```{note}
This is a copy to read. Its sliders and buttons stand as they stood at the end of the run; open `course lab` to use them.
```
"""


def build(out: Path) -> Path:
    """Write `out`/site from the executed notebooks in `out`/executed; returns its front page.

    Raises:
        CourseError: nothing has been executed, Sphinx is not installed, a script cannot be downloaded (the first time only),
            or a page could not be built.
    """
    executed = sorted((out / "executed").glob("[!.]*.ipynb"))
    if not executed:
        raise CourseError(f"There are no executed notebooks in {out}; run `course run --widgets` first.")
    try:
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
    except ImportError as error:
        raise CourseError("The site needs Sphinx: `pip install -c constraints.txt -e '.[site]'`, then try again.") from error

    found, said = scripts(), io.StringIO()
    with tempfile.TemporaryDirectory() as temporary:
        source, pages = Path(temporary) / "source", Path(temporary) / "pages"
        _write_source(executed, source)
        try:
            with contextlib.redirect_stderr(said):  # Sphinx says there what it stumbles over
                app = Sphinx(
                    source, project() / "docs", pages, source / ".doctrees", "html",
                    {"html_static_path": [str(source / "_static")]}, status=None, warning=said,
                )  # fmt: skip
                app.build()
        except SphinxError as error:
            raise CourseError(f"The site could not be built: {error}") from error
        if warnings := [line for line in said.getvalue().splitlines() if re.search("WARNING|ERROR", line)]:
            raise CourseError("The site could not be built: " + "; ".join(warnings).replace(f"{source}/", ""))
        for place, contents in found.items():
            (pages / place).parent.mkdir(exist_ok=True)
            (pages / place).write_bytes(contents)
        try:
            shutil.rmtree(out / "site", ignore_errors=True)
            shutil.copytree(pages, out / "site", ignore=shutil.ignore_patterns(".buildinfo", "objects.inv", "_sources"))
        except OSError as error:
            raise CourseError(f"{out / 'site'} cannot be written ({error.strerror or error}); free some space.") from error
    return out / "site" / "index.html"


def _write_source(executed: list[Path], source: Path) -> None:
    """What Sphinx builds from: the notebooks, the other pages and the pictures."""
    import nbformat

    documents = project() / "docs"
    (source / "_static").mkdir(parents=True)
    glossary = (documents / "glossary.md").read_text(encoding="utf-8")
    terms, names = re.findall(r"^(.+)\n: ", glossary, re.MULTILINE), [path.stem for path in executed]
    for path in executed:
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception as error:
            raise CourseError(f"{path} is damaged ({error}); run `course run {path.stem} --widgets` again.") from error
        nbformat.write(readable(notebook, terms, names), source / path.name)
    introduction, _, _ = (project() / "README.md").read_text(encoding="utf-8").partition("\n## ")
    introduction = to_notebooks(introduction.replace("](docs/", "]("), names)
    (source / "index.md").write_text(INDEX.format(introduction=introduction, notebooks="\n".join(names)), encoding="utf-8")
    (source / "claims.md").write_text(claims(), encoding="utf-8")
    (source / "glossary.md").write_text(glossary, encoding="utf-8")
    (source / "bibliography.md").write_text(BIBLIOGRAPHY, encoding="utf-8")
    shutil.copy(documents / "references.bib", source)
    for picture in documents.glob("*.png"):
        shutil.copy(picture, source)
    shutil.copy(documents / "site.css", source / "_static")


def readable(notebook, terms: list[str], names: list[str]):
    """An executed notebook as the site shows it: without what only a run needs, and with links.

    terms: of the glossary; one that a notebook prints in bold becomes a link there. names: of the notebooks on the site.
    """
    import nbformat

    known = {term.lower(): term for term in terms}

    def explained(bold: re.Match) -> str:
        term = known.get(bold[1].lower())
        return f"**{{term}}`{bold[1]}<{term}>`**" if term else bold[0]

    tags = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    unwanted = {"papermill-error-cell-tag", "install"} | ({"parameters"} if {"injected-parameters"} in tags else set())
    notebook.cells = [cell for cell, its in zip(notebook.cells, tags, strict=True) if not its & unwanted]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = to_notebooks(re.sub(r"\*\*([^*\n]+)\*\*", explained, cell.source), names)
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data.pop("text/plain", None)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell(STILL))
    return notebook


def to_notebooks(markdown: str, names: list[str]) -> str:
    """Markdown in which the notebooks that it names in code, `02_rotation`, are links to their pages."""
    return re.sub(r"`(\d\d_\w+)`", lambda code: f"[{code[0]}]({code[1]}.ipynb)" if code[1] in names else code[0], markdown)


def claims() -> str:
    """The committed verdicts (docs/claims.json) as a page of Markdown, a table a notebook."""
    rows = results.read(project() / "docs" / "claims.json", results.CLAIM_KEY)
    lines = [CLAIMS]
    for notebook in sorted({row["notebook"] for row in rows}):
        lines += [f"## {notebook}", "| claim | data set | A | wants | B | verdict |", "|---|---|---|---|---|---|"]
        for row in (row for row in rows if row["notebook"] == notebook):
            a, b = (f"{min(row[side]):.3g} to {max(row[side]):.3g}" if row[side] else "nothing" for side in "ab")
            statement = f"`{row['id']}` {row['statement']} *({row['metric']})*"
            wants = f"{row['direction'][1]} by {row['margin']:g}"
            cells = [statement, short_data_set(row["dataset"]), a, wants, b, f"**{row['verdict']}**"]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def scripts() -> dict[str, bytes]:
    """The scripts by their places on the site; downloaded the first time, and checked each time."""
    import anywidget

    from course_lib.data.downloads import download

    found = {}
    for package, version, sha256, megabytes, members in SCRIPTS:
        file = f"{package.rpartition('/')[2]}-{version}.tgz"
        archive = download(
            package, f"https://registry.npmjs.org/{package}/-/{file}", sha256, megabytes, progress=False,
            otherwise="which is needed for the first site only",
        )  # fmt: skip
        with tarfile.open(archive) as files:
            found |= {place: files.extractfile(member).read() for member, place in members.items()}
    # The widget manager looks for this module beside the pages; the Python package brings it along.
    found["anywidget.js"] = (Path(anywidget.__file__).parent / "nbextension" / "index.js").read_bytes()
    return found
