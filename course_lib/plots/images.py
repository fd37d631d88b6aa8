"""Rows of small pictures."""

from torch import Tensor


def image_row(images: Tensor, titles: list[str] | None = None, side: float = 1.3):
    """uint8 images N x 3 x H x W in one row, each below its title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * len(images), side + 0.35), layout="constrained")
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    for k, (axis, image) in enumerate(zip(axes, images.cpu(), strict=True)):
        axis.imshow(image.permute(1, 2, 0))
        axis.set_axis_off()
        if titles:
            axis.set_title(titles[k], fontsize=9, fontweight="normal", loc="center")
    return figure
