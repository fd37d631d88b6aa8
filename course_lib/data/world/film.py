"""What the camera records of n scenes: the picture, and behind each pixel the truth. A tensor n x 9 x S x S.

Channels: red, green, blue in 0-1; the instance's number; depth; the surface normal to the right, up and towards the
viewer (in the picture's frame; all zero for the sky); 1 where the colour was drawn free of its lightness.
"""

import torch

from course_lib.data.world.canvas import Canvas, over

INSTANCE, DEPTH, NORMAL, FREEDOM, CHANNELS = 3, 4, slice(5, 8), 8, 9


def lay(film: torch.Tensor, lit: torch.Tensor, canvas: Canvas, number: int, depth, unit) -> torch.Tensor:
    """Lay a painted canvas over a film: its lit colours blend, the truth changes where it covers half of a pixel.

    depth: n x 1 x 1, distance of the flat part. unit: the shapes' unit as a share of the picture's side; seen from
    twice as far, the same relief is twice as high.
    """
    right, up, height, free = canvas.surface().unbind(1)
    front = torch.sqrt((1 - right * right - up * up).clamp(min=0))
    truth = torch.stack([torch.full_like(right, number), depth * (1 - height * unit), right, up, front, free], dim=1)
    picture = over(film[:, :3], lit, canvas.coverage)
    return torch.cat([picture, torch.where((canvas.coverage >= 0.5)[:, None], truth, film[:, 3:])], dim=1)


def boxes(masks: torch.Tensor) -> torch.Tensor:
    """Tight boxes of masks (bool n x S x S): float32 n x 4, left, top, right, bottom edge in pixels; zeros if empty."""
    edges = []
    for seen in (masks.any(1), masks.any(2)):  # columns, then rows
        first = seen.to(torch.uint8).argmax(1)
        last = seen.shape[1] - seen.flip(1).to(torch.uint8).argmax(1)
        edges.append((first, last))
    boxes = torch.stack([edges[0][0], edges[1][0], edges[0][1], edges[1][1]], dim=1).to(torch.float32)
    return boxes * masks.flatten(1).any(1)[:, None]
