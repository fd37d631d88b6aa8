"""Rocks, balls, boxes, bushes, poles and blobs: things that are none of the classes and lie about."""

import torch

from course_lib.data.world.canvas import Canvas, over
from course_lib.data.world.colour import among, rgb
from course_lib.data.world.distance import box, ellipse
from course_lib.data.world.draws import Draws, cos_sin
from course_lib.data.world.window import Window

# Half-width, half-height, corner (as a share of the smaller half), ripple of the outline, bevel, chroma.
_KINDS = [
    (1.00, 0.72, 0.70, 0.25, 0.50, 0.02),  # rock
    (0.85, 0.85, 1.00, 0.00, 0.85, 0.12),  # ball
    (0.85, 0.75, 0.06, 0.00, 0.12, 0.08),  # box
    (1.10, 0.85, 0.95, 0.50, 0.60, 0.10),  # bush
    (1.10, 0.80, 0.90, 0.35, 0.60, 0.09),  # blob
    (0.20, 1.70, 0.80, 0.00, 0.20, 0.05),  # pole
]
_BUSH = 3
_WINDOW = 0.48  # every distractor and its shadow fit


def scatter(draw: Draws, name: str, image, x, y, size, shown, *, roll, texture, light, strength, standing):
    """Paint one distractor and its shadow into `image` (n x 3 x S x S, changed in place).

    x, y: n x 1 x 1, its centre in the world; size: half its extent; shown: bool n x 1 x 1. roll: see `Window`. texture:
    n x S x S noise. light, strength: see `Canvas.light`. standing: bool n x 1 x 1, upright on the ground rather than
    lying on a surface at any angle. Returns its window and its coverage there.
    """
    window = Window(image.shape[-1], roll, (x, y), (_WINDOW, _WINDOW))
    right, up = window.world_x - x, window.world_y - y
    kind = draw.integer(f"{name}.kind", len(_KINDS))
    half_width, half_height, corner, ripple, bevel, chroma = among(kind, _KINDS)
    half_width = half_width * size * draw.uniform(f"{name}.stretch", 0.8, 1.15)
    half_height = half_height * size
    smaller = torch.minimum(half_width, half_height)
    rough = window.cut(texture[:, None])[:, 0]

    turn = torch.where(standing, draw.uniform(f"{name}.lean", -0.02, 0.02), draw.uniform(f"{name}.turn"))
    cos, sin = cos_sin(turn)
    distance = box(right * cos + up * sin, up * cos - right * sin, half_width, half_height, corner * smaller)
    distance = torch.where(shown, distance + rough * (ripple * size), 10.0)
    bush = torch.where(kind == _BUSH, 1.0, 0.0)
    hue = draw.uniform(f"{name}.hue") * (1 - bush) + draw.uniform(f"{name}.leaf_hue", 0.26, 0.42) * bush
    colour = rgb(draw.uniform(f"{name}.lightness", 0.35, 0.8), chroma, hue)
    canvas = Canvas(right, up, torch.full_like(x, 1 / window.size), rough)
    canvas.paint(distance, colour * (1 + rough * (0.2 + 0.5 * bush))[:, None], bevel * size)

    # On the ground a flat pool at its foot; on a surface its outline, moved away from the light.
    away_x, away_y = (light[:, side, None, None] * smaller * -0.6 for side in (0, 1))
    pool = ellipse(right - away_x, up + half_height * 0.95, half_width * 1.25, half_height * 0.25)
    right, up = right - away_x, up - away_y
    outline = box(right * cos + up * sin, up * cos - right * sin, half_width, half_height, smaller * 0.9)
    shadow = torch.where(standing, pool, outline)
    shade = (0.5 - shadow / (smaller * 0.8)).clamp(0, 1) * torch.where(shown, 0.15 + 0.25 * strength, 0.0)
    part = over(window.cut(image) * (1 - shade)[:, None], canvas.light(light, strength), canvas.coverage)
    window.paste(part, image)
    return window, canvas.coverage
