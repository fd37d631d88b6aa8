"""The palette as it looks to those who lack a kind of cone, and text as it looks on its ground."""

import itertools
import re

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from course_lib.plots import style

# What becomes of linear RGB: Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color
# vision deficiency", table 1, severity 1.
SIMULATED = {
    "nothing missing": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
NAMES = ("BLUE", "ORANGE", "GREEN", "RED", "PURPLE", "GREY")


def linear(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return rgb2lab(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("missing", SIMULATED)
def test_no_two_colours_of_the_palette_look_alike(missing):
    seen = {name: lab(SIMULATED[missing] @ linear(getattr(style, name))) for name in NAMES}
    for one, other in itertools.combinations(NAMES, 2):
        # About 2 can just be told apart side by side; 10 at a glance.
        assert deltaE_ciede2000(seen[one], seen[other]) > 10, (one, other)


def test_red_and_green_for_the_colour_blind_would_be_noticed():
    seen = [lab(SIMULATED["deuteranopia"] @ linear(colour)) for colour in ("#8c5a00", "#6b6b00")]
    assert deltaE_ciede2000(*seen) < 10


def test_a_warning_can_be_read():
    ground, text = (linear(re.search(rf"(?<![-\w]){key}:(#\w+)", style.WARNING)[1]) @ [0.2126, 0.7152, 0.0722]
                    for key in ("background", "color"))  # fmt: skip
    assert (ground + 0.05) / (text + 0.05) > 4.5  # WCAG 2.2, 1.4.3
