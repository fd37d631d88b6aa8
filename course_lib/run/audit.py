"""`course data audit`: the triviality table, measured, kept in OUT/audit.json and printed."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from course_lib.data import Dataset
from course_lib.errors import CourseError
from course_lib.evaluation import triviality
from course_lib.evaluation.triviality import Row
from course_lib.paths import write_atomically

FILE = "audit.json"


def measure(dataset: Dataset, seeds: int, out: Path, say: Callable[[str], None]) -> list[Row]:
    """Measure one data set of pictures and merge its table into OUT/audit.json.

    Raises:
        CourseError: the data set has no pictures.
    """
    if dataset.size is None:
        raise CourseError(f"The audit looks at pictures, and {dataset.name} has none; try world, world:cells or folder:PATH.")
    rows = triviality.measure(dataset, seeds, say)
    out.mkdir(parents=True, exist_ok=True)
    tables = read(out) | {
        dataset.name: {
            "fingerprint": dataset.fingerprint,
            "rows": [dataclasses.asdict(row) | {"held": row.held} for row in rows],
        }
    }
    write_atomically(out / FILE, json.dumps(tables, indent=1))
    return rows


def read(out: Path) -> dict:
    """The tables of OUT/audit.json, by data set; none where it is missing or unreadable."""
    try:
        return json.loads((out / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def as_text(tables: dict[str, list[Row]]) -> str:
    """The tables side by side: a line a row, the range over the seeds, the limit and whether it was kept."""
    names = dict.fromkeys((row.name, row.what) for rows in tables.values() for row in rows)
    lines = [f"{'':58}" + "".join(f"{dataset[-24:]:>26}" for dataset in tables)]
    for name, what in names:
        cells = []
        for rows in tables.values():
            row = next((row for row in rows if row.name == name), None)
            cell = "" if row is None else f"{min(row.values):.3f}..{max(row.values):.3f}"
            if row is not None and row.limit:
                cell += f" {'at ' + row.limit[0]} {row.limit[1]:.3f} {'✓' if row.held else '✗'}"
            cells.append(f"{cell:>34}" if "at" in cell else f"{cell:>26}")
        lines.append(f"{what:58}" + "".join(cells))
    return "\n".join(lines)
