"""What papers report: `course_lib/papers/<name>.csv`, a citation a row."""

import csv
from pathlib import Path


def published(name: str) -> list[dict[str, str]]:
    """The rows of a file, as they are written: method, dataset, metric, value, unit, citation."""
    with open(Path(__file__).parents[1] / "papers" / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
