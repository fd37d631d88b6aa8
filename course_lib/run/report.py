"""The report: pages of HTML that need no network and no script of their own: a front page, one a notebook, and one each for
claims, exercises, measurements and what the library costs."""

import datetime
import html
import importlib.metadata
import os
import platform
import re
from collections import Counter
from pathlib import Path

import jinja2
import psutil

from course_lib.errors import CourseError
from course_lib.paths import project, write_atomically
from course_lib.plots.style import image_tag, number, png
from course_lib.run import notebooks, results

TEMPLATES = Path(__file__).parent / "templates"
REFUSALS = ("exercise", "date", "wrong", "mutants", "equal")  # what a row of docs/refusals says
MEASURED = ("notebook", "profile", "dataset", "machine")  # what a row of docs/measurements.json says, beside its figures
BENCHED = ("device", "machine")  # and one of docs/bench.json
WIDGET = "application/vnd.jupyter.widget-view+json"


def build(out: Path) -> Path:
    """Write `out`/report from `out`/results.json, claims.json, bench.json and executed/; returns its front page.

    Raises `CourseError` when there is nothing to report, a file is damaged or the report cannot be written.
    """
    rows = results.read(out / "results.json")
    claims = results.read(out / "claims.json", results.CLAIM_KEY)
    if not rows:
        raise CourseError(f"There are no results in {out}; run `course run` first, or name another folder with --out.")
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"number": number, "data_set": short_data_set, "duration": duration}
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8") + _code_colours()
    known = list(dict.fromkeys([*notebooks.sources(), *(row["notebook"] for row in rows)]))
    cards = [
        card(name, [row for row in rows if row["notebook"] == name], out / "executed" / f"{name}.ipynb")
        for name in known
        if any(row["notebook"] == name for row in rows)
    ]
    folder = out / "report"
    committed = sorted(
        results.read(project() / "docs" / "claims.json", results.CLAIM_KEY), key=lambda claim: claim["notebook"]
    )  # fmt: skip
    if committed:
        page = pages.get_template("report_claims.html.jinja").render(
            style=style, claims=_by_id(committed), verdicts=Counter(claim["verdict"] for claim in committed),
            machines=_machines(committed),
        )  # fmt: skip
        write_atomically(folder / "claims.html", page)
    if refused := refusals():
        page = pages.get_template("report_exercises.html.jinja").render(style=style, **exercises(refused))
        write_atomically(folder / "exercises.html", page)
    if runs := reproductions(out):
        page = pages.get_template("report_reproduce.html.jinja").render(style=style, runs=runs)
        write_atomically(folder / "reproduce.html", page)
    if measured := measurements():
        page = pages.get_template("report_measurements.html.jinja").render(style=style, **measured)
        write_atomically(folder / "measurements.html", page)
    if cost := bench(out):
        write_atomically(folder / "bench.html", pages.get_template("report_bench.html.jinja").render(style=style, **cost))
    read = [shown for shown in cards if shown["executed"]]
    for place, shown in enumerate(read):
        body = notebook_body(shown["executed"])
        page = pages.get_template("report_notebook.html.jinja").render(
            style=style, card=shown, body=body, sections=_sections(body),
            before=read[place - 1] if place else None, after=read[place + 1] if place + 1 < len(read) else None,
        )  # fmt: skip
        write_atomically(folder / f"{shown['name']}.html", page)
    special = {"claims": committed, "exercises": refused, "reproduce": runs, "measurements": measured, "bench": cost}
    wanted = {shown["name"] for shown in read} | {name for name, shown in special.items() if shown}
    for stale in set(folder.glob("*.html")) - {folder / f"{name}.html" for name in wanted}:
        stale.unlink()
    written = datetime.datetime.fromtimestamp((out / "results.json").stat().st_mtime)
    front = pages.get_template("report_index.html.jinja").render(
        style=style, cards=cards, claims=_by_id(claims), committed=bool(committed), refusals=bool(refused),
        reproduced=bool(runs), measurements=bool(measured), bench=bool(cost), environment=environment(),
        written=written.strftime("%-d %B %Y, %H:%M" if os.name != "nt" else "%d %B %Y, %H:%M"),
    )  # fmt: skip
    write_atomically(folder / "index.html", front)
    return folder / "index.html"


def card(name: str, rows: list[dict], executed: Path) -> dict:
    """What the front page says about one notebook. Smoke runs count for their status only: their figures mean nothing."""
    import nbformat

    notebook, run = None, rows[-1]
    if executed.exists():
        try:
            notebook = nbformat.read(executed, as_version=4)
        except Exception as error:
            raise CourseError(f"{executed} is damaged ({error}); run `course run {name}` again.") from error
        shown = notebook.metadata.get("papermill", {}).get("parameters", {})
        same = [row for row in rows if all(str(row[key]) == str(shown.get(key)) for key in ("dataset", "profile", "seed"))]
        run = same[0] if same else run
    return {
        "name": name,
        "title": _title(notebook) or name,
        "picture": _picture(notebook),
        "papers": published(name),
        "executed": notebook,
        "run": run,
        "rows": rows,
        "tables": [table(rows, profile) for profile in dict.fromkeys(row["profile"] for row in rows) if profile != "smoke"],
    }


def table(rows: list[dict], profile: str) -> dict:
    """The records of a notebook's good runs under one profile: a line a record, a column a data set, over the seeds."""
    good = [row for row in rows if row["profile"] == profile and row["status"] == "ok"]
    datasets = list(dict.fromkeys(row["dataset"] for row in good))
    lines = []
    for name in dict.fromkeys(name for row in good for name in row["records"]):
        found = [row["records"][name] for row in good if name in row["records"]]
        cells = []
        for dataset in datasets:
            values = [row["records"][name]["value"] for row in good if row["dataset"] == dataset and name in row["records"]]
            cells.append(
                {"mean": sum(values) / len(values), "low": min(values), "high": max(values), "seeds": len(values)}
                if values
                else None
            )
        chances = [record["chance"] for record in found]
        chance = chances[0] if all(value == chances[0] for value in chances) else None
        lines.append({"name": name, "unit": found[0]["unit"], "chance": chance, "cells": cells})
    # What can be compared with guessing tells most: it comes first, and stays open on the page.
    lines.sort(key=lambda line: line["chance"] is None)
    return {"profile": profile, "datasets": datasets, "lines": lines}


def refusals() -> list[dict]:
    """How the exercises refuse wrong answers: the rows of docs/refusals, which has a file a notebook."""
    files = sorted((project() / "docs" / "refusals").glob("*.json"))
    return [row for file in files for row in results.read(file, REFUSALS)]


def reproductions(out: Path) -> list[tuple[str, str, list[dict]]]:
    """What `course reproduce` measured, here or else when docs was written: a run's data set, its setting and its rows."""
    places = (out / "reproduce" / "rotnet-cifar10.json", project() / "docs" / "rotnet-cifar10.json")
    runs: dict[tuple[str, str], list[dict]] = {}
    for row in next(filter(None, (results.read(place, results.REPRODUCTION_KEY) for place in places)), []):
        runs.setdefault((row["data"], row["declared"]), []).append(row)
    return [(*run, sorted(rows, key=lambda row: row["place"])) for run, rows in runs.items()]


def exercises(refusals: list[dict]) -> dict:
    """What the page of exercises shows: the rows of docs/refusals by notebook, counts in all, the first and last day."""
    rows = []
    for row in refusals:
        sentences = [*row["wrong"].values(), *row["mutants"].values()]
        rows.append(row | {"asked": len(sentences), "refused": sum(sentence is not None for sentence in sentences)})
    order = {name.partition("_")[2]: name for name in notebooks.sources()}
    rooms = [row["exercise"].partition(".")[0] for row in rows]
    days = sorted(row["date"] for row in rows)
    return {
        "notebooks": {
            order.get(room, room): [row for row, its in zip(rows, rooms, strict=True) if its == room]
            for room in sorted(set(rooms), key=lambda room: order.get(room, room))
        },
        "total": {count: sum(row[count] for row in rows) for count in ("asked", "refused")}
        | {kind: sum(len(row[kind]) for row in rows) for kind in ("wrong", "mutants")},
        "dates": list(dict.fromkeys([days[0], days[-1]])),
    }


def measurements() -> dict:
    """What the page of measurements shows: the rows of docs/measurements.json by notebook, those of docs/bench.json, and in
    words what was not run; {} if nothing was measured."""
    rows = results.read(project() / "docs" / "measurements.json", MEASURED)
    benches = results.read(project() / "docs" / "bench.json", BENCHED)
    if not rows and not benches:
        return {}
    known = sorted({*notebooks.sources(), *(row["notebook"] for row in rows)})
    reproduced = (project() / "docs" / "rotnet-cifar10.json").exists()
    return {
        "notebooks": {name: [row for row in rows if row["notebook"] == name] for name in known},
        "benches": benches,
        "missing": not_yet_run(rows, benches, list(notebooks.sources()))
        + ([] if reproduced else ["On a GPU: course reproduce rotnet-cifar10"]),
    }


def not_yet_run(rows: list[dict], benches: list[dict], known: list[str]) -> list[str]:
    """What is in no measurement, in words: `On a GPU: every notebook at classroom`."""
    missing = []
    for on, profiles in {"a processor": ("quick",), "a GPU": ("classroom", "full")}.items():
        for profile in profiles:
            run = {
                row["notebook"] for row in rows
                if row["profile"] == profile and (row.get("device", "cpu") == "cpu") == (on == "a processor")
            }  # fmt: skip
            if lacking := [name for name in known if name not in run]:
                which = "every notebook" if len(lacking) == len(known) else ", ".join(lacking)
                missing.append(f"On {on}: {which} at {profile}")
        if not any(bench["device"].startswith("cpu") == (on == "a processor") for bench in benches):
            missing.append(f"On {on}: course bench")
    return missing


def bench(out: Path) -> dict:
    """What the page of costs shows: `out`/bench.json and its plots; {} if there is none."""
    if not (out / "bench.json").exists():
        return {}
    from course_lib.plots.bench import overheads, rates
    from course_lib.run.bench import limit, read

    found = {"overhead": {}, "ways": {}} | read(out)
    limits, plots = {task: limit(task) for task in found["overhead"]}, {}
    if limits:
        words = "; ".join(f"{task} {ratio:.3f}, limit {limits[task]}" for task, ratio in found["overhead"].items())
        drawn = png(overheads(found["overhead"], limits))
        plots["overhead"] = image_tag(drawn, f"Our step over the bare one. {words}.", "44rem")
    for task, ways in found["ways"].items():
        seen = ways["pictures_per_second"]
        words = "; ".join(f"{way} {rate:.0f}" for way, rate in seen.items())
        plots[task] = image_tag(png(rates(seen)), f"Pictures a second, by way of training. {words}.", "44rem")
    return {"bench": found, "limits": limits, "plots": plots}


def _by_id(claims: list[dict]) -> list[list[dict]]:
    drawn = [claim | {"strip": strip(claim), "why": why(claim)} for claim in claims]
    return [[claim for claim in drawn if claim["id"] == id] for id in dict.fromkeys(claim["id"] for claim in drawn)]


def _machines(claims: list[dict]) -> dict[str, list[str]]:
    """Machine -> the first and the last day (one, if they are the same) on which claims were measured there."""
    days: dict[str, set[str]] = {}
    for claim in claims:
        days.setdefault(claim["machine"], set()).add(claim["date"])
    return {machine: sorted({min(dates), max(dates)}) for machine, dates in days.items()}


def why(claim: dict) -> str:
    """What an undecided claim lacks, in figures; nothing of one that is decided."""
    if claim["verdict"] != "undecided" or not claim["a"]:
        return ""
    a, b = (claim["a"], claim["b"]) if claim["direction"] == "a>b" else (claim["b"], claim["a"])
    lead, behind = min(a) - max(b), max(a) - min(b)
    if lead > 0:
        return f"the right way on every seed, by at least {lead:.3f}; the margin is missed"
    if behind < 0:
        return f"the other way on every seed, by at least {-behind:.3f}; the margin is missed"
    return "the figures of A and B overlap"


def strip(claim: dict) -> dict:
    """Where a claim's figures lie between the smallest and the largest, in percent of a little drawing's width."""
    values = [*claim["a"], *claim["b"]]
    if not values:
        return {"a": [], "b": []}
    low, span = min(values), (max(values) - min(values)) or 1.0
    return {side: [4 + 92 * (value - low) / span for value in claim[side]] for side in ("a", "b")}


def short_data_set(name: str) -> str:
    """`folder:/home/ada/photos.zip` as `photos.zip`."""
    kind, _, path = name.partition(":")
    return Path(path).name if kind in ("folder", "clips") and path else name


def duration(seconds: float) -> str:
    """Seconds as a person says them: `48 s`, `2 min 8 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def environment() -> list[tuple[str, str]]:
    """The computer and the versions that matter, as (what, which)."""
    packages = ("torch", "torchvision", "numpy", "scikit-learn")
    return [
        ("Python", platform.python_version()),
        *((package, importlib.metadata.version(package)) for package in packages),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("processor", f"{os.cpu_count()} cores"),
        ("memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"),
    ]


def published(notebook: str) -> list[dict]:
    """The figures of papers beside which a notebook's results stand: course_lib/papers/X.csv for NN_X, if there is one."""
    from course_lib.data import papers  # when needed: it brings PyTorch along

    try:
        return papers.published(notebook.partition("_")[2])
    except FileNotFoundError:
        return []


def _picture(notebook) -> dict | None:
    """The first figure of an executed notebook, to tell it by: `source` (a data address) and `alt`."""
    for cell in notebook.cells if notebook else []:
        for output in cell.get("outputs", []):
            page = "".join(output.get("data", {}).get("text/html", ""))
            if found := re.search(r'<figure[^>]*><img src="(data:image/png;base64,[\w+/=]+)" alt="([^"]*)"', page):
                return {"source": found[1], "alt": html.unescape(found[2])}
    return None


def _title(notebook) -> str | None:
    for cell in notebook.cells if notebook else []:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
            return found[1]
    return None


# --- a notebook's page


def notebook_body(notebook) -> str:
    """The cells of an executed notebook as HTML: formulas as MathML, nothing that a page would have to fetch."""
    notebook.metadata.pop("widgets", None)
    tags = [set(cell.metadata.get("tags", [])) for cell in notebook.cells]
    # Papermill's red banners say what ours says; the parameters that counted are those that it injected.
    unwanted = {"papermill-error-cell-tag", "install"} | ({"parameters"} if {"injected-parameters"} in tags else set())
    notebook.cells = [cell for cell, its in zip(notebook.cells, tags, strict=True) if not its & unwanted]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/javascript", None)
            if data.pop(WIDGET, None):
                data["text/plain"] = "An interactive panel: open this notebook in JupyterLab to use it."
            if latex := data.pop("text/latex", None):
                data["text/html"] = mathml(latex.strip().strip("$"), "block")
    exporter = _page_exporter()(template_name="lab", template_file="base.html.j2", anchor_link_text="#")
    exporter.log.setLevel("ERROR")
    return exporter.from_notebook_node(notebook)[0]


def mathml(latex: str, display: str) -> str:
    """LaTeX as MathML, which browsers draw themselves; what cannot be converted is shown as it was typed."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # the converter raises many kinds
        return f"<code>{html.escape(latex)}</code>"


def _page_exporter():
    """The class, made when needed: importing nbconvert takes a while."""
    from jinja2 import pass_context
    from nbconvert.exporters import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class MathRenderer(IPythonRenderer):
        def block_math(self, body):
            return mathml(body, "block")

        def inline_math(self, body):
            return mathml(body, "inline")

        def latex_environment(self, name, body):
            return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    class PageExporter(HTMLExporter):
        @pass_context
        def markdown2html(self, context, source):
            attachments = context.get("cell", {}).get("attachments", {})
            renderer = MathRenderer(escape=False, attachments=attachments, anchor_link_text=self.anchor_link_text)
            return MarkdownWithMath(renderer=renderer).render(source)

    return PageExporter


def _sections(body: str) -> list[tuple[str, str]]:
    """(anchor, words) of every second-level heading."""
    found = re.findall(r'<h2 id="([^"]+)">(.*?)<a class="anchor-link"', body, re.DOTALL)
    return [(anchor, re.sub(r"<[^>]+>", "", words)) for anchor, words in found]


def _code_colours() -> str:
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
