"""Exercises check, hint, never block, and never show the reference."""

import inspect
import sys
import time

import pytest
import torch

from course_lib import exercises
from course_lib.errors import CourseError
from course_lib.exercises import Exercise, Trial, Unsolved, Wrong, badges, check, exercise, find, header
from course_lib.pretext.rotation import rotate


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What `exercise` shows, cell by cell; badges and attempts start afresh."""
    cells = []
    monkeypatch.setattr("course_lib.plots.style.show_markdown", cells.append)
    monkeypatch.setattr(exercises, "_badges", {})
    monkeypatch.setattr(exercises, "_attempts", {})
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    return cells


def clockwise(images, quarter_turns):
    return torch.rot90(images, -quarter_turns, (2, 3))


def unsolved(images, quarter_turns):
    raise NotImplementedError


# --- what a student sees --------------------------------------------------------------------------------------------


def test_a_header_gives_difficulty_importance_and_minutes():
    line = "**rotation.rotate** · difficulty ●○○○○ · importance ●●●●○ · about 3 minutes"
    assert header("rotation.rotate") == line


def test_passed_the_students_own_function_is_used(shown):
    def mine(images, turns):
        return torch.rot90(images, turns, (2, 3))

    assert exercise("rotation.rotate", mine) is mine
    assert badges() == []
    assert shown == [f"{header('rotation.rotate')}\n\n✓ Passed: your own function is used from here on."]


def test_unsolved_goes_on_with_the_reference_and_a_badge(shown):
    assert exercise("rotation.rotate", unsolved) is rotate
    assert badges() == ["reference `rotate` in use; yours is not written yet"]
    assert shown[0].startswith(header("rotation.rotate") + "\n\n○ Not solved yet. The reference is used")


def test_a_missing_return_is_named(shown):
    exercise("rotation.rotate", lambda images, turns: None)
    assert "Not solved yet: your function returns None; is a `return` missing?" in shown[0]


def test_wrong_names_the_case_in_the_badge_and_hints_get_plainer(shown):
    hints = find("rotation.rotate").hints
    exercise("rotation.rotate", unsolved)
    for _ in range(len(hints) + 1):
        assert exercise("rotation.rotate", clockwise) is rotate
        assert badges() == ["reference `rotate` in use; yours failed case 1"]
    given = [next(hint for hint in hints if cell.endswith(hint)) for cell in shown]
    assert given == [hints[0], *hints, hints[-1]]
    assert all("✗ case 1, images (2, 3, 4, 4) uint8" in cell for cell in shown[1:])
    exercise("rotation.rotate", rotate)
    assert badges() == []


def test_a_figure_has_the_badges_of_what_it_rests_on(shown):
    exercise("rotation.rotate", clockwise)
    exercise("rotation.build_batch", unsolved)
    assert len(badges()) == 2 and badges([]) == []
    assert badges(["rotation.rotate", "rotation.find_flip_bug"]) == ["reference `rotate` in use; yours failed case 1"]
    with pytest.raises(CourseError, match="rotaton"):
        badges(["rotaton.rotate"])


def test_badges_call_the_function_as_the_notebook_does():
    exercise("rotation.find_flip_bug", lambda images, rng: images)
    assert badges() == ["reference `hide` in use; yours failed case 1"]


def test_angle_brackets_in_a_message_are_no_tags(shown):
    exercise("rotation.rotate", lambda images: images)
    assert "&lt;lambda&gt;() takes 1 positional argument" in shown[0]


def test_strict_mode_raises_for_wrong_but_not_for_unsolved(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    exercise("rotation.rotate", unsolved)
    with pytest.raises(AssertionError, match="case 1"):
        exercise("rotation.rotate", clockwise)


def test_unknown_exercises_are_named():
    for ask in (find, header, lambda name: exercise(name, rotate)):
        with pytest.raises(CourseError, match=r"rotation\.rotat'"):
            ask("rotation.rotat")
    with pytest.raises(CourseError, match="no exercise"):
        find("cooking.bake")


def test_no_reference_stands_in_the_machinery():
    assert "rot90" not in inspect.getsource(exercises)


# --- nothing stops the notebook -------------------------------------------------------------------------------------


def test_an_endless_loop_is_cut_off(monkeypatch):
    monkeypatch.setattr(exercises, "TIME_LIMIT", 0.2)
    assert exercise("rotation.rotate", lambda images, turns: time.sleep(5)) is rotate
    assert badges() == ["reference `rotate` in use; yours failed the check"]
    checked = check("rotation.rotate", lambda images, turns: time.sleep(5))
    assert not checked.passed and "no answer after" in checked.message


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("leave", [sys.exit, interrupt, lambda: sys.exit("enough"), lambda: 1 / 0])
def test_a_function_that_leaves_is_wrong_and_the_kernel_lives(leave, monkeypatch):
    start = time.monotonic()
    assert exercise("rotation.rotate", lambda images, turns: leave()) is rotate
    assert badges() == ["reference `rotate` in use; yours failed case 1"]
    # The same where a check calls the function by itself.
    bare = Exercise(lambda function: function(1, 2), rotate, ("",), 1, 1, 1)
    monkeypatch.setattr(exercises, "find", lambda name: bare)
    checked = check("rotation.rotate", lambda images, turns: leave())
    assert not checked.passed and checked.solved and "your function raised" in checked.message
    assert time.monotonic() - start < exercises.TIME_LIMIT


# --- trials ---------------------------------------------------------------------------------------------------------


def refused(ask) -> str:
    with pytest.raises(Wrong) as error:
        ask()
    return str(error.value)


def test_a_trial_names_the_case():
    trial = Trial(lambda number: 10 // number)
    trial.case("five")
    assert trial.call(5) == 2
    trial.case("zero")
    assert refused(lambda: trial.call(0)).startswith("case 2, zero: your function raised ZeroDivisionError: ")
    assert refused(lambda: trial.expect(False, "expected this, got that.")) == "case 2, zero: expected this, got that."
    trial.expect(True, "nothing is said")


@pytest.mark.parametrize("nothing", [None, ..., NotImplemented])
def test_nothing_is_unsolved_at_first_and_wrong_later(nothing):
    answers = iter([nothing, 1, nothing])
    trial = Trial(lambda: next(answers))
    trial.case("any")
    with pytest.raises(Unsolved):
        trial.call()
    assert trial.call() == 1
    assert "though it gave an answer before" in refused(trial.call)


def test_a_stub_is_unsolved_at_first_and_wrong_later():
    trial = Trial(lambda solved: solved or unsolved(None, None))
    with pytest.raises(Unsolved):
        trial.call(False)
    assert trial.call(True)
    assert "NotImplementedError" in refused(lambda: trial.call(False))


@pytest.mark.parametrize("change", [
    lambda t: t.add_(1), lambda t: t.t_(), lambda t: t.resize_(1), lambda t: t.__setitem__((1, 2), 7.0)
])  # fmt: skip
def test_changed_arguments_are_noticed(change):
    trial = Trial(lambda number, tensor: (change(tensor), tensor))
    assert "has changed" in refused(lambda: trial.call(3, torch.zeros(2, 3)))


def test_the_global_generator_is_watched():
    assert "global generator" in refused(lambda: Trial(lambda: torch.rand(1)).call())
    Trial(lambda: torch.rand(1, generator=torch.Generator())).call()


def test_tensors_are_compared_in_form():
    trial = Trial(None)
    trial.tensor("it", torch.zeros(2, 3), (2, 3), torch.float32)
    assert "expected it as a tensor, got list" in refused(lambda: trial.tensor("it", [], (2, 3), torch.float32))
    wrong_shape = refused(lambda: trial.tensor("it", torch.zeros(3), (2, 3), torch.float32))
    assert "expected it of shape (2, 3), got (3,)" in wrong_shape
    wrong_type = refused(lambda: trial.tensor("it", torch.zeros(2, 3), (2, 3), torch.uint8))
    assert "expected it of type uint8, got float32" in wrong_type
