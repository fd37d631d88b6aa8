"""Pictures of patches show each patch where it belongs."""

import torch

from course_lib.plots.patches import EMPTY, PAPER, layouts, marked_patches, question_pictures


def test_the_anchor_lies_in_the_middle_and_the_query_beside_the_board():
    anchors, queries = torch.full((2, 3, 9, 9), 10, dtype=torch.uint8), torch.full((2, 3, 9, 9), 20, dtype=torch.uint8)
    pictures = question_pictures(anchors, queries)
    assert pictures.shape == (2, 3, 31, 49) and pictures.dtype == torch.uint8
    assert (pictures == 10).sum() == (pictures == 20).sum() == anchors.numel()
    assert set(pictures.unique().tolist()) == {10, 20, EMPTY, PAPER}
    assert (pictures[:, :, 11:20, 11:20] == 10).all() and (pictures[:, :, 11:20, 39:48] == 20).all()
    assert (pictures == EMPTY).sum() == 8 * anchors.numel()


def test_borders_are_marked_between_the_pixels_they_part():
    cut = torch.zeros(2, 3, 5, 5, dtype=torch.uint8)
    across, down = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0]]).bool(), torch.tensor([[0, 0, 0, 0], [1, 0, 0, 1]]).bool()
    first, second = marked_patches(cut, across, down, ["a", "b"]).axes
    assert [line.get_xdata()[0] for line in first.lines] == [1.5]
    assert [line.get_ydata()[0] for line in second.lines] == [0.5, 3.5]


def test_patches_are_laid_out_down_and_across():
    cut = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    places = torch.tensor([[-1.0, 0.5], [3.0, 0.0]])  # the second lies off the picture: it is drawn at its edge
    (axis,) = layouts(cut, {"here": places}).axes
    middles = [(sum(image.get_extent()[2:]) / 2, sum(image.get_extent()[:2]) / 2) for image in axis.images]
    torch.testing.assert_close(torch.tensor(middles), torch.tensor([[-1.0, 0.5], [1.0, 0.0]]), atol=1e-5, rtol=0)
    assert axis.yaxis_inverted()
