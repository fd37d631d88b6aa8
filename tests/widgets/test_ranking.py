"""The ranking: names move by their buttons, the order is scored by the share of pairs in the right order."""

import pytest

from course_lib.errors import CourseError
from course_lib.widgets.ranking import Ranking, agreement

NAMES = ["rotation", "jigsaw", "random"]


def test_agreement():
    measured = {"rotation": 0.4, "jigsaw": 0.5, "random": 0.2}
    assert agreement(["jigsaw", "rotation", "random"], measured) == pytest.approx(1)
    assert agreement(["random", "rotation", "jigsaw"], measured) == pytest.approx(-1)
    assert agreement(NAMES, measured) == pytest.approx(1 / 3)
    with pytest.raises(CourseError, match="names rotation"):
        agreement(NAMES[:2], measured)


def test_the_buttons_move_a_name_and_say_which():
    kept = []
    ranking = Ranking(NAMES, "Which is best?", kept.append)
    _, label, (up, down) = ranking._lines[1]
    up.click()
    assert ranking.order == ["jigsaw", "rotation", "random"] == kept[-1]
    assert "rotation" in label.value and "rotation" in down.tooltip
    ranking._lines[0][2][0].click()  # at the top, up moves nothing
    down.click()
    assert ranking.order == ["jigsaw", "random", "rotation"] and len(kept) == 2
    assert "jigsaw, random, rotation" in ranking.answer.value


def test_who_never_moved_a_name_is_not_scored(capsys):
    ranking = Ranking(NAMES, "Which is best?")
    measured = {"rotation": 0.4, "jigsaw": 0.5, "random": 0.2}
    assert ranking.reveal(measured) is None
    ranking.move(0, 1)
    assert ranking.reveal(measured) == pytest.approx(1)


@pytest.mark.parametrize("names", [["one"], ["one", "one"], []])
def test_names_that_cannot_be_ranked(names):
    with pytest.raises(CourseError, match="two different names"):
        Ranking(names, "Which?")


def test_an_error_in_a_callback_is_shown():
    def keep(_):
        raise CourseError("nowhere to write")

    ranking = Ranking(NAMES, "Which is best?", keep)
    ranking._lines[1][2][0].click()
    assert "nowhere to write" in ranking.answer.value
