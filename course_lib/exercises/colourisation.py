"""The exercises of 04_colourisation."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.exercises import Exercise, Trial
from course_lib.pretext.colour import annealed_mean

# --- the references -------------------------------------------------------------------------------------------------


def split_colour(lab: Tensor) -> tuple[Tensor, Tensor]:
    """What the network sees and what it must say, from Lab pictures, float N x 3 x H x W (L 0…100; a and b about -110…110).

    Returns:
        visible: N x 3 x H x W, L scaled to -1…1, three times over, since every backbone takes three channels.
        hidden: N x 2 x H x W, a and b as they were.
    """
    lightness = lab[:, :1] / 50 - 1
    return lightness.expand(-1, 3, -1, -1), lab[:, 1:]


def soft_encode(ab: Tensor, centres: Tensor, neighbours: int, sigma: float) -> Tensor:
    """Colours as soft labels (section 2.2): ab N x 2 and the bins' centres Q x 2 to N x Q, each row summing to 1.

    A colour gives each of its `neighbours` nearest bins (all of them, where Q is smaller) a share in proportion to
    exp(-distance² / (2 sigma²)), and the others nothing.
    """
    squares = (ab[:, None] - centres).square().sum(2)
    near = squares.topk(min(neighbours, len(centres)), largest=False)
    shares = (-near.values / (2 * sigma**2)).softmax(1)
    return torch.zeros_like(squares).scatter(1, near.indices, shares)


def rebalance(prior: Tensor, lambda_: float) -> Tensor:
    """Weights of Q bins, large for rare colours (eq. 4), from their prior (float Q, sums to 1) and a lambda in 0…1.

    The prior p is mixed with the uniform one to (1 - lambda) p + lambda / Q; the weights are in proportion to 1 over that,
    and their mean under the prior, the sum of p times weight, is 1.
    """
    weights = ((1 - lambda_) * prior + lambda_ / len(prior)).reciprocal()
    return weights / (prior * weights).sum()


# --- the cases ------------------------------------------------------------------------------------------------------


def _lab(shape: tuple[int, ...], dtype: torch.dtype, rng: torch.Generator) -> Tensor:
    """Random Lab pictures of N x H x W pixels: N x 3 x H x W."""
    low, span = torch.tensor([[0.0, -100.0, -100.0], [100.0, 200.0, 200.0]], dtype=dtype)[..., None, None]
    count, height, width = shape
    return low + span * torch.rand(count, 3, height, width, generator=rng, dtype=dtype)


def _prior(bins: int, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
    """A random prior over bins, some of which are empty, as those of colours that a data set does not hold are."""
    counts = torch.rand(bins, generator=rng, dtype=dtype) ** 3
    counts[1::3] = 0.0
    return counts / counts.sum()


def _laid_out(tensor: Tensor, number: int) -> Tensor:
    """The same tensor; every second one lies in memory with gaps, as one that was cut out of a larger one does."""
    return torch.stack([tensor, tensor], dim=-1)[..., 0] if number % 2 else tensor


def _type(number: int) -> torch.dtype:
    return torch.float64 if number % 3 == 2 else torch.float32


def _named(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype)[6:]}"


# --- the checks -----------------------------------------------------------------------------------------------------


def check_split_colour(function: Callable) -> None:
    """Random Lab pictures of many shapes, types and layouts in memory."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    shapes = [(2, 4, 4), (1, 5, 3), (3, 3, 3), (1, 1, 1), (17, 2, 9), (2, 16, 12), *torch.randint(1, 9, (9, 3), generator=rng)]
    for number, shape in enumerate(shapes):
        lab = _lab([int(side) for side in shape], _type(number), rng)
        if number % 2:  # scikit-image puts the channels last
            lab = lab.contiguous(memory_format=torch.channels_last)
        trial.case(f"lab {_named(lab)}" + ", channels last in memory" * (number % 2))
        answer = trial.call(lab)
        trial.pair(answer, "what is visible and what is hidden")
        visible, hidden = split_colour(lab)
        trial.same("the visible part", answer[0], visible, "L from 0 to 100 becomes -1 to 1, in all three channels.", close=True)
        trial.same("the hidden part", answer[1], hidden, "It is a and b, in their own units.", close=True)


def check_soft_encode(function: Callable) -> None:
    """Random colours and centres, against the definition; fewer bins than neighbours, too."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    sizes = [(3, 7, 2), (1, 1, 1), (5, 4, 10), (2, 12, 5), (40, 30, 10), (6, 6, 1), (4, 2, 2), (9, 259, 10)]
    for number, (colours, bins, neighbours) in enumerate(sizes):
        dtype, sigma = _type(number), (5.0, 8.0, 12.5)[number % 3]
        ab, centres = (10 * torch.randn(count, 2, generator=rng, dtype=dtype) for count in (colours, bins))
        ab = _laid_out(ab, number)
        trial.case(f"ab {_named(ab)}, centres {_named(centres)}, {neighbours} neighbours, sigma {sigma:g}")
        shares = trial.call(ab, centres, neighbours, sigma)
        expected = soft_encode(ab, centres, neighbours, sigma)
        trial.tensor("the shares", shares, expected.shape, dtype)
        most = min(neighbours, bins)
        used = int((shares != 0).sum(1).max())
        trial.expect(used <= most, f"expected at most {most} bins with a share in a row, got {used}.")
        off = (shares.sum(1) - 1).abs().argmax()
        total = shares.sum(1)[off].item()
        trial.expect(abs(total - 1) < 1e-4, f"expected shares that sum to 1 in row {int(off)}, got {total:.6g}.")
        trial.same("the shares", shares, expected, "The exponent is the squared distance over 2 sigma squared.", close=True)


def check_rebalance(function: Callable) -> None:
    """Random priors with empty bins, uniform ones and all in one bin, against the definition."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for number, bins in enumerate((4, 1, 2, 7, 30, 259, 5, 3)):
        dtype = _type(number)
        for kind in ("uniform", "all in the first bin", "random"):
            prior = {
                "uniform": torch.full((bins,), 1 / bins, dtype=dtype),
                "all in the first bin": torch.eye(bins, dtype=dtype)[0],
                "random": _prior(bins, dtype, rng),
            }[kind]
            prior = _laid_out(prior, number)
            for lambda_ in (0.5, 0.1, 1.0):
                trial.case(f"prior {_named(prior)}, {kind}, lambda {lambda_:g}")
                weights = trial.call(prior, lambda_)
                trial.tensor("the weights", weights, prior.shape, dtype)
                mean = (prior * weights).sum().item()
                trial.expect(abs(mean - 1) < 1e-4, f"expected weights whose mean under the prior is 1, got {mean:.6g}.")
                mixed = "Each is in proportion to 1 / ((1 - lambda) p + lambda / Q)."
                trial.same("the weights", weights, rebalance(prior, lambda_), mixed, close=True)


def check_annealed_mean(function: Callable) -> None:
    """Random logits of ordinary and enormous size, at temperatures down to a millionth, against the definition."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for number, (count, bins) in enumerate([(3, 5), (1, 1), (4, 2), (2, 259), (17, 30), (5, 5), (1, 7), (6, 2), (2, 2)]):
        dtype = _type(number)
        centres = 40 * torch.randn(bins, 2, generator=rng, dtype=dtype)
        for size in (2.0, 1e4, 1e36):
            logits = _laid_out(size * torch.randn(count, bins, generator=rng, dtype=dtype), number)
            for temperature in (1.0, 0.38, 1e-6):
                trial.case(f"logits {_named(logits)} of about {size:g}, temperature {temperature:g}")
                colours = trial.call(logits, centres, temperature)
                why = "Divide the logits by the temperature, make shares that sum to 1 of them, and average the centres."
                if not (isinstance(colours, Tensor) and colours.isfinite().all()):
                    why = "Large numbers overflow in an exponential; take a row's largest logit off before you divide."
                trial.same("the colours", colours, annealed_mean(logits, centres, temperature), why, close=True)


EXERCISES = {
    "split_colour": Exercise(
        check=check_split_colour,
        reference=split_colour,
        hints=(
            "Of a picture's three channels the first is the lightness. Which of them may the network see?",
            "Lightness goes from 0 to 100. Which number must go to 0, and by what must you then divide to end at 1?",
            "Keep the axis of channels when you take the first one out; then repeat it three times along that axis. The "
            "other two channels go back as they are.",
        ),
        difficulty=1,
        importance=4,
        minutes=4,
    ),
    "soft_encode": Exercise(
        check=check_soft_encode,
        reference=soft_encode,
        hints=(
            "Mark five bins and a colour on squared paper. Which bins get a share, and which of them the largest?",
            "First the N x Q squared distances. Then, in each row, find the nearest few; all others must end at zero.",
            "Give the nearest ones the exponential of minus the squared distance over twice sigma squared, and divide each row "
            "by its sum. There may be fewer bins than neighbours.",
        ),
        difficulty=3,
        importance=4,
        minutes=10,
    ),
    "rebalance": Exercise(
        check=check_rebalance,
        reference=rebalance,
        hints=(
            "A colour that is half as frequent should count about twice. What becomes of one that never occurs?",
            "Mixing the prior with a uniform one leaves no bin at zero, so that dividing 1 by the mixture is safe.",
            "At the end, divide all weights by one number: the sum of prior times weight. It is the prior itself that counts "
            "there, not the mixture.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "annealed_mean": Exercise(
        check=check_annealed_mean,
        reference=annealed_mean,
        hints=(
            "With shares of a half red and a half green, what is the mean colour? What if the larger share took all?",
            "Dividing logits by a small temperature widens the gaps between them, so the largest takes nearly all.",
            "Take the largest logit of each row off first, then divide, then make shares that sum to 1; each colour is the "
            "shares' matrix product with the centres.",
        ),
        difficulty=2,
        importance=5,
        minutes=8,
    ),
}
