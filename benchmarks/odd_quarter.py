"""The odd quarter, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/odd_quarter.py            --json for a program: `course bench` reads it

An image is moved by up to three pixels each way (edges reflected) and mirrored half of the time; once a batch is together,
each takes a quarter from the one before it, half of them go grey, each quarter is standardised, and the inner borders are
hidden. The ways are told in `ways.py`.
"""

import dataclasses

import rotation
import torch
from torch import Tensor
from ways import LUMA, SIDE, main

MIDDLE, GAP = SIDE // 2, SIDE // 16  # pixels
CORNERS = torch.tensor([[0, 0], [0, MIDDLE], [MIDDLE, 0], [MIDDLE, MIDDLE]])


def pasted(images: Tensor) -> tuple[Tensor, Tensor]:
    """Images (float N x 3 x S x S, -1…1), each with a quarter of the one before it, as a network sees them; and which, N."""
    which = torch.randint(4, (len(images),))
    pictures = images.clone()
    for k, (top, left) in enumerate(CORNERS[which].tolist()):
        quarter = (slice(None), slice(top, top + MIDDLE), slice(left, left + MIDDLE))
        pictures[(k, *quarter)] = images[(k - 1, *quarter)]
    grey = torch.rand(len(images)) < 0.5
    luma = torch.einsum("c,nchw->nhw", LUMA.to(images.device), pictures)[:, None]
    pictures = torch.where(grey.to(images.device)[:, None, None, None], luma, pictures)
    for top, left in CORNERS.tolist():
        quarter = pictures[..., top : top + MIDDLE, left : left + MIDDLE]
        quarter -= quarter.mean((2, 3), keepdim=True)
        quarter /= 2 * quarter.std((1, 2, 3), correction=0, keepdim=True).clamp_min(0.02)
    pictures[..., MIDDLE - GAP : MIDDLE + GAP, :] = 0
    pictures[..., MIDDLE - GAP : MIDDLE + GAP] = 0
    return pictures.contiguous(memory_format=torch.channels_last), which.to(images.device)


WAYS = dataclasses.replace(
    rotation.WAYS,  # for how an image is moved and mirrored
    task="odd_quarter",
    hide=lambda images: (images,),  # a picture alone has nobody to take a quarter from
    joined=pasted,
)

if __name__ == "__main__":
    main(WAYS, __doc__)
