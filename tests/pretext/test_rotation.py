"""The rotation task, by its properties."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import Batch
from course_lib.models import build_backbone
from course_lib.pretext import load, names, normalise
from course_lib.pretext.patches import rescaled_window
from course_lib.pretext.rotation import (
    Rotation,
    four_rotations,
    rotate,
    rotate_by_eighths,
    shifted_and_mirrored,
)


@settings(deadline=None)
@given(side=st.integers(1, 12), count=st.integers(1, 4), turns=st.integers(0, 7), seed=st.integers(0, 99))
def test_undone_gives_the_image_back_bit_for_bit(side, count, turns, seed):
    images = torch.randint(0, 256, (count, 3, side, side), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    assert torch.equal(rotate(rotate(images, turns), -turns), images)
    assert torch.equal(rotate(images, turns).flatten().sort().values, images.flatten().sort().values)


def test_a_quarter_turn_is_anticlockwise():
    image = torch.tensor([[[[1, 2], [3, 4]]]])
    assert rotate(image, 1).tolist() == [[[[2, 4], [1, 3]]]]


@settings(deadline=None)
@given(count=st.integers(1, 9))
def test_labels_are_balanced(count):
    turned, labels = four_rotations(torch.zeros(count, 3, 4, 4, dtype=torch.uint8))
    assert len(turned) == 4 * count
    assert labels.bincount(minlength=4).tolist() == [count] * 4


def test_all_four_rotations_of_each_image():
    images = torch.randint(0, 256, (3, 3, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    turned, labels = four_rotations(images)
    for k in range(12):
        assert torch.equal(turned[k], rotate(images[k % 3], int(labels[k])))


def test_mirroring_after_turning_would_confuse_two_angles():
    """Why the augmentation comes first: a mirrored quarter turn is a mirrored picture turned the other way."""
    image = torch.arange(9).view(1, 1, 3, 3)
    assert torch.equal(rotate(image, 1).flip(3), rotate(image.flip(3), 3))


def test_shifts_move_every_sample_on_its_own(rng):
    column = torch.arange(9, dtype=torch.uint8) * 20
    images = column.expand(200, 3, 9, 9).contiguous()
    moved = shifted_and_mirrored(images, rng, most=2)
    assert moved.shape == images.shape and moved.dtype == torch.uint8
    rows = {tuple(sample[0, 0].tolist()) for sample in moved}
    assert len(rows) == 10  # five shifts, each mirrored or not
    assert all((sample == sample[:, :1]).all() for sample in moved)  # columns moved as one


def test_windows_keep_flat_pictures_flat(rng):
    images = torch.full((5, 3, 16, 16), 77, dtype=torch.uint8)
    assert torch.equal(rescaled_window(images, rng), images)


def test_evaluation_hides_without_augmenting(dataset, rng):
    task = Rotation(build_backbone(rng=rng, width=8, image_size=16), rng).eval()
    batch = dataset.test.batch([0, 1, 2])
    first, second = (task.hide(batch, torch.Generator().manual_seed(seed))[0] for seed in (1, 2))
    assert torch.equal(first, second)


def test_draws_the_angles(dataset, rng):
    task = Rotation(build_backbone(rng=rng, width=8, image_size=16), rng)
    figure = task.draw(dataset.test.batch([0, 1]), rng)
    assert [axis.get_title() for axis in figure.axes[:4]] == ["hidden: 0°", "hidden: 90°", "hidden: 180°", "hidden: 270°"]


def test_found_by_name():
    assert "rotation" in names()
    assert load("rotation") is Rotation
    with pytest.raises(Exception, match="rotatoin"):
        load("rotatoin")


@pytest.mark.parametrize("turns", [(0, 2), (1, 3), (0, 1, 2, 3)])
def test_as_many_angles_as_are_named(turns):
    rng = torch.Generator().manual_seed(0)
    backbone = build_backbone(rng=rng, width=8, image_size=16)
    task = Rotation(backbone, rng, turns=turns).eval()
    images = torch.randint(0, 256, (3, 3, 16, 16), generator=rng, dtype=torch.uint8)
    visible, hidden = task.hide(Batch(torch.arange(3), images=images), rng)
    assert torch.equal(visible, normalise(torch.cat([rotate(images, turn) for turn in turns])))
    assert hidden.tolist() == [place for place in range(len(turns)) for _ in range(3)]
    assert task.predict(backbone, visible).shape == (3 * len(turns), len(turns)) and task.chance == 1 / len(turns)


def test_eighths_are_turned_alike():
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for eighths in range(8):
        two_more = rotate_by_eighths(images, eighths + 2)
        assert torch.equal(two_more, rotate(rotate_by_eighths(images, eighths), 1))
        assert (two_more[..., 0, 0] == 128).all()
