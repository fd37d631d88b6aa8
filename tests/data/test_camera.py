"""What lens, sensor and file do to a picture, and where they leave it alone."""

import pytest
import torch

from course_lib.data.camera import Camera, chromatic_aberration, jpeg, sensor_noise, vignetting
from course_lib.errors import CourseError


@pytest.fixture
def pictures():
    return torch.randint(60, 200, (4, 3, 32, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_aberration_moves_red_and_blue_apart_most_in_the_corners():
    picture = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    picture[:, :, ::8, ::8] = 255  # a dot every eight pixels
    moved = chromatic_aberration(picture, 3.0).float()[0]
    assert torch.equal(moved[1], picture[0, 1].float())  # green stays

    def place(channel, row, column):
        window = moved[channel, row - 4 : row + 5, column - 4 : column + 5]
        return ((window.sum(0) * torch.arange(-4.0, 5)).sum() / window.sum()).item()

    assert abs(place(0, 32, 32)) < 0.05 and abs(place(2, 32, 32)) < 0.05
    assert 1.2 < place(0, 56, 56) < 2.2 and -2.2 < place(2, 56, 56) < -1.2  # 24 of 32 pixels out, along one axis


def test_a_corrected_lens_leaves_green_apart(pictures):
    moved = chromatic_aberration(pictures, 3.0, outward=(0, -1, 0))
    assert torch.equal(moved[:, [0, 2]], pictures[:, [0, 2]]) and not torch.equal(moved[:, 1], pictures[:, 1])
    simple = chromatic_aberration(pictures[:, [0, 2, 1]], 3.0)
    assert torch.equal(moved[:, 1], simple[:, 2])  # as far in as a simple lens puts blue


def test_vignetting_darkens_the_corners_only(pictures):
    darker = vignetting(pictures, 0.5)
    assert (darker[:, :, 16, 20].int() - pictures[:, :, 16, 20].int()).abs().max() <= 1
    share = darker[:, :, 0, 0].float() / pictures[:, :, 0, 0]
    assert 0.48 < share.mean() < 0.56


def test_noise_depends_on_the_key_alone(pictures):
    keys = torch.tensor([5, 6, 5, 7])
    noisy = sensor_noise(pictures, 6.0, keys)
    assert torch.equal(noisy[1:2], sensor_noise(pictures[1:2], 6.0, keys[1:2]))
    difference = noisy.float() - pictures.float()
    assert torch.equal(difference[0], difference[2]) and 5 < difference.std() < 7


def test_jpeg_halves_the_colours_resolution_unless_told_otherwise():
    stripes = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    stripes[:, 0, :, ::2], stripes[:, 1, :, 1::2] = 180, 92  # columns of two colours, much the same brightness
    coarse, fine = (jpeg(stripes, 95, subsampling).float() for subsampling in ("4:2:0", "4:4:4"))
    assert (coarse - stripes).abs().mean() > 3 * (fine - stripes).abs().mean()


@pytest.mark.parametrize(
    ("options", "named"),
    [({"aberration": 99}, "99"), ({"vignetting": 2}, "2"), ({"noise": -1}, "-1"), ({"jpeg": 100}, "100"),
     ({"subsampling": "4:1:1"}, "4:1:1")],
)  # fmt: skip
def test_what_no_camera_does_is_refused(options, named):
    with pytest.raises(CourseError, match=named):
        Camera(**options)
