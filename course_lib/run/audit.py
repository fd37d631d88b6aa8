"""`course data audit`: the triviality table, measured, kept in OUT/audit.json and printed."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from course_lib.data import Dataset
from course_lib.errors import CourseError
from course_lib.evaluation import triviality
from course_lib.evaluation.triviality import Row
from course_lib.paths import project, write_atomically

FILE = "audit.json"


def measure(dataset: Dataset, seeds: int, out: Path, say: Callable[[str], None]) -> list[Row]:
    """Measure one data set and merge its table into OUT/audit.json, after every seed.

    Raises:
        CourseError: nothing can be asked about this data set.
    """
    if not triviality.readers(dataset):
        raise CourseError(
            f"The audit looks at pictures, and {dataset.name} has none; try world, world:clips, world:sounds or folder:PATH."
        )
    out.mkdir(parents=True, exist_ok=True)
    for rows in triviality.measure(dataset, seeds, say):
        table = {
            "fingerprint": dataset.fingerprint,
            "rows": [dataclasses.asdict(row) | {"held": row.held} for row in rows],
        }
        write_atomically(out / FILE, json.dumps(read(out) | {dataset.name: table}, indent=1))
    return rows


def read(folder: Path) -> dict:
    """The tables of audit.json in a folder, by data set; none where it is missing or unreadable."""
    try:
        return json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def as_markdown(records: dict[str, dict]) -> str:
    """The tables that were measured last (docs/audit.json), data sets of pictures side by side, as Markdown.

    records: of the notebook that shows them; what it has just measured itself, by a row's name, has a column.
    """
    tables = {name: table for name, table in read(project() / "docs").items() if not name.startswith("world:")}
    rows = {row["name"]: row["what"] for table in tables.values() for row in table["rows"]}
    lines = [f"| | here, now | {' | '.join(tables)} | limit for the world |", "|---|" + "---|" * (len(tables) + 2)]
    for name, what in rows.items():
        cells, limit = [_spread([records[name]["value"]]) if name in records else ""], ""
        for dataset, table in tables.items():
            row = next((row for row in table["rows"] if row["name"] == name), None)
            cells.append(_spread(row["values"]) if row else "")
            if dataset == "world" and row and row["limit"]:
                limit = f"{_percent(*row['limit'])} {'✓' if row['held'] else '✗ missed'}"
        lines.append(f"| {what} | {' | '.join(cells)} | {limit} |")
    where = "; ".join(f"{name}: {table['date']}, {table['machine']}" for name, table in tables.items())
    return "\n".join(lines) + f"\n\n*Measured by `course data audit`: {where}. A range is that over the seeds.*"


def _spread(values: list[float]) -> str:
    low, high = (f"{100 * value:.0f}" for value in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low}–{high} %"


def _percent(least: float | None, most: float | None) -> str:
    if least is None:
        return f"≤ {100 * most:.0f} %"
    return f"≥ {100 * least:.0f} %" if most is None else f"{100 * least:.0f}–{100 * most:.0f} %"


def as_text(tables: dict[str, list[Row]]) -> str:
    """The tables side by side: a line a row, the range over the seeds, the limit and whether it was kept."""
    names = dict.fromkeys((row.name, row.what) for rows in tables.values() for row in rows)
    lines = [f"{'':62}" + "".join(f"{dataset[-32:]:>34}" for dataset in tables)]
    for name, what in names:
        cells = []
        for rows in tables.values():
            row = next((row for row in rows if row.name == name), None)
            cell = "" if row is None else f"{min(row.values):.3f}..{max(row.values):.3f}"
            if row is not None and row.limit:
                cell += f" {_bounds(*row.limit)} {'✓' if row.held else '✗'}"
            cells.append(f"{cell:>34}")
        lines.append(f"{what:62}" + "".join(cells))
    return "\n".join(lines)


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return f"at most {most:.3f}"
    return f"at least {least:.3f}" if most is None else f"in {least:.3f}..{most:.3f}"
