"""results.json, claims.json and docs/refusals/*.json: lists of rows that several processes may add to at once."""

import json
from pathlib import Path

from filelock import FileLock

from course_lib.errors import CourseError
from course_lib.paths import write_atomically

RUN_KEY = ("notebook", "dataset", "profile", "seed")
CLAIM_KEY = ("id", "dataset", "profile")
REFUSAL_KEY = ("exercise",)
REPRODUCTION_KEY = ("data", "fraction", "width", "seed", "device", "what")


def read(path: Path, key: tuple[str, ...] = RUN_KEY) -> list[dict]:
    """The rows of `path`, none if there is no such file; every row has the fields of `key`.

    Raises `CourseError` when the file holds anything else.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror or error}); make it readable, or use another --out."
        ) from error
    except ValueError as error:
        raise CourseError(f"{path} is damaged ({error}); delete it or move it away, then run again.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() >= set(key) for row in rows):
        raise CourseError(
            f"{path} is not a list of rows with {', '.join(key)}; delete it or move it away, then run again."
        )
    return rows


def merge(path: Path, new: list[dict], key: tuple[str, ...] = RUN_KEY) -> None:
    """Add `new` to the rows of `path`; a row with the same `key` is replaced. All or nothing, one process at a time.

    Raises `CourseError` when the file is damaged or cannot be written.
    """

    def identity(row):
        return tuple(str(row[field]) for field in key)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            rows = {identity(row): row for row in read(path, key)} | {identity(row): row for row in new}
            ordered = [rows[name] for name in sorted(rows)]
            write_atomically(path, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise CourseError(
            f"{path.parent} cannot be written ({error.strerror or error}); choose another folder with --out."
        ) from error


def record_files(out: Path, notebook: str, dataset: str, profile: str, seed: int) -> list[Path]:
    """The files in which a notebook's session kept its records of this run (one at most, unless someone copied it)."""

    def belongs(path):
        try:
            session = json.loads(path.read_text(encoding="utf-8"))
            return session.get("dataset") == dataset and str(session.get("seed")) == str(seed)
        except (OSError, ValueError, AttributeError):
            return False  # half a file, or not ours

    return [path for path in sorted((out / "records").glob(f"{notebook}--{profile}--{seed}--*.json")) if belongs(path)]
