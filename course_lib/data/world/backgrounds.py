"""What is behind the object: land under a sky, or a surface without any up, seen at an angle of its own.

Every function takes the draws of n scenes and what it needs of `View`, and returns n x 3 x S x S colours in 0-1.
"""

import torch

from course_lib.data.world.colour import among, free_rgb, rgb
from course_lib.data.world.distance import ellipse, length
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.film import CHANNELS, DEPTH, FREEDOM, NORMAL
from course_lib.data.world.noise import cell, cell_table, line_noise, look_up, plane_noise, screen_noise
from course_lib.data.world.window import Window


class View:
    """What the backgrounds of n scenes start from.

    window: the whole picture. horizon: n x 1 x 1, its height in the upright world. grain: n x S x S fractal noise
    about 0. tilt: two n x 1 x 1 numbers, by how much a surface slants away from the viewer, to the right and up: a
    point of the surface that is seen at (x, y) lies at 1 / (1 + tilt_x x + tilt_y y) times the distance of its middle.
    """

    def __init__(self, window: Window, horizon: torch.Tensor, grain: torch.Tensor, tilt):
        self.size, self.horizon, self.grain = window.size, horizon, grain
        self.cos, self.sin = window.roll
        self.x, self.y, self.world_x, self.world_y = window.x, window.y, window.world_x, window.world_y
        self.tilt_x, self.tilt_y = tilt

    def subset(self, which: torch.Tensor) -> "View":
        part = object.__new__(View)
        part.__dict__ = {name: value if name == "size" else value[which] for name, value in self.__dict__.items()}
        return part

    def recession(self) -> torch.Tensor:
        """How far each pixel of a slanting surface lies, beside its middle: n x S x S."""
        return 1 / (1 + self.tilt_x * self.x + self.tilt_y * self.y)


def _mixed(first, second, share):
    """Between two colours: share n x S x S in 0-1."""
    return first + (second - first) * share[:, None]


# Lightness, chroma and hue in degrees: of the sky's top, and of its foot; then the time of day. Blue and grey as skies
# are, but many are darker than the ground: the sky must not be known by its lightness.
TIMES = ["day", "dusk", "night"]
SKIES = {
    "clear": (0.66, 0.10, 245, 0.88, 0.045, 225, 0),
    "fair": (0.72, 0.08, 235, 0.92, 0.035, 222, 0),
    "hazy": (0.76, 0.05, 240, 0.90, 0.025, 230, 0),
    "overcast": (0.60, 0.02, 250, 0.80, 0.01, 240, 0),
    "stormy": (0.38, 0.03, 245, 0.54, 0.025, 230, 0),
    "leaden": (0.48, 0.02, 250, 0.60, 0.015, 240, 0),
    "sunset": (0.48, 0.07, 262, 0.82, 0.06, 60, 1),
    "blue hour": (0.36, 0.07, 250, 0.54, 0.065, 235, 1),
    "night": (0.26, 0.06, 265, 0.40, 0.055, 258, 2),
    "moonless": (0.20, 0.04, 268, 0.29, 0.045, 262, 2),
}
# The ground's colour, the strength of its grain, and how much longer its grain is across than along.
GROUNDS = {
    "grass": (0.62, 0.11, 128, 0.16, 1.0),
    "meadow": (0.76, 0.08, 112, 0.14, 1.0),
    "sand": (0.84, 0.055, 82, 0.07, 0.5),
    "snow": (0.94, 0.015, 240, 0.05, 0.6),
    "ice": (0.84, 0.03, 235, 0.06, 0.3),
    "stone": (0.62, 0.015, 260, 0.08, 1.0),
    "soil": (0.47, 0.055, 55, 0.16, 1.0),
    "water": (0.58, 0.07, 235, 0.14, 0.25),
    "clay": (0.70, 0.07, 50, 0.10, 1.0),
    "moss": (0.40, 0.065, 130, 0.16, 1.0),
}
_SKIES, _GROUNDS = list(SKIES.values()), list(GROUNDS.values())
SURFACE_DISTANCE = 3.0  # of a surface's middle, in heights of the camera above the ground
HORIZON_LIFT = 0.035  # the ground's true horizon lies this much above the one that haze lets one see
HILLS = {"far": 60.0, "near": 40.0}  # their distances, in heights of the camera above the ground


def ground_depth(below_horizon: torch.Tensor) -> torch.Tensor:
    """Distance of the ground that is seen so far below the horizon, in heights of the camera above it."""
    return 1 / (below_horizon.clamp(min=0) + HORIZON_LIFT)


def land(draw: Draws, view: View) -> tuple[torch.Tensor, torch.Tensor]:
    """Ground under a sky, with clouds, sometimes a sun or moon and distant hills; and its depth, n x S x S."""
    x, y, horizon = view.world_x, view.world_y, view.horizon
    kinds = among(draw.integer("sky.kind", len(_SKIES)), _SKIES)
    shift = draw.uniform("sky.hue_shift", -0.012, 0.012)
    top, foot = (rgb(kinds[k], kinds[k + 1], kinds[k + 2] * (1 / 360) + shift) for k in (0, 3))
    turned = draw.chance("sky.dark_foot", 0.3)[:, None]  # some skies are darkest at the horizon
    top, foot = torch.where(turned, foot, top), torch.where(turned, top, foot)
    ground = among(draw.integer("ground.kind", len(_GROUNDS)), _GROUNDS)
    draw.keep("scene.time", kinds[6].to(torch.int64))
    night = torch.where(kinds[3] < 0.5, 0.88, 1.0)  # the land is a little darker then
    lightness = (ground[0] + draw.uniform("ground.lightness", -0.06, 0.06)) * night
    soil = rgb(lightness, ground[1], ground[2] * (1 / 360) + draw.uniform("ground.hue_shift", -0.012, 0.012))

    # Clouds above the horizon and the grain of the ground below it share their noise.
    below = y < horizon
    distance = ground_depth(horizon - y)
    depth = 0.12 * distance  # in the unit of the textures
    across = x * depth * ground[4]
    wide, fine = (
        plane_noise(draw, name, torch.where(below, across * a, x * b) + 8, torch.where(below, depth * c, y * d + 8))
        for name, a, b, c, d in (("land.wide", 5, 4, 5, 9), ("land.fine", 22, 11, 17, 22))
    )
    height = (y - horizon).clamp(min=0)
    clouds = (wide * 0.65 + fine * 0.35 - draw.uniform("sky.clear", 0.45, 0.95)) * 3.0 * (height * 8).clamp(0, 1)
    sky = _sun(draw, x, y, _mixed(foot, top, (height * 1.9).clamp(0, 1)))
    sky = _mixed(sky, foot + (1 - foot) * 0.35, clouds.clamp(0, 0.8))
    sky, far = _hills(draw, view, sky, soil, foot)

    near = (1.4 - depth * 0.45).clamp(0, 1)
    relief = 1 + ground[3] * ((wide - 0.5) * 1.6 + (fine - 0.5) * 2.2 * near)
    haze = ((depth - 0.6) * 0.22).clamp(0, 0.5)
    surface = _mixed(soil * relief[:, None], foot, haze)
    return _mixed(sky, surface, ((horizon - y) * view.size + 0.5).clamp(0, 1)), torch.where(below, distance, far)


def _sun(draw, x, y, sky):
    """A sun or moon with its glow, in a third of the skies."""
    distance = length(x - draw.uniform("sky.sun_x", -0.45, 0.45), y - draw.uniform("sky.sun_y", 0.1, 0.45))
    shown = torch.where(draw.chance("sky.sun", 0.35), 1.0, 0.0)
    glow = 0.35 / (1 + 90 * distance * distance) + (1 - (distance - 0.045) * 90).clamp(0, 1) * 0.65
    return _mixed(sky, rgb(0.97, 0.04, draw.uniform("sky.sun_hue", 0.12, 0.28)), glow * shown)


def _hills(draw, view, sky, soil, haze):
    """Up to two rows of hills, the further the more of the haze's colour; and how far sky and hills are."""
    depth = torch.full_like(view.world_y, torch.inf)
    for name, far in (("far", 0.68), ("near", 0.4)):
        tall = draw.uniform(f"hills.{name}_height", 0.05, 0.22) * torch.where(draw.chance(f"hills.{name}", 0.5), far, 0.0)
        ridge = view.horizon + tall * line_noise(draw, f"hills.{name}_outline", view.world_x * (4 / far) + 8)
        hill = soil * 0.8 + (haze - soil * 0.8) * far
        sky = _mixed(sky, hill, ((ridge - view.world_y) * view.size + 0.5).clamp(0, 1))
        depth = torch.where(view.world_y < ridge, HILLS[name], depth)
    return sky, depth


def _turned(draw: Draws, view: View, name: str):
    """The surface's frame turned by any angle about any point, so that the texture in it has no up."""
    cos, sin = cos_sin(draw.uniform(f"{name}.angle"))
    recession = view.recession()
    x = view.x * recession - draw.uniform(f"{name}.x", -0.5, 0.5)
    y = view.y * recession - draw.uniform(f"{name}.y", -0.5, 0.5)
    return x * cos + y * sin, y * cos - x * sin


def _base(draw: Draws, low=0.4, high=0.86, chroma=24.0):
    """The plain colour of a surface, and its lightness, chroma and hue, for `free_rgb`."""
    lightness = draw.keep("surface.lightness", _tone(draw, low, high))
    strength = draw.uniform("surface.chroma", 3.0, chroma)
    hue = draw.uniform("surface.hue")
    return free_rgb(lightness, strength, hue), (lightness, strength, hue)


def _tone(draw: Draws, low=0.4, high=0.86):
    return low + draw.uniform("surface.tone") * (high - low)


def plaster(draw: Draws, view: View) -> torch.Tensor:
    """A painted wall: patches, and fine roughness."""
    colour, (lightness, chroma, hue) = _base(draw)
    other = free_rgb(lightness - 0.1, chroma * 1.2, hue + draw.uniform("plaster.hue_step", -0.1, 0.1))
    stain = ((view.grain * 2.6 + draw.uniform("plaster.stain", -0.3, 0.5)) * 1.2).clamp(0, 1)
    return _mixed(colour, other, stain) * (1 + view.grain * draw.uniform("plaster.rough", 0.1, 0.5))[:, None]


def masonry(draw: Draws, view: View) -> torch.Tensor:
    """Tiles, bricks or planks, each with a tone of its own, in a bond that may be staggered."""
    colour, (lightness, chroma, hue) = _base(draw, 0.42, 0.82, 28.0)
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
    mortar = free_rgb(lightness + torch.where(draw.chance("masonry.pale_joint", 0.5), 0.1, -0.13), chroma * 0.5, hue)
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
    hue = draw.uniform("foliage.green", 0.3, 0.42)
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
    colour, (lightness, chroma, hue) = _base(draw, 0.36, 0.8, 26.0)
    wide = screen_noise(draw, "blur.wide", [(4, 1.0)], view.size) + 0.5
    other = free_rgb(lightness + 0.12, chroma, hue + draw.uniform("blur.hue_step", -0.2, 0.2))
    colour = _mixed(colour, other, wide)
    cells = draw.uniform("blur.cells", 2.5, 5.0)
    soft = draw.uniform("blur.soft", 0.06, 0.25)
    for k in range(2):
        lights = (free_rgb(lightness + 0.16, chroma + 6, hue - 0.07), free_rgb(lightness + 0.08, chroma + 12, hue + 0.1))
        opacity = draw.uniform(f"blur.opacity{k}", 0.15, 0.5)
        colour = _spots(draw, view, f"blur.layer{k}", colour, lights, cells * (1 + 0.4 * k), 1.0, soft, opacity)
    return colour


def cloth(draw: Draws, view: View) -> torch.Tensor:
    """Stripes and checks, woven."""
    colour, (lightness, chroma, hue) = _base(draw, 0.45, 0.85, 26.0)
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
    other = free_rgb(lightness - darker, chroma * 1.3, hue + step)
    return _mixed(colour, other, (warp + weft) * 0.5) * (1 + view.grain * 0.35)[:, None]


SURFACES = [plaster, masonry, foliage, blur, cloth]
NATURAL = SURFACES.index(foliage)  # the only surface whose colour is not free


def tone_of(draw: Draws, kind: torch.Tensor) -> torch.Tensor:
    """Roughly how light the background is: n x 1 x 1, from its draws alone. kind: position in SURFACES, or -1 for land."""
    ground = among(draw.integer("ground.kind", len(_GROUNDS)), _GROUNDS)[0]
    sky = among(draw.integer("sky.kind", len(_SKIES)), _SKIES)
    return torch.where(kind < 0, (ground + sky[3]) * 0.5, _tone(draw))


def background(draw, view, surface):
    """Each kind of background for the scenes that have it, as a film without instances.

    surface: int64 n x 1 x 1, position in SURFACES, or -1 for land.
    """
    film = torch.zeros(len(draw), CHANNELS, *view.grain.shape[1:], device=draw.device)
    parts = []
    for kind, painter in enumerate([land, *SURFACES], start=-1):
        which = (surface.flatten() == kind).nonzero().flatten()
        if not len(which):
            continue
        part, seen = draw.subset(which), view.subset(which)
        layer = torch.zeros(len(which), CHANNELS, *view.grain.shape[1:], device=draw.device)
        if painter is land:
            layer[:, :3], layer[:, DEPTH] = land(part, seen)
            ground, hills = layer[:, DEPTH] < min(HILLS.values()), layer[:, DEPTH].isfinite()
            upwards = torch.cat([-seen.sin, seen.cos, torch.zeros_like(seen.cos)], dim=1)[..., None]
            layer[:, NORMAL] = upwards * ground[:, None]
            layer[:, NORMAL.stop - 1] = (hills & ~ground).float()
        else:
            layer[:, :3], layer[:, DEPTH] = painter(part, seen), SURFACE_DISTANCE * seen.recession()
            slope = torch.cat([-seen.tilt_x, -seen.tilt_y, torch.ones_like(seen.tilt_x)], dim=1)
            layer[:, NORMAL] = (slope / torch.sqrt((slope * slope).sum(1, keepdim=True)))[..., None]
            layer[:, FREEDOM] = float(kind != NATURAL)
        film[which] = layer
        parts.append((which, part))
    draw.absorb(*parts)
    return film
