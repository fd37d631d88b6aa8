"""The report is readable with no network, whatever a notebook puts into its outputs."""

import json
import re

import nbformat
import pytest

from course_lib.errors import CourseError
from course_lib.run import report, results

RECORDS = {
    "stub.score": {"value": 0.642, "chance": 0.25, "unit": "fraction"},
    "stub.gain": {"value": 4.2, "chance": None, "unit": "points"},
}

CODE = r"""
from IPython.display import HTML, Javascript, Latex, Markdown, display
record(stub_score=0.5)
display(Markdown("Inline $a_1$ and [a link](https://example.org)."))
display(Latex(r"$\frac{1}{2}$"))
display(Javascript("document.body.innerHTML = 'gone'"))
display({"application/vnd.jupyter.widget-view+json": {"model_id": "abc"}, "text/plain": "VBox()"}, raw=True)
display(HTML('<img src="https://example.org/tracker.png" alt="">'))
print("<b>not bold</b>")
"""


def row(notebook="01_stub", dataset="world", profile="quick", seed=0, status="ok", records=RECORDS, error=None):
    return {
        "notebook": notebook, "status": status, "seconds": 128.4, "train_seconds": 60.0, "peak_rss_mb": 812.3,
        "device": "cpu", "profile": profile, "dataset": dataset, "seed": seed, "records": records, "error": error,
    }  # fmt: skip


def loaded(page: str) -> list[str]:
    """The addresses that a browser would fetch by itself: every src, and the href of a link, in real tags."""
    inside = re.sub(r"<code.*?</code>|<pre.*?</pre>", "", page, flags=re.DOTALL)
    tags = re.findall(r"<(?:script|img|iframe|audio|video|source|embed|object|link)\b[^>]*>", inside)
    addresses = [found for tag in tags for found in re.findall(r'(?:src|href|data)="([^"]*)"', tag)]
    return addresses + re.findall(r'url\(["\']?([^)"\']+)', inside) + re.findall(r'@import\s+["\']([^"\']+)', inside)


def test_pages_fetch_nothing_and_formulas_are_mathml(project, tmp_path, course):
    project("01_stub", CODE)
    assert course("run", "--out", tmp_path / "out").exit_code == 0
    result = course("report", "--out", tmp_path / "out")
    assert result.exit_code == 0 and "index.html" in result.output
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out" / "report").iterdir()}
    assert set(pages) == {"index.html", "01_stub.html"}
    for page in pages.values():
        # The policy keeps the browser from fetching even what a student's own output asks for.
        assert "default-src 'none'; img-src data:;" in page
        assert [a for a in loaded(page) if not a.startswith("data:")] in ([], ["https://example.org/tracker.png"])
        for word in ("require.js", "MathJax", "cdnjs", "unpkg", "jsdelivr"):
            assert word not in page
    page = pages["01_stub.html"]
    assert page.count("<math") >= 4 and "<munder" in page
    assert "open this notebook in JupyterLab" in page and page.count("VBox()") == 1, "only in the code"
    assert "<script" not in page
    assert "<b>not bold</b>" not in page and "&lt;b&gt;not bold" in page
    assert 'href="https://example.org"' in page, "a link that a reader may follow stays"
    assert 'href="01_stub.html"' in pages["index.html"]


def test_the_front_page_shows_records_with_chance_and_leaves_smoke_out(project, tmp_path):
    project("01_stub")
    project("02_broken")
    failed = row("02_broken", status="failed", records={}, error="ValueError: <nine>")
    smoke = row("01_stub", profile="smoke", records={"stub.score": {"value": 0.111, "chance": 0.25, "unit": "fraction"}})
    seeds = [row(seed=1), row(seed=2, records={"stub.score": RECORDS["stub.score"] | {"value": 0.7}})]
    results.merge(tmp_path / "results.json", [row(), *seeds, row(dataset="folder:/photos/mine.zip"), smoke, failed])
    page = report.build(tmp_path).read_text(encoding="utf-8")
    assert "66.1 %" in page and "64.2 % – 70.0 %" in " ".join(page.split()), "mean and range over the seeds"
    assert "25.0 %" in page and "4.2 points" in page
    assert "mine.zip" in page and "/photos/" not in page
    assert "11.1 %" not in page
    assert "2 min 8 s" in page and "peak 812 MB" in page
    assert "ValueError: &lt;nine&gt;" in page and "failed" in page


def test_claims_stand_with_their_verdicts(project, tmp_path):
    project("01_stub")
    results.merge(tmp_path / "results.json", [row()])
    claim = {
        "id": "stub.learns", "statement": "It learns.", "notebook": "01_stub", "metric": "score", "direction": "a>b",
        "margin": 0.05, "a": [0.6, 0.64, 0.7], "b": [0.25] * 3, "dataset": "world", "profile": "quick", "verdict": "holds",
        "note": "",
    }  # fmt: skip
    empty = claim | {"id": "stub.unmeasured", "a": [], "b": [], "verdict": "undecided", "note": "a verdict needs 3 seeds"}
    results.merge(tmp_path / "claims.json", [claim, empty], results.CLAIM_KEY)
    page = report.build(tmp_path).read_text(encoding="utf-8")
    assert 'class="chip holds"' in page and "0.600 0.640 0.700" in page and "a verdict needs 3 seeds" in page
    assert "claims.html" not in page, "this project has committed none"


def test_committed_claims_have_a_page(project, tmp_path):
    project("01_stub")
    claim = {
        "id": "stub.learns", "statement": "It learns.", "notebook": "01_stub", "metric": "score", "direction": "a>b",
        "margin": 0.05, "a": [0.6, 0.64, 0.7], "b": [0.58] * 3, "dataset": "photos.zip", "profile": "quick",
        "verdict": "undecided", "note": "", "date": "2026-01-02", "machine": "a laptop",
    }  # fmt: skip
    later = claim | {"dataset": "world", "date": "2026-01-05"}
    results.merge(tmp_path / "docs" / "claims.json", [claim, later], results.CLAIM_KEY)
    results.merge(tmp_path / "results.json", [row()])
    assert 'href="claims.html"' in report.build(tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "report" / "claims.html").read_text(encoding="utf-8")
    assert "2026-01-02 to 2026-01-05 on a laptop" in page and page.count("0.600 0.640 0.700") == 2
    assert "by at least 0.020; the margin is missed" in page


def test_refused_answers_have_a_page(project, tmp_path):
    project("02_stub")
    refused = {
        "exercise": "stub.rotate", "date": "2026-01-02", "wrong": {"clockwise": "case 1: expected <this>, got that."},
        "mutants": {"mirrored": "case 2: no."}, "equal": {"flat": "it is flat already"},
    }  # fmt: skip
    passed = refused | {"exercise": "later.cut_up", "date": "2026-01-05", "mutants": {"zeros": None}}
    results.merge(tmp_path / "results.json", [row("02_stub")])
    assert "exercises.html" not in report.build(tmp_path).read_text(encoding="utf-8"), "this project has kept none"
    path = tmp_path / "docs" / "refusals" / "stub.json"
    results.merge(path, [refused], results.REFUSAL_KEY)
    assert 'href="exercises.html"' in report.build(tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "report" / "exercises.html").read_text(encoding="utf-8")
    assert "02_stub" in page and "case 1: expected &lt;this&gt;, got that." in page and "it is flat already" in page
    assert page.count("100 %") == 2 and "2026-01-02" in page and loaded(page) == ["data:,"] and "<script" not in page
    results.merge(path, [passed], results.REFUSAL_KEY)
    report.build(tmp_path)
    page = (tmp_path / "report" / "exercises.html").read_text(encoding="utf-8")
    assert "1 of 2" in page and "3 of 4" in page and page.count("100 %") == 1 and "It passed." in page
    assert "2026-01-02</time> to <time>2026-01-05" in page
    path.write_text('[{"exercise": "stub.rotate"}]')
    with pytest.raises(CourseError, match="not a list of rows with exercise, date"):
        report.build(tmp_path)
    path.unlink()
    report.build(tmp_path)
    assert not (tmp_path / "report" / "exercises.html").exists()


@pytest.mark.parametrize(("a", "b", "direction", "words"), [
    ([0.6, 0.7], [0.58, 0.5], "a>b", "the right way on every seed"),
    ([0.6, 0.7], [0.71, 0.75], "a>b", "the other way on every seed"),
    ([0.6, 0.7], [0.71, 0.75], "a<b", "the right way on every seed"),
    ([0.6, 0.7], [0.65, 0.5], "a>b", "overlap"),
    ([], [], "a>b", ""),
])  # fmt: skip
def test_an_undecided_claim_says_why(a, b, direction, words):
    said = report.why({"verdict": "undecided", "a": a, "b": b, "direction": direction})
    assert words in said and (said == "") == (words == "")
    assert report.why({"verdict": "holds", "a": a, "b": b, "direction": direction}) == ""


def test_a_page_without_its_notebook_is_removed(project, tmp_path):
    project("01_stub")
    results.merge(tmp_path / "results.json", [row()])
    executed = tmp_path / "executed" / "01_stub.ipynb"
    executed.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A title")]), executed)
    report.build(tmp_path)
    assert "<title>A title</title>" in (tmp_path / "report" / "01_stub.html").read_text()
    executed.unlink()
    report.build(tmp_path)
    assert [path.name for path in (tmp_path / "report").iterdir()] == ["index.html"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("results.json", "[{", "damaged"),
        ("claims.json", "{}", "not a list of rows"),
        ("executed/01_stub.ipynb", "{", "run `course run 01_stub` again"),
    ],
)
def test_damaged_files_are_one_sentence(project, tmp_path, course, name, text, sentence):
    project("01_stub")
    results.merge(tmp_path / "results.json", [row()])
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    refused = course("report", "--out", tmp_path)
    assert refused.exit_code == 2 and sentence in refused.stderr


def test_nothing_to_report(tmp_path, course):
    refused = course("report", "--out", tmp_path / "out")
    assert refused.exit_code == 2 and "run `course run` first" in refused.stderr and not (tmp_path / "out").exists()


def test_a_card_has_the_first_figure_and_the_papers(project, tmp_path):
    figure = '<figure style="margin:0"><img src="data:image/png;base64,aGVsbG8=" alt="Two &lt;trees&gt;"></figure>'
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    foreign = '<figure><img src="https://example.org/x.png" alt=""></figure>'
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/html": page}) for page in (foreign, figure)]
    executed = tmp_path / "02_rotation.ipynb"
    nbformat.write(notebook, executed)
    shown = report.card("02_rotation", [row("02_rotation")], executed)
    assert shown["picture"] == {"source": "data:image/png;base64,aGVsbG8=", "alt": "Two <trees>"}
    assert any("Gidaris" in paper["citation"] for paper in shown["papers"])
    assert report.published("01_stub") == [] and report.card("01_stub", [row()], tmp_path / "none")["picture"] is None


def test_what_was_measured_where_and_what_nobody_has_run(project, tmp_path):
    project("01_stub")
    project("02_other")
    results.merge(tmp_path / "results.json", [row()])
    assert "measurements.html" not in report.build(tmp_path).read_text(encoding="utf-8"), "this project has kept none"
    measured = {
        "notebook": "01_stub", "profile": "quick", "dataset": "world", "machine": "a <laptop>", "date": "2026-01-02",
        "seconds": 130.0, "train_seconds": 60.0, "peak_rss_mb": 812, "seeds": [0],
    }  # fmt: skip
    results.merge(tmp_path / "docs" / "measurements.json", [measured], report.MEASURED)
    assert 'href="measurements.html"' in report.build(tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "report" / "measurements.html").read_text(encoding="utf-8")
    assert "a &lt;laptop&gt;" in page and "2 min 10 s" in page and "812 MB" in page and "2026-01-02" in page
    for missing in ("On a processor: 02_other at quick", "On a GPU: every notebook at classroom", "On a GPU: course bench"):
        assert missing in page
    gpu = [measured | {"notebook": name, "profile": profile, "device": "cuda", "machine": "a card"}
           for name in ("01_stub", "02_other") for profile in ("classroom", "full")]  # fmt: skip
    both = [bench_row(device) | {"machine": "a card", "date": "2026-01-03"} for device in ("NVIDIA H100", "cpu (x86_64)")]
    quick = measured | {"notebook": "02_other"}
    assert report.not_yet_run([measured, quick, *gpu], both, ["01_stub", "02_other"]) == []
    assert report.not_yet_run([measured, quick, *gpu[:3]], both[1:], ["01_stub", "02_other"]) == [
        "On a GPU: 02_other at full", "On a GPU: course bench",
    ]  # fmt: skip
    results.merge(tmp_path / "docs" / "bench.json", both, report.BENCHED)
    report.build(tmp_path)
    page = (tmp_path / "report" / "measurements.html").read_text(encoding="utf-8")
    assert "NVIDIA H100" in page and "1.123" in page and "On a GPU: course bench" not in page


def bench_row(device="cpu (x86_64)"):
    step = {"ours_ms": 60.0, "bare_ms": 50.0, "hide_ms": 3.0, "hide_share": 0.05, "samples_per_second": 1066.0,
            "pictures_per_second": 4266.0, "peak_mb": 512.0, "runs": [1.12, 1.123, 1.2]}  # fmt: skip
    rates = {"bare": 5000.0, "DataLoader": 3500.0, "ours": 4900.0}
    training = {"images": 40_000, "file_mb": 117.0, "build_seconds": 1.2, "step_ms": 61.0, "anonymous_mb": 333.0}
    return {
        "device": device, "overhead": {"rotation": 1.123, "odd_quarter": 1.04}, "steps": {"rotation": step, "odd_quarter": step},
        "precision": "float32", "threads": 2, "torch": "2.13", "network": "small", "repetitions": 40, "runs": 3,
        "ways": {"rotation": {"pictures_per_second": rates, "ours_over": {"bare": 0.98, "DataLoader": 1.4}, "runs": [rates]}},
        "import_seconds": {"torch": 1.5, "course_lib": 0.002, "course_lib.start": 0.1}, "first_figure_seconds": 4.5,
        "scaling": {"limit_mb": 512, "training": [training], "building": [
            {"photos": 1000, "seconds": 1.5, "anonymous_mb": 250.0}]},
    }  # fmt: skip


def test_what_the_library_costs_has_a_page(project, tmp_path):
    project("01_stub")
    results.merge(tmp_path / "results.json", [row()])
    assert "bench.html" not in report.build(tmp_path).read_text(encoding="utf-8"), "nothing was measured here"
    (tmp_path / "bench.json").write_text(json.dumps(bench_row()))
    assert 'href="bench.html"' in report.build(tmp_path).read_text(encoding="utf-8")
    page = (tmp_path / "report" / "bench.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/png') == 2 and "<script" not in page
    assert all(address.startswith("data:") for address in loaded(page))
    assert 'alt="Our step over the bare one. rotation 1.123, limit 1.05; odd_quarter 1.040, limit 1.1.' in page
    for shown in ("cpu (x86_64)", "1.120 – 1.200", "4266", "1.40 times as fast", "0.002 s", "40 000", "512 MB"):
        assert shown in page
    (tmp_path / "bench.json").write_text(json.dumps({"device": "cpu", "scaling": bench_row()["scaling"] | {"limit_mb": None}}))
    report.build(tmp_path)
    page = (tmp_path / "report" / "bench.html").read_text(encoding="utf-8")
    assert "40 000" in page and "nothing here is larger than memory" in page and "A training step" not in page
    (tmp_path / "bench.json").write_text("{")
    with pytest.raises(CourseError, match="run `course bench` again"):
        report.build(tmp_path)
