"""The exercises of 08_evaluation."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.evaluation.table import overlap
from course_lib.exercises import Exercise, Trial

# --- the references -------------------------------------------------------------------------------------------------


def partner_loss(z: Tensor, temperature: float) -> Tensor:
    """The mean cross-entropy of naming the partner of each row of z (2N x D; row k's is row N + k) among all other rows.

    Similarities are inner products of rows of length one over `temperature` (Chen et al. 2020, arXiv:2002.05709, eq. 1).
    """
    z = F.normalize(z, dim=1)
    similar = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), -math.inf)
    return F.cross_entropy(similar, torch.arange(len(z), device=z.device).roll(len(z) // 2))


def box_overlap(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of the boxes in each row: N x 4 and N x 4 (left, top, right, bottom) give N numbers in 0…1."""
    return overlap(one, other)


def average_precision(scores: Tensor, right: Tensor, things: int) -> float:
    """The precisions at the right ones of N boxes, surest first, summed and divided by how many things there are.

    scores: N floats; right: N bools. Without interpolation (Everingham et al. 2015, section 4.2 gives both ways).
    """
    right = right[scores.argsort(descending=True)].double()
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return ((precision * right).sum() / things).item()


def bits_learnt(loss: float, chance: float) -> float:
    """The bits of one of 1 / `chance` equally likely answers, less the cross-entropy `loss` (natural logarithms)."""
    return -math.log2(chance) - loss / math.log(2)


def honest_score(validation: Sequence[float], test: Sequence[float]) -> float:
    """The test score of the candidate that does best on the validation split; of equals, the first."""
    return test[max(range(len(validation)), key=validation.__getitem__)]


# --- the checks -----------------------------------------------------------------------------------------------------


def check_partner_loss(function: Callable) -> None:
    """Random vectors of every length, number and type, alike and far apart, at several temperatures; it must have a slope."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (pairs, size) in enumerate(((2, 3), (1, 4), (3, 2), (8, 16), (5, 64), (16, 5), (3, 1))):
        z = torch.randn(2 * pairs, size, generator=rng) * (0.5 + 3 * torch.rand(2 * pairs, 1, generator=rng))
        if k % 2:
            z[pairs:] = z[:pairs] + 0.3 * z[pairs:]  # partners that resemble each other
        temperature = (0.5, 0.1, 1.0, 2.0, 0.2, 0.07, 0.5)[k]
        z = z.double() if k % 3 == 2 else z
        z = z.T.contiguous().T if k % 2 else z
        trial.case(f"z {tuple(z.shape)} {str(z.dtype)[6:]}, temperature {temperature}")
        z.requires_grad_(True)
        answer = trial.call(z, temperature)
        why = "Each row of length one is held against all rows but itself; its partner stands half the batch away."
        expected = partner_loss(z.detach(), temperature).item()
        trial.number(answer, expected, why, within=1e-4 * max(1.0, abs(expected)))
        slope = isinstance(answer, Tensor) and answer.requires_grad
        trial.expect(slope, "expected a tensor that training can follow back to z, got one without a slope.")


def check_box_overlap(function: Callable) -> None:
    """Boxes that are equal, apart, side by side, one inside the other, and random ones, some of them smaller than a pixel."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    known = torch.tensor([
        [0, 0, 2, 2, 0, 0, 2, 2], [0, 0, 2, 2, 5, 5, 7, 7], [0, 0, 2, 2, 2, 0, 4, 2], [0, 0, 6, 6, 2, 2, 4, 4],
        [0, 0, 2, 4, 1, 1, 5, 3], [0, 0, 2, 2, 5, 0, 7, 2], [0, 0, 2, 2, 3, 3, 9, 9],
    ]).float()  # fmt: skip
    for count in (7, 1, 2, 12, 40, 5):
        drawn = torch.rand(count, 2, 4, generator=rng) * 40
        drawn = torch.cat([drawn[..., :2], drawn[..., :2] + drawn[..., 2:] + 1], dim=2).flatten(1)
        rows = known if count == 7 else drawn / 50 if count == 12 else drawn
        if count > 5:
            rows = rows.double()
        one, other = (part.T.contiguous().T if count in (2, 40) else part.clone() for part in rows.split(4, dim=1))
        first = f"{one[0].round().int().tolist()} and {other[0].round().int().tolist()}"
        trial.case(f"one {tuple(one.shape)} {str(one.dtype)[6:]}, other alike, the first {first}")
        why = "The shared area counts once in what both cover together; boxes apart share nothing."
        trial.same("the overlaps", trial.call(one, other), overlap(one, other), why, close=True)


def check_average_precision(function: Callable) -> None:
    """Lists in any order: all right, all wrong, one box, things that were never found; scores of two types and layouts."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, missed) in enumerate(((4, 0), (1, 0), (1, 3), (8, 2), (40, 10), (5, 1), (12, 0), (6, 4))):
        scores = torch.randperm(count, generator=rng).float() / count + 0.01
        right = torch.rand(count, generator=rng) < (0.5, 1.0, 1.0, 0.4, 0.3, 0.0, 1.0, 0.7)[k]
        if k == 0:
            scores, right = torch.tensor([0.3, 0.9, 0.5, 0.7]), torch.tensor([True, True, False, True])
        things = max(1, int(right.sum()) + missed)
        scores = scores.double() if k % 3 == 2 else scores
        scores = torch.stack([scores, scores], dim=1)[:, 0] if k % 2 else scores  # a column, as of a table of boxes
        trial.case(f"scores {(count,)} {str(scores.dtype)[6:]}, {int(right.sum())} boxes right, {things} things to find")
        why = "Surest first; at each right box the share of right ones so far; their sum over the number of things."
        trial.number(trial.call(scores, right, things), average_precision(scores, right, things), why)


def check_bits_learnt(function: Callable) -> None:
    """Nothing known, all known, something known, worse than guessing; two answers to a thousand."""
    trial = Trial(function)
    for answers in (4, 2, 8, 24, 1000, 3):
        for share in (1.0, 0.0, 0.4, 1.3, 0.75):
            loss = share * math.log(answers)
            trial.case(f"loss ({loss:.3f}) float64, one of {answers} answers")
            why = "An answer carries the logarithm to base two of their number; the loss comes in natural logarithms."
            expected = bits_learnt(loss, 1 / answers)
            trial.number(trial.call(loss, 1 / answers), expected, why, within=1e-4 * max(1.0, abs(expected)))


def check_honest_score(function: Callable) -> None:
    """Candidates whose test scores tell another story, equals, one alone."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for count in (3, 1, 2, 5, 12, 60, 4):
        validation, test = (torch.rand(count, generator=rng).mul(100).round().div(100).tolist() for _ in range(2))
        if count == 4:
            validation, test = [0.5, 0.7, 0.7, 0.1], [0.9, 0.2, 0.8, 0.3]
        trial.case(f"validation ({count}) float64 {validation[:4]}, test {test[:4]}")
        why = "The validation split chooses; the test score is only read."
        trial.number(trial.call(list(validation), list(test)), honest_score(validation, test), why)


EXERCISES = {
    "partner_loss": Exercise(
        check=check_partner_loss,
        reference=partner_loss,
        hints=(
            "With four rows, two pictures: which row is the partner of row 0, and which of row 3?",
            "Bring rows to length one first. The table of all inner products has 2N rows and 2N columns; divide it.",
            "A row must not be able to name itself: put something on the diagonal that no exponential can raise. Then the "
            "cross-entropy of notebook 02 does the rest, with the partner's number as the label.",
        ),
        difficulty=4,
        importance=4,
        minutes=12,
    ),
    "box_overlap": Exercise(
        check=check_box_overlap,
        reference=box_overlap,
        hints=(
            "Draw two boxes that overlap. Where does the part that they share begin, at the left and at the top?",
            "It begins where the later of the two begins, and ends where the earlier ends. If that leaves nothing, nothing is "
            "shared: two negative sides must not make an area.",
            "Together they cover the sum of their areas, less what was counted twice.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "average_precision": Exercise(
        check=check_average_precision,
        reference=average_precision,
        hints=(
            "Take four boxes, right, right, wrong, right, and write the share of right ones so far beside each.",
            "Put the boxes in order, the surest first; then count the right ones up to each place, and divide by the place.",
            "Only the shares beside right boxes are summed. What they are divided by is the number of things, found or not.",
        ),
        difficulty=3,
        importance=5,
        minutes=8,
    ),
    "bits_learnt": Exercise(
        check=check_bits_learnt,
        reference=bits_learnt,
        hints=(
            "A question with four answers: how many questions with yes or no does it replace?",
            "A loss in natural logarithms becomes one in bits if you divide it by the natural logarithm of two.",
            "What the whole answer carries, less what is still unknown. Worse than guessing gives less than nothing.",
        ),
        difficulty=2,
        importance=3,
        minutes=4,
    ),
    "honest_score": Exercise(
        check=check_honest_score,
        reference=honest_score,
        hints=(
            "Three candidates score 5, 7 and 6 on the validation split and 8, 4 and 9 on the test split. Which may you report?",
            "Find the place of the largest validation score. The test scores have no say in it.",
            "Of two that are equally good, take the one that comes first.",
        ),
        difficulty=1,
        importance=5,
        minutes=3,
    ),
}
