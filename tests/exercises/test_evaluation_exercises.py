"""The exercises of the evaluation notebook: right answers of every kind pass, wrong ones and mutants never do."""

import math

import pytest
import torch
import torch.nn.functional as F
from mutants import mutants
from refusals import answers, has_hints_without_code, is_refused_in_words

from course_lib.evaluation.table import overlap
from course_lib.exercises import check, evaluation
from course_lib.exercises.evaluation import average_precision, bits_learnt, box_overlap, honest_score, partner_loss

# --- right answers --------------------------------------------------------------------------------------------------


def loss_in_a_loop(z, temperature):
    z, count, losses = z / z.norm(dim=1, keepdim=True), len(z), []
    for row in range(count):
        similar = torch.stack([z[row] @ z[other] / temperature for other in range(count) if other != row])
        partner = (row + count // 2) % count
        losses.append(similar.logsumexp(0) - z[row] @ z[partner] / temperature)
    return sum(losses) / count


def loss_by_exponentials(z, temperature):
    raised = (F.cosine_similarity(z[:, None], z[None], dim=2).double() / temperature).exp()
    partner = torch.cat([raised.diagonal(len(z) // 2), raised.diagonal(-(len(z) // 2))])
    return -(partner / (raised.sum(1) - raised.diagonal())).log().mean()


def overlap_in_a_loop(one, other):
    found = []
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        shared = max(width, 0) * max(height, 0)
        found.append(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))
    return one.new_tensor(found)


def overlap_by_relu(one, other):
    sides = F.relu(torch.minimum(one, other)[:, 2:] - torch.maximum(one, other)[:, :2])
    shared = sides[:, 0] * sides[:, 1]
    return shared / ((one[:, 2:] - one[:, :2]).prod(1) + (other[:, 2:] - other[:, :2]).prod(1) - shared)


def precision_in_a_loop(scores, right, things):
    found, total = 0, 0.0
    for place, box in enumerate(sorted(range(len(scores)), key=lambda k: -scores[k]), 1):
        if right[box]:
            found += 1
            total += found / place
    return total / things


def precision_by_counting(scores, right, things):
    surer = scores[:, None] <= scores
    return ((surer & right).sum(1) / surer.sum(1))[right].sum() / things


RIGHT = {
    "partner_loss": [loss_in_a_loop, loss_by_exponentials, lambda z, temperature: partner_loss(z.double(), temperature)],
    "box_overlap": [overlap_in_a_loop, overlap_by_relu, lambda one, other: overlap_by_relu(other, one)],
    "average_precision": [
        precision_in_a_loop, precision_by_counting, lambda *given: torch.tensor(precision_in_a_loop(*given))
    ],
    "bits_learnt": [
        lambda loss, chance: math.log2(1 / chance) - loss / math.log(2),
        lambda loss, chance: (-math.log(chance) - loss) / math.log(2),
        lambda loss, chance: torch.tensor(-math.log2(chance) - math.log2(math.e) * loss),
    ],
    "honest_score": [
        lambda validation, test: test[validation.index(max(validation))],
        lambda validation, test: test[int(torch.tensor(validation).argmax())],
        lambda validation, test: max(zip(validation, range(0, -len(test), -1), test, strict=True))[2],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"evaluation.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def contrast(z, temperature, *, unit=True, itself=False, partner=None, reduce="mean"):
    z = F.normalize(z, dim=1) if unit else z
    similar = z @ z.T / temperature
    if not itself:
        similar = similar.masked_fill(torch.eye(len(z), dtype=torch.bool), -math.inf)
    labels = torch.arange(len(z)).roll(len(z) // 2) if partner is None else partner(len(z))
    return F.cross_entropy(similar, labels, reduction=reduce)


def ordered(scores, right, descending=True):
    return right[scores.argsort(descending=descending)].double()


def precision(right):
    return right.cumsum(0) / torch.arange(1, len(right) + 1)


WRONG = {
    "partner_loss": {
        "rows of any length": lambda z, t: contrast(z, t, unit=False),
        "it may name itself": lambda z, t: contrast(z, t, itself=True),
        "no temperature": lambda z, t: contrast(z, 1.0) if t != 1 else contrast(z, 0.5),
        "times the temperature": lambda z, t: contrast(z, 1 / t) if t != 1 else contrast(z, 0.5),
        "the sum": lambda z, t: contrast(z, t, reduce="sum"),
        "one a row": lambda z, t: contrast(z, t, reduce="none"),
        "the next row is the partner": lambda z, t: contrast(z, t, partner=lambda n: (torch.arange(n) + 1) % n),
        "neighbours are partners": lambda z, t: contrast(z, t, partner=lambda n: torch.arange(n) ^ 1),
        "the first half only": lambda z, t: contrast(z, t, reduce="none")[: len(z) // 2].mean()
            + 0.01 * contrast(z, t, reduce="none")[-1],
        "the sign turned": lambda z, t: -contrast(z, t),
        "without a slope": lambda z, t: contrast(z, t).detach(),
        "a float": lambda z, t: contrast(z, t).item(),
        "the accuracy": lambda z, t: (contrast(z, t, reduce="none") < 1).double().mean(),
        "the other half only": lambda z, t: F.cross_entropy(
            F.normalize(z[: len(z) // 2], dim=1) @ F.normalize(z[len(z) // 2 :], dim=1).T / t, torch.arange(len(z) // 2)),
    },
    "box_overlap": {
        "negative sides make an area": lambda a, b: (s := (torch.minimum(a, b)[:, 2:] - torch.maximum(a, b)[:, :2]).prod(1)) / (
            (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - s),
        "shared counted twice": lambda a, b: (i := box_overlap(a, b)) / (1 + i),
        "of the first box": lambda a, b: box_overlap(a, b) * (
            (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1)
        ) / (1 + box_overlap(a, b)) / (a[:, 2:] - a[:, :2]).prod(1),
        "width and height for corners": lambda a, b: box_overlap(
            torch.cat([a[:, :2], a[:, :2] + a[:, 2:]], 1), torch.cat([b[:, :2], b[:, :2] + b[:, 2:]], 1)),
        "the hull for the union": lambda a, b: (torch.minimum(a, b)[:, 2:] - torch.maximum(a, b)[:, :2]).clamp_min(0).prod(1) / (
            torch.maximum(a, b)[:, 2:] - torch.minimum(a, b)[:, :2]).prod(1),
        "widths alone": lambda a, b: (torch.minimum(a, b)[:, 2] - torch.maximum(a, b)[:, 0]).clamp_min(0) / (
            torch.maximum(a, b)[:, 2] - torch.minimum(a, b)[:, 0]),
        "the shared area": lambda a, b: (torch.minimum(a, b)[:, 2:] - torch.maximum(a, b)[:, :2]).clamp_min(0).prod(1),
        "all pairs": lambda a, b: torch.stack([box_overlap(a, row.expand_as(a)) for row in b], dim=1),
        "whole pixels at the edges": lambda a, b: box_overlap(
            a + torch.tensor([0.0, 0, 1, 1]), b + torch.tensor([0.0, 0, 1, 1])),
        "the distance": lambda a, b: 1 - box_overlap(a, b),
        "in percent": lambda a, b: 100 * box_overlap(a, b),
        "the mean": lambda a, b: box_overlap(a, b).mean(),
        "in a column": lambda a, b: box_overlap(a, b)[:, None],
        "a list": lambda a, b: box_overlap(a, b).tolist(),
        "yes or no": lambda a, b: (box_overlap(a, b) > 0.5).float(),
    },
    "average_precision": {
        "as they come": lambda s, r, n: (precision(r.double()) * r).sum() / n,
        "the least sure first": lambda s, r, n: (precision(ordered(s, r, False)) * ordered(s, r, False)).sum() / n,
        "over the boxes": lambda s, r, n: (precision(ordered(s, r)) * ordered(s, r)).sum() / len(r),
        "over those found": lambda s, r, n: (precision(ordered(s, r)) * ordered(s, r)).sum() / r.sum().clamp_min(1),
        "at every box": lambda s, r, n: precision(ordered(s, r)).sum() / n,
        "the mean precision": lambda s, r, n: precision(ordered(s, r)).mean(),
        "the last precision": lambda s, r, n: r.double().mean(),
        "the recall": lambda s, r, n: r.sum() / n,
        "places from zero": lambda s, r, n: (
            (ordered(s, r).cumsum(0) / torch.arange(len(r)).clamp_min(1)) * ordered(s, r)).sum() / n,
        "interpolated": lambda s, r, n: (
            precision(ordered(s, r)).flip(0).cummax(0).values.flip(0) * ordered(s, r)).sum() / n,
        "in percent": lambda s, r, n: 100 * average_precision(s, r, n),
        "the error": lambda s, r, n: 1 - average_precision(s, r, n),
        "a list": lambda s, r, n: [average_precision(s, r, n)],
        "weighted by scores": lambda s, r, n: (
            precision(ordered(s, r)) * ordered(s, r) * s.sort(descending=True).values).sum() / n,
    },
    "bits_learnt": {
        "in natural logarithms": lambda loss, chance: -math.log(chance) - loss,
        "the loss left as it is": lambda loss, chance: -math.log2(chance) - loss,
        "what is not known": lambda loss, chance: loss / math.log(2),
        "what there is to know": lambda loss, chance: -math.log2(chance),
        "the sign turned": lambda loss, chance: -bits_learnt(loss, chance),
        "never below nothing": lambda loss, chance: max(0.0, bits_learnt(loss, chance)),
        "times instead of over": lambda loss, chance: -math.log2(chance) - loss * math.log(2),
        "the share": lambda loss, chance: bits_learnt(loss, chance) / -math.log2(chance),
        "in tens": lambda loss, chance: bits_learnt(loss, chance) * math.log10(2),
        "added": lambda loss, chance: -math.log2(chance) + loss / math.log(2),
        "of the accuracy": lambda loss, chance: math.exp(-loss) / chance,
        "whole bits": lambda loss, chance: round(bits_learnt(loss, chance)),
        "a list": lambda loss, chance: [bits_learnt(loss, chance)],
        "always of four": lambda loss, chance: 2 - loss / math.log(2),
    },
    "honest_score": {
        "the best test score": lambda validation, test: max(test),
        "the validation score": lambda validation, test: max(validation),
        "the worst by validation": lambda validation, test: test[validation.index(min(validation))],
        "the mean": lambda validation, test: sum(test) / len(test),
        "the place": lambda validation, test: validation.index(max(validation)),
        "the last of equals": lambda validation, test: test[max(range(len(test)), key=lambda k: (validation[k], k))],
        "the best of equals": lambda validation, test: max(
            t for v, t in zip(validation, test, strict=True) if v == max(validation)),
        "the last": lambda validation, test: test[-1],
        "the first": lambda validation, test: test[0],
        "by both": lambda validation, test: test[max(range(len(test)), key=lambda k: validation[k] + test[k])],
        "both": lambda validation, test: (max(validation), honest_score(validation, test)),
        "the second best": lambda validation, test: test[
            sorted(range(len(test)), key=lambda k: -validation[k])[min(1, len(test) - 1)]],
        "the smaller of the two": lambda validation, test: min(max(validation), honest_score(validation, test)),
        "a word": lambda validation, test: str(honest_score(validation, test)),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
POSITIVE = "boxes cover more than a billionth of a square pixel"
EQUAL = {
    "partner_loss": {"right only for several samples": "a row has a partner, so there are two or more"},
    "box_overlap": {
        "arguments 1 and 2 exchanged": "two boxes overlap as much, whichever comes first",
        "flat": "one number for each pair of boxes is flat already",
        "right only for several channels": "a box has four numbers",
        "change 8: 1e-09 made 5e-10": POSITIVE,
        "change 9: 1e-09 made 2e-09": POSITIVE,
        "change 14: 0 made -1": "no side is shorter than nothing",
    },
    "average_precision": {"change 2: 0 made -1": "a list has one axis, the first and the last"},
}
MUTANTS = {name: mutants(f"evaluation.{name}") for name in WRONG}
MUTANTS["box_overlap"] = mutants("evaluation.box_overlap", overlap)
ANSWERS = answers("evaluation", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(answer, r"(z|one|scores|loss|validation) \([\d, .]+\) \w+")


@pytest.mark.parametrize("name", evaluation.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(evaluation.EXERCISES[name], r"cumsum|argsort|clamp|normalize|torch\.|\w\(|log2|index")
