"""Rotation, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/rotation.py            --json for a program: `course bench` reads it

An image is moved by up to three pixels each way (edges reflected), mirrored half of the time and shown at all four angles;
64 images make a batch of 256 pictures. The ways are told in `ways.py`.
"""

from ways import HALF, SIDE, Ways, main  # before torchvision, as it says itself

# isort: split
import torch
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2


def hide(images: Tensor) -> tuple[Tensor, Tensor]:
    """Each picture at all four angles, … x 4 x 3 x S x S, and the quarter turns, … x 4."""
    turned = torch.stack([torch.rot90(images, turns, (-2, -1)) for turns in range(4)], dim=-4)
    return turned, torch.arange(4, device=images.device).expand(turned.shape[:-3])


WAYS = Ways(
    task="rotation",
    of_pil=transforms.Compose([
        transforms.RandomCrop(SIDE, padding=3, padding_mode="reflect"),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(HALF, HALF),
    ]),
    of_tensors=v2.Compose([
        v2.RandomCrop(SIDE, padding=3, padding_mode="reflect"),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(HALF, HALF),
    ]),
    hide=hide,
    draws=False,
    joined=lambda visible, hidden: (visible.flatten(0, 1).contiguous(memory_format=torch.channels_last), hidden.flatten()),
)  # fmt: skip

if __name__ == "__main__":
    main(WAYS, __doc__)
