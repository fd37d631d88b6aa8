"""Rows and grids of small pictures, what a network sees as pictures, and a picture as a file."""

import io
from collections.abc import Iterable

import torch
from torch import Tensor


def drawable(seen: Tensor) -> Tensor:
    """Floats around zero, N x …, as a network sees them, to uint8 0…255 for a figure: zero is middle grey, and each
    sample is stretched until its own largest number is black or white."""
    largest = seen.abs().flatten(1).amax(1).clamp_min(1e-8)
    return (127.5 * (1 + seen / largest.view(-1, *[1] * (seen.dim() - 1)))).round().to(torch.uint8)


def image_row(images: Tensor, titles: list[str] | None = None, side: float = 1.3):
    """uint8 images N x 3 x H x W in one row, each below its title; `side` inches wide."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * len(images), side * images.shape[-2] / images.shape[-1] + 0.35), layout="constrained")
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    for k, (axis, image) in enumerate(zip(axes, images.cpu(), strict=True)):
        axis.imshow(image.permute(1, 2, 0))
        axis.set_axis_off()
        if titles:
            axis.set_title(titles[k], fontsize=9, fontweight="normal", loc="center")
    return figure


def image_grid(
    images: Tensor, columns: int, titles: list[str] | None = None, side: float = 1.05, names: Iterable[str] = (),
    gap: float = 0.01,
):  # fmt: skip
    """uint8 images N x 3 x H x W in rows of `columns`, each `side` inches wide, with `gap` inches about it; `titles` above the
    columns, `names` beside the rows."""
    from matplotlib.figure import Figure

    rows = -(-len(images) // columns)
    margin = max((len(name) for name in names), default=0) * 0.08  # inches
    wide, high = side + 2 * gap, side * images.shape[-2] / images.shape[-1] + 2 * gap
    figure = Figure(figsize=(wide * columns + margin, high * rows + (0.25 if titles else 0)), layout="constrained")
    figure.get_layout_engine().set(w_pad=gap, h_pad=gap, wspace=0, hspace=0)
    for k, axis in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axis.set_axis_off()
        if k < len(images):
            axis.imshow(images[k].cpu().permute(1, 2, 0))
        if titles and k < columns:
            axis.set_title(titles[k], fontsize=9, fontweight="normal", loc="center")
    for name, axis in zip(names, figure.axes[::columns], strict=False):
        axis.text(-0.06, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=9)
    return figure


def coloured(values: Tensor, fade: bool = False) -> Tensor:
    """Numbers from 0 to 1, N x H x W, as colours from black over red to yellow: uint8 N x 3 x H x W. With `fade` a fourth
    channel says how opaque each is, the more the larger, to be laid over a picture."""
    from matplotlib import colormaps

    colours = torch.from_numpy(colormaps["inferno"](values.cpu().float().clamp(0, 1).numpy())).movedim(-1, 1)
    if not fade:
        colours = colours[:, :3]
    else:
        colours[:, 3] = 0.8 * values.cpu().clamp(0, 1)
    return (255 * colours).round().to(torch.uint8)


def picture_png(picture: Tensor) -> bytes:
    """A picture (uint8 3 x H x W, or 4 with opacity) as PNG, pixel by pixel."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).cpu().contiguous().numpy()).save(buffer, "PNG")
    return buffer.getvalue()
