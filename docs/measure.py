"""Take the figures of the last `course run` into docs/measurements.json, which the notebooks' title cards read; those of
the last `course data audit` into docs/audit.json, which `00_the_world` shows; the verdicts of the last `course claims` into
docs/claims.json, which the notebooks' sweeps show; the last `course bench` into docs/bench.json; and what `course reproduce`
measured in full on a GPU into docs/rotnet-cifar10.json. The report shows them.

    course run --profile quick && python docs/measure.py "two cores of an office laptop"
"""

import datetime
import json
import sys
from pathlib import Path

from course_lib.paths import output_directory, write_atomically
from course_lib.run import audit, bench
from course_lib.run.claims import public
from course_lib.run.report import BENCHED, MEASURED
from course_lib.run.results import CLAIM_KEY, REPRODUCTION_KEY, merge, read

HERE = Path(__file__).resolve().parent
TARGET = HERE / "measurements.json"
TODAY = datetime.date.today().isoformat()


def measured(machine: str) -> list[dict]:
    """One row a notebook, profile and data set: the mean time and largest memory of the finished runs."""
    runs: dict[tuple, list[dict]] = {}
    for row in read(output_directory() / "results.json"):
        if row["status"] == "ok" and row["profile"] != "smoke":
            runs.setdefault((row["notebook"], row["profile"], public(row["dataset"]), machine), []).append(row)
    return [
        dict(zip(MEASURED, key, strict=True)) | {
            "date": TODAY,
            "device": rows[0]["device"],
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
    rows = {tuple(row[field] for field in MEASURED): row for row in [*read(TARGET, MEASURED), *measured(sys.argv[1])]}
    write_atomically(TARGET, json.dumps(list(rows.values()), indent=1) + "\n")
    tables = {
        public(name): {"date": TODAY, "machine": sys.argv[1]} | table
        for name, table in audit.read(output_directory()).items()
    }
    write_atomically(HERE / audit.FILE, json.dumps(audit.read(HERE) | tables, indent=1) + "\n")
    verdicts = [
        row | {"dataset": public(row["dataset"]), "date": TODAY, "machine": sys.argv[1]}
        for row in read(output_directory() / "claims.json", CLAIM_KEY)
        if row["profile"] != "smoke" and row["a"]
    ]
    merge(HERE / "claims.json", verdicts, CLAIM_KEY)
    reproduced = [
        row | {"data": public(row["data"]), "date": TODAY, "machine": sys.argv[1]}
        for row in read(output_directory() / "reproduce" / "rotnet-cifar10.json", REPRODUCTION_KEY)
        if row["fraction"] == 1 and row["device"].startswith("cuda")
    ]
    if reproduced:
        merge(HERE / "rotnet-cifar10.json", reproduced, REPRODUCTION_KEY)
    if (cost := bench.read(output_directory())).get("overhead"):
        merge(HERE / bench.FILE, [cost | {"machine": sys.argv[1], "date": TODAY}], BENCHED)
