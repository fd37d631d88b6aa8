"""A five-stage convolutional network small enough to learn on two processor cores."""

from collections.abc import Callable

from torch import nn

from course_lib.models.backbone import Backbone


def build(width: int, image_size: int, normalisation: Callable[[int], nn.Module] = nn.BatchNorm2d) -> Backbone:
    """Five stages of `width` x 1, 2, 4, 8, 8 channels at 1, 1/2, 1/4, 1/8, 1/8 of the resolution."""

    def block(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
            normalisation(channels_out),
            nn.ReLU(inplace=True),
        )

    widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
    strides = [2 if image_size > 48 else 1, 2, 2, 2, 1]
    inputs = [3, *widths[:-1]]
    blocks = {f"conv{i + 1}": block(inputs[i], widths[i], strides[i]) for i in range(5)}
    return Backbone(blocks, widths)
