"""Rows of pictures in several colourings, maps of doubt, and what a temperature does."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.plots.images import image_grid
from course_lib.plots.style import BLUE, GREY, ORANGE


def picture_rows(rows: dict[str, Tensor], side: float = 1.15):
    """One row an entry: its name, and pictures uint8 N x 3 x H x W, as many in each row."""
    count = len(next(iter(rows.values())))
    return image_grid(torch.cat([pictures.cpu() for pictures in rows.values()]), columns=count, side=side, names=rows)


def heat_rows(images: Tensor, maps: dict[str, Tensor], side: float = 1.15):
    """Pictures (uint8 N x 3 x H x W) and below them maps (name -> N x h x w), one scale for each row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * len(images) + 0.6, side * (1 + len(maps))), layout="constrained")
    axes = figure.subplots(1 + len(maps), len(images), squeeze=False)
    for axis, image in zip(axes[0], images.cpu(), strict=True):
        axis.imshow(image.permute(1, 2, 0))
    for row, (name, values) in zip(axes[1:], maps.items(), strict=True):
        values = F.interpolate(values[:, None].float().cpu(), images.shape[2:], mode="nearest")[:, 0]
        for axis, one in zip(row, values, strict=True):
            drawn = axis.imshow(one, vmin=0, vmax=max(values.max().item(), 1e-6), cmap="magma")
        figure.colorbar(drawn, ax=list(row), shrink=0.8)
        row[0].text(-0.06, 0.5, name, transform=row[0].transAxes, ha="right", va="center", fontsize=9)
    for axis in axes.flat:
        axis.set_axis_off()
    return figure


def temperature_curves(temperatures: list[float], curves: dict[str, list[float]]):
    """Fractions in percent over the temperature, on a logarithmic axis; 100 is as the truth, or as grey."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 3), layout="constrained")
    axis = figure.subplots()
    for (name, values), colour, marker in zip(curves.items(), (BLUE, ORANGE), "os", strict=True):
        axis.plot(temperatures, [100 * value for value in values], f"{marker}-", color=colour, label=name)
    axis.axhline(100, color=GREY, linestyle=":", linewidth=1.5)
    axis.set(xscale="log", xlabel="temperature", ylabel="%", ylim=(0, None), title="Colourful, or right?")
    axis.set_xticks(temperatures, [str(temperature) for temperature in temperatures])
    axis.minorticks_off()
    axis.legend()
    return figure
