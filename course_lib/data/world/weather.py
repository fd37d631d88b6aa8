"""Fog, rain and snow over landscapes, and the hour's light."""

import torch

from course_lib.data.world.distance import length
from course_lib.data.world.draws import Draws
from course_lib.data.world.film import DEPTH
from course_lib.data.world.noise import cell, cell_table, look_up, plane_noise
from course_lib.data.world.window import Window

WEATHERS = ["dry", "foggy", "rainy", "snowy"]
_LIGHT = [1.0, 0.9, 0.72, 1.0]  # by day, at dusk, at night; and, last, indoors


def under_weather(draw: Draws, film: torch.Tensor, outdoors: torch.Tensor, window: Window) -> None:
    """Change the pictures of the landscapes among n films in place; what is behind the pixels stays as it is."""
    share = draw.uniform("scene.weather_draw")
    kind = (share > 0.55).to(torch.int64) + (share > 0.7) + (share > 0.85)
    kind = draw.keep("scene.weather", torch.where(outdoors, kind, -1)).flatten()
    time = draw.factors.get("scene.time", torch.full_like(kind, -1))
    film[:, :3] *= torch.tensor(_LIGHT, device=film.device)[time].view(-1, 1, 1, 1)
    parts = []
    for number, change in ((1, _fog), (2, _rain), (3, _snow)):
        which = (kind == number).nonzero().flatten()
        if len(which):
            part = draw.subset(which)
            film[which, :3] = change(part, film[which], window.world_x[which], window.world_y[which])
            parts.append((which, part))
    draw.absorb(*parts)


def _fog(draw, film, x, y):
    """The further, the more of a grey that swallows everything."""
    depth = film[:, DEPTH].clamp(max=80)
    share = depth / (depth + draw.uniform("weather.sight", 8, 30))
    return film[:, :3] + (draw.uniform("weather.fog", 0.5, 0.85)[:, None] - film[:, :3]) * share[:, None]


def _rain(draw, film, x, y):
    """Slanting streaks before a duller picture."""
    x = x + y * draw.uniform("weather.slant", -0.35, 0.35)
    streaks = (plane_noise(draw, "weather.rain", x * 60 + 8, y * 7 + 8) - 0.7).clamp(min=0) * 1.6
    return film[:, :3] * (1 - streaks[:, None]) * 0.9 + streaks[:, None] * 0.8


def _snow(draw, film, x, y):
    """Flakes: in each cell of a lattice one, or none; and paler distances."""
    cells = 13.0
    x, y = x * cells + 8, y * cells + 8
    column, row = torch.floor(x), torch.floor(y)
    here = cell(column, row)
    across, down, large = (look_up(cell_table(draw, f"weather.flake_{name}"), here) for name in ("x", "y", "size"))
    distance = length(x - column - 0.25 - 0.5 * across, y - row - 0.25 - 0.5 * down)
    radius = large * 0.34 - draw.uniform("weather.clear", 0.1, 0.22)
    flakes = ((radius - distance) * (film.shape[-1] / cells) + 0.5).clamp(0, 0.95) * (radius > 0)
    film = film[:, :3] + (0.85 - film[:, :3]) * (film[:, DEPTH].clamp(max=80) * (0.15 / 80))[:, None]
    return film + (0.97 - film) * flakes[:, None]
