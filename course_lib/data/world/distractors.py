"""Rocks, balls, boxes, bushes, poles and blobs: things that are none of the classes and lie about."""

import torch

from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import among, free_rgb, rgb
from course_lib.data.world.distance import box, ellipse
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.film import lay
from course_lib.data.world.window import Window

# Half-width, half-height, corner (as a share of the smaller half), ripple of the outline, bevel, whether many-coloured.
KINDS = {
    "rock": (1.00, 0.72, 0.70, 0.25, 0.50, 0),
    "ball": (0.85, 0.85, 1.00, 0.00, 0.85, 1),
    "box": (0.85, 0.75, 0.06, 0.00, 0.12, 1),
    "bush": (1.10, 0.85, 0.95, 0.50, 0.60, 0),
    "blob": (1.10, 0.80, 0.90, 0.35, 0.60, 1),
    "pole": (0.20, 1.70, 0.80, 0.00, 0.20, 1),
}
_BUSH = list(KINDS).index("bush")
_WINDOW = 0.5  # every distractor and its shadow fit


def scatter(draw: Draws, name: str, film: torch.Tensor, shown: torch.Tensor, number: int, roll, **scene: torch.Tensor):
    """Paint one distractor and its shadow into `film` (changed in place, see `film.py`) of the scenes that have one.

    shown: bool n x 1 x 1, which have one; only they draw and record its factors. number: of the instance. roll: see
    `Window`. scene: what `_paint` asks for, of all n scenes.
    """
    where = shown.flatten().nonzero().flatten()
    if not len(where):
        return
    part, seen = draw.subset(where), film.index_select(0, where)  # several times as fast as film[where]
    _paint(part, name, seen, number, [side[where] for side in roll], **{key: value[where] for key, value in scene.items()})
    film.index_copy_(0, where, seen)
    draw.absorb((where, part))


def _paint(draw: Draws, name: str, film, number: int, roll, *, x, y, size, depth, texture, light, strength, standing):
    """Paint one distractor and its shadow into `film` (changed in place).

    x, y: n x 1 x 1, its centre in the world; size: half its extent; depth: its distance. texture: n x S x S noise.
    light, strength: see `Canvas.light`. standing: bool n x 1 x 1, upright on the ground rather than lying on a surface
    at any angle.
    """
    window = Window(film.shape[-1], roll, (x, y), (_WINDOW, _WINDOW))
    right, up = window.world_x - x, window.world_y - y
    kind = draw.integer(f"{name}.kind", len(KINDS))
    half_width, half_height, corner, ripple, bevel, free = among(kind, list(KINDS.values()))
    half_width = half_width * size * draw.uniform(f"{name}.stretch", 0.8, 1.15)
    half_height = half_height * size
    smaller = torch.minimum(half_width, half_height)
    rough = window.cut(texture[:, None])[:, 0]

    turn = torch.where(standing, draw.uniform(f"{name}.lean", -0.02, 0.02), draw.uniform(f"{name}.turn"))
    cos, sin = cos_sin(turn)
    distance = box(right * cos + up * sin, up * cos - right * sin, half_width, half_height, corner * smaller)
    distance = distance + rough * (ripple * size)
    bush = torch.where(kind == _BUSH, 1.0, 0.0)
    lightness, hue = draw.uniform(f"{name}.lightness", 0.35, 0.8), draw.uniform(f"{name}.hue")
    many = free_rgb(lightness, draw.uniform(f"{name}.chroma", 14.0, 40.0), hue)
    natural = rgb(lightness, 0.02 + 0.07 * bush, 0.12 + 0.23 * bush)  # earth, or leaves
    colour = torch.where(free[:, None] > 0, many, natural) * (1 + rough * (0.2 + 0.5 * bush))[:, None]
    canvas = Canvas(right, up, torch.full_like(x, 1 / window.size), rough)
    canvas.paint(distance, torch.cat([colour, free[:, None].expand(-1, -1, *colour.shape[2:])], dim=1), bevel * size)

    # On the ground a flat pool at its foot; on a surface its outline, moved away from the light.
    away_x, away_y = (light[:, side, None, None] * smaller * -0.6 for side in (0, 1))
    pool = ellipse(right - away_x, up + half_height * 0.95, half_width * 1.25, half_height * 0.25)
    right, up = right - away_x, up - away_y
    outline = box(right * cos + up * sin, up * cos - right * sin, half_width, half_height, smaller * 0.9)
    shadow = torch.where(standing, pool, outline)
    shade = (0.5 - shadow / (smaller * 0.8)).clamp(0, 1) * (0.15 + 0.25 * strength)
    part = window.cut(film)
    part[:, :3] *= (1 - shade)[:, None]
    window.paste(lay(part, canvas.light(light, strength), canvas, number, depth, 1.0), film)
