"""Signed distances to plane shapes: negative inside, in the units of x and y, accurate near the outline.

Coordinates are n x S x S tensors, x to the right and y up; sizes are numbers or n x 1 x 1 tensors. After I. Quilez,
"2D distance functions" (https://iquilezles.org/articles/distfunctions2d/).
"""

import torch


def length(x, y):
    return torch.sqrt(x * x + y * y)


def disc(x, y, radius):
    return length(x, y) - radius


def ellipse(x, y, radius_x, radius_y):
    """First-order distance: exact on the outline, right in sign everywhere."""
    a, b = x / radius_x, y / radius_y
    stretched = length(a, b)
    return stretched * (stretched - 1) / (length(a / radius_x, b / radius_y) + 1e-6)


def box(x, y, half_width, half_height, corner=0.0):
    """A rectangle about the origin; `corner` is the radius of its rounded corners."""
    a, b = x.abs() - (half_width - corner), y.abs() - (half_height - corner)
    return length(a.clamp(min=0), b.clamp(min=0)) + torch.maximum(a, b).clamp(max=0) - corner


def limb(x, y, start, end, radius, end_radius=None):
    """A round-ended rod from `start` to `end` (pairs), its radius going evenly from `radius` to `end_radius`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = x - start[0], y - start[1]
    along = ((x * dx + y * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
    if end_radius is not None:
        radius = radius + along * (end_radius - radius)
    return length(x - along * dx, y - along * dy) - radius


def polygon(x, y, *corners):
    """A convex polygon, its corners given anticlockwise; outside its corners the distance is a little too small."""
    furthest, zero = None, x.new_zeros(1)
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        dx, dy = zero + (bx - ax), zero + (by - ay)
        scale = 1 / (torch.sqrt(dx * dx + dy * dy) + 1e-9)
        edge = (x - ax) * (dy * scale) - (y - ay) * (dx * scale)
        furthest = edge if furthest is None else torch.maximum(furthest, edge)
    return furthest


def union(*distances):
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = torch.minimum(nearest, distance)
    return nearest


def blend(first, second, width):
    """A union whose seam is rounded over `width`."""
    overlap = (width - (first - second).abs()).clamp(min=0)
    return torch.minimum(first, second) - overlap * overlap * (0.25 / width)


def where(condition, distance):
    """The shape where `condition` (n x 1 x 1) holds, nothing elsewhere."""
    return torch.where(condition, distance, 10.0)
