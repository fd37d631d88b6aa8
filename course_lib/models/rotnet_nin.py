"""The Network-in-Network of RotNet's CIFAR-10 experiments (Gidaris et al. 2018, arXiv:1803.07728, section 4.1)."""

from torch import nn

from course_lib.models.backbone import Backbone


def build(width: int, image_size: int, blocks: int = 5) -> Backbone:
    """Blocks of three convolutions each, three to five of them; the paper's widths (192, 160, 96, then 192) at `width` 96.

    Block 1 ends in a max-pooling, block 2 in an average-pooling, each halving the resolution. The paper compares three,
    four and five blocks; its table of frozen features uses the four-block net, its control with labels the three-block one.
    """
    wide = 2 * width
    stages = {
        "conv1": nn.Sequential(*convolutions(3, [wide, wide * 5 // 6 // 8 * 8, width], 5), nn.MaxPool2d(3, 2, padding=1)),
        "conv2": nn.Sequential(*convolutions(width, [wide] * 3, 5), nn.AvgPool2d(3, 2, padding=1)),
    }
    for block in range(3, blocks + 1):
        stages[f"conv{block}"] = nn.Sequential(*convolutions(wide, [wide] * 3, 3))
    return Backbone(stages, [width] + [wide] * (blocks - 1))


def convolutions(channels_in: int, widths: list[int], first_kernel: int) -> list[nn.Module]:
    """The layers of one block, without its pooling: a convolution and then 1 x 1 ones, each normalised and rectified."""
    layers: list[nn.Module] = []
    for i, channels_out in enumerate(widths):
        kernel = first_kernel if i == 0 else 1
        layers += [
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
        channels_in = channels_out
    return layers
