"""Exercises check, hint, never block, and never show the reference."""

import inspect
import time

import pytest
import torch

from course_lib import exercises
from course_lib.errors import CourseError
from course_lib.exercises import badges, check, exercise, find
from course_lib.pretext.rotation import rotate

WRONG = {
    "clockwise": lambda images, turns: torch.rot90(images, -turns, (2, 3)),
    "the wrong axes": lambda images, turns: torch.rot90(images, turns, (0, 1)),
    "a mirror for a turn": lambda images, turns: images.flip(3) if turns else images,
    "rows and columns exchanged": lambda images, turns: images.transpose(2, 3) if turns % 2 else images,
    "always one turn": lambda images, turns: torch.rot90(images, 1, (2, 3)),
    "nothing": lambda images, turns: images,
    "floats": lambda images, turns: torch.rot90(images.float() / 255, turns, (2, 3)),
    "a list": lambda images, turns: list(images),
    "flat": lambda images, turns: torch.rot90(images, turns, (2, 3)).flatten(1),
    "in place": lambda images, turns: images.copy_(torch.rot90(images, turns, (2, 3))),
    "three channels only": lambda images, turns: torch.rot90(images[:, :3], turns, (2, 3)) if images.shape[1] == 3 else images,
    "one argument": lambda images: images,
    "raises": lambda images, turns: 1 / 0,
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setattr(exercises, "_badges", {})
    monkeypatch.setattr(exercises, "_attempts", {})
    monkeypatch.delenv("COURSE_STRICT", raising=False)


@pytest.mark.parametrize("answer", WRONG)
def test_wrong_answers_are_refused(answer):
    checked = check("rotation.rotate", WRONG[answer])
    assert not checked.passed and checked.solved
    assert "rot90" not in checked.message


@pytest.mark.parametrize(
    "answer",
    [
        lambda images, turns: torch.rot90(images, turns, (2, 3)),
        lambda images, turns: {0: images, 1: images.transpose(2, 3).flip(2), 2: images.flip((2, 3)),
                               3: images.transpose(2, 3).flip(3)}[turns],
        lambda images, turns: torch.stack([torch.rot90(image, turns, (1, 2)) for image in images]),
    ],
)  # fmt: skip
def test_right_answers_pass_and_are_used(answer):
    assert check("rotation.rotate", answer).passed
    assert exercise("rotation.rotate", answer) is answer
    assert badges() == []


def unsolved(images, quarter_turns):
    raise NotImplementedError


def test_unsolved_goes_on_with_the_reference_and_a_badge():
    assert exercise("rotation.rotate", unsolved) is rotate
    assert badges() == ["reference `rotate` in use; yours is not written yet"]


def test_wrong_names_the_case_and_hints_get_plainer(capsys):
    for _ in range(2):
        exercise("rotation.rotate", WRONG["clockwise"])
    assert badges() == ["reference `rotate` in use; yours failed case 1"]
    exercise("rotation.rotate", rotate)
    assert badges() == []


def test_strict_mode_raises_for_wrong_but_not_for_unsolved(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    exercise("rotation.rotate", unsolved)
    with pytest.raises(AssertionError, match="case 1"):
        exercise("rotation.rotate", WRONG["clockwise"])


def test_an_endless_loop_is_cut_off(monkeypatch):
    monkeypatch.setattr(exercises, "TIME_LIMIT", 0.2)
    checked = check("rotation.rotate", lambda images, turns: time.sleep(5))
    assert not checked.passed and "no answer after" in checked.message


def test_unknown_exercises_are_named():
    with pytest.raises(CourseError, match=r"rotation\.rotat'"):
        find("rotation.rotat")
    with pytest.raises(CourseError, match="no exercise"):
        find("cooking.bake")


def test_hints_show_no_code():
    for hint in find("rotation.rotate").hints:
        assert "rot90" not in hint and "transpose" not in hint
    assert "rot90" not in inspect.getsource(exercises)
