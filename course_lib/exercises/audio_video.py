"""The exercises of 06_audio_video."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.exercises import Exercise, Trial

# --- the references -------------------------------------------------------------------------------------------------


def decibels(power: Tensor, reach: float) -> Tensor:
    """Power (floats N x F x T, none below 0) in decibels below the loudest of each sound: -reach…0; silence is -reach."""
    loudest = power.amax((1, 2), keepdim=True)
    share = torch.where(loudest > 0, power / loudest, 0.0)
    return (10 * share.log10()).clamp(min=-reach)


def others(count: int, each: int, rng: torch.Generator) -> Tensor:
    """For each of `count` clips, `each` different other clips drawn by `rng`: int64 count x each, none of them its own."""
    return torch.rand(count, count, generator=rng).fill_diagonal_(-1.0).topk(each, dim=1).indices


def distances(seen: Tensor, heard: Tensor) -> Tensor:
    """Distances between the rows of N x D and those of M x D, each brought to length one: N x M, 0…2."""
    return torch.cdist(F.normalize(seen, dim=1), F.normalize(heard, dim=1))


def recall(distances: Tensor, k: int) -> float:
    """The share (0…1) of the rows of N x N to whose own column at most k - 1 others are nearer."""
    nearer = (distances < distances.diagonal()[:, None]).sum(1)
    return (nearer < k).double().mean().item()


# --- the checks -----------------------------------------------------------------------------------------------------


def check_decibels(function: Callable) -> None:
    """Sounds of very different loudness side by side, silence within them, and one that is nothing but silence."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, bands, columns) in enumerate(((2, 3, 4), (1, 5, 2), (3, 1, 6), (9, 12, 10), (2, 2, 1))):
        dtype, reach = (torch.float32, torch.float64)[k % 2], (80.0, 40.0, 60.0)[k % 3]
        power = 10 ** (torch.rand(count, bands, columns, generator=rng, dtype=torch.float64) * 12 - 8)
        power *= 10 ** torch.arange(count, dtype=torch.float64)[:, None, None]
        power[0, 0, 0] = 0
        silent = k in (0, 3)
        if silent:
            power[-1] = 0
        power = power.to(dtype)
        power = power.mT.contiguous().mT if k % 2 else power
        trial.case(f"power {tuple(power.shape)} {str(dtype)[6:]}, reach {reach:g}" + (", one sound is silent" if silent else ""))
        why = "Ten times the logarithm to base ten of the share of that sound's loudest number, and never below -reach."
        trial.same("the decibels", trial.call(power, reach), decibels(power, reach), why, close=True)


def check_others(function: Callable) -> None:
    """Few clips and many, all others and some; by the generator alone; every other clip as often."""
    trial = Trial(function)
    for count, each in ((4, 2), (2, 1), (5, 4), (12, 3), (30, 8)):
        seen = []
        for seed in (1, 1, 2, *range(3, 9)):
            trial.case(f"count {count}, each {each}, a generator with the seed {seed}")
            chosen = trial.call(count, each, torch.Generator().manual_seed(seed))
            trial.tensor("the numbers of clips", chosen, (count, each), torch.int64)
            low, high = int(chosen.min()), int(chosen.max())
            trial.expect(low >= 0 and high < count, f"expected numbers from 0 to {count - 1}, got {low} to {high}.")
            own = (chosen == torch.arange(count)[:, None]).any(1).nonzero().flatten().tolist()
            trial.expect(not own, f"expected other clips, but clip {own[:1]} got its own number.")
            alike = [row for row in chosen.tolist() if len(set(row)) < each]
            trial.expect(not alike, f"expected different clips in a row, got {alike[:1]}.")
            seen.append(chosen)
        trial.expect(torch.equal(seen[0], seen[1]), "expected the same draw from the same generator, got another.")
        if count > 2 and each < count - 1:
            same = all(torch.equal(seen[0].sort(1).values, some.sort(1).values) for some in seen[2:])
            trial.expect(not same, "expected other draws from other generators, got the same clips every time.")
    count, each, rounds = 6, 2, 600
    trial.case(f"count {count}, each {each}, {rounds} draws from one generator")
    rng, tally = torch.Generator().manual_seed(11), torch.zeros(count, count)
    for _ in range(rounds):
        tally.scatter_add_(1, trial.call(count, each, rng), torch.ones(count, each))
    share = (tally / rounds)[~torch.eye(count, dtype=torch.bool)]  # each should be 0.4, give or take 0.02
    trial.expect(
        bool((share > 0.28).all() and (share < 0.52).all()),
        f"expected every other clip about as often (40 times in 100), but some came {100 * share.min():.0f} times in 100, "
        f"others {100 * share.max():.0f}.",
    )


def check_distances(function: Callable) -> None:
    """Rows of any length, more of one kind than of the other, equal rows, opposite rows."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, others_, width) in enumerate(((3, 2, 4), (1, 5, 3), (6, 6, 8), (4, 1, 1), (20, 30, 16))):
        dtype = (torch.float32, torch.float64)[k % 2]
        seen = torch.randn(count, width, generator=rng, dtype=torch.float64) * 3
        heard = torch.randn(others_, width, generator=rng, dtype=torch.float64) * 0.2
        heard[0] = 2 * seen[0] if k % 2 else -0.5 * seen[-1]
        seen, heard = seen.to(dtype), heard.to(dtype)
        seen, heard = (some.T.contiguous().T for some in (seen, heard)) if k % 3 == 2 else (seen, heard)
        trial.case(f"seen {tuple(seen.shape)}, heard {tuple(heard.shape)}, {str(dtype)[6:]}")
        answer = trial.call(seen, heard)
        expected = distances(seen.double(), heard.double()).to(dtype)
        trial.tensor("the distances", answer, expected.shape, dtype)
        # A small distance is the root of what rounding leaves of two large numbers: zero may come out as 0.001.
        near = torch.where(expected < 0.05, 5e-3, 2e-4)
        far = ((answer - expected).abs() > near) | answer.isnan()
        if far.any():
            place = tuple(far.nonzero()[0].tolist())
            trial.expect(False, f"expected {expected[place]:.4f} at {list(place)}, got {answer[place]:.4f} in the distances. "
                         "Bring each row to length one, then measure along a straight line.")  # fmt: skip


def check_recall(function: Callable) -> None:
    """Random distances, own ones nearest, own ones farthest, with ties, k from 1 to all; of two types and layouts."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for number, (count, k) in enumerate(((5, 1), (5, 3), (8, 8), (12, 2), (40, 10), (1, 1))):
        for words in ("any", "own nearest", "own farthest", "whole numbers, with ties"):
            far = torch.rand(count, count, generator=rng)
            if words.startswith("whole"):
                far = torch.randint(0, 4, (count, count), generator=rng).float()
            elif words != "any":
                far.fill_diagonal_(-1.0 if words == "own nearest" else 2.0)
            far = far.to((torch.float32, torch.float64)[number % 2])
            far = far.T.contiguous().T if number % 3 else far
            trial.case(f"distances {tuple(far.shape)} ({words}), k {k}")
            answer, expected = trial.call(far, k), recall(far, k)
            if isinstance(answer, Tensor) and answer.dim() == 0:
                answer = answer.item()
            plain = isinstance(answer, (int, float)) and not isinstance(answer, bool)
            trial.expect(plain, f"expected one number, got {type(answer).__name__}: {answer}.")
            trial.expect(
                abs(answer - expected) < 1e-4,
                f"expected {expected:.5g}, got {answer:.5g}. A row counts if fewer than k others are nearer than its own column.",
            )


EXERCISES = {
    "decibels": Exercise(
        check=check_decibels,
        reference=decibels,
        hints=(
            "A tenth of the loudest is -10, a hundredth -20, a thousandth -30. What is the loudest itself?",
            "Divide each sound by its own largest number, over all bands and columns, before you take the logarithm.",
            "The logarithm of zero is minus infinity: cut off below. A sound of zeros has no largest number to divide by; "
            "say what becomes of it before you divide.",
        ),
        difficulty=2,
        importance=3,
        minutes=6,
    ),
    "others": Exercise(
        check=check_others,
        reference=others,
        hints=(
            "For one clip of five, write down from which numbers you may draw. How do you draw two of them without repetition?",
            "Numbers drawn at random and put in order give a random order: the first few of it are a draw without repetition.",
            "Draw a table of random numbers, a row for each clip. See to it that its own number can never be among the first.",
        ),
        difficulty=3,
        importance=5,
        minutes=8,
    ),
    "distances": Exercise(
        check=check_distances,
        reference=distances,
        hints=(
            "Two arrows of length one: how far apart are their tips if they point the same way? If they point opposite ways?",
            "First divide each row by its length. Then each row of the first is compared with each of the second.",
            "The distance is the root of the sum of squared differences; for arrows of length one, the root of two minus twice "
            "their inner product. Rounding may bring that slightly below zero.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "recall": Exercise(
        check=check_recall,
        reference=recall,
        hints=(
            "In the first row, which column is its own? How many others have a smaller number there?",
            "The diagonal holds the distances of what belongs together. Compare each row with its own number on it.",
            "Count in each row what is smaller than the number on the diagonal. Fewer than k: found. Take the mean of that.",
        ),
        difficulty=2,
        importance=3,
        minutes=6,
    ),
}
