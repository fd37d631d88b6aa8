"""Diverse colourisation, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/diverse_colourisation.py            --json for a program: `course bench` reads it

What colourisation hides, and for each picture eight random numbers beside it. The ways are told in `ways.py`.
"""

import dataclasses

import colourisation
import torch
from torch import Tensor
from ways import main

LATENT = 8


def joined(visible: Tensor, hidden: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    seen, hidden = colourisation.WAYS.joined(visible, hidden)
    return (seen, torch.randn(len(seen), LATENT, device=seen.device)), hidden


WAYS = dataclasses.replace(colourisation.WAYS, task="diverse_colourisation", joined=joined)

if __name__ == "__main__":
    main(WAYS, __doc__)
