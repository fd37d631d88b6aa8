"""Figures of the table of all methods: every method is named, equal dots are seen, the best and the chosen stand out."""

import itertools

import pytest
from matplotlib.colors import to_rgba

from course_lib.plots.style import ORANGE
from course_lib.plots.tables import dots_and_range, gains_by_stage, matrix, scatter

NAMES = ["rotation", "fill_in", "random"]


def legend(figure) -> list[str]:
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def test_the_best_of_a_column_is_bold_and_what_was_not_measured_a_dash():
    rows = {"rotation": {"linear": 0.3, "normals": None}, "random": {"linear": 0.2, "normals": 0.1}}
    texts = {text.get_text(): text.get_fontweight() for text in matrix(rows, "random").axes[0].texts}
    assert texts == {"30.0": "bold", "20.0": "normal", "–": "normal", "10.0": "bold"}


def test_a_scatter_names_its_methods_beside_it_and_may_be_empty():
    figure = scatter({name: (0.1 * k, 0.2) for k, name in enumerate(NAMES)}, "linear (%)", "knn (%)")
    assert legend(figure) == ["rotation", "fill in", "random"]
    marks = [tuple(mark.get_offsets()[0]) for mark in figure.axes[0].collections]
    assert marks == [pytest.approx((10.0 * k, 20)) for k in range(3)]
    assert scatter({}, "a", "b").legends == []


def test_gains_have_a_line_a_method_over_stages():
    figure = gains_by_stage({name: {"conv1": 0.01, "conv2": -0.02} for name in NAMES})
    assert legend(figure) == ["rotation", "fill in", "random"] and figure.axes[0].get_xlabel() == "stage"
    assert list(figure.axes[0].lines[0].get_ydata()) == pytest.approx([1, -2])


def test_equal_dots_do_not_hide_one_another_and_the_chosen_one_stands_out():
    (axis,) = dots_and_range({"here": [0.2] * 30, "there": [0.1] * 30}, "accuracy (%)", chosen=3).axes
    here = next(line for line in axis.lines if line.get_linestyle() == "None" and line.get_xdata()[0] == pytest.approx(20))
    heights = sorted(here.get_ydata())
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.003
    assert heights[0] > 0.7 and heights[-1] < 1.3, "within its own row"
    marked = [line for line in axis.lines if to_rgba(line.get_color()) == to_rgba(ORANGE)]
    assert [line.get_xdata()[0] for line in marked] == pytest.approx([10, 20])
