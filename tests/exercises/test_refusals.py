"""Every exercise is asked, with wrong answers enough; docs/refusals, which the report shows, is that of these tests."""

import importlib.util
import pkgutil

import pytest
import refusals

from course_lib import exercises
from course_lib.exercises import check
from course_lib.run import report

ROOMS = [room.name for room in pkgutil.iter_modules(exercises.__path__)]
TESTS = {
    room: importlib.import_module(f"test_{room}_exercises")
    for room in ROOMS
    if importlib.util.find_spec(f"test_{room}_exercises")  # a new method has none yet: the first test says so
}
AGAIN = "docs/refusals is out of step; run: pytest tests/exercises --refusals docs/refusals"


@pytest.mark.parametrize("room", ROOMS)
def test_there_are_enough_answers(room):
    assert room in TESTS, f"write wrong answers in tests/exercises/test_{room}_exercises.py, as it stands in the others"
    names, tests = set(importlib.import_module(f"course_lib.exercises.{room}").EXERCISES), TESTS[room]
    assert names == set(tests.RIGHT) == set(tests.WRONG) == set(tests.MUTANTS)
    for name in names:
        tried = refusals.TRIED[f"{room}.{name}"]
        assert len(tests.RIGHT[name]) >= 3 and len(tried["wrong"]) >= 8 and len(tried["mutants"]) >= 20, name


@pytest.mark.parametrize(
    ("exercise", "words"), [(exercise, words) for exercise, made in refusals.EQUAL.items() for words in made]
)
def test_a_mutant_that_is_not_asked_is_a_right_answer(exercise, words):
    mutant, why = refusals.EQUAL[exercise][words]
    assert why and check(exercise, mutant).passed


@pytest.fixture
def kept(pytestconfig):
    """The committed rows, exercise -> row."""
    if pytestconfig.getoption("refusals", None):
        pytest.skip("they are being written")
    return {row["exercise"]: row for row in report.refusals()}


def test_every_exercise_is_kept_and_no_other(kept):
    assert set(kept) == set(refusals.TRIED), AGAIN


@pytest.mark.parametrize("exercise", refusals.TRIED)
def test_what_is_kept_is_what_is_tried_and_all_of_it_was_refused(kept, exercise):
    row, tried = kept.get(exercise, {}), refusals.TRIED[exercise]
    assert {kind: list(row.get(kind, ())) for kind in tried} == {kind: list(answers) for kind, answers in tried.items()}, AGAIN
    assert row["equal"] == {words: why for words, (_, why) in refusals.EQUAL[exercise].items()}, AGAIN
    assert not [(kind, words) for kind in tried for words, sentence in row[kind].items() if not sentence], "these passed"
