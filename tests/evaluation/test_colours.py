"""Measures of colour, by counting; and which colours of the world are free."""

import pytest
import torch

from course_lib.data import Split
from course_lib.data.world import render
from course_lib.errors import CourseError
from course_lib.evaluation.colours import finds, freedom
from course_lib.pretext.colour import chroma_ratio, error_ratio


def test_chroma_and_error_against_the_truth():
    true = torch.tensor([[3.0, 0.0], [4.0, 10.0]])[None, :, None]  # chroma 5 and 10
    assert chroma_ratio(true, true) == 1 and error_ratio(true, true) == 0
    assert chroma_ratio(0 * true, true) == 0 and error_ratio(0 * true, true) == 1
    assert chroma_ratio(-true / 2, true) == 0.5 and error_ratio(-true, true) == 2
    first = torch.tensor([[[True, False]]])
    mixed = true * torch.tensor([1.0, 0.0])
    assert chroma_ratio(mixed, true, first) == 1 and chroma_ratio(mixed, true, ~first) == 0
    assert error_ratio(mixed, true, ~first) == 1


def test_a_score_that_finds_free_colours():
    free = torch.tensor([[[True, True, False, False]]])
    assert finds(torch.tensor([[[4.0, 3, 2, 1]]]), free, ~free) == 1
    assert finds(torch.tensor([[[1.0, 2, 3, 4]]]), free, ~free) == 0
    with pytest.raises(CourseError, match="one kind only"):
        finds(torch.zeros(1, 1, 4), free, free & False)


def test_which_colours_of_the_world_are_free():
    scenes = render(0, range(60))
    truth = {name: scenes[name] for name in ("ambiguity", "semantics")}
    data = Split(labels=scenes["labels"], classes=[], images=scenes["images"], annotations=truth)
    where = freedom(data, 16)
    assert all(mask.shape == (60, 16, 16) and mask.any() for name, mask in where.items() if name != "two")
    assert not (where["free"] & where["natural"]).any() and (where["fixed"] <= where["natural"]).all()
    ambiguity = truth["ambiguity"].unflatten(1, (16, 4)).unflatten(3, (16, 4))
    assert (ambiguity.amin((2, 4))[where["free"]] > 0).all() and (ambiguity.amax((2, 4))[where["fixed"]] == 0).all()


def test_photos_do_not_say():
    with pytest.raises(CourseError, match="'world' only"):
        freedom(Split(labels=torch.zeros(1), classes=[], images=torch.zeros(1, 3, 8, 8)), 2)
