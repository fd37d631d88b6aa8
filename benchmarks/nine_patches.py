"""Nine patches of a picture, as the programs of relative position and jigsaw cut them by hand."""

from ways import LUMA, SIDE, Ways  # before torchvision, as it says itself

# isort: split
import functools
from itertools import product

import torch
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2

from course_lib.pretext.patches import grid_for

GRID = grid_for(SIDE)
AREA, SQUARE = (0.65**2, 0.9**2), (1, 1)  # of the window that is stretched to full size
WAYS = functools.partial(  # of a task on such patches: what is left to name are the task, `hide` and `joined`
    Ways,
    of_pil=transforms.Compose([transforms.RandomResizedCrop(SIDE, AREA, SQUARE), transforms.ToTensor()]),
    of_tensors=v2.Compose([v2.RandomResizedCrop(SIDE, AREA, SQUARE), v2.ToDtype(torch.float32, scale=True)]),
    draws=True,
)
GREEN_MAGENTA = torch.tensor([-1.0, 2.0, -1.0])
PROJECTION = torch.eye(3) - torch.outer(GREEN_MAGENTA, GREEN_MAGENTA) / 6  # a colour without its green-magenta part


def seen(pictures: Tensor) -> Tensor:
    """The patches of pictures (float … x 3 x S x S, 0…1), in grey two times of three, each standardised: … x 9 x 3 x p x p."""
    colours = PROJECTION
    if torch.rand(()) < 2 / 3:
        colours = (LUMA @ colours).expand(3, 3)
    patches = cut(torch.einsum("dc,...chw->...dhw", colours.to(pictures.device), 2 * pictures - 1))
    spread, mean = torch.std_mean(patches, (-3, -2, -1), correction=0, keepdim=True)
    return (patches - mean) / spread.clamp_min(0.02)


def cut(pictures: Tensor) -> Tensor:
    """The patches of a grid at one random place: … x C x S x S to … x 9 x C x p x p."""
    down, across = torch.randint(0, SIDE - GRID.span + 1, (2,)).tolist()
    moves = torch.randint(0, GRID.jitter + 1, (9, 2)).tolist()
    patches = []
    for (row, column), (below, right) in zip(product(range(3), repeat=2), moves, strict=True):
        top, left = down + row * GRID.stride + below, across + column * GRID.stride + right
        patches.append(pictures[..., top : top + GRID.patch, left : left + GRID.patch])
    return torch.stack(patches, dim=-4)
