"""Exercises that check, hint and never block.

    rotate = exercise("rotation.rotate", rotate)

Passed, the student's own function is used from there on. Unsolved or wrong, a reference takes its place, so that the
notebook goes on, and later figures carry a badge that says so. Where a grade depends on it: `assert check(...).passed`.
Under COURSE_STRICT=1 a wrong answer (not an unsolved one) raises.

A file `course_lib/exercises/X.py` holds the exercises of one notebook in a dictionary EXERCISES, name -> `Exercise`.
Its checks call the student's function through a `Trial`, which words what goes wrong.
"""

import html
import importlib
import os
import pkgutil
import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.widgets import progress

TIME_LIMIT = 10.0  # seconds that a check may take


class Unsolved(Exception):
    """The function still is the empty one that the notebook ships; the message, if any, says by what we know."""


class Wrong(Exception):
    """The function failed a case; the message names the case, what was expected and what came."""


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        check: calls the function on many cases; raises `Wrong` at the first that fails.
        reference: a right answer, used where the student's is not; badges call it by the name it is defined with.
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


class Trial:
    """A student's function on one case after another; whatever goes wrong becomes a sentence that names the case.

        trial = Trial(function)
        trial.case("images (2, 3, 5, 5) uint8, 1 quarter turn")
        turned = trial.call(images, 1)
        trial.tensor("the pictures", turned, images.shape, images.dtype)
    """

    def __init__(self, function: Callable):
        self._function, self._number, self._where, self._answered = function, 0, "", False

    def case(self, words: str) -> None:
        """Begin the next case; `words` say what is special about it."""
        self._number += 1
        self._where = f"case {self._number}, {words}:"

    def call(self, *arguments):
        """What the function returns.

        Raises:
            Unsolved: the very first call brings nothing: None, Ellipsis, NotImplemented or NotImplementedError.
            Wrong: a later one brings nothing, or the function raises, changes a tensor that it was handed, or draws
                from torch's global generator.
        """
        before = [argument.clone() if isinstance(argument, Tensor) else None for argument in arguments]
        state = torch.get_rng_state()
        try:
            answer = self._function(*arguments)
        except BaseException as error:  # a student's sys.exit() too
            if isinstance(error, NotImplementedError) and not self._answered:
                raise Unsolved from None
            words = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
            raise Wrong(f"{self._where} your function raised {words}") from error
        for argument, copy in zip(arguments, before, strict=True):
            same = copy is None or torch.equal(argument, copy)
            self.expect(same, "expected what was handed in unchanged, but it has changed; return new tensors.")
        self.expect(
            torch.equal(torch.get_rng_state(), state),
            "expected torch's global generator untouched, but something drew from it; name your generator.",
        )
        if answer is None or answer is Ellipsis or answer is NotImplemented:
            self.expect(not self._answered, f"your function returns {answer} here, though it gave an answer before.")
            raise Unsolved("your function returns None; is a `return` missing?" if answer is None else "")
        self._answered = True
        return answer

    def expect(self, right: bool, sentence: str) -> None:
        """Raise `Wrong` with `sentence` unless `right`."""
        if not right:
            raise Wrong(f"{self._where} {sentence}")

    def tensor(self, what: str, value, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Expect a tensor of this shape and type."""
        self.expect(isinstance(value, Tensor), f"expected {what} as a tensor, got {type(value).__name__}.")
        self.expect(value.shape == shape, f"expected {what} of shape {tuple(shape)}, got {tuple(value.shape)}.")
        self.expect(value.dtype == dtype, f"expected {what} of type {str(dtype)[6:]}, got {str(value.dtype)[6:]}.")

    def same(self, what: str, got, expected: Tensor, why: str = "", close: bool = False) -> None:
        """Expect equal tensors, or all but equal ones; the message gives the first number that is not, and says `why`."""
        self.tensor(what, got, expected.shape, expected.dtype)
        right = torch.isclose(got, expected, rtol=1e-4, atol=1e-5) if close else got == expected
        if not right.all():
            place = tuple((~right).nonzero()[0].tolist())
            numbers = f"expected {expected[place].item():.10g} at {list(place)}, got {got[place].item():.10g}"
            self.expect(False, f"{numbers} in {what}. {why}")

    def number(self, answer, expected: float, why: str, within: float = 1e-4) -> None:
        """Expect one number, as a number or as a tensor without axes, less than `within` off; the message says `why`."""
        if isinstance(answer, Tensor) and answer.dim() == 0:
            answer = answer.item()
        plain = isinstance(answer, (int, float)) and not isinstance(answer, bool)
        self.expect(plain, f"expected one number, got {type(answer).__name__}: {answer}.")
        off = abs(answer - expected)
        self.expect(off == 0 or off < within, f"expected {expected:.5g}, got {answer:.5g}. {why}")

    def pair(self, answer, what: str) -> None:
        """Expect two things in a tuple or a list, which `what` names."""
        right = isinstance(answer, (tuple, list)) and len(answer) == 2
        self.expect(right, f"expected two things, {what}, got one {type(answer).__name__}.")


TYPES = torch.uint8, torch.float32, torch.int64, torch.float64  # of pictures, in a check's cases


def random_numbers(shape: tuple[int, ...], dtype: torch.dtype, rng: torch.Generator) -> Tensor:
    """For a check's cases; those of a floating type have fractions and negative numbers, as normalised pictures do."""
    if dtype.is_floating_point:
        return torch.randn(shape, generator=rng, dtype=dtype)
    return torch.randint(0, 256, shape, generator=rng).to(dtype)


_yours: dict[str, Callable] = {}
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
        except (Unsolved, NotImplementedError) as error:
            known = f": {error}" if isinstance(error, Unsolved) and str(error) else "."
            message = f"Not solved yet{known} The reference is used so that you can go on."
            outcome["checked"] = Checked(False, False, message)
        except Wrong as error:
            outcome["checked"] = Checked(False, True, str(error))
        except BaseException as error:  # SystemExit and KeyboardInterrupt would end this thread without a word
            outcome["checked"] = Checked(False, True, f"your function raised {type(error).__name__}: {error}")

    # A thread, since a student's endless loop must not hold the notebook; a daemon, since it cannot be killed.
    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(TIME_LIMIT)
    late = Checked(False, True, f"no answer after {TIME_LIMIT:.0f} seconds; is there a loop that never ends?")
    return outcome.get("checked", late)


def header(name: str) -> str:
    """A line of Markdown: the exercise's name, difficulty and importance (1 to 5), and how long it usually takes."""
    task = find(name)
    difficulty, importance = ("●" * level + "○" * (5 - level) for level in (task.difficulty, task.importance))
    return f"**{name}** · difficulty {difficulty} · importance {importance} · about {task.minutes} minutes"


def exercise(name: str, function: Callable) -> Callable:
    """Check a student's function and return the one to go on with: theirs if it passed, else the reference.

    Shows the exercise's header, what the check says and, unless it passed, a hint.

    Raises:
        CourseError: there is no such exercise.
        AssertionError: the answer is wrong and COURSE_STRICT=1.
    """
    from course_lib.plots.style import show_markdown

    task, checked = find(name), check(name, function)
    _yours[name] = function
    message = html.escape(checked.message, quote=False)  # "<lambda>() takes …" is no tag
    if checked.solved and (unkept := progress.checked(name, checked.passed)):
        message += f" {html.escape(unkept)}"
    if checked.passed:
        _badges.pop(name, None)
        show_markdown(f"{header(name)}\n\n✓ {message}")
        return function
    if os.environ.get("COURSE_STRICT") == "1" and checked.solved:
        raise AssertionError(f"{name}: {checked.message}")
    _attempts[name] = _attempts.get(name, 0) + checked.solved
    case = re.match(r"case \d+", checked.message)
    verb = f"failed {case[0] if case else 'the check'}" if checked.solved else "is not written yet"
    _badges[name] = f"reference `{task.reference.__name__}` in use; yours {verb}"
    hint = task.hints[min(max(_attempts[name] - 1, 0), len(task.hints) - 1)]
    show_markdown(f"{header(name)}\n\n{'✗' if checked.solved else '○'} {message}  \n*Hint:* {hint}")
    return task.reference


def yours(name: str) -> Callable:
    """The student's own function, as it was last handed to `exercise`, whether it passed or not: for graded cells.

    Raises:
        CourseError: there is no such exercise, or its cell has not been run.
    """
    find(name)
    if name not in _yours:
        raise CourseError(f"The cell of the exercise {name} has not been run; run the notebook from its top.")
    return _yours[name]


def badges(names: Collection[str] | None = None) -> list[str]:
    """What later figures must say: which references stand in for a student's own functions.

    names: the exercises that a figure rests on; all of them unless given.
    """
    for name in names or ():
        find(name)  # a badge must not be missing for a typing error
    return [words for name, words in _badges.items() if names is None or name in names]
