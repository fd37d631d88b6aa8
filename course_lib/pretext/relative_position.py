"""Relative position: two patches of one picture; on which side of the first does the second lie?

Doersch, Gupta & Efros 2015 (arXiv:1505.05192). One tower looks at each patch, alone; a small head compares two of them.
Patches are cut on a grid so that each can be asked about all its neighbours (section 3.2): it runs through the tower once,
and a window of nine answers 32 questions in training. What is scored are the eight about the patch in the middle.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.errors import CourseError
from course_lib.models import Backbone, initialise
from course_lib.plots.images import drawable
from course_lib.pretext import PretextTask, normalise, patches, pooled
from course_lib.pretext.patches import Grid

ANCHOR = 4  # the middle one of nine patches, row by row
QUERIES = (0, 1, 2, 3, 5, 6, 7, 8)  # the others, by direction
DIRECTIONS = ("above left", "above", "above right", "left", "right", "below left", "below", "below right")
SEES = ("pair", "query")


def _questions_of_a_window() -> Tensor:
    """Anchor, query and direction of every two neighbours in a window, int64 32 x 3.

    The middle has no straight neighbours here: without these four, each direction comes equally often.
    """
    return torch.tensor([
        (anchor, query, direction)
        for direction, (down, across) in enumerate((place // 3 - 1, place % 3 - 1) for place in QUERIES)
        for anchor in range(9)
        if 0 <= anchor // 3 + down < 3 and 0 <= anchor % 3 + across < 3
        if ANCHOR not in (anchor, query := anchor + 3 * down + across) or (down and across)
    ])  # fmt: skip


OF_A_WINDOW = _questions_of_a_window()
OF_THE_MIDDLE = torch.tensor([(ANCHOR, query, direction) for direction, query in enumerate(QUERIES)])  # int64 8 x 3


class RelativePosition(PretextTask):
    """Eight-way classification: where the query patch lies, seen from the anchor beside it.

    Args:
        backbone: the tower; built for images of the patch's size, so that it does not shrink patches away.
        rng: a CPU generator for the head's first weights.
        grid: where patches may lie; `grid_for` the images unless given.
        rescale: cut from a random window of the picture, stretched to full size, so that no block of a JPEG file begins
            where a patch does.
        colours: what becomes of the colours of float patches N x P x 3 x p x p, given a generator; None leaves them.
        sees: "pair", or "query", the audit: its anchor is blank. What it scores above one eighth, a patch tells alone. It
            is trained on the questions about the middle: there a query's place in the window is its direction.

    Raises:
        CourseError: `sees` is neither.
    """

    chance = 1 / 8

    def __init__(
        self,
        backbone: Backbone,
        rng: torch.Generator,
        grid: Grid | None = None,
        rescale: bool = True,
        colours: Callable[[Tensor, torch.Generator], Tensor] | None = patches.projected_and_greyscaled,
        sees: str = "pair",
    ):
        super().__init__()
        if sees not in SEES:
            raise CourseError(f"A network of this task can see the {' or the '.join(SEES)}, not {sees!r}.")
        self.grid, self.rescale, self.colours, self.sees = grid, rescale, colours, sees
        numbers = 4 * backbone.widths[backbone.stage_names[-1]]  # of a patch: the last map on a grid of 2 x 2
        self.head = nn.Sequential(nn.Linear(2 * numbers, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True), nn.Linear(256, 8))
        initialise(self.head, rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """`visible`: N x 9 x 3 x p x p floats, a window of patches, standardised, and the questions, int64 Q x 2: which two
        of the nine are anchor and query; `hidden`: N·Q directions. In training mode, a pair's Q is 32; else it is 8."""
        seen = self.seen(self.cut(batch.images, rng), rng)
        questions = (OF_A_WINDOW if self.training and self.sees == "pair" else OF_THE_MIDDLE).to(seen.device)
        return (seen, questions[:, :2]), questions[:, 2].repeat(len(seen))

    def cut(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """The nine patches of a window of each image (uint8 N x 3 x S x S): uint8 N x 9 x 3 x p x p."""
        return patches.window(images, rng, self.grid, self.rescale)

    def seen(self, cut: Tensor, rng: torch.Generator) -> Tensor:
        """Patches (uint8 N x P x 3 x p x p) as the tower sees them: float, each standardised by itself."""
        cut = normalise(cut)
        return patches.standardised(cut if self.colours is None else self.colours(cut, rng))

    def vectors(self, backbone: nn.Module, seen: Tensor) -> Tensor:
        """Each patch (float N x P x 3 x p x p) through the tower, alone: N x P x D."""
        return patches.vectors(backbone, seen)

    def predict(self, backbone: nn.Module, visible: tuple[Tensor, Tensor]) -> Tensor:
        """Logits, N·Q x 8: the vectors of anchor and query side by side, then two layers."""
        seen, questions = visible
        vectors = self.vectors(backbone, seen)
        anchor, query = vectors[:, questions[:, 0]], vectors[:, questions[:, 1]]
        if self.sees == "query":
            anchor = torch.zeros_like(anchor)
        return self.head(torch.cat([anchor, query], dim=2).flatten(0, 1))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy over the eight directions."""
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: the share of directions named correctly; guessing gives 1/8."""
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}

    def represent(self, backbone: nn.Module, batch: Batch, stage: str) -> Tensor:
        """As every task's, but the whole image is standardised, as the patches were in training."""
        images = patches.standardised(normalise(batch.images))
        return pooled(backbone.stages(images, last=stage)[stage])

    def draw(self, batch: Batch, rng: torch.Generator):
        """One row an image: the anchor, and its eight neighbours as the network sees them, titled with their directions."""
        from matplotlib.figure import Figure

        seen = drawable(self.seen(self.cut(batch.images, rng), rng).cpu().flatten(0, 1)).unflatten(0, (-1, 9))
        figure = Figure(figsize=(9.5, 1.05 * len(seen) + 0.5), layout="constrained")
        axes = figure.subplots(len(seen), 9, squeeze=False)
        for column, (place, title) in enumerate(zip((ANCHOR, *QUERIES), ("anchor", *DIRECTIONS), strict=True)):
            for row in range(len(seen)):
                axes[row, column].imshow(seen[row, place].permute(1, 2, 0))
                axes[row, column].set_axis_off()
            axes[0, column].set_title(title.replace(" ", "\n"), fontsize=9)
        return figure
