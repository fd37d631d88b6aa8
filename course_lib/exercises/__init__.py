"""Exercises that check, hint and never block.

    rotate = exercise("rotation.rotate", rotate)

Passed, the student's own function is used from there on. Unsolved or wrong, a reference takes its place, so that the
notebook goes on, and later figures carry a badge that says so. Where a grade depends on it: `assert check(...).passed`.
Under COURSE_STRICT=1 a wrong answer (not an unsolved one) raises.

A file `course_lib/exercises/X.py` holds the exercises of one notebook in a dictionary EXERCISES, name -> `Exercise`.
"""

import importlib
import os
import pkgutil
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.errors import CourseError

TIME_LIMIT = 10.0  # seconds that a check may take


class Unsolved(Exception):
    """The function still is the empty one that the notebook ships."""


class Wrong(Exception):
    """The function failed a case; the message names the case, what was expected and what came."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        check: calls the function on many cases; raises `Wrong` at the first that fails.
        reference: a right answer, used where the student's is not.
        hints: what to think of, from gentle to plain; never code.
        difficulty, importance: 1 to 5.
        minutes: how long it usually takes.
    """

    check: Callable[[Callable], None]
    reference: Callable
    hints: tuple[str, ...]
    difficulty: int
    importance: int
    minutes: int


@dataclass(frozen=True)
class Checked:
    """The outcome of a check: `passed`, `solved` (False: nothing was written yet), and a sentence."""

    passed: bool
    solved: bool
    message: str


_badges: dict[str, str] = {}
_attempts: dict[str, int] = {}


def find(name: str) -> Exercise:
    """The exercise `rotation.rotate`. Raises `CourseError` when there is none of that name."""
    room, _, title = name.partition(".")
    rooms = [module.name for module in pkgutil.iter_modules(__path__)]
    exercises = importlib.import_module(f"course_lib.exercises.{room}").EXERCISES if room in rooms else {}
    if title not in exercises:
        known = ", ".join(f"{room}.{other}" for other in exercises) or ", ".join(f"{other}.…" for other in rooms)
        raise CourseError(f"There is no exercise '{name}'; there are {known}.")
    return exercises[title]


def check(name: str, function: Callable) -> Checked:
    """Try a function on the exercise's cases; stops after ten seconds. Never shows the reference."""
    exercise, outcome = find(name), {}

    def run() -> None:
        try:
            exercise.check(function)
            outcome["checked"] = Checked(True, True, "Passed: your own function is used from here on.")
        except (Unsolved, NotImplementedError):
            outcome["checked"] = Checked(False, False, "Not solved yet; the reference is used so that you can go on.")
        except Wrong as error:
            outcome["checked"] = Checked(False, True, str(error))
        except Exception as error:
            outcome["checked"] = Checked(False, True, f"your function raised {type(error).__name__}: {error}")

    # A thread, since a student's endless loop must not hold the notebook; a daemon, since it cannot be killed.
    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(TIME_LIMIT)
    late = Checked(False, True, f"no answer after {TIME_LIMIT:.0f} seconds; is there a loop that never ends?")
    return outcome.get("checked", late)


def exercise(name: str, function: Callable) -> Callable:
    """Check a student's function and return the one to go on with: theirs if it passed, else the reference.

    Raises:
        CourseError: there is no such exercise.
        AssertionError: the answer is wrong and COURSE_STRICT=1.
    """
    from IPython.display import Markdown, display

    task, checked = find(name), check(name, function)
    if checked.passed:
        _badges.pop(name, None)
        display(Markdown(f"✓ **{name}.** {checked.message}"))
        return function
    if os.environ.get("COURSE_STRICT") == "1" and checked.solved:
        raise AssertionError(f"{name}: {checked.message}")
    _attempts[name] = _attempts.get(name, 0) + checked.solved
    case = re.match(r"case \d+", checked.message)
    verb = f"failed {case[0] if case else 'the check'}" if checked.solved else "is not written yet"
    _badges[name] = f"reference `{name.split('.')[1]}` in use; yours {verb}"
    hint = task.hints[min(max(_attempts[name] - 1, 0), len(task.hints) - 1)]
    mark = "✗" if checked.solved else "○"
    display(Markdown(f"{mark} **{name}.** {checked.message}  \n*Hint:* {hint}"))
    return task.reference


def badges() -> list[str]:
    """What later figures must say: which references stand in for a student's own functions."""
    return list(_badges.values())
