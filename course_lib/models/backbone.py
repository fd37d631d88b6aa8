"""What every backbone is: a chain of named stages."""

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """A convolutional network cut into named stages, so that features can be read after each.

    Args:
        blocks: the stages in order, name -> module; the names are `conv1`, `conv2`, …
        widths: channels of each stage's output, in the same order.

    Its input is a float tensor N x 3 x H x W, normalised (see `course_lib.pretext.normalise`).
    """

    def __init__(self, blocks: dict[str, nn.Module], widths: list[int]):
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.widths = dict(zip(blocks, widths, strict=True))

    @property
    def stage_names(self) -> list[str]:
        """The names of the stages, first to last."""
        return list(self.widths)

    def stages(self, images: Tensor, last: str | None = None) -> dict[str, Tensor]:
        """Feature maps (N x width x h x w) of every stage up to and including `last` (default: all of them)."""
        maps, x = {}, images
        for name, block in self.blocks.items():
            maps[name] = x = block(x)
            if name == last:
                break
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """The last stage's feature map, N x width x h x w."""
        x = images
        for block in self.blocks.values():
            x = block(x)
        return x


def initialise(module: nn.Module, rng: torch.Generator) -> nn.Module:
    """Give every convolution, linear layer and normalisation of `module` fresh weights drawn from `rng`; returns it.

    Convolutions and linear layers: He et al. (2015, arXiv:1502.01852), eq. 10, fan-in for linear layers and fan-out
    for convolutions; biases zero; normalisations at the identity. torch's own constructors draw from the global
    generator, which other threads share; this is what makes a seed mean the same network every time.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=rng)
        elif isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear", generator=rng)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)):
            if layer.weight is not None:
                nn.init.ones_(layer.weight)
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.reset_running_stats()
        if isinstance(getattr(layer, "bias", None), nn.Parameter):
            nn.init.zeros_(layer.bias)
    return module
