"""Relative position, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/relative_position.py            --json for a program: `course bench` reads it

Of a random window of each image nine patches are cut, their colours treated as Doersch et al. (2015) advise, each
standardised; 32 questions are asked about them. The ways are told in `ways.py`.
"""

import nine_patches
from torch import Tensor
from ways import main

from course_lib.pretext.relative_position import OF_A_WINDOW


def hide(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Nine patches, … x 9 x 3 x p x p, and the directions asked for, … x 32."""
    return nine_patches.seen(pictures), OF_A_WINDOW[:, 2].to(pictures.device).expand(*pictures.shape[:-3], -1)


WAYS = nine_patches.WAYS(
    task="relative_position",
    hide=hide,
    joined=lambda seen, hidden: ((seen, OF_A_WINDOW[:, :2].to(seen.device)), hidden.flatten()),
)

if __name__ == "__main__":
    main(WAYS, __doc__)
