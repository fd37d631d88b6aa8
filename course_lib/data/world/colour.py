"""Colours by lightness, chroma and hue, so that palettes stay in tune; RGB is sRGB in 0-1 throughout."""

from dataclasses import dataclass

import torch

from course_lib.data.world.draws import Draws, cos_sin


def rgb(lightness, chroma, hue) -> torch.Tensor:
    """OKLCH (Ottosson 2020) to sRGB: n x 1 x 1 tensors or numbers (hue in turns) to n x 3 x 1 x 1, clipped to 0-1."""
    cos, sin = cos_sin(torch.as_tensor(hue, dtype=torch.float32))
    a, b = chroma * cos, chroma * sin
    long = lightness + 0.3963377774 * a + 0.2158037573 * b
    medium = lightness - 0.1055613458 * a - 0.0638541728 * b
    short = lightness - 0.0894841775 * a - 1.2914855480 * b
    long, medium, short = (cone * cone * cone for cone in (long, medium, short))
    return _companded(
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _companded(red, green, blue):
    """Linear light, n x 1 x 1 each, to sRGB in 0-1, n x 3 x 1 x 1."""
    # sRGB's curve from square roots alone (see `cos_sin` for why): within 0.004 of it above 0.01.
    root = torch.sqrt(torch.stack([red, green, blue], dim=-3).clamp(0, 1))
    fourth = torch.sqrt(root)
    return (0.585122381 * root + 0.783140355 * fourth - 0.368262736 * torch.sqrt(fourth)).clamp(0, 1)


def gamut_radius(lightness) -> torch.Tensor:
    """The chroma that sRGB holds at this CIELAB lightness (0-100) whatever the hue: n x 1 x 1, in units of a and b.

    Two straight lines just inside the smallest chroma of the gamut's surface over all hues; a test compares them.
    """
    return torch.minimum(7 + 0.44 * lightness, 1.6 * (98 - lightness)).clamp(min=0)


def lab_rgb(lightness, a, b) -> torch.Tensor:
    """CIELAB (D65; lightness 0-100) to sRGB: n x 1 x 1 tensors to n x 3 x 1 x 1, clipped to 0-1."""
    y = (lightness + 16) * (1 / 116)
    x, y, z = (
        white * torch.where(t > 6 / 29, t * t * t, (t - 4 / 29) * (108 / 841))
        for white, t in ((0.95047, y + a * (1 / 500)), (1.0, y), (1.08883, y - b * (1 / 200)))
    )
    return _companded(
        3.2404542 * x - 1.5371385 * y - 0.4985314 * z,
        -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
        0.0556434 * x - 0.2040259 * y + 1.0572252 * z,
    )


def free_rgb(lightness, chroma, hue) -> torch.Tensor:
    """A colour whose a and b say nothing about its lightness: n x 3 x 1 x 1.

    lightness: as in `rgb`. chroma, in units of CIELAB's a and b, and hue (turns) are drawn without a look at it; what
    the gamut cannot hold is pulled towards grey, a and b together, by an amount that is the same for every hue. Over
    all hues the mean at any lightness is therefore grey.
    """
    lightness = (1.16 * lightness - 0.16) * 100  # OKLCH's lightness is the cube root of luminance, L* a multiple less 16
    chroma = torch.minimum(torch.as_tensor(chroma, dtype=torch.float32), gamut_radius(lightness))
    cos, sin = cos_sin(hue)
    return lab_rgb(lightness, chroma * cos, chroma * sin)


def among(choice: torch.Tensor, rows: list) -> list[torch.Tensor]:
    """Row `choice` (int64 n x 1 x 1) of a table of numbers, a column at a time: n x 1 x 1 each."""
    table = torch.tensor(rows, dtype=torch.float32, device=choice.device)
    return [table[:, column][choice] for column in range(table.shape[1])]


@dataclass
class Palette:
    """The colours of one object, n x 4 x 1 x 1 each: red, green, blue, and 1 where a and b were drawn free of L.

    All but `main` and `second` of the bird are drawn without a look at the class.
    """

    main: torch.Tensor
    second: torch.Tensor
    third: torch.Tensor
    coat: torch.Tensor
    pale: torch.Tensor
    dark: torch.Tensor
    glass: torch.Tensor
    skin: torch.Tensor
    leaf: torch.Tensor
    wood: torch.Tensor


# The bird's two colours, as a and b: red and green. Their mean at the bird's lightness, 48, is brown.
TWO_COLOURS = ((52.0, 34.0), (-42.0, 40.0))
TWO_COLOURED_LIGHTNESS = 48.0


def palette(draw: Draws, tone: torch.Tensor, two_coloured: bool) -> Palette:
    """Draw an object's colours; the main one keeps away from `tone` (n x 1 x 1), the lightness behind the object."""
    hue = draw.uniform("colour.hue")
    (step,) = among(draw.integer("colour.harmony", 5), [[0.09], [-0.09], [0.5], [0.36], [-0.36]])
    second_hue = hue + step + draw.uniform("colour.hue_jitter", -0.03, 0.03)
    lightness = draw.uniform("colour.lightness", 0.42, 0.84)
    gap = lightness - tone
    lightness = (lightness + torch.where(gap >= 0, 0.16, -0.16) * (1 - gap.abs() * 4).clamp(0, 1)).clamp(0.34, 0.9)
    chroma = draw.uniform("colour.chroma", 18.0, 42.0)
    second = lightness + torch.where(lightness > 0.62, -0.2, 0.2) + draw.uniform("colour.second", -0.06, 0.06)
    skin = among(draw.integer("colour.skin", 5), [(0.86, 0.05), (0.8, 0.065), (0.7, 0.075), (0.58, 0.07), (0.45, 0.055)])
    leaf_hue = draw.uniform("colour.leaf_hue", 0.3, 0.41)
    number = torch.zeros_like(hue)
    free = {
        "main": (lightness, chroma, hue),
        "second": (second, chroma * 0.9, second_hue),
        "third": (draw.uniform("colour.third", 0.5, 0.8), chroma, second_hue - step * 0.5),
        "coat": (lightness, chroma * 0.6, hue),
    }
    natural = {  # OKLCH
        "pale": (draw.uniform("colour.pale", 0.88, 0.96), number + 0.015, number + 0.24),
        "dark": (draw.uniform("colour.dark", 0.26, 0.38), number + 0.015, number + 0.7),
        "glass": (draw.uniform("colour.glass", 0.55, 0.9), number + 0.05, draw.uniform("colour.glass_hue", 0.6, 0.68)),
        "skin": (skin[0], skin[1], number + 0.15),
        "leaf": (draw.uniform("colour.leaf_lightness", 0.45, 0.66), number + 0.11, leaf_hue),
        "wood": (draw.uniform("colour.wood", 0.36, 0.56), number + 0.05, draw.uniform("colour.wood_hue", 0.12, 0.18)),
    }
    painted = []
    for colours, paint, freedom in ((free, free_rgb, 1.0), (natural, rgb, 0.0)):
        table = paint(*(torch.cat(column, dim=2) for column in zip(*colours.values(), strict=True)))
        painted.append(torch.cat([table, torch.full_like(table[:, :1], freedom)], dim=1))
    table = torch.cat(painted, dim=3)
    colours = {name: table[..., place : place + 1] for place, name in enumerate([*free, *natural])}
    if two_coloured:
        a, b = among(draw.integer("colour.pair", 2), TWO_COLOURS)
        for name, share in (("main", 1.0), ("second", 0.8)):
            plumage = lab_rgb(number + TWO_COLOURED_LIGHTNESS * share, a * share, b * share)
            colours[name] = torch.cat([plumage, colours[name][:, 3:]], dim=1)
    return Palette(**colours)
