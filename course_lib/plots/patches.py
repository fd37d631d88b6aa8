"""Pictures of patches: questions about two of them, where a file's blocks end in them, where they were and are thought to be."""

import torch
from torch import Tensor

from course_lib.plots.style import ORANGE

EMPTY, PAPER = 225, 255  # greys: an empty cell, and what lies between


def question_pictures(anchors: Tensor, queries: Tensor) -> Tensor:
    """Each anchor in the middle of an empty board of nine cells, its query beside it: uint8 N x 3 x p x p to N x 3 x H x W."""
    count, patch = len(anchors), anchors.shape[-1]
    gap = max(1, patch // 9)
    step, side = patch + gap, 3 * patch + 4 * gap
    pictures = torch.full((count, 3, side, side + 2 * patch), PAPER, dtype=torch.uint8)
    for cell in range(9):
        top, left = gap + cell // 3 * step, gap + cell % 3 * step
        pictures[..., top : top + patch, left : left + patch] = anchors.cpu() if cell == 4 else EMPTY
    pictures[..., gap + step : gap + step + patch, -patch - gap : -gap] = queries.cpu()
    return pictures


def marked_patches(cut: Tensor, across: Tensor, down: Tensor, titles: list[str]):
    """Patches (uint8 P x 3 x p x p) in a row, with lines where blocks end: bool P x (p - 1), between columns and rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.3 * len(cut), 1.75), layout="constrained")
    for axis, patch, columns, rows, title in zip(figure.subplots(1, len(cut)), cut.cpu(), across, down, titles, strict=True):
        axis.imshow(patch.permute(1, 2, 0))
        for border in columns.nonzero().flatten().tolist():
            axis.axvline(border + 0.5, color=ORANGE, linewidth=2)
        for border in rows.nonzero().flatten().tolist():
            axis.axhline(border + 0.5, color=ORANGE, linewidth=2)
        axis.set_axis_off()
        axis.set_title(title, fontsize=9, fontweight="normal", loc="center")
    return figure


def layouts(cut: Tensor, places: dict[str, Tensor]):
    """The same patches (uint8 P x 3 x p x p) laid out once for each of `places`: P x 2, down and across, -1…1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(places), 3.7), layout="constrained")
    for axis, (title, where) in zip(figure.subplots(1, len(places), squeeze=False)[0], places.items(), strict=True):
        for patch, (down, across) in zip(cut.cpu(), where.cpu().clamp(-1, 1).tolist(), strict=True):
            axis.imshow(patch.permute(1, 2, 0), extent=(across - 0.14, across + 0.14, down + 0.14, down - 0.14))
        axis.set(title=title, xlim=(-1.2, 1.2), ylim=(1.2, -1.2), xticks=[], yticks=[], aspect="equal")
        axis.grid(visible=False)
    return figure
