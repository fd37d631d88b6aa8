"""What every notebook's tests of exercises ask: wrong answers and mutants are refused, in words, and hints show no code."""

import re
from collections.abc import Callable

import pytest

from course_lib.exercises import Exercise, check


def answers(**kinds: dict[str, dict[str, Callable]]) -> list:
    """Parameters (exercise, answer) of a test, of wrong answers by kind: kind -> exercise -> words -> answer."""
    return [
        pytest.param(name, function, id=f"{name}, {kind}: {answer}")
        for kind, made in kinds.items()
        for name in made
        for answer, function in made[name].items()
    ]


def is_refused_in_words(exercise: str, answer: Callable, case: str, code: str | None = None, raised_too: bool = False) -> None:
    """The answer does not pass, and the message names the case, says what was expected, and shows none of the reference.

    Args:
        exercise: `rotation.rotate`.
        case: what stands after "case 3, ", as a regular expression.
        code: the same for what would show the reference.
        raised_too: look for it also where the student's function raised: then torch's own words may name what it called.
    """
    checked = check(exercise, answer)
    assert not checked.passed and checked.solved, checked
    assert re.match(rf"case \d+, {case}", checked.message), checked.message
    assert re.search("expected .*(got|but)|your function (raised|returns)", checked.message), checked.message
    if code and (raised_too or "your function raised" not in checked.message):
        assert not re.search(code, checked.message.replace("torch's global", "")), checked.message


def has_hints_without_code(exercise: Exercise, code: str) -> None:
    """Three hints or more, in words."""
    assert len(exercise.hints) >= 3
    for hint in exercise.hints:
        assert not re.search(code, hint), hint
