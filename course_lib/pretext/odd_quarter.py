"""The odd quarter: one quarter of a picture is exchanged for that of another picture; which one?

The course's own worked example of a task that somebody invents. Its kin are the damaged puzzles of Jigsaw++ (Noroozi et al.
2018, arXiv:1805.00385), where some tiles come from another picture, and the spotting of artefacts (Jenni & Favaro 2018,
arXiv:1806.05024). Open, the task gives itself away: a border runs around what was pasted.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, patches
from course_lib.pretext.rotation import shifted_and_mirrored

PLACES = ("upper left", "upper right", "lower left", "lower right")


def exchange(images: Tensor, others: Tensor, quarter: Tensor) -> Tensor:
    """Images (N x C x 2s x 2s), of each the quarter that `quarter` (int64 N, a position in `PLACES`) names taken from the
    same place of its partner in `others`."""
    side = images.shape[-1] // 2
    number = torch.arange(4, device=images.device).view(2, 2).repeat_interleave(side, 0).repeat_interleave(side, 1)
    return torch.where(number == quarter[:, None, None, None], others, images)


def standardised_quarters(pictures: Tensor) -> Tensor:
    """Each quarter of float pictures (N x C x 2s x 2s) at spread 1, each of its channels at mean 0: no light, no cast."""
    quarters = pictures.unflatten(3, (2, -1)).unflatten(2, (2, -1))  # N x C x row x s x column x s
    centred = quarters - quarters.mean((3, 5), keepdim=True)
    spread = centred.square().mean((1, 3, 5), keepdim=True).sqrt()
    # A flat quarter becomes nothing at all: the rounding error of its mean would be its own, and tell it from the others.
    spread = torch.where(spread > 1e-4, spread.clamp_min(0.02), torch.inf)
    return centred.div_(spread).flatten(4, 5).flatten(2, 3)


def with_gap(pictures: Tensor, width: int) -> Tensor:
    """Float pictures (N x C x 2s x 2s) with a cross of zeros, `width` pixels to either side, over the inner borders."""
    side = pictures.shape[-1] // 2
    inside = slice(max(0, side - width), side + width)
    pictures = pictures.clone()
    pictures[..., inside, :] = 0.0
    pictures[..., inside] = 0.0
    return pictures


class OddQuarter(PretextTask):
    """Four-way classification: which quarter of the picture comes from another picture of the batch?

    Args:
        backbone: its last stage, averaged over each quarter, feeds the head.
        rng: a CPU generator for the head's first weights.
        gap: hide the inner borders, by a sixteenth of the side to either side; without it, the seam gives the answer away.
        own_light: bring each quarter to spread 1 and its channels to mean 0, and show half of the pictures in grey; without
            it, quarters of one picture are known by the light and the colours that they share.
        exchange: as the function above; a student's own, say.
    """

    chance = 1 / len(PLACES)

    def __init__(self, backbone: Backbone, rng: torch.Generator, gap: bool = True, own_light: bool = True, exchange=exchange):
        super().__init__()
        self.gap, self.own_light, self.exchange = gap, own_light, exchange
        self.head = initialise(nn.Linear(backbone.widths[backbone.stage_names[-1]], 1), rng)

    def pasted(self, images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pictures (uint8 N x 3 x S x S, a side that is odd cut by one) with a quarter exchanged, and which (int64 N).

        A picture's partner is the one before it in the batch, so a picture alone in its batch is its own partner.
        """
        side = min(images.shape[-2:]) // 2 * 2
        images = images[..., :side, :side]
        hidden = torch.randint(0, len(PLACES), (len(images),), generator=rng, device=images.device)
        return self.exchange(images, images.roll(1, 0), hidden), hidden

    def seen(self, pictures: Tensor, rng: torch.Generator) -> Tensor:
        """What the network sees of pictures with a quarter exchanged: float N x 3 x S x S, about -1 to 1."""
        pictures = pictures.float() / 127.5 - 1
        if self.own_light:
            pictures = patches.greyscaled(pictures[:, None], 0.5, rng)[:, 0]
            # Laid out as the network takes them, here already: sums that run in another order are rounded otherwise.
            pictures = standardised_quarters(pictures.contiguous(memory_format=torch.channels_last)).div_(2)
        return with_gap(pictures, max(1, pictures.shape[-1] // 16)) if self.gap else pictures

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: N x 3 x S x S float pictures; `hidden`: int64 N, a position in `PLACES`."""
        images = shifted_and_mirrored(batch.images, rng) if self.training else batch.images
        pictures, hidden = self.pasted(images, rng)
        return self.seen(pictures, rng).contiguous(memory_format=torch.channels_last), hidden

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Logits, N x 4: how unlike the other three each quarter is, channel by channel; one linear layer weighs them."""
        quarters = F.adaptive_avg_pool2d(backbone(visible), 2).flatten(2)  # N x C x 4
        others = (quarters.sum(2, keepdim=True) - quarters) / 3
        return self.head((quarters - others).square().movedim(1, 2))[..., 0]

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy, averaged over the pictures."""
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: the share of pictures whose odd quarter is found; guessing gives a quarter."""
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}

    def draw(self, batch: Batch, rng: torch.Generator):
        """A figure: the pictures with a quarter exchanged, titled with the answer, and below what the network sees."""
        from course_lib.plots.images import image_grid

        pictures, hidden = self.pasted(batch.images, rng)
        seen = ((self.seen(pictures, rng) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()
        titles = [PLACES[answer] for answer in hidden.tolist()]
        return image_grid(torch.cat([pictures.cpu(), seen]), len(batch), titles, side=1.2, names=["pasted", "seen"])
