"""Colourisation: show a picture in grey and ask for its colours (Zhang, Isola & Efros 2016, arXiv:1603.08511).

Many things may have many colours. A network that answers with one colour and pays the squared distance does best with the
mean of all of them; one that answers with a distribution over bins of colours need not choose (section 2.1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.features import frozen
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, pooled
from course_lib.pretext.colour import (
    REACH,
    Bins,
    annealed_mean,
    chroma_ratio,
    entropy,
    error_ratio,
    paint,
    rebalanced,
    require_colour,
    to_lab,
    to_rgb,
)

TARGETS = ("classification", "regression")
MEASURED = 2000  # pictures of the training split that the bins' prior is measured on
DRAWN_LIGHTNESS = 65.0  # at which colours are drawn alone: where sRGB holds most of them


class Colourisation(PretextTask):
    """The colour of each cell of a picture from its lightness: a distribution over bins, or two numbers.

    The head reads every stage: a cell's vector is its column through all of their maps, each brought to `channels` numbers
    by one matrix, and added up (a hypercolumn: Hariharan et al. 2015, arXiv:1411.5752; Larsson et al. 2016,
    arXiv:1603.06668). The paper's own network has layers that undo its striding instead.

    Args:
        backbone: all of its stages feed the head.
        rng: a CPU generator for the readers' first weights.
        target: "classification", or "regression" by the squared distance.
        rebalance: λ of `rebalanced`, by which rare colours count more in classification; None lets all count alike.
        cell: a cell's side, in pixels; the paper predicts at a quarter of the resolution, too.
        channels: numbers that describe a cell before the last layer.

    Raises:
        CourseError: another target, a lambda or a cell that cannot be.
    """

    def __init__(
        self,
        backbone: Backbone,
        rng: torch.Generator,
        target: str = "classification",
        rebalance: float | None = 0.5,
        cell: int = 4,
        channels: int = 64,
    ):
        super().__init__()
        if target not in TARGETS:
            raise CourseError(f"The target can be {' or '.join(TARGETS)}, not {target!r}.")
        if cell < 1:
            raise CourseError(f"A cell has a side of one pixel or more, not {cell}.")
        self.target, self.cell, self.bins = target, cell, Bins()
        self.rebalance = 1.0 if rebalance is None else rebalance
        rebalanced(self.bins.prior, self.rebalance)  # refuses a bad one here, not in the first step
        readers = {name: nn.Conv2d(width, channels, 1) for name, width in backbone.widths.items()}
        self.readers = initialise(nn.ModuleDict(readers), rng)
        self.head = nn.Conv2d(channels, 2 if target == "regression" else len(self.bins), 1)
        nn.init.zeros_(self.head.weight)  # the first guess is grey, or every bin alike
        nn.init.zeros_(self.head.bias)

    def setup(self, backbone: nn.Module, data: Split) -> None:
        """Measures how often each bin occurs in the training data.

        Raises:
            CourseError: the data has no colours.
        """
        some = data.batch(range(min(len(data), MEASURED))).images  # a split is in the order of hashes: as good as drawn
        require_colour(some[:250])
        self.bins.measure(torch.cat([self.colours_of(to_lab(few)) for few in some.split(250)]))

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: lightness, N x 3 x S x S floats in -1…1, the channels equal; `hidden`: the cells' a and b, N x 2 x h x w."""
        images = batch.images
        if self.training:
            mirror = torch.randint(0, 2, (len(images), 1, 1, 1), generator=rng, device=images.device).bool()
            images = torch.where(mirror, images.flip(-1), images)
        lab = to_lab(images)
        return grey(lab), self.colours_of(lab)

    def colours_of(self, lab: Tensor) -> Tensor:
        """The mean a and b of each cell: N x 3 x S x S to N x 2 x h x w."""
        return F.adaptive_avg_pool2d(lab[:, 1:], self.cells(lab))

    def cells(self, pictures: Tensor) -> list[int]:
        """How many cells a picture (… x H x W) has, down and across."""
        return [max(1, side // self.cell) for side in pictures.shape[-2:]]

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Logits over the bins, N x Q x h x w, or a and b in units of 110, N x 2 x h x w."""
        return self.head(self.columns(backbone, visible))

    def columns(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """What describes each cell: its column through all maps of the backbone, N x channels x h x w, not negative."""
        cells, columns = self.cells(visible), 0
        for name, maps in backbone.stages(visible).items():
            if maps.shape[-1] > cells[-1]:
                maps = F.adaptive_avg_pool2d(maps, cells)
            columns = columns + F.interpolate(self.readers[name](maps), cells, mode="bilinear", align_corners=False)
        return F.relu(columns)

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy with soft labels, weighted by the nearest bin (eq. 2 and 3), or half the squared distance (eq. 1).

        Averaged over cells and pictures. The paper's code leaves out pictures that are nearly grey; we refuse data sets that are.
        """
        prediction = prediction.float()
        if self.target == "regression":
            return F.mse_loss(prediction, hidden / REACH)  # of two numbers: half the squared distance
        bins, shares = self.bins.encode(hidden)
        # The shares sum to 1 and all but ten are 0: no need to write Q of them down.
        cross_entropy = prediction.logsumexp(1) - (prediction.gather(1, bins) * shares).sum(1)
        return (rebalanced(self.bins.prior, self.rebalance)[bins[:, 0]] * cross_entropy).mean()

    def ab(self, prediction: Tensor, temperature: float = 0.38) -> Tensor:
        """What colours a prediction means: a and b, float32 N x 2 x h x w (`temperature`: see `annealed_mean`)."""
        if self.target == "regression":
            return prediction.float() * REACH
        return annealed_mean(prediction.float(), self.bins.centres, temperature)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`chroma_ratio`: mean chroma guessed, over the true; `error_ratio`: mean distance from the truth, over that from grey.

        All grey scores 0 and 1, the truth 1 and 0. Both may exceed 1.
        """
        guess = self.ab(prediction)
        return {"chroma_ratio": chroma_ratio(guess, hidden), "error_ratio": error_ratio(guess, hidden)}

    def plausibility(self, backbone: nn.Module, images: Tensor) -> Tensor:
        """How well its own colours suit each picture (uint8 N x 3 x S x S), as the network sees it: N numbers, larger is better.

        The mean logarithm of the guessed share of the true bin; of a regression, minus the mean squared distance.
        """
        guess, ab = self.guess(backbone, images).float(), self.colours_of(to_lab(images))
        if self.target == "regression":
            return -(guess * REACH - ab).square().sum(1).mean((1, 2))
        bins, shares = self.bins.encode(ab)
        return (guess.log_softmax(1).gather(1, bins) * shares).sum(1).mean((1, 2))

    def represent(self, backbone: nn.Module, batch: Batch, stage: str) -> Tensor:
        """Features of the grey picture, N x D: whatever a network was trained on, here it sees no colour either."""
        return pooled(backbone.stages(grey(to_lab(batch.images)), last=stage)[stage])

    def guess(self, backbone: nn.Module, images: Tensor) -> Tensor:
        """`predict` for uint8 pictures N x 3 x S x S; network and head stay as they are."""
        with frozen(backbone):
            return self.predict(backbone, grey(to_lab(images)))

    def colours(self, backbone: nn.Module, images: Tensor, temperature: float = 0.38) -> Tensor:
        """The network's colouring of pictures, uint8 N x 3 x S x S in and out: their own lightness, its a and b."""
        return paint(images, self.ab(self.guess(backbone, images), temperature))

    def entropy(self, backbone: nn.Module, images: Tensor) -> Tensor:
        """How undecided the network is about each pixel of uint8 pictures: float32 N x S x S, in bits.

        Raises:
            CourseError: the task is a regression, which does not say.
        """
        if self.target == "regression":
            raise CourseError("A regression names one colour and not how sure it is; ask a network with target='classification'.")
        maps = entropy(self.guess(backbone, images))[:, None]
        return F.interpolate(maps, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]

    def draw(self, batch: Batch, rng: torch.Generator):
        """One row an image: the grey that the network sees, the colours that it must say, and the two together."""
        from matplotlib.figure import Figure

        lab = to_lab(batch.images, exact=True)
        ab = F.interpolate(self.colours_of(lab), lab.shape[2:], mode="nearest")
        alone = torch.full_like(lab[:, :1], DRAWN_LIGHTNESS)
        columns = {
            "visible: lightness": torch.cat([lab[:, :1], torch.zeros_like(ab)], dim=1),
            "hidden: a and b": torch.cat([alone, ab], dim=1),
            "the picture": lab,
        }
        figure = Figure(figsize=(1.6 * len(columns), 1.6 * len(lab) + 0.3), layout="constrained")
        axes = figure.subplots(len(lab), len(columns), squeeze=False)
        for column, (title, pictures) in zip(axes.T, columns.items(), strict=True):
            column[0].set_title(title, fontsize=9)
            for axis, picture in zip(column, to_rgb(pictures).permute(0, 2, 3, 1).cpu().numpy(), strict=True):
                axis.imshow(picture)
                axis.set_axis_off()
        return figure


def grey(lab: Tensor) -> Tensor:
    """What a network sees of Lab pictures N x 3 x H x W: L in -1…1, as three equal channels."""
    lightness = lab[:, :1] / 50 - 1
    return lightness.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
