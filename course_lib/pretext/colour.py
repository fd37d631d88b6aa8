"""Colours for the tasks that hide them: Lab, bins of a and b, and the way back from a guess over bins to a colour.

A picture in Lab is its lightness L (0…100) and two numbers for the colour: a from green to red, b from blue to yellow, both
0 for grey and at most 108 from it in sRGB. The distance from grey, √(a² + b²), is the chroma. Shared by colourisation and
whatever else predicts colours. Sections and equations are those of Zhang, Isola & Efros 2016 (arXiv:1603.08511).
"""

import functools
import math
import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.errors import CourseError

REACH = 110  # a and b of sRGB lie within -REACH…REACH
LEAST_CHROMA = 2.0  # mean chroma of pictures that are worth colouring; sepia photographs have more, grey ones none

# --- Lab -------------------------------------------------------------------------------------------------------------


def to_lab(images: Tensor, exact: bool = False) -> Tensor:
    """sRGB pictures, uint8 N x 3 x H x W, in CIE Lab (D65): float32 N x 3 x H x W, L 0…100, a and b within -110…110.

    Looked up in a table of all colours at six bits a channel, so that a training step pays for no cube roots. L is at most
    0.8 off and 0.3 on average, a and b at most 2.3 (dark colours) and 0.7. `exact` asks scikit-image about every pixel, for
    pictures that someone will look at.

    Raises:
        CourseError: these are no sRGB pictures in bytes.
    """
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise CourseError(
            f"Lab is made from uint8 pictures N x 3 x H x W, and these are {str(images.dtype)[6:]} of shape "
            f"{tuple(images.shape)}; hand in the pictures as a data set stores them."
        )
    if exact:
        return _rgb2lab(images.movedim(1, -1)).movedim(-1, 1)
    red, green, blue = (images >> 2).to(torch.int32).unbind(1)
    return F.embedding((red * 64 + green) * 64 + blue, _lab_of_all_colours(images.device)).movedim(-1, 1)


def to_rgb(lab: Tensor) -> Tensor:
    """Lab pictures, float N x 3 x H x W, as uint8 sRGB of that shape; colours that a screen cannot show are clipped."""
    from skimage.color import lab2rgb

    with warnings.catch_warnings():  # skimage's, about colours outside sRGB: a guess may well lie there
        warnings.simplefilter("ignore", UserWarning)
        rgb = lab2rgb(lab.detach().float().movedim(1, -1).cpu().numpy())
    return torch.from_numpy(rgb).mul(255).round().to(torch.uint8).movedim(-1, 1).to(lab.device)


def _rgb2lab(colours: Tensor) -> Tensor:
    """scikit-image's rgb2lab: uint8 or float 0…1, … x 3, to float32 … x 3."""
    from skimage.color import rgb2lab

    return torch.from_numpy(rgb2lab(colours.cpu().numpy())).to(colours.device, torch.float32)


@functools.cache
def _lab_of_all_colours(device: torch.device) -> Tensor:
    """float32 64³ x 3: the Lab of the colour in the middle of each 4 x 4 x 4 sRGB bytes; 3 MB, made once a process."""
    middles = (torch.arange(64, dtype=torch.float64) * 4 + 1.5) / 255
    return _rgb2lab(torch.cartesian_prod(middles, middles, middles)).to(device)


def require_colour(images: Tensor) -> None:
    """Refuse pictures (uint8 N x 3 x H x W, a sample of a data set) that have next to no colour.

    Raises:
        CourseError: their mean chroma is below `LEAST_CHROMA`.
    """
    chroma = to_lab(images)[:, 1:].norm(dim=1).mean().item()
    if chroma < LEAST_CHROMA:
        raise CourseError(
            f"These pictures are grey (their mean chroma is {chroma:.1f}, and {LEAST_CHROMA:.0f} is the least), so there are no "
            "colours to learn from them; choose a data set of colour pictures."
        )


# --- bins ------------------------------------------------------------------------------------------------------------


class Bins(nn.Module):
    """The cells of a grid over a and b that sRGB reaches, Q of them, and how often the colours of some data fall into each.

    A fixed set whatever the data (section 2.1), so that a head knows its number of outputs before any data is seen. The
    paper counts 313 at `grid` 10, with a margin around the gamut; cells that hold at least one colour are 259.

    Args:
        grid: a cell's side, in units of a and b.
        neighbours: bins that a colour is spread over by `encode` (section 2.2: 10 and `sigma` 5).
        sigma: spread of the Gaussian that weighs them, and that smooths the prior, in units of a and b.

    Attributes:
        centres: float32, Q x 2.
        prior: float32, Q: the smoothed share of each bin among the colours given to `measure`, uniform before; sums to 1.
    """

    def __init__(self, grid: int = 10, neighbours: int = 10, sigma: float = 5.0):
        super().__init__()
        centres, nearest, shares = _bins(grid, neighbours, sigma)
        self.sigma = sigma
        self.register_buffer("centres", centres.clone())
        self.register_buffer("prior", torch.full((len(centres),), 1 / len(centres)))
        self.register_buffer("_nearest", nearest, persistent=False)
        self.register_buffer("_shares", shares, persistent=False)

    def __len__(self) -> int:
        return len(self.centres)

    def encode(self, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Colours, N x 2 x h x w, softly: the K nearest bins, nearest first, and their shares, which sum to 1 (section 2.2).

        Looked up by a and b rounded to whole numbers. int64 and float32, N x K x h x w.
        """
        a, b = ab.round().clamp(-REACH, REACH).to(torch.int64).unbind(1)
        place = (a + REACH) * (2 * REACH + 1) + b + REACH
        return self._nearest[place].movedim(-1, 1), self._shares[place].movedim(-1, 1)

    @torch.no_grad()
    def measure(self, ab: Tensor) -> None:
        """Set the prior to that of these colours, N x 2 x h x w, smoothed by a Gaussian (section 2.2)."""
        counts = self.encode(ab)[0][:, 0].flatten().bincount(minlength=len(self))
        squares = (self.centres[:, None] - self.centres).square().sum(2)
        kernel = torch.exp(-squares / (2 * self.sigma**2))
        self.prior.copy_((kernel / kernel.sum(0)) @ (counts / counts.sum()))  # each bin's share spreads, none is lost


@functools.cache
def _bins(grid: int, neighbours: int, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Centres Q x 2, and of every whole a and b: the bins nearest to it (221² x K, int64) and their shares."""
    centres = grid * _lab_of_all_colours(torch.device("cpu"))[:, 1:].div(grid).round().unique(dim=0)
    line = torch.arange(-REACH, REACH + 1.0)
    distances, nearest = [], []
    for some in torch.cartesian_prod(line, line).split(2 * REACH + 1):
        squares = (some[:, None] - centres).square().sum(2)
        far, which = squares.topk(min(neighbours, len(centres)), largest=False)
        distances.append(far)
        nearest.append(which)
    return centres, torch.cat(nearest), (-torch.cat(distances) / (2 * sigma**2)).softmax(1)


def rebalanced(prior: Tensor, lambda_: float = 0.5) -> Tensor:
    """Weights of Q bins, large for rare ones: w ∝ 1 / ((1 - λ) p + λ / Q), with mean 1 under the prior p (eq. 4).

    Args:
        prior: float Q, sums to 1.
        lambda_: above 0, where weights would have no bound, to 1, where they are all 1.

    Raises:
        CourseError: another lambda.
    """
    if not 0.0 < lambda_ <= 1.0:
        raise CourseError(f"The prior is mixed with a uniform one by a lambda above 0 and up to 1, and {lambda_} is not.")
    weights = 1 / ((1 - lambda_) * prior + lambda_ / len(prior))
    return weights / (prior * weights).sum()


def annealed_mean(logits: Tensor, centres: Tensor, temperature: float = 0.38) -> Tensor:
    """A colour from a guess over bins: the mean of the centres under softmax(logits / T) (eq. 5).

    Temperature 1 gives the mean of the distribution, towards 0 its mode; the paper's .38 is a compromise.

    Args:
        logits: float N x Q, or N x Q x h x w.
        centres: Q x 2, of the logits' type.

    Returns:
        N x 2, or N x 2 x h x w, in the units of the centres.

    Raises:
        CourseError: the temperature is not above 0.
    """
    if not temperature > 0.0:
        raise CourseError(f"A temperature must lie above 0, and {temperature} does not; 0.01 is as good as the mode.")
    # The largest taken off before the division: nothing overflows then, however small the temperature.
    shares = ((logits - logits.amax(1, keepdim=True)) / temperature).softmax(1)
    return torch.einsum("nq...,qc->nc...", shares, centres)


def entropy(logits: Tensor) -> Tensor:
    """How undecided a guess over bins is: float N x Q x h x w to N x h x w, in bits, 0…log2 Q."""
    shares = logits.log_softmax(1)
    return -(shares.exp() * shares).sum(1) / math.log(2)


def chroma_ratio(guess: Tensor, true: Tensor, where: Tensor | None = None) -> float:
    """Mean chroma guessed over the mean true chroma: 1 is as colourful as the truth, 0 is grey.

    guess, true: a and b, N x 2 x h x w. where: bool N x h x w; everywhere unless given.
    """
    guessed, chroma = (ab.norm(dim=1) if where is None else ab.norm(dim=1)[where] for ab in (guess, true))
    return (guessed.mean() / chroma.mean().clamp_min(1e-6)).item()


def error_ratio(guess: Tensor, true: Tensor, where: Tensor | None = None) -> float:
    """Mean distance from the truth over that of an all-grey guess: 0 is the truth, 1 no better than grey. As `chroma_ratio`."""
    error, chroma = (ab.norm(dim=1) if where is None else ab.norm(dim=1)[where] for ab in (guess - true, true))
    return (error.mean() / chroma.mean().clamp_min(1e-6)).item()


def paint(images: Tensor, ab: Tensor) -> Tensor:
    """Pictures with other colours: uint8 N x 3 x H x W keep their L and get `ab` (float N x 2 x h x w), stretched bilinearly."""
    lab = to_lab(images, exact=True)
    stretched = F.interpolate(ab.float(), images.shape[2:], mode="bilinear", align_corners=False)
    return to_rgb(torch.cat([lab[:, :1], stretched], dim=1))
