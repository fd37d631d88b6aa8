"""Pictures of time: which steps are shaded, which middle is marked, which points count as found."""

import torch

from course_lib.plots.clips import between, curves_by_threshold, motion_curves, points_on_pictures
from course_lib.plots.layers import probe_curve
from course_lib.plots.style import GREEN, ORANGE, RED

FRAMES = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)


def test_the_fastest_window_stands_out():
    from matplotlib.colors import to_rgba

    figure = motion_curves(torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]), [2, 0], 2)
    marked = [[bar.get_facecolor() == to_rgba(ORANGE) for bar in axis.patches] for axis in figure.axes]
    assert marked == [[False, False, True, True], [True, True, False, False]]
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 2, 3, 4]


def test_the_middle_is_marked_on_its_curve():
    axis = between(FRAMES, [0.1, 0.5, 0.9, 0.4], (0, 3), 2).axes[-1]
    curve, mark = axis.lines[:2]
    assert list(curve.get_ydata()) == [10, 50, 90, 40] and (mark.get_xdata()[0], mark.get_ydata()[0]) == (2, 90)
    assert len(between(FRAMES, [0.1, 0.5, 0.9, 0.4], (0, 3)).axes[-1].lines) == len(axis.lines) - 1


def test_points_beyond_the_radius_are_red_and_hidden_ones_are_left_out():
    true, seen = torch.tensor([[[1.0, 1.0], [5.0, 5.0], [2.0, 6.0]]]), torch.tensor([[True, True, False]])
    said = torch.tensor([[[1.0, 2.0], [5.0, 1.0], [0.0, 0.0]]])
    figure = points_on_pictures(FRAMES[:1], true, seen, {"ours": said, "theirs": true}, radius=2)
    assert len(figure.axes) == 2
    assert [line.get_color() for line in figure.axes[0].lines] == [GREEN, GREEN, RED, RED]  # a line and a dot each
    assert {line.get_color() for line in figure.axes[1].lines} == {GREEN}


def test_every_network_has_its_line():
    figure = curves_by_threshold({"a": [0.1, 0.2], "b": [0.3, 0.4]}, (1, 2), "near", "found")
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[10, 20], [30, 40]]
    stages = {"conv1": 0.5, "conv2": 0.25}
    left = probe_curve(stages, stages, 0.1, rivals={"open": {"conv1": 0.3, "conv2": 0.4}}).axes[0]
    assert [list(line.get_ydata()) for line in left.lines if line.get_label() == "open"] == [[30, 40]]
