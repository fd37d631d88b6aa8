"""Take the figures of the last `course run` into docs/measurements.json, which the notebooks' title cards read.

    course run --profile quick && python docs/measure.py "two cores of an office laptop"
"""

import datetime
import json
import sys
from pathlib import Path

from course_lib.paths import output_directory, write_atomically

TARGET = Path(__file__).resolve().parent / "measurements.json"
KEY = ("notebook", "profile", "dataset", "machine")


def measured(machine: str) -> list[dict]:
    """One row a notebook, profile and data set: the mean time and largest memory of the finished runs."""
    runs: dict[tuple, list[dict]] = {}
    for row in json.loads((output_directory() / "results.json").read_text(encoding="utf-8")):
        if row["status"] == "ok" and row["profile"] != "smoke":
            name = Path(row["dataset"].removeprefix("folder:")).name  # where a student keeps photos concerns nobody
            runs.setdefault((row["notebook"], row["profile"], name, machine), []).append(row)
    return [
        dict(zip(KEY, key, strict=True)) | {
            "date": datetime.date.today().isoformat(),
            "seconds": round(sum(row["seconds"] for row in rows) / len(rows), 1),
            "train_seconds": round(sum(row["train_seconds"] for row in rows) / len(rows), 1),
            "peak_rss_mb": round(max(row["peak_rss_mb"] for row in rows)),
            "seeds": sorted(row["seed"] for row in rows),
        }
        for key, rows in runs.items()
    ]  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('Name the machine: python docs/measure.py "two cores of an office laptop"')
    old = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else []
    rows = {tuple(row[field] for field in KEY): row for row in [*old, *measured(sys.argv[1])]}
    write_atomically(TARGET, json.dumps(list(rows.values()), indent=1) + "\n")
