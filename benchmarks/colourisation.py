"""Colourisation, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/colourisation.py            --json for a program: `course bench` reads it

An image is mirrored half of the time and brought to Lab by scikit-image; the network sees its lightness and is to name the
mean colour of each cell of 4 x 4 pixels. The ways are told in `ways.py`.
"""

from ways import Ways, main  # before torchvision, as it says itself

# isort: split
import torch
import torch.nn.functional as F
from skimage.color import rgb2lab
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2

CELL = 4  # pixels


def hide(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Lightness in -1…1, … x 3 x S x S with equal channels, and the cells' a and b, … x 2 x h x w."""
    lab = torch.from_numpy(rgb2lab(pictures.cpu().numpy(), channel_axis=-3)).to(pictures.device)
    lightness = lab[..., :1, :, :] / 50 - 1
    return lightness.expand_as(pictures), F.avg_pool2d(lab[..., 1:, :, :], CELL)


WAYS = Ways(
    task="colourisation",
    of_pil=transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()]),
    of_tensors=v2.Compose([v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)]),
    hide=hide,
    draws=False,
    joined=lambda visible, hidden: (visible.contiguous(memory_format=torch.channels_last), hidden),
)

if __name__ == "__main__":
    main(WAYS, __doc__)
