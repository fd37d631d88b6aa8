"""The Network-in-Network of RotNet's CIFAR-10 experiments (Gidaris et al. 2018, arXiv:1803.07728, section 4.1)."""

from torch import nn

from course_lib.models.backbone import Backbone


def build(width: int, image_size: int) -> Backbone:
    """Five blocks of three convolutions each; the paper's widths (192, 160, 96, then 192) at `width` 96.

    Block 1 ends in a max-pooling, block 2 in an average-pooling, each halving the resolution. The paper compares three,
    four and five blocks; its table of frozen features uses the four-block net, our conv1 to conv4.
    """
    wide = 2 * width

    def convolutions(channels_in: int, widths: list[int], first_kernel: int) -> list[nn.Module]:
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

    same = [wide, wide, wide]
    blocks = {
        "conv1": nn.Sequential(*convolutions(3, [wide, wide * 5 // 6 // 8 * 8, width], 5), nn.MaxPool2d(3, 2, padding=1)),
        "conv2": nn.Sequential(*convolutions(width, same, 5), nn.AvgPool2d(3, 2, padding=1)),
        "conv3": nn.Sequential(*convolutions(wide, same, 3)),
        "conv4": nn.Sequential(*convolutions(wide, same, 3)),
        "conv5": nn.Sequential(*convolutions(wide, same, 3)),
    }
    return Backbone(blocks, [width, wide, wide, wide, wide])
