"""Jigsaw, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/jigsaw.py            --json for a program: `course bench` reads it

Of a random window of each image nine tiles are cut, their colours treated, each standardised; eight of 24 permutations are
asked about. The ways are told in `ways.py`.
"""

import nine_patches
import torch
from torch import Tensor
from ways import main

from course_lib.pretext.patches import permutations

PERMUTATIONS = permutations(24)
PUZZLES = 8


def hide(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Nine tiles as they lay, … x 9 x 3 x p x p; which of them lies where, … x 8 x 9; the permutations, … x 8."""
    chosen = torch.randperm(len(PERMUTATIONS))[:PUZZLES]
    orders, chosen = PERMUTATIONS[chosen].to(pictures.device), chosen.to(pictures.device)
    count = pictures.shape[:-3]
    return nine_patches.seen(pictures), orders.expand(*count, -1, -1), chosen.expand(*count, -1)


WAYS = nine_patches.WAYS(
    task="jigsaw",
    hide=hide,
    joined=lambda tiles, orders, chosen: ((tiles, orders), chosen.flatten()),
)

if __name__ == "__main__":
    main(WAYS, __doc__)
