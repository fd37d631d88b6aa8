"""What a network looks at: its first filters, and where in a picture its features are strong."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.models import Backbone
from course_lib.plots.images import drawable


def first_filters(backbone: Backbone) -> Tensor:
    """The first convolution's filters as pictures: uint8 K x 3 x h x w, each stretched to its own largest weight.

    Grey is zero; a filter answers most strongly to a patch that looks like it.
    """
    first = next(layer for layer in backbone.modules() if isinstance(layer, torch.nn.Conv2d))
    return drawable(first.weight.detach().float().cpu())


def attention(maps: Tensor, size: int, power: float = 2.0) -> Tensor:
    """Where features are strong: the maps' absolute values to a power, summed over channels; N x size x size, 0…1.

    Zagoruyko and Komodakis 2017 (arXiv:1612.03928), section 3.1; RotNet shows such maps in its figure 3.

    maps: a stage's feature maps, N x C x h x w.
    """
    strength = maps.float().abs().pow(power).sum(1, keepdim=True)
    strength = F.interpolate(strength, size=(size, size), mode="bilinear", align_corners=False)[:, 0]
    low, high = strength.amin((1, 2), keepdim=True), strength.amax((1, 2), keepdim=True)
    return (strength - low) / (high - low).clamp(min=1e-8)


def attention_rows(images: Tensor, maps: dict[str, Tensor]):
    """A figure: a row of pictures (uint8 N x 3 x S x S), and below it a row of maps (N x S x S, 0…1) for each network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.25 * len(images) + 0.9, 1.3 * (len(maps) + 1)), layout="constrained")
    axes = figure.subplots(len(maps) + 1, len(images), squeeze=False)
    pictures = images.cpu().permute(0, 2, 3, 1)
    for row, name in enumerate(["picture", *maps]):
        for axis, k in zip(axes[row], range(len(images)), strict=True):
            axis.imshow(pictures[k] if row == 0 else pictures[k].float().mean(2), cmap=None if row == 0 else "gray")
            if row:
                axis.imshow(maps[name][k].cpu(), cmap="inferno", alpha=0.6, vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            axis.grid(visible=False)
        axes[row, 0].set_ylabel(name, fontsize=9)
    return figure
