"""Claims: the CSV, the verdict, and the runs that decide it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import claims, notebooks, results

SEEDS = st.lists(st.floats(-10, 10), min_size=3, max_size=6)


@pytest.mark.parametrize(
    ("a", "b", "direction", "margin", "expected"),
    [
        ([0.6, 0.7, 0.8], [0.25] * 3, "a>b", 0.05, "holds"),
        ([0.6, 0.7, 0.8], [0.25] * 3, "a<b", 0.05, "reversed"),
        ([0.1, 0.2, 0.1], [0.5, 0.4, 0.6], "a<b", 0.2, "holds"),
        ([0.6, 0.7, 0.28], [0.25] * 3, "a>b", 0.05, "undecided"),  # one seed falls short
        ([0.30] * 3, [0.25] * 3, "a>b", 0.05, "holds"),  # exactly the margin, as a person counts
        ([0.5] * 3, [0.5] * 3, "a>b", 0.0, "undecided"),  # a lead of nothing is not a lead
        ([0.9, 0.9], [0.1, 0.1], "a>b", 0.05, "undecided"),  # two seeds are too few
        ([], [], "a>b", 0.0, "undecided"),
        ([0.9, 0.9, float("nan")], [0.1] * 3, "a>b", 0.05, "undecided"),
    ],
)
def test_verdict(a, b, direction, margin, expected):
    assert claims.verdict(a, b, direction, margin) == expected


@given(SEEDS, SEEDS, st.floats(0, 5))
def test_exchanging_the_sides_exchanges_the_verdict(a, b, margin):
    other = {"holds": "reversed", "reversed": "holds", "undecided": "undecided"}
    assert claims.verdict(b, a, "a>b", margin) == other[claims.verdict(a, b, "a>b", margin)]
    assert claims.verdict(a, b, "a<b", margin) == claims.verdict(b, a, "a>b", margin)


@given(SEEDS, SEEDS, st.floats(0, 5), st.floats(-10, 10), st.randoms())
def test_a_further_seed_never_turns_undecided_into_a_verdict(a, b, margin, another, shuffle):
    verdict = claims.verdict(a, b, "a>b", margin)
    assert claims.verdict([*a, another], b, "a>b", margin) in (verdict, "undecided")
    shuffled = shuffle.sample(a, len(a))
    assert claims.verdict(shuffled, b, "a>b", margin) == verdict


@given(SEEDS, SEEDS, st.floats(0, 5), st.floats(0, 5))
def test_a_wider_margin_never_helps(a, b, margin, more):
    verdict = claims.verdict(a, b, "a>b", margin)
    assert claims.verdict(a, b, "a>b", margin + more) in (verdict, "undecided")


def test_the_committed_claims_can_be_read():
    assert claims.load()["rot.learns"].data == ("W", "R")


HEAD = ",".join(claims.COLUMNS)
GOOD = 'stub.learns,"It learns, far better than guessing.",01_stub,score,a>b,0.05,stub.score,0.25,W R,quick,'


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (GOOD.replace("0.05", "much"), "line 2: margin 'much'"),
        (GOOD.replace("0.05", "-1"), "line 2: margin '-1'"),
        (GOOD.replace("a>b", "up"), "direction 'up'"),
        (GOOD.replace("W R", "X"), "data 'X'"),
        (GOOD.replace("quick", "quickly"), "profile 'quickly'"),
        (GOOD.replace("01_stub", "99_gone"), "no notebook '99_gone'"),
        (GOOD.replace('"', ""), "11 fields"),
        (GOOD + "\n" + GOOD, "'stub.learns' stands twice"),
        ("", None),
    ],
)
def test_a_wrong_line_is_named(project, tmp_path, line, sentence):
    project("01_stub")
    (tmp_path / "stub.csv").write_text(f"{HEAD}\n{line}\n")
    if sentence is None:
        assert claims.load(tmp_path) == {}
    else:
        with pytest.raises(CourseError, match=sentence):
            claims.load(tmp_path)


@pytest.fixture
def stub_claims(project, tmp_path, monkeypatch):
    """Claims of one stub notebook, whose score is 0.5 + seed on the world and nothing on photos."""
    source = project("01_stub", "record(stub_score=0.5 + seed, stub_other=0.4)")
    folder = tmp_path / "claims"
    folder.mkdir()
    second = GOOD.replace("stub.learns", "stub.other").replace("0.25,W R", "stub.other,W").replace("a>b", "a<b")
    third = GOOD.replace("stub.learns", "stub.missing").replace("stub.score", "stub.nothing").replace("W R", "W")
    (folder / "stub.csv").write_text("\n".join([HEAD, GOOD, second, third]) + "\n")
    load = claims.load
    monkeypatch.setattr(claims, "load", lambda: load(folder))
    return source


def test_claims_are_measured_judged_and_not_measured_again(stub_claims, tmp_path, course):
    out = tmp_path / "out"
    first = course("claims", "stub.*", "--out", out, "--jobs", "2")
    assert first.exit_code == 0, first.output
    assert "stub.learns: not measured on real photos" in first.output
    assert "3 runs are needed, 0 are there already." in first.output
    judged = {row["id"]: row for row in json.loads((out / "claims.json").read_text())}
    assert judged["stub.learns"] == {
        "id": "stub.learns", "statement": "It learns, far better than guessing.", "notebook": "01_stub", "metric": "score",
        "direction": "a>b", "margin": 0.05, "a": [0.5, 1.5, 2.5], "b": [0.25] * 3, "dataset": "world", "profile": "quick",
        "verdict": "holds", "note": "",
    }  # fmt: skip
    assert judged["stub.other"]["verdict"] == "reversed"
    assert judged["stub.missing"]["verdict"] == "undecided" and "did not record stub.nothing" in judged["stub.missing"]["note"]
    assert len(list((out / "executed" / "claims").glob("01_stub--world--quick--?.ipynb"))) == 3

    again = course("claims", "stub.learns", "--out", out)
    assert "3 runs are needed, 3 are there already." in again.output and again.exit_code == 0
    assert len(json.loads((out / "claims.json").read_text())) == 3

    stub_claims.write_text(stub_claims.read_text() + "\n# %%\n'changed'\n")
    rows = results.read(out / "results.json")
    jobs = claims.jobs(claims.load()["stub.learns"], [], None, 4, "auto", out)
    assert notebooks.unfinished(jobs, out) == jobs, "changed code is measured again"
    for changed in rows[:2]:
        changed["code"] = notebooks.code_version("01_stub")
    results.merge(out / "results.json", rows)
    assert [job.seed for job in notebooks.unfinished(jobs, out)] == [2, 3]


def test_real_photos_and_too_few_seeds(stub_claims, tmp_path, course):
    photos = tmp_path / "photos"
    photos.mkdir()
    done = {"notebook": "01_stub", "profile": "quick", "seed": 0, "status": "ok", "code": notebooks.code_version("01_stub")}
    done["records"] = {"stub.score": {"value": 0.9, "chance": 0.25, "unit": ""}}
    rows = [done | {"dataset": dataset} for dataset in ("world", f"folder:{photos}")]
    results.merge(tmp_path / "out" / "results.json", rows)
    result = course("claims", "stub.learns", "--seeds", "1", "--dataset", f"folder:{photos}", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    judged = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert {row["dataset"] for row in judged} == {"world", f"folder:{photos}"}
    assert {row["verdict"] for row in judged} == {"undecided"} and "needs 3 seeds" in judged[0]["note"]


def test_an_unknown_claim_lists_near_ones(stub_claims, tmp_path, course):
    result = course("claims", "stub.learn", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "There is no claim 'stub.learn'; near it are stub.learns" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_without_a_sweep_lacks_its_records(tmp_path):
    claim = claims.load()["rot.count.half"]
    jobs = claims.jobs(claim, [], None, 2, "cpu", tmp_path)
    assert claims.lacking([(claim, jobs)], tmp_path) == []  # nothing has run: that is another matter
    record = {"value": 0.5, "chance": None, "unit": ""}
    rows = [job.key | {"status": "ok", "records": {claim.a: record, **({claim.b: record} if job.seed else {})}} for job in jobs]
    results.merge(tmp_path / "results.json", rows)
    assert claims.lacking([(claim, jobs)], tmp_path) == [jobs[0]]


def test_committed_verdicts_are_those_of_the_data_set_or_of_the_world(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(claims, "project", lambda: tmp_path)
    claim = claims.load()["rot.during"]
    assert claims.committed([claim], "world") == []
    names, sets = ("rot.during", "rot.learns"), ("world", "x.zip")
    judged = {"profile": "quick", "verdict": "holds", "note": ""}
    rows = [{"id": name, "dataset": data} | judged for name in names for data in sets]
    results.merge(tmp_path / "docs" / "claims.json", rows, results.CLAIM_KEY)
    for asked, shown in (("folder:/home/somebody/x.zip", "x.zip"), ("world", "world"), ("folder:/elsewhere/y.zip", "world")):
        [row] = claims.committed([claim], asked)
        assert (row["id"], row["dataset"], row["sides"]) == ("rot.during", shown, (claim.a, claim.b))
    both = [claims.load()[name] for name in names[::-1]]
    assert [row["id"] for row in claims.committed(both, "world")] == list(names[::-1]), "in the order that was asked for"


@pytest.mark.parametrize("note", [
    "reversed: batches of 32 are small", "in equally many steps; where it is reversed: batches of 32 are small",
    "batches of 32 are small",
])  # fmt: skip
def test_why_a_claim_is_reversed_is_taken_from_its_note(tmp_path, monkeypatch, note):
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(claims, "project", lambda: tmp_path)
    claim = claims.load()["rot.during"]
    for verdict, why in (("holds", ""), ("undecided", ""), ("reversed", "batches of 32 are small")):
        row = {"id": "rot.during", "dataset": "world", "profile": "quick", "verdict": verdict, "note": note}
        results.merge(tmp_path / "docs" / "claims.json", [row], results.CLAIM_KEY)
        assert [row["why"] for row in claims.committed([claim], "world")] == [why]


def test_every_reversal_in_the_accepted_table_says_why():
    for row in results.read(project() / "docs" / "claims.json", results.CLAIM_KEY):
        assert row["verdict"] != "reversed" or row["note"], f"{row['id']} came out the other way round, and nobody says why"
