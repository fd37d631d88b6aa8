"""What the course claims, committed before it is measured, and the verdict that the measurements give."""

import csv
import difflib
import fnmatch
import math
import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import notebooks, results

COLUMNS = ("id", "statement", "notebook", "metric", "direction", "margin", "a", "b", "data", "profile", "note")
MINIMUM_SEEDS = 3


@dataclass(frozen=True)
class Claim:
    """One row of claims/X.csv: "`a` is more (or less) than `b` by at least `margin`"."""

    id: str
    statement: str
    notebook: str
    metric: str
    direction: str  # "a>b" or "a<b"
    margin: float  # in the metric's unit, not negative
    a: str  # a record of the notebook's run, or a plain number
    b: str
    data: tuple[str, ...]  # "W": the procedural world; "R": real photos
    profile: str
    note: str


def load(folder: Path | None = None) -> dict[str, Claim]:
    """Every claim of claims/*.csv by its id; raises `CourseError` that names the file, the line and what is wrong."""
    from course_lib.start import PROFILES

    folder = folder or Path(__file__).parents[1] / "claims"
    claims: dict[str, Claim] = {}
    for path in sorted(folder.glob("*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise CourseError(f"{path.name} must have the columns {','.join(COLUMNS)}; correct its first line.")
            for row in reader:
                where = f"{path.name}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise CourseError(f"{where}: {len(COLUMNS)} fields are expected; quote a field that holds a comma.")
                try:
                    margin = float(row["margin"])
                except ValueError:
                    margin = math.nan
                if not 0 <= margin < math.inf:
                    raise CourseError(f"{where}: margin {row['margin']!r} must be a number, zero or more.")
                if row["direction"] not in ("a>b", "a<b"):
                    raise CourseError(f"{where}: direction {row['direction']!r} must be a>b or a<b.")
                if row["data"].split() not in (["W"], ["R"], ["W", "R"]):
                    raise CourseError(f"{where}: data {row['data']!r} must be W, R or W R.")
                if row["profile"] not in PROFILES:
                    raise CourseError(f"{where}: profile {row['profile']!r} must be one of {', '.join(PROFILES)}.")
                if row["notebook"] not in notebooks.sources():
                    raise CourseError(f"{where}: there is no notebook {row['notebook']!r} in notebooks/source.")
                if row["id"] in claims:
                    raise CourseError(f"{where}: the claim {row['id']!r} stands twice; give one another id.")
                claims[row["id"]] = Claim(**row | {"margin": margin, "data": tuple(row["data"].split())})
    return claims


def select(patterns: list[str]) -> list[Claim]:
    """The claims whose id fits one of `patterns` (`rot.learns`, `rot.*`), all when there is none.

    Raises `CourseError`, listing near ids, when a pattern fits nothing.
    """
    claims = load()
    for pattern in patterns:
        if not fnmatch.filter(claims, pattern):
            near = difflib.get_close_matches(pattern, claims, n=5, cutoff=0.4) or sorted(claims)
            raise CourseError(f"There is no claim {pattern!r}; near it are {', '.join(near) or 'none at all'}.")
    return [claim for id, claim in claims.items() if any(fnmatch.fnmatch(id, pattern) for pattern in patterns or "*")]


def verdict(a: list[float], b: list[float], direction: str, margin: float) -> str:
    """`holds` when the smallest A beats the largest B by `margin`, `reversed` when B so beats A, else `undecided`.

    a, b: one figure a seed, at least `MINIMUM_SEEDS` of them. "a<b" asks the same with A and B exchanged.
    """
    if min(len(a), len(b)) < MINIMUM_SEEDS or not all(map(math.isfinite, [*a, *b])):
        return "undecided"
    if direction == "a<b":
        a, b = b, a

    def beats(winners, losers):
        lead = min(winners) - max(losers)
        # 0.30 - 0.25 is a little less than 0.05 in binary; a lead of nothing is not a lead.
        return lead > 0 and (lead >= margin or math.isclose(lead, margin, rel_tol=1e-9))

    return "holds" if beats(a, b) else "reversed" if beats(b, a) else "undecided"


def is_number(side: str) -> bool:
    try:
        float(side)
    except ValueError:
        return False
    return True


def judge(claim: Claim, dataset: str, profile: str, rows: list[dict]) -> dict:
    """The row of claims.json for `claim` on `dataset`, from the notebook's finished `rows`, one a seed."""

    def figure(side: str, row: dict) -> float | None:
        return float(side) if is_number(side) else row["records"].get(side, {}).get("value")

    pairs = [(figure(claim.a, row), figure(claim.b, row)) for row in sorted(rows, key=lambda row: row["seed"])]
    complete = [(float(a), float(b)) for a, b in pairs if a is not None and b is not None]
    a, b = [pair[0] for pair in complete], [pair[1] for pair in complete]
    notes = [claim.note] if claim.note else []
    if len(complete) < len(pairs):
        notes.append(f"{len(pairs) - len(complete)} of {len(pairs)} runs did not record {claim.a} and {claim.b}")
    if len(complete) < MINIMUM_SEEDS:
        notes.append(f"a verdict needs {MINIMUM_SEEDS} seeds")
    decision = verdict(a, b, claim.direction, claim.margin)
    if profile == "smoke":
        decision = "undecided"
        notes.append("smoke runs test the machinery: their figures decide nothing")
    return {
        "id": claim.id,
        "statement": claim.statement,
        "notebook": claim.notebook,
        "metric": claim.metric,
        "direction": claim.direction,
        "margin": claim.margin,
        "a": a,
        "b": b,
        "dataset": dataset,
        "profile": profile,
        "verdict": decision,
        "note": "; ".join(notes),
    }


def jobs(claim: Claim, real: list[str], profile: str | None, seeds: int, device: str, out: Path) -> list[notebooks.Job]:
    """The runs that decide `claim`: on the world, on the data sets `real`, or both, seeds 0 … `seeds` - 1."""
    profile = profile or claim.profile
    return [
        notebooks.Job(
            claim.notebook, profile, dataset, seed, device, out / "executed" / "claims" / f"{stem}.ipynb"
        )
        for dataset in [*(["world"] if "W" in claim.data else []), *(real if "R" in claim.data else [])]
        for seed in range(seeds)
        for stem in ["--".join([claim.notebook, re.sub(r"\W+", "-", dataset).strip("-"), profile, str(seed)])]
    ]


def judge_all(chosen: list[tuple[Claim, list[notebooks.Job]]], out: Path) -> list[dict]:
    """Judge each claim on each data set of its jobs, from the good rows of `out`/results.json, into `out`/claims.json."""
    good = [row for row in results.read(out / "results.json") if row.get("status") == "ok"]
    judgements = []
    for claim, wanted in chosen:
        keys = [job.key for job in wanted]
        mine = [row for row in good if {field: row[field] for field in results.RUN_KEY} in keys]
        for dataset, profile in dict.fromkeys((job.dataset, job.profile) for job in wanted):
            judgements.append(judge(claim, dataset, profile, [row for row in mine if row["dataset"] == dataset]))
    results.merge(out / "claims.json", judgements, results.CLAIM_KEY)
    return judgements


def lacking(chosen: list[tuple[Claim, list[notebooks.Job]]], out: Path) -> list[notebooks.Job]:
    """Jobs whose row lacks a record that one of their claims compares: a sweep was not asked for when they ran."""
    rows = {tuple(row[field] for field in results.RUN_KEY): row for row in results.read(out / "results.json")}
    found = []
    for claim, wanted in chosen:
        sides = [side for side in (claim.a, claim.b) if not is_number(side)]
        for job in wanted:
            row = rows.get(tuple(job.key[field] for field in results.RUN_KEY))
            if row and not set(sides) <= row["records"].keys():
                found.append(job)
    return list(dict.fromkeys(found))


def committed(claims: list[Claim], dataset: str) -> list[dict]:
    """The rows of docs/claims.json about `claims` on `dataset` (photos are known by their file's name), or on the world
    where they were not measured on that; in the order of `claims`. Beside the fields of claims.json each has `date`,
    `machine`, `sides`, the names of what is compared, and `why` it is reversed, as far as its note says ("" of others)."""
    sides = {claim.id: (claim.a, claim.b) for claim in claims}
    rows = results.read(project() / "docs" / "claims.json", results.CLAIM_KEY)
    for name in (public(dataset), "world"):
        if found := [
            row | {"sides": sides[row["id"]], "why": _why_reversed(row)}
            for row in rows if row["id"] in sides and row["dataset"] == name
        ]:  # fmt: skip
            return sorted(found, key=lambda row: list(sides).index(row["id"]))
    return []


def _why_reversed(row: dict) -> str:
    """A note on how a claim was measured may end in "reversed: ", or "where it is reversed: ", and the reason."""
    return row["note"].rpartition("reversed: ")[2] if row["verdict"] == "reversed" else ""


def public(dataset: str) -> str:
    """A data set's name in what is committed: where somebody keeps photos concerns nobody."""
    return Path(dataset.removeprefix("folder:")).name


def span(values: list[float]) -> str:
    """The smallest and the largest of some numbers, or the one that they all are."""
    if not values:
        return "-"
    return f"{min(values):.3f}" if min(values) == max(values) else f"{min(values):.3f}..{max(values):.3f}"


def table(rows: list[dict]) -> str:
    """Rows of claims.json as lines of text: id, data set, range of A, range of B, margin, verdict."""

    lines = [("claim", "data set", "A", "", "B", "margin", "verdict")] + [
        (
            row["id"],
            row["dataset"] if len(row["dataset"]) <= 28 else f"…{row['dataset'][-27:]}",
            span(row["a"]),
            row["direction"][1],
            span(row["b"]),
            f"{row['margin']:g}",
            row["verdict"] + (f" ({row['note']})" if row["note"] else ""),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join("  ".join([*(f"{c:<{w}}" for c, w in zip(line, widths, strict=False)), line[6]]) for line in lines)
