"""What every notebook's tests of exercises ask: wrong answers and mutants are refused, in words, and hints show no code.

What is tried is listed in `TRIED`, and how it was refused in `SAID`, which `conftest.py` writes into docs/refusals.
"""

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from course_lib.exercises import Checked, Exercise, check

KINDS = ("wrong", "mutants")  # by hand, and by `mutants`
TRIED: dict[str, dict[str, dict[str, Callable]]] = {}  # exercise -> kind -> words -> function
EQUAL: dict[str, dict[str, tuple[Callable, str]]] = {}  # exercise -> words -> a mutant that is a right answer too, and why
SAID: dict[tuple[str, str, str], str | None] = {}  # exercise, kind, words -> the sentence of refusal; None where it passed


class Answer(NamedTuple):
    """A wrong answer: to which exercise, of which kind, in a few words, the function."""

    exercise: str
    kind: str
    words: str
    function: Callable


def answers(room: str, wrong: dict[str, dict], made: dict[str, dict], equal: dict[str, dict[str, str]]) -> list:
    """Parameters of a test, an `Answer` each, of all exercises of a notebook.

    Args:
        room: `rotation`.
        wrong, made: exercise -> words -> function, by hand and by `mutants`.
        equal: exercise -> those of `made` that are right answers too -> why they are; they are not asked.
    """
    parameters = []
    for name in wrong:
        exercise, mutants = f"{room}.{name}", dict(made[name])
        EQUAL[exercise] = {words: (mutants.pop(words), why) for words, why in equal.get(name, {}).items()}
        TRIED[exercise] = {"wrong": wrong[name], "mutants": mutants}
        parameters += [
            pytest.param(Answer(exercise, kind, words, function), id=f"{name}, {kind}: {words}")
            for kind, those in TRIED[exercise].items()
            for words, function in those.items()
        ]
    return parameters


def said() -> dict[str, dict[str, dict]]:
    """Exercise -> kind -> words -> the sentence of refusal; `equal` -> words -> why. Only exercises asked from end to end."""
    rows = {}
    for exercise, tried in TRIED.items():
        if all((exercise, kind, words) in SAID for kind in KINDS for words in tried[kind]):
            rows[exercise] = {kind: {words: SAID[exercise, kind, words] for words in tried[kind]} for kind in KINDS}
            rows[exercise]["equal"] = {words: why for words, (_, why) in EQUAL[exercise].items()}
    return rows


@functools.cache
def asked(exercise: str, function: Callable) -> Checked:
    """`check`, once for each function: several tests ask what was said."""
    return check(exercise, function)


def is_refused_in_words(answer: Answer, case: str, code: str | None = None, raised_too: bool = False) -> None:
    """The answer does not pass, and the message names the case, says what was expected, and shows none of the reference.

    Args:
        case: what stands after "case 3, ", as a regular expression.
        code: the same for what would show the reference.
        raised_too: look for it also where the student's function raised: then torch's own words may name what it called.
    """
    checked = asked(answer.exercise, answer.function)
    SAID[answer[:3]] = None if checked.passed else checked.message
    assert not checked.passed and checked.solved, checked
    assert re.match(rf"case \d+, {case}", checked.message), checked.message
    assert re.search("expected .*(got|but)|your function (raised|returns)", checked.message), checked.message
    assert "NameError" not in checked.message, "the mutant itself is broken"
    if code and (raised_too or "your function raised" not in checked.message):
        assert not re.search(code, checked.message.replace("torch's global", "")), checked.message


def has_hints_without_code(exercise: Exercise, code: str) -> None:
    """Three hints or more, in words."""
    assert len(exercise.hints) >= 3
    for hint in exercise.hints:
        assert not re.search(code, hint), hint
