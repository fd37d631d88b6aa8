"""Diverse colourisation: several colourings of one picture, by a conditional variational autoencoder.

Sohn, Lee & Yan 2015 (NIPS, "Learning structured output representation using deep conditional generative models", eq. 4);
for colours, Deshpande et al. 2017 (arXiv:1612.01958). A few numbers z say which of the possible colourings is meant. In
training they are read off the true colours, and it costs to say much in them; afterwards they are drawn at random.
"""

import torch
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.features import frozen
from course_lib.models import Backbone, initialise
from course_lib.pretext.colour import REACH, to_lab
from course_lib.pretext.colourisation import Colourisation, grey

SPREAD = 0.05  # of the decoder's Gaussian, in units of 110: the error in a and b that counts as small


class DiverseColourisation(Colourisation):
    """Colours of cells from lightness and from `latent` numbers z that are drawn, one draw a colouring.

    Args:
        backbone, rng, cell, channels: as for `Colourisation`.
        latent: how many numbers z has.
    """

    def __init__(self, backbone: Backbone, rng: torch.Generator, latent: int = 8, cell: int = 4, channels: int = 64):
        super().__init__(backbone, rng, "regression", cell=cell, channels=channels)
        self.latent = latent
        self.norm = nn.BatchNorm2d(channels)  # so that neither the columns nor z drowns the other
        self.head = nn.Sequential(
            nn.Conv2d(channels + latent, 128, 1), nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 2, 1)
        )  # fmt: skip
        self.posterior = nn.Sequential(  # mean and logarithm of the variance of z, from columns and true colours
            nn.Conv2d(channels + 2, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 2 * latent),
        )  # fmt: skip
        initialise(self.head, rng)
        initialise(self.posterior, rng)
        for last in (self.head[-1], self.posterior[-1]):  # the first guess is grey, and z says nothing
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """`visible`: lightness, N x 3 x S x S, and the draws that z is made of, N x latent; `hidden`: a and b, N x 2 x h x w."""
        seen, hidden = super().hide(batch, rng)
        return (seen, torch.randn(len(seen), self.latent, generator=rng, device=seen.device)), hidden

    def predict(self, backbone: nn.Module, visible: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """The columns of the cells, N x channels x h x w, and the draws: all that `colours_for` needs."""
        seen, draws = visible
        return self.norm(self.columns(backbone, seen)), draws

    def colours_for(self, columns: Tensor, z: Tensor) -> Tensor:
        """a and b in units of 110, N x 2 x h x w, of the colouring that z (N x latent) means."""
        everywhere = z[:, :, None, None].expand(-1, -1, *columns.shape[2:])
        return self.head(torch.cat([columns, everywhere.to(columns.dtype)], dim=1)).float()

    def loss(self, prediction: tuple[Tensor, Tensor], hidden: Tensor) -> Tensor:
        """The negative evidence lower bound, in nats a cell: what z leaves unexplained, and what z says (eq. 4)."""
        columns, draws = prediction
        true = hidden / REACH
        mean, logarithm = self.posterior(torch.cat([columns, true.to(columns.dtype)], dim=1)).float().chunk(2, dim=1)
        logarithm = logarithm.clamp(-8, 4)
        z = mean + (logarithm / 2).exp() * draws
        unexplained = (self.colours_for(columns, z) - true).square().sum((1, 2, 3)) / (2 * SPREAD**2)
        divergence = 0.5 * (mean.square() + logarithm.exp() - 1 - logarithm).sum(1)
        return (unexplained + divergence).mean() / true[0, 0].numel()

    def ab(self, prediction: tuple[Tensor, Tensor], temperature: float = 0.38) -> Tensor:
        """One colouring, drawn at random: a and b, float32 N x 2 x h x w; there is no temperature to it."""
        return self.colours_for(*prediction) * REACH

    def several(self, backbone: nn.Module, images: Tensor, count: int, rng: torch.Generator) -> Tensor:
        """`count` colourings of pictures uint8 N x 3 x S x S, as a and b of the cells: float32 N x count x 2 x h x w."""
        with frozen(backbone), frozen(self):
            columns = self.norm(self.columns(backbone, grey(to_lab(images)))).repeat_interleave(count, 0)
            z = torch.randn(len(columns), self.latent, generator=rng, device=columns.device)
            return (self.colours_for(columns, z) * REACH).unflatten(0, (-1, count))


def spread(several: Tensor) -> Tensor:
    """How far colourings (N x count x 2 x h x w) lie from their mean, root of the mean square: N x h x w, in units of a and b."""
    return (several - several.mean(1, keepdim=True)).square().sum(2).mean(1).sqrt()
