"""Relative position: two patches of one picture; on which side of the first does the second lie?

Doersch, Gupta & Efros 2015 (arXiv:1505.05192). One tower looks at each patch, alone; a small head compares two of them.
A window of nine patches gives eight questions, one for each neighbour of the middle patch: every direction comes equally
often, and a patch runs through the tower once for all questions about it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.errors import CourseError
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, normalise, patches, pooled
from course_lib.pretext.patches import Grid

ANCHOR = 4  # the middle one of nine patches, row by row
QUERIES = (0, 1, 2, 3, 5, 6, 7, 8)  # the others, by direction
DIRECTIONS = ("above left", "above", "above right", "left", "right", "below left", "below", "below right")
SEES = ("pair", "query")


class RelativePosition(PretextTask):
    """Eight-way classification: where the query patch lies, seen from the anchor in the middle of the window.

    Args:
        backbone: the tower; built for images of the patch's size, so that it does not shrink patches away.
        rng: a CPU generator for the head's first weights.
        grid: where patches may lie; `grid_for` the images unless given.
        rescale: cut from a random window of the picture, stretched to full size, so that no block of a JPEG file begins
            where a patch does.
        colours: what becomes of the colours of float patches N x P x 3 x p x p, given a generator; None leaves them.
        sees: "pair", or "query", the audit: its anchor is blank. What it scores above one eighth, a patch tells alone.

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

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: N x 9 x 3 x p x p floats, a window of patches, standardised; `hidden`: 8N directions."""
        seen = self.seen(self.cut(batch.images, rng), rng)
        return seen, torch.arange(8, device=seen.device).repeat(len(seen))

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

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Logits, 8N x 8: the vectors of anchor and query side by side, then two layers."""
        vectors = self.vectors(backbone, visible)
        query, anchor = vectors[:, list(QUERIES)], vectors[:, ANCHOR : ANCHOR + 1]
        anchor = (torch.zeros_like(anchor) if self.sees == "query" else anchor).expand_as(query)
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

        seen = self.seen(self.cut(batch.images, rng), rng).cpu()
        low, high = seen.amin((2, 3, 4), keepdim=True), seen.amax((2, 3, 4), keepdim=True)
        seen = (seen - low) / (high - low).clamp_min(1e-6)
        figure = Figure(figsize=(9.5, 1.05 * len(seen) + 0.5), layout="constrained")
        axes = figure.subplots(len(seen), 9, squeeze=False)
        for column, (place, title) in enumerate(zip((ANCHOR, *QUERIES), ("anchor", *DIRECTIONS), strict=True)):
            for row in range(len(seen)):
                axes[row, column].imshow(seen[row, place].permute(1, 2, 0))
                axes[row, column].set_axis_off()
            axes[0, column].set_title(title.replace(" ", "\n"), fontsize=9)
        return figure
