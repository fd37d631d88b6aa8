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
    linear = torch.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        dim=-3,
    ).clamp(0, 1)
    # sRGB's curve from square roots alone (see `cos_sin` for why): within 0.004 of it above 0.01.
    root = torch.sqrt(linear)
    fourth = torch.sqrt(root)
    return (0.585122381 * root + 0.783140355 * fourth - 0.368262736 * torch.sqrt(fourth)).clamp(0, 1)


def among(choice: torch.Tensor, rows: list) -> list[torch.Tensor]:
    """Row `choice` (int64 n x 1 x 1) of a table of numbers, a column at a time: n x 1 x 1 each."""
    table = torch.tensor(rows, dtype=torch.float32, device=choice.device)
    return [table[:, column][choice] for column in range(table.shape[1])]


@dataclass
class Palette:
    """The colours of one object, n x 3 x 1 x 1 each: drawn without a look at its class."""

    main: torch.Tensor
    second: torch.Tensor
    third: torch.Tensor
    pale: torch.Tensor
    dark: torch.Tensor
    glass: torch.Tensor
    skin: torch.Tensor
    coat: torch.Tensor
    leaf: torch.Tensor
    wood: torch.Tensor


def palette(draw: Draws, tone: torch.Tensor) -> Palette:
    """Draw an object's colours; the main one keeps away from `tone` (n x 1 x 1), the lightness behind the object."""
    hue = draw.uniform("colour.hue")
    (step,) = among(draw.integer("colour.harmony", 5), [[0.09], [-0.09], [0.5], [0.36], [-0.36]])
    second_hue = hue + step + draw.uniform("colour.hue_jitter", -0.03, 0.03)
    lightness = draw.uniform("colour.lightness", 0.42, 0.84)
    gap = lightness - tone
    lightness = (lightness + torch.where(gap >= 0, 0.16, -0.16) * (1 - gap.abs() * 4).clamp(0, 1)).clamp(0.34, 0.9)
    # Very light and very dark colours hold little chroma inside the gamut.
    room = 1 - (lightness - 0.64).abs() * 1.6
    chroma = draw.uniform("colour.chroma", 0.05, 0.15) * room
    second = lightness + torch.where(lightness > 0.62, -0.2, 0.2) + draw.uniform("colour.second", -0.06, 0.06)
    skin = among(draw.integer("colour.skin", 5), [(0.86, 0.05), (0.8, 0.065), (0.7, 0.075), (0.58, 0.07), (0.45, 0.055)])
    leaf_hue = draw.uniform("colour.leaf_hue", 0.28, 0.43)
    leaf_hue = torch.where(draw.chance("colour.autumn", 0.25), draw.uniform("colour.autumn_hue", 0.1, 0.24), leaf_hue)
    number = torch.zeros_like(hue)
    colours = {  # lightness, chroma, hue
        "main": (lightness, chroma, hue),
        "second": (second, chroma * 0.9, second_hue),
        "third": (draw.uniform("colour.third", 0.5, 0.8), chroma, second_hue - step * 0.5),
        "pale": (draw.uniform("colour.pale", 0.88, 0.96), number + 0.02, hue),
        "dark": (draw.uniform("colour.dark", 0.26, 0.38), number + 0.03, hue),
        "glass": (draw.uniform("colour.glass", 0.55, 0.9), number + 0.05, draw.uniform("colour.glass_hue", 0.1, 0.65)),
        "skin": (skin[0], skin[1], number + 0.15),
        "coat": (lightness, chroma * 0.55, hue),
        "leaf": (draw.uniform("colour.leaf_lightness", 0.45, 0.66), number + 0.11, leaf_hue),
        "wood": (draw.uniform("colour.wood", 0.36, 0.56), number + 0.05, draw.uniform("colour.wood_hue", 0.1, 0.2)),
    }
    table = rgb(*(torch.cat(column, dim=2) for column in zip(*colours.values(), strict=True)))
    return Palette(**{name: table[..., place : place + 1] for place, name in enumerate(colours)})
