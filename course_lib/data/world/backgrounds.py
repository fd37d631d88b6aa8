"""What is behind the object: land under a sky, or a surface without any up, seen at an angle of its own.

Every function takes the draws of n scenes and what it needs of `View`, and returns n x 3 x S x S colours in 0-1.
"""

import torch

from course_lib.data.world.colour import among, rgb
from course_lib.data.world.distance import ellipse, length
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.noise import cell, cell_table, line_noise, look_up, plane_noise, screen_noise
from course_lib.data.world.window import Window


class View:
    """What the backgrounds of n scenes start from.

    window: the whole picture. horizon: n x 1 x 1, its height in the upright world. grain: n x S x S fractal noise
    about 0.
    """

    def __init__(self, window: Window, horizon: torch.Tensor, grain: torch.Tensor):
        self.size, self.horizon, self.grain = window.size, horizon, grain
        self.x, self.y, self.world_x, self.world_y = window.x, window.y, window.world_x, window.world_y

    def subset(self, which: torch.Tensor) -> "View":
        part = object.__new__(View)
        part.__dict__ = {name: value if name == "size" else value[which] for name, value in self.__dict__.items()}
        return part


def _mixed(first, second, share):
    """Between two colours: share n x S x S in 0-1."""
    return first + (second - first) * share[:, None]


# Lightness, chroma and hue in degrees: of the sky's top, and of its foot. Many are dark or warm, as many grounds are
# light or cool: the sky must not be known by its colour.
_SKIES = [
    (0.66, 0.10, 245, 0.88, 0.045, 225),  # clear
    (0.72, 0.08, 230, 0.92, 0.035, 200),  # fair
    (0.76, 0.05, 240, 0.92, 0.04, 95),  # hazy
    (0.60, 0.02, 250, 0.80, 0.01, 240),  # overcast
    (0.46, 0.08, 285, 0.82, 0.10, 55),  # sunset
    (0.66, 0.07, 275, 0.86, 0.07, 15),  # dawn
    (0.62, 0.09, 55, 0.80, 0.09, 85),  # amber
    (0.58, 0.05, 75, 0.70, 0.05, 80),  # sandstorm
    (0.38, 0.06, 25, 0.56, 0.09, 45),  # embers
    (0.24, 0.06, 272, 0.40, 0.06, 262),  # night
    (0.26, 0.05, 300, 0.38, 0.06, 330),  # violet night
    (0.38, 0.03, 245, 0.54, 0.025, 230),  # storm
    (0.38, 0.07, 240, 0.56, 0.065, 210),  # blue hour
    (0.30, 0.05, 175, 0.46, 0.06, 150),  # aurora
]
# The ground's colour, the strength of its grain, and how much longer its grain is across than along.
_GROUNDS = [
    (0.62, 0.11, 128, 0.16, 1.0),  # grass
    (0.76, 0.08, 105, 0.14, 1.0),  # dry meadow
    (0.84, 0.055, 82, 0.07, 0.5),  # sand
    (0.94, 0.015, 240, 0.05, 0.6),  # snow
    (0.84, 0.03, 235, 0.06, 0.3),  # ice
    (0.62, 0.015, 260, 0.08, 1.0),  # stone
    (0.47, 0.055, 55, 0.16, 1.0),  # soil
    (0.62, 0.075, 230, 0.14, 0.25),  # water
    (0.73, 0.07, 48, 0.10, 1.0),  # clay
    (0.36, 0.05, 150, 0.16, 1.0),  # moss
    (0.64, 0.08, 300, 0.16, 1.0),  # lavender
]


def land(draw: Draws, view: View) -> torch.Tensor:
    """Ground under a sky, with clouds, sometimes a sun or moon and distant hills."""
    x, y, horizon = view.world_x, view.world_y, view.horizon
    kinds = among(draw.integer("sky.kind", len(_SKIES)), _SKIES)
    shift = draw.uniform("sky.hue_shift", -0.03, 0.03)
    top, foot = (rgb(kinds[k], kinds[k + 1], kinds[k + 2] * (1 / 360) + shift) for k in (0, 3))
    turned = draw.chance("sky.dark_foot", 0.3)[:, None]  # some skies are darkest at the horizon
    top, foot = torch.where(turned, foot, top), torch.where(turned, top, foot)
    ground = among(draw.integer("ground.kind", len(_GROUNDS)), _GROUNDS)
    night = torch.where(kinds[3] < 0.5, 0.88, 1.0)  # the land is a little darker then
    lightness = (ground[0] + draw.uniform("ground.lightness", -0.06, 0.06)) * night
    soil = rgb(lightness, ground[1], ground[2] * (1 / 360) + draw.uniform("ground.hue_shift", -0.03, 0.03))

    # Clouds above the horizon and the grain of the ground below it share their noise.
    below = y < horizon
    depth = 0.12 / ((horizon - y).clamp(min=0) + 0.035)  # distance along the ground
    across = x * depth * ground[4]
    wide, fine = (
        plane_noise(draw, name, torch.where(below, across * a, x * b) + 8, torch.where(below, depth * c, y * d + 8))
        for name, a, b, c, d in (("land.wide", 5, 4, 5, 9), ("land.fine", 22, 11, 17, 22))
    )
    height = (y - horizon).clamp(min=0)
    clouds = (wide * 0.65 + fine * 0.35 - draw.uniform("sky.clear", 0.45, 0.95)) * 3.0 * (height * 8).clamp(0, 1)
    sky = _sun(draw, x, y, _mixed(foot, top, (height * 1.9).clamp(0, 1)))
    sky = _mixed(sky, foot + (1 - foot) * 0.35, clouds.clamp(0, 0.8))
    sky = _hills(draw, view, sky, soil, foot)

    near = (1.4 - depth * 0.45).clamp(0, 1)
    relief = 1 + ground[3] * ((wide - 0.5) * 1.6 + (fine - 0.5) * 2.2 * near)
    haze = ((depth - 0.6) * 0.22).clamp(0, 0.5)
    surface = _mixed(soil * relief[:, None], foot, haze)
    return _mixed(sky, surface, ((horizon - y) * view.size + 0.5).clamp(0, 1))


def _sun(draw, x, y, sky):
    """A sun or moon with its glow, in a third of the skies."""
    distance = length(x - draw.uniform("sky.sun_x", -0.45, 0.45), y - draw.uniform("sky.sun_y", 0.1, 0.45))
    shown = torch.where(draw.chance("sky.sun", 0.35), 1.0, 0.0)
    glow = 0.35 / (1 + 90 * distance * distance) + (1 - (distance - 0.045) * 90).clamp(0, 1) * 0.65
    return _mixed(sky, rgb(0.97, 0.04, draw.uniform("sky.sun_hue", 0.12, 0.28)), glow * shown)


def _hills(draw, view, sky, soil, haze):
    """Up to two rows of hills, the further the more of the haze's colour."""
    for name, far in (("far", 0.68), ("near", 0.4)):
        tall = draw.uniform(f"hills.{name}_height", 0.05, 0.22) * torch.where(draw.chance(f"hills.{name}", 0.5), far, 0.0)
        ridge = view.horizon + tall * line_noise(draw, f"hills.{name}_outline", view.world_x * (4 / far) + 8)
        hill = soil * 0.8 + (haze - soil * 0.8) * far
        sky = _mixed(sky, hill, ((ridge - view.world_y) * view.size + 0.5).clamp(0, 1))
    return sky


def _turned(draw: Draws, view: View, name: str):
    """The picture's frame turned by any angle about any point, so that the texture in it has no up."""
    cos, sin = cos_sin(draw.uniform(f"{name}.angle"))
    x, y = view.x - draw.uniform(f"{name}.x", -0.5, 0.5), view.y - draw.uniform(f"{name}.y", -0.5, 0.5)
    return x * cos + y * sin, y * cos - x * sin


def _base(draw: Draws, low=0.4, high=0.86, chroma=0.07):
    """The plain colour of a surface, and its lightness, chroma and hue."""
    lightness = draw.keep("surface.lightness", _tone(draw, low, high))
    strength = draw.uniform("surface.chroma", 0.01, chroma)
    hue = draw.uniform("surface.hue")
    return rgb(lightness, strength, hue), (lightness, strength, hue)


def _tone(draw: Draws, low=0.4, high=0.86):
    return low + draw.uniform("surface.tone") * (high - low)


def plaster(draw: Draws, view: View) -> torch.Tensor:
    """A painted wall: patches, and fine roughness."""
    colour, (lightness, chroma, hue) = _base(draw)
    other = rgb(lightness - 0.1, chroma * 1.2, hue + draw.uniform("plaster.hue_step", -0.1, 0.1))
    stain = ((view.grain * 2.6 + draw.uniform("plaster.stain", -0.3, 0.5)) * 1.2).clamp(0, 1)
    return _mixed(colour, other, stain) * (1 + view.grain * draw.uniform("plaster.rough", 0.1, 0.5))[:, None]


def masonry(draw: Draws, view: View) -> torch.Tensor:
    """Tiles, bricks or planks, each with a tone of its own, in a bond that may be staggered."""
    colour, (lightness, chroma, hue) = _base(draw, 0.42, 0.82, 0.085)
    x, y = _turned(draw, view, "masonry")
    rows = draw.uniform("masonry.rows", 4.0, 9.0)
    (aspect,) = among(draw.integer("masonry.aspect", 4), [[1.0], [2.0], [2.6], [7.0]])
    y = y * rows
    row = torch.floor(y)
    shift = look_up(cell_table(draw, "masonry.shift"), cell(row * 0, row))
    x = x * rows / aspect + shift * torch.where(aspect > 1.5, 1.0, 0.0)
    column = torch.floor(x)
    tone = look_up(cell_table(draw, "masonry.tones"), cell(column, row))
    a, b = x - column, y - row
    gap = torch.minimum(torch.minimum(a, 1 - a) * aspect, torch.minimum(b, 1 - b))
    width = draw.uniform("masonry.joint", 0.02, 0.06)
    joint = (1 - (gap - width) * view.size / rows).clamp(0, 1)
    mortar = rgb(lightness + torch.where(draw.chance("masonry.pale_joint", 0.5), 0.1, -0.13), chroma * 0.5, hue)
    streak = (plane_noise(draw, "masonry.grain", x * aspect * 1.5, y * 6) - 0.5) * torch.where(aspect > 5, 0.16, 0.05)
    tone = (tone - 0.5) * draw.uniform("masonry.variety", 0.06, 0.24)
    stone = colour * (1 + tone + streak + view.grain * 0.2)[:, None]
    return _mixed(stone, mortar, joint * 0.8)


def _spots(draw: Draws, view: View, name: str, below, colours, cells, slender, soft, opacity):
    """A layer of jittered spots, one a cell, between two colours: leaves when slender, lights out of focus when round."""
    x, y = _turned(draw, view, name)
    x, y = x * cells, y * cells
    column, row = torch.floor(x), torch.floor(y)
    x, y = x - column - 0.5, y - row - 0.5
    cells_here = cell(column, row)

    def look(values):
        return look_up(values, cells_here)

    x = x - (look(cell_table(draw, f"{name}.jitter_x")) - 0.5) * 0.3
    y = y - (look(cell_table(draw, f"{name}.jitter_y")) - 0.5) * 0.3
    cos, sin = map(look, cos_sin(cell_table(draw, f"{name}.directions")))
    tone = look(cell_table(draw, f"{name}.tones"))
    along, across = x * cos + y * sin, y * cos - x * sin
    radius = 0.25 + tone * 0.14
    distance = ellipse(along, across, radius, radius * slender)
    cover = (0.5 - distance / soft).clamp(0, 1)
    vein = 1 + (across * slender).clamp(-0.1, 0.1) * 1.2
    spot = _mixed(*colours, tone) * vein[:, None]
    shaded = below * (1 - 0.3 * (1 - distance * 6).clamp(0, 1) * opacity)[:, None]
    return _mixed(shaded, spot, cover * opacity)


def foliage(draw: Draws, view: View) -> torch.Tensor:
    """Leaves on leaves, seen from near."""
    green, warm = draw.uniform("foliage.green", 0.27, 0.46), draw.uniform("foliage.warm", 0.08, 0.24)
    hue = torch.where(draw.chance("foliage.autumn", 0.3), warm, green)
    lightness = draw.keep("surface.lightness", _tone(draw, 0.42, 0.68))
    colour = rgb(lightness - 0.14, 0.06, hue) * (1 + view.grain * 0.8)[:, None]
    cells = draw.uniform("foliage.cells", 4.5, 8.0)
    slender = draw.uniform("foliage.slender", 0.45, 0.8)
    soft = cells / view.size * 1.2
    for k, lift in enumerate((-0.07, -0.02, 0.04)):
        leaves = (rgb(lightness + lift - 0.05, 0.075, hue - 0.015), rgb(lightness + lift + 0.06, 0.09, hue + 0.02))
        colour = _spots(draw, view, f"foliage.layer{k}", colour, leaves, cells, slender, soft, 1.0)
    return colour


def blur(draw: Draws, view: View) -> torch.Tensor:
    """Close to the lens: soft patches of colour and lights out of focus."""
    colour, (lightness, chroma, hue) = _base(draw, 0.36, 0.8, 0.08)
    wide = screen_noise(draw, "blur.wide", [(4, 1.0)], view.size) + 0.5
    other = rgb(lightness + 0.12, chroma, hue + draw.uniform("blur.hue_step", -0.2, 0.2))
    colour = _mixed(colour, other, wide)
    cells = draw.uniform("blur.cells", 2.5, 5.0)
    soft = draw.uniform("blur.soft", 0.06, 0.25)
    for k in range(2):
        lights = (rgb(lightness + 0.16, chroma + 0.02, hue - 0.07), rgb(lightness + 0.08, chroma + 0.04, hue + 0.1))
        opacity = draw.uniform(f"blur.opacity{k}", 0.15, 0.5)
        colour = _spots(draw, view, f"blur.layer{k}", colour, lights, cells * (1 + 0.4 * k), 1.0, soft, opacity)
    return colour


def cloth(draw: Draws, view: View) -> torch.Tensor:
    """Stripes and checks, woven."""
    colour, (lightness, chroma, hue) = _base(draw, 0.45, 0.85, 0.08)
    x, y = _turned(draw, view, "cloth")
    bend = view.grain * draw.uniform("cloth.folds", 0.0, 0.12)
    pitch = draw.uniform("cloth.pitch", 4.0, 10.0)

    def band(place, duty):
        wave = (place * pitch - torch.floor(place * pitch) - 0.5).abs() * 2  # a triangle between 0 and 1
        return ((duty - wave) * view.size / pitch * 0.5 + 0.5).clamp(0, 1)

    duty = draw.uniform("cloth.duty", 0.3, 0.6)
    warp = band(x + bend, duty)
    weft = band(y + bend, duty) * torch.where(draw.chance("cloth.checked", 0.55), 1.0, 0.0)
    darker, step = draw.uniform("cloth.contrast", 0.05, 0.15), draw.uniform("cloth.hue_step", -0.12, 0.12)
    other = rgb(lightness - darker, chroma * 1.3, hue + step)
    return _mixed(colour, other, (warp + weft) * 0.5) * (1 + view.grain * 0.35)[:, None]


SURFACES = [plaster, masonry, foliage, blur, cloth]


def tone_of(draw: Draws, kind: torch.Tensor) -> torch.Tensor:
    """Roughly how light the background is: n x 1 x 1, from its draws alone. kind: position in SURFACES, or -1 for land."""
    ground = among(draw.integer("ground.kind", len(_GROUNDS)), _GROUNDS)[0]
    sky = among(draw.integer("sky.kind", len(_SKIES)), _SKIES)
    return torch.where(kind < 0, (ground + sky[3]) * 0.5, _tone(draw))
