"""Rows and grids of pictures."""

import torch

from course_lib.plots.images import drawable


def test_floats_are_drawn_with_zero_in_the_middle_and_each_samples_largest_at_an_end():
    seen = torch.tensor([[[-2.0, 0.0, 1.0]], [[0.1, 0.0, -0.05]], [[0.0, 0.0, 0.0]]])
    assert drawable(seen).tolist() == [[[0, 128, 191]], [[255, 128, 64]], [[128, 128, 128]]]
