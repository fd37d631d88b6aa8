"""Value noise: random numbers on a lattice, smoothly joined."""

import torch

from course_lib.data.world.draws import Draws

LATTICE = 16  # nodes a side of a wrapping lattice


def _ease(fraction):
    return fraction * fraction * (3 - 2 * fraction)


def _refined(values, count):
    """Join n x K x K lattice values to n x count x count, evenly spaced and inside the outermost ones."""
    place = (torch.arange(count, device=values.device) + 0.5) * ((values.shape[1] - 1) / count)
    node = place.to(torch.int64)
    share = _ease(place - node)
    columns = values[:, :, node] * (1 - share) + values[:, :, node + 1] * share
    return columns[:, node] * (1 - share)[:, None] + columns[:, node + 1] * share[:, None]


def screen_noise(draw: Draws, name: str, octaves, size: int) -> torch.Tensor:
    """Fractal noise over the whole picture: n x size x size, about 0.

    octaves: pairs (lattice points a side, ascending; range of their numbers, n x 1 x 1 or a number). The statistics are
    the same for the picture turned by any quarter.
    """
    total = torch.zeros(len(draw), 2, 2, device=draw.device)
    for nodes, weight in octaves:
        detail = draw.table(f"{name}.{nodes}", nodes * nodes).view(-1, nodes, nodes) - 0.5
        total = _refined(total, nodes) + detail * weight
    return _refined(total, size)


def cell_table(draw: Draws, name: str) -> torch.Tensor:
    """A random number for each cell of a wrapping lattice: n x 16 x 16 in [0, 1)."""
    return draw.table(name, LATTICE * LATTICE).view(-1, LATTICE, LATTICE)


def cell(column: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """The number of a cell in its wrapping lattice, int64, from whole float numbers."""
    column, row = (place - torch.floor(place * (1 / LATTICE)) * LATTICE for place in (column, row))
    return (column + row * LATTICE).to(torch.int64)


def look_up(table: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """What a table (n x 16 x 16) holds for each pixel's cell (n x S x S)."""
    return table.flatten(1).gather(1, cells.flatten(1)).view(cells.shape)


def plane_noise(draw: Draws, name: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Noise over a plane with a lattice point at every whole x and y: n x S x S in [0, 1), repeating every 16."""
    table = cell_table(draw, name)
    column, row = torch.floor(x), torch.floor(y)
    across, up = _ease(x - column), _ease(y - row)
    cells = cell(column, row)
    right = table.roll(-1, 2)
    low = look_up(table, cells)
    low = low + (look_up(right, cells) - low) * across
    high = look_up(table.roll(-1, 1), cells)
    high = high + (look_up(right.roll(-1, 1), cells) - high) * across
    return low + (high - low) * up


def line_noise(draw: Draws, name: str, x: torch.Tensor) -> torch.Tensor:
    """Noise along a line: n x S x S in [0, 1), repeating every 256."""
    table = draw.table(name, LATTICE * LATTICE)
    left = torch.floor(x)
    place = (left - torch.floor(left * (1 / 256)) * 256).to(torch.int64)
    low, high = (look_up(values, place) for values in (table, table.roll(-1, 1)))
    return low + (high - low) * _ease(x - left)
