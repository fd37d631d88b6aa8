"""Bars of settings: what is not measured says so, and the chosen one stands out."""

import torch

from course_lib.plots.settings import in_words, setting_bars
from course_lib.plots.style import ORANGE

PANELS = {"solved": {"open": 0.5, "blocked": None}, "probe": {"open": 0.25, "blocked": 0.375}}


def test_each_panel_has_a_bar_a_setting_and_the_chosen_one_is_marked():
    figure = setting_bars(PANELS, "open", picture=torch.zeros(3, 4, 4, dtype=torch.uint8))
    assert len(figure.axes) == 3
    solved = figure.axes[1]
    assert [bar.get_height() for bar in solved.patches] == [50, 0]
    assert [text.get_text() for text in solved.texts] == ["50.0", "?"]
    from matplotlib.colors import to_rgba

    assert [bar.get_facecolor() == to_rgba(ORANGE) for bar in solved.patches] == [True, False]


def test_the_same_in_words():
    assert in_words(PANELS) == "solved: open 50.0 %, blocked not measured. probe: open 25.0 %, blocked 37.5 %."
