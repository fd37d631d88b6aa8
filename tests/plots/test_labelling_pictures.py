"""Pictures of what labels cost."""

import pytest

from course_lib.plots.labelling import (
    agreements,
    cited,
    cost_bars,
    large,
    long_tail,
    scale_of_data,
    similar_words,
    years_by_seconds,
)  # fmt: skip


def title(axis):
    return axis.get_title() or axis.get_title(loc="left")  # where the style puts it


@pytest.mark.parametrize(("number", "words"), [
    (0.0123, "0.0123"), (7, "7"), (99.6, "99.6"), (1400, "1 400"), (827_692, "827 692"), (14_197_122, "14.2 million"),
    (3.5e9, "3.5 billion"), (1.4e12, "1.4 trillion"), (2.5e15, "2 500 trillion"),
])  # fmt: skip
def test_large_numbers_can_be_said(number, words):
    assert large(number) == words


def test_every_figure_that_the_notebook_takes_is_where_it_takes_it():
    rows = cited("labelling_cost")
    assert [row["method"] for row in rows[:4]] == ["tag", "box", "mask", "keypoints"]
    assert all(row["unit"] == "s" for row in rows[:4]) and rows[7]["unit"] == "%" and rows[8]["value"] == 160e6
    assert all(row["citation"] for row in rows)


def test_cost_bars():
    figure = cost_bars({"tag": 2.0, "mask": 156.0}, {"tag": 28e3, "mask": 2.26e6}, "mask", 14e6)
    (axis,) = figure.axes
    assert title(axis) == "mask: 156 human-years for 14 million images" and axis.get_xscale() == "log"
    assert [text.get_text() for text in axis.texts] == ["156 years, 2.26 million dollars", "2 years, 28 000 dollars"]


def test_years_by_seconds_marks_the_crossings():
    lines = {"a job": ([1, 10], [2, 20]), "the clock": ([1, 10], [0.5, 5])}
    figure = years_by_seconds(lines, 4, {"a job": 2, "the clock": 8}, "14 million")
    assert title(figure.axes[0]) == "What must one image have taken? (14 million)"
    assert {text.get_text() for text in figure.axes[0].texts} == {"4 human-years", "2 s", "8 s"}


def test_scale_of_data_names_everything():
    rows = cited("scale_of_data")
    texts = " ".join(text.get_text() for text in scale_of_data(rows).axes[0].texts)
    assert all(row["dataset"] in texts and row["method"] in texts for row in rows)


def test_long_tail_and_words_and_agreements():
    left, right = long_tail([9, 3, 1], {0: 10.0, 1: 50.0}, 1).axes
    assert left.get_yscale() == right.get_yscale() == "log" and title(right) == "Until every class has enough: 50"
    assert len(similar_words({"a": [("b", 0.5)], "c": [("d", 0.1), ("e", 0.05)]}).axes) == 2
    first, second = agreements({"CBOW": {"captions": 0.3, "shuffled": -0.1}, "skip-gram": {"captions": 0.2}}).axes
    assert [text.get_text() for text in first.texts] == ["0.30", "-0.10"] and title(second) == "skip-gram"
