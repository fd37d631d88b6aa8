"""What a student has done so far, in one file on this computer, build/progress.json; it is never sent anywhere.

    {"02_rotation": {"exercises": {"rotation.rotate": {"passed": true, "tries": 2}},
                     "quiz": {"0": true, "1": false},           by question: was the first try right?
                     "games": {"Which way?": {"right": 7, "of": 10}},
                     "forecasts": {"rot.pretext_accuracy": 0.4}}}

Every change is read, merged and written under a lock, in one step: two open notebooks, a restarted kernel or a crash lose
nothing. Where nobody can press a button, nothing is kept.
"""

import contextlib
import datetime
import json
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from course_lib.errors import CourseError
from course_lib.paths import output_directory, write_atomically
from course_lib.widgets import headless

KINDS = ("exercises", "quiz", "games", "forecasts")
_current: list[str] = []  # the notebook that has been opened in this kernel


def begin(notebook: str) -> None:
    """What is noted from here on belongs to this notebook."""
    _current[:] = [notebook]


def path() -> Path:
    return output_directory() / "progress.json"


def note(kind: str, name: str, merge: Callable[[object], object]) -> str:
    """Change one entry of the notebook that is open: `merge` gets what was kept (None: nothing) and returns what is to be.

    A file that cannot be kept must not stop a lesson: the answer is then a sentence that says so, otherwise "".
    """
    if headless() or not _current:
        return ""
    try:
        with FileLock(f"{path()}.lock", timeout=10):
            everything = _read_or_put_aside()
            entries = everything.setdefault(_current[0], {}).setdefault(kind, {})
            entries[name] = merge(entries.get(name))
            write_atomically(path(), json.dumps(everything, indent=1) + "\n")
    except (CourseError, OSError, Timeout) as error:
        return f"Your progress could not be kept: {error}"
    return ""


def checked(name: str, passed: bool) -> str:
    """An exercise was tried; once passed, it stays so."""

    def merge(kept):
        kept = kept or {"passed": False, "tries": 0}
        return {"passed": kept["passed"] or passed, "tries": kept["tries"] + 1}

    return note("exercises", name, merge)


def answered(question: int, right: bool) -> str:
    """A question of the quiz, counted from 0, was answered: the first try counts, and no restart gives another one."""
    return note("quiz", str(question), lambda kept: right if kept is None else kept)


def played(question: str, right: int, of: int) -> str:
    """A game stands at so many right ones of so many first tries; a longer game replaces a shorter one."""
    return note("games", question, lambda kept: kept if kept and kept["of"] > of else {"right": right, "of": of})


def forecast(name: str, value: float) -> str:
    """A fraction was forecast; the last one counts."""
    return note("forecasts", name, lambda kept: value)


def read() -> dict:
    """What is kept, by notebook.

    Raises:
        CourseError: the file is damaged.
    """
    if not path().exists():
        return {}
    try:
        kept = json.loads(path().read_text(encoding="utf-8"))
        good = isinstance(kept, dict) and all(
            isinstance(kinds, dict) and set(kinds) <= set(KINDS) and all(isinstance(entries, dict) for entries in kinds.values())
            for kinds in kept.values()
        )
    except ValueError:
        good = False
    if not good:
        raise CourseError(f"{path()} is damaged; move it away, and a new one begins.")
    return kept


def sentence(notebook: str) -> str:
    """One line about a notebook, "" if nothing has been done there or the file is damaged."""
    kept: dict = {}
    with contextlib.suppress(CourseError):
        kept = read().get(notebook, {})
    parts = []
    if exercises := kept.get("exercises"):
        parts.append(f"exercises passed: {sum(one['passed'] for one in exercises.values())}")
    if quiz := kept.get("quiz"):
        parts.append(f"quiz questions right at the first try: {sum(quiz.values())} of {len(quiz)}")
    if games := kept.get("games"):
        parts.append("played: " + ", ".join(f"{game['right']} of {game['of']} right" for game in games.values()))
    if forecasts := kept.get("forecasts"):
        parts.append(f"forecasts: {len(forecasts)}")
    return f"You so far: {'; '.join(parts)}." if parts else ""


def _read_or_put_aside() -> dict:
    try:
        return read()
    except CourseError:
        moment = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
        path().rename(path().with_name(f"progress.damaged-{moment}.json"))
        return {}
