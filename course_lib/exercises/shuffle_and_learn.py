"""The exercises of 05_shuffle_and_learn."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.exercises import Exercise, Trial

# --- the references -------------------------------------------------------------------------------------------------


def make_triples(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Of moments a < b < c < d < e (int64 N x 5), six triples each, N x 6 x 3, and whether they are in order, N x 6.

    (b, c, d) is: 1. (b, a, d) and (b, e, d) are not: 0. Each of the three stands there backwards, too.
    """
    a, b, c, d, e = moments.unbind(1)
    rows = ((b, c, d), (b, a, d), (b, e, d), (d, c, b), (d, a, b), (d, e, b))
    triples = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    return triples, torch.tensor([1, 0, 0, 1, 0, 0], device=moments.device).repeat(len(moments), 1)


def fastest_window(motion: Tensor, length: int) -> Tensor:
    """Where the `length` neighbouring numbers of each row (N x M) begin whose sum is largest: int64 N; the first of equals."""
    return motion.unfold(1, length, 1).sum(2).argmax(1)


def balanced_accuracy(said: Tensor, true: Tensor) -> float:
    """The mean of two shares: of the ones (int64 N, in `true`) that are called one, and of the zeros called zero."""
    right = (said == true).double()
    return ((right[true == 1].mean() + right[true == 0].mean()) / 2).item()


def pck(said: Tensor, true: Tensor, seen: Tensor, near: float) -> float:
    """The share (0…1) of the points that are seen (bool N x K) and put at most `near` from where they are (N x K x 2)."""
    distance = (said - true).norm(dim=2)
    return (distance[seen] <= near).double().mean().item()


# --- the checks -----------------------------------------------------------------------------------------------------


def check_make_triples(function: Callable) -> None:
    """Random moments, near and far; any order of the six triples, as long as labels stand beside them."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, count in enumerate((3, 1, 2, 7, 16, 5)):
        moments = torch.rand(count, 12 + 3 * count, generator=rng).argsort(1)[:, :5].sort(1).values
        moments = moments.T.contiguous().T if k % 2 else moments
        trial.case(f"moments {tuple(moments.shape)} int64, the first {moments[0].tolist()}")
        answer = trial.call(moments)
        trial.pair(answer, "triples and labels")
        triples, labels = answer
        trial.tensor("the triples", triples, (count, 6, 3), torch.int64)
        trial.tensor("the labels", labels, (count, 6), torch.int64)
        for row, said, right, true in zip(*(part.tolist() for part in (triples, labels, *make_triples(moments))), strict=True):
            wanted = {tuple(triple): label for triple, label in zip(right, true, strict=True)}
            for triple, label in zip(map(tuple, row), said, strict=True):
                trial.expect(triple in wanted, f"expected the triples {list(wanted)}, in any order, but got {triple}.")
                trial.expect(label == wanted[triple], f"expected label {wanted[triple]} for {triple}, got {label}. "
                             "What lies between its two neighbours in time is in order, whichever way time runs.")  # fmt: skip
            missing = [triple for triple in wanted if triple not in set(map(tuple, row))]
            trial.expect(not missing, f"expected each triple once, but {missing} is missing and another got in twice.")


def check_fastest_window(function: Callable) -> None:
    """Random motion with windows of every length, with ties, with the fastest window at either end, with negative numbers."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    cases = [(3, 6, 2), (1, 5, 5), (4, 9, 1), (2, 15, 6), (5, 7, 6), (8, 15, 4), (1, 9, 3), (1, 12, 2), (2, 4, 3), (12, 30, 10)]
    for k, (count, moments, length) in enumerate(cases):
        motion = torch.randint(0, 4 if k % 2 else 1000, (count, moments), generator=rng).to((torch.float32, torch.float64)[k % 2])
        motion = motion.T.contiguous().T if k % 4 > 1 else motion
        if k % 3 == 0:
            motion[0, :length] += 1000
            motion[-1, -length:] += 2000
        if count == 1 and moments > length:
            motion[0, -length - 1 :] += 1000
        if k == 4:
            motion -= 500
        trial.case(f"motion {tuple(motion.shape)} {str(motion.dtype)[6:]}, windows of {length}")
        why = f"It is where the {length} neighbouring numbers with the largest sum begin; the first, of equal ones."
        trial.same("the beginnings", trial.call(motion, length), fastest_window(motion, length), why)


def check_balanced_accuracy(function: Callable) -> None:
    """Answers and truths that are rarely one, often one, all right, all wrong, all the same."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, share) in enumerate(((8, 0.5), (12, 0.25), (50, 0.1), (40, 0.9), (300, 0.33), (5, 0.5))):
        true = (torch.rand(count, generator=rng) < share).long()
        true[:2] = torch.tensor([0, 1])  # both kinds occur
        true = true[torch.randperm(count, generator=rng)]
        guessed = torch.randint(0, 2, (count,), generator=rng)
        for words, said in (("guessed", guessed), ("all zero", 0 * true), ("all one", 0 * true + 1), ("all wrong", 1 - true)):
            if k % 2:  # columns, as of a table
                said, true = torch.stack([said, true], dim=1).unbind(1)
            trial.case(f"said {(count,)} int64 ({words}), {int(true.sum())} of {count} truly 1")
            why = "The ones and the zeros count half each, however many there are of either."
            trial.number(trial.call(said, true), balanced_accuracy(said, true), why)


def check_pck(function: Callable) -> None:
    """Random points near and far, some hidden, some exactly at the limit."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, points) in enumerate(((4, 3), (1, 5), (3, 1), (20, 13), (7, 13), (2, 2))):
        true = torch.randint(0, 48, (count, points, 2), generator=rng).double()
        near = (5.0, 2.0, 10.0)[k % 3]
        angle = torch.rand(count, points, generator=rng, dtype=torch.float64) * 6.283
        far = torch.rand(count, points, generator=rng, dtype=torch.float64) * 2 * near
        said = true + far[..., None] * torch.stack([angle.cos(), angle.sin()], dim=2)
        said[0, 0] = true[0, 0] + torch.tensor([near, 0.0])  # at the limit, without a rounding
        said = said.transpose(0, 1).contiguous().transpose(0, 1) if k % 2 else said
        seen = torch.rand(count, points, generator=rng) < 0.7
        seen[0, 0] = True
        trial.case(f"said {tuple(said.shape)} float64, {int(seen.sum())} of {seen.numel()} points seen, near {near:g}")
        why = "Of the points that are seen, those at most so far away, along a straight line, are found."
        trial.number(trial.call(said, true, seen, near), pck(said, true, seen, near), why)


EXERCISES = {
    "make_triples": Exercise(
        check=check_make_triples,
        reference=make_triples,
        hints=(
            "Write five moments on paper, 2, 4, 7, 9, 12, and below them the six triples. Which two moments are in each "
            "of them, and at which places?",
            "Take the five columns apart first: each is a list of N numbers. A triple is three of them side by side.",
            "Put three columns side by side for each of the four triples, then the six triples side by side. The labels are "
            "the same six numbers for every clip.",
        ),
        difficulty=2,
        importance=5,
        minutes=8,
    ),
    "fastest_window": Exercise(
        check=check_fastest_window,
        reference=fastest_window,
        hints=(
            "Take the numbers 1, 5, 4, 0, 2 and windows of two. Write the sums of all four windows. Which is largest?",
            "A row of M numbers has M + 1 - length windows. Sum each; a loop over the beginnings will do.",
            "Side by side, the sums make a table with a row for each clip. In each row, the place of the largest is the answer.",
        ),
        difficulty=2,
        importance=3,
        minutes=6,
    ),
    "balanced_accuracy": Exercise(
        check=check_balanced_accuracy,
        reference=balanced_accuracy,
        hints=(
            "Two triples of six are in order. What plain accuracy does a network have that always says no?",
            "Count twice: among the triples that are in order, and among those that are not.",
            "Take the share of right answers where the truth is one, and where it is zero; the mean of the two is asked for.",
        ),
        difficulty=1,
        importance=4,
        minutes=4,
    ),
    "pck": Exercise(
        check=check_pck,
        reference=pck,
        hints=(
            "A point is found or not; how far off it is counts no further. Which points are asked about at all?",
            "The distance is that along a straight line: the root of the sum of two squares, for each sample and point.",
            "Choose the distances of the points that are seen, compare them with the limit, and take the mean of the answers.",
        ),
        difficulty=2,
        importance=3,
        minutes=5,
    ),
}
