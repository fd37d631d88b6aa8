"""Rows of colourings, maps below pictures, curves over the temperature."""

import torch

from course_lib.plots.colours import heat_rows, picture_rows, temperature_curves


def test_a_row_a_colouring_with_its_name():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    figure = picture_rows({"grey": images, "coloured": images})
    assert [axis.texts[0].get_text() for axis in figure.axes[::3]] == ["grey", "coloured"]


def test_maps_share_a_scale_in_their_row():
    maps = {"entropy": torch.rand(2, 4, 4), "free": torch.zeros(2, 8, 8)}
    figure = heat_rows(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), maps)
    drawn = [axis.images[0].get_clim() for axis in figure.axes if axis.images][2:4]
    assert drawn[0] == drawn[1] == (0, maps["entropy"].max().item())


def test_two_curves():
    axis = temperature_curves([0.1, 1.0], {"chroma": [0.9, 0.4], "error": [1.1, 0.9]}).axes[0]
    heights = [torch.tensor(line.get_ydata()) for line in axis.lines[:2]]  # the third marks 100
    assert torch.allclose(torch.stack(heights), torch.tensor([[90.0, 40.0], [110.0, 90.0]], dtype=heights[0].dtype))
