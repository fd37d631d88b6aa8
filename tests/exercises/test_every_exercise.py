"""What holds for the exercises of every notebook."""

import importlib
import pkgutil

import pytest
import torch

from course_lib import exercises
from course_lib.exercises import check, find

NAMES = [
    f"{room.name}.{name}"
    for room in pkgutil.iter_modules(exercises.__path__)
    for name in importlib.import_module(f"course_lib.exercises.{room.name}").EXERCISES
]


@pytest.mark.parametrize("name", NAMES)
def test_references_pass_and_checks_draw_nothing_of_their_own(name):
    state = torch.get_rng_state()
    assert check(name, find(name).reference).passed
    assert torch.equal(torch.get_rng_state(), state)


def nothing(*arguments):
    pass


def dots(*arguments):
    return ...


def stub(*arguments):
    raise NotImplementedError


def not_implemented(*arguments):
    return NotImplemented


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("function", [nothing, dots, stub, not_implemented])
def test_unwritten_answers_are_unsolved(name, function):
    checked = check(name, function)
    assert not checked.passed and not checked.solved
    assert ("return" in checked.message) == (function is nothing)
