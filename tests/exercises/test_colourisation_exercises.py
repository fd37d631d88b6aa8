"""The exercises of the colourisation notebook: right answers of every kind pass, wrong ones and mutants never do."""

import numpy as np
import pytest
import torch
from mutants import mutants
from refusals import answers, asked, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, colourisation
from course_lib.exercises.colourisation import annealed_mean, rebalance, soft_encode, split_colour

# --- right answers --------------------------------------------------------------------------------------------------


def split_by_stacking(lab):
    lightness, a, b = lab.unbind(1)
    visible = (lightness - 50) / 50
    return [torch.stack([visible, visible, visible], dim=1), torch.stack([a, b], dim=1)]


def split_picture_by_picture(lab):
    visible, hidden = torch.empty_like(lab), lab.new_empty(len(lab), 2, *lab.shape[2:])
    for k, picture in enumerate(lab):
        visible[k] = picture[0] * 0.02 - 1
        hidden[k] = picture[1:]
    return visible, hidden


def shares_row_by_row(ab, centres, neighbours, sigma):
    rows = []
    for colour in ab:
        distance = ((centres - colour) ** 2).sum(1).sqrt()
        share = torch.exp(-(distance**2) / (2 * sigma**2))
        share[distance.argsort()[neighbours:]] = 0
        rows.append(share / share.sum())
    return torch.stack(rows)


def shares_by_a_threshold(ab, centres, neighbours, sigma):
    squares = (ab[:, None, :] - centres[None]).pow(2).sum(-1)
    furthest = squares.sort(dim=1).values[:, :neighbours][:, -1:]
    share = torch.where(squares <= furthest, torch.exp(-0.5 * squares / sigma**2), 0.0)
    return share / share.sum(1, keepdim=True)


def shares_by_numpy(ab, centres, neighbours, sigma):
    squares = np.square(ab.numpy()[:, None] - centres.numpy()).sum(2)
    share = np.exp(-squares / (2 * sigma**2))
    for row, order in zip(share, squares.argsort(1), strict=True):
        row[order[neighbours:]] = 0
    return torch.from_numpy(share / share.sum(1, keepdims=True))


def weights_bin_by_bin(prior, lambda_):
    weights = torch.stack([1 / (p * (1 - lambda_) + lambda_ * 1 / len(prior)) for p in prior])
    return weights / torch.dot(prior, weights)


def weights_by_power(prior, lambda_):
    weights = torch.lerp(prior, torch.full_like(prior, 1 / len(prior)), lambda_) ** -1
    return weights / weights.mul(prior).sum()


def weights_by_numpy(prior, lambda_):
    weights = 1 / ((1 - lambda_) * prior.numpy() + lambda_ / prior.numel())
    return torch.from_numpy(weights / (prior.numpy() * weights).sum())


def mean_by_exponentials(logits, centres, temperature):
    share = torch.exp((logits - logits.max(dim=1, keepdim=True).values) / temperature)
    return share / share.sum(1, keepdim=True) @ centres


def mean_row_by_row(logits, centres, temperature):
    return torch.stack([((row - row.max()) / temperature).softmax(0) @ centres for row in logits])


def mean_by_sums(logits, centres, temperature):
    share = torch.softmax((logits - logits.amax(1)[:, None]).div(temperature), dim=-1)
    return (share[:, :, None] * centres[None]).sum(1)


RIGHT = {
    "split_colour": [split_by_stacking, split_picture_by_picture, lambda lab: ((lab[:, [0, 0, 0]] - 50) / 50, lab[:, [1, 2]])],
    "soft_encode": [shares_row_by_row, shares_by_a_threshold, shares_by_numpy],
    "rebalance": [weights_bin_by_bin, weights_by_power, weights_by_numpy],
    "annealed_mean": [mean_by_exponentials, mean_row_by_row, mean_by_sums],
}


@pytest.mark.parametrize(("name", "function"), [(name, function) for name in RIGHT for function in RIGHT[name]])
def test_right_answers_pass(name, function):
    checked = check(f"colourisation.{name}", function)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def gaussians(ab, centres, sigma):
    return torch.exp(-(ab[:, None] - centres).square().sum(2) / (2 * sigma**2))


def share_out(weights):
    return weights / weights.sum(1, keepdim=True)


def furthest_kept(ab, centres, neighbours, sigma):
    squares = (ab[:, None] - centres).square().sum(2)
    near = squares.topk(min(neighbours, len(centres)))
    return torch.zeros_like(squares).scatter(1, near.indices, (-near.values / (2 * sigma**2)).softmax(1))


def equal_shares(ab, centres, neighbours, sigma):
    return share_out((soft_encode(ab, centres, neighbours, sigma) > 0).to(ab.dtype))


def kept_after_sharing(ab, centres, neighbours, sigma):
    kept = soft_encode(ab, centres, neighbours, sigma) > 0
    return torch.where(kept, share_out(gaussians(ab, centres, sigma)), 0.0)


def not_shared_out(ab, centres, neighbours, sigma):
    return gaussians(ab, centres, sigma) * (soft_encode(ab, centres, neighbours, sigma) > 0)


def hard(ab, centres, neighbours, sigma):
    return torch.eye(len(centres), dtype=ab.dtype)[soft_encode(ab, centres, 1, sigma).argmax(1)]


def in_place(lab):
    lab[:, :1] /= 50
    return lab[:, :1].expand(-1, 3, -1, -1) - 1, lab[:, 1:]


WRONG = {
    "split_colour": {
        "from 0 to 1": lambda lab: (lab[:, [0, 0, 0]] / 100, lab[:, 1:]),
        "as a byte": lambda lab: (lab[:, [0, 0, 0]] / 127.5 - 1, lab[:, 1:]),
        "not scaled": lambda lab: (lab[:, [0, 0, 0]], lab[:, 1:]),
        "one channel": lambda lab: (lab[:, :1] / 50 - 1, lab[:, 1:]),
        "no axis of channels": lambda lab: (lab[:, 0] / 50 - 1, lab[:, 1:]),
        "colour left in": lambda lab: (torch.cat([lab[:, :1] / 50 - 1, lab[:, 1:] / 110], 1), lab[:, 1:]),
        "zeros beside it": lambda lab: (torch.cat([lab[:, :1] / 50 - 1, 0 * lab[:, 1:]], 1), lab[:, 1:]),
        "scaled by its own extremes": lambda lab: (
            ((lab[:, [0, 0, 0]] - lab[:, 0].min()) / (lab[:, 0].max() - lab[:, 0].min()) * 2 - 1), lab[:, 1:]),
        "lightness hidden, too": lambda lab: (lab[:, [0, 0, 0]] / 50 - 1, lab),
        "b before a": lambda lab: (lab[:, [0, 0, 0]] / 50 - 1, lab[:, [2, 1]]),
        "a alone": lambda lab: (lab[:, [0, 0, 0]] / 50 - 1, lab[:, 1:2]),
        "hidden scaled": lambda lab: (lab[:, [0, 0, 0]] / 50 - 1, lab[:, 1:] / 110),
        "hidden rounded": lambda lab: (lab[:, [0, 0, 0]] / 50 - 1, lab[:, 1:].round()),
        "the wrong channel for lightness": lambda lab: (lab[:, [2, 2, 2]] / 50 - 1, lab[:, :2]),
        "hidden first": lambda lab: split_colour(lab)[::-1],
        "visible alone": lambda lab: split_colour(lab)[0],
        "always single precision": lambda lab: tuple(part.float() for part in split_colour(lab)),
        "in place": in_place,
    },
    "soft_encode": {
        "all bins": lambda ab, centres, neighbours, sigma: share_out(gaussians(ab, centres, sigma)),
        "one neighbour": hard,
        "ten neighbours always": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, 10, sigma),
        "one more": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, neighbours + 1, sigma),
        "not shared out": not_shared_out,
        "shares before the choice": kept_after_sharing,
        "shares over the colours": lambda ab, centres, neighbours, sigma: torch.softmax(
            soft_encode(ab, centres, neighbours, sigma), 0),
        "equal shares": equal_shares,
        "the furthest": furthest_kept,
        "no two in the exponent": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, neighbours, sigma / 2**0.5),
        "sigma not squared": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, neighbours, sigma**0.5),
        "a sigma of 5 always": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, neighbours, 5.0),
        "a alone": lambda ab, centres, neighbours, sigma: soft_encode(ab[:, :1], centres[:, :1], neighbours, sigma),
        "b before a": lambda ab, centres, neighbours, sigma: soft_encode(ab.flip(1), centres, neighbours, sigma),
        "bins by colours": lambda ab, centres, neighbours, sigma: soft_encode(ab, centres, neighbours, sigma).T,
        "places, too": lambda ab, centres, neighbours, sigma: (soft_encode(ab, centres, neighbours, sigma), centres),
    },
    "rebalance": {
        "the prior": lambda prior, lambda_: prior,
        "no mean": lambda prior, lambda_: 1 / ((1 - lambda_) * prior + lambda_ / len(prior)),
        "ordinary mean": lambda prior, lambda_: (w := 1 / ((1 - lambda_) * prior + lambda_ / len(prior))) / w.mean(),
        "sum of one": lambda prior, lambda_: (w := 1 / ((1 - lambda_) * prior + lambda_ / len(prior))) / w.sum(),
        "mean under the mixture": lambda prior, lambda_: 1 / ((1 - lambda_) * prior + lambda_ / len(prior)) / len(prior),
        "not inverted": lambda prior, lambda_: (w := (1 - lambda_) * prior + lambda_ / len(prior)) / (prior * w).sum(),
        "no uniform": lambda prior, lambda_: (w := 1 / prior) / (prior * w).sum(),
        "lambda not over Q": lambda prior, lambda_: (w := 1 / ((1 - lambda_) * prior + lambda_)) / (prior * w).sum(),
        "lambda the other way round": lambda prior, lambda_: rebalance(prior, 1 - lambda_),
        "a lambda of one half always": lambda prior, lambda_: rebalance(prior, 0.5),
        "root": lambda prior, lambda_: rebalance(prior, lambda_).sqrt(),
        "empty bins at zero": lambda prior, lambda_: rebalance(prior, lambda_) * (prior > 0),
        "a number": lambda prior, lambda_: float(rebalance(prior, lambda_).sum()),
    },
    "annealed_mean": {
        "no temperature": lambda logits, centres, temperature: logits.softmax(1) @ centres,
        "temperature upside down": lambda logits, centres, temperature: mean_by_exponentials(logits, centres, 1 / temperature),
        "divided after the shares": lambda logits, centres, temperature: logits.softmax(1) / temperature @ centres,
        "shares not summing to one": lambda logits, centres, temperature: torch.exp(
            (logits - logits.amax(1, keepdim=True)) / temperature) @ centres,
        "shares over the colours": lambda logits, centres, temperature: (
            (logits - logits.amax(0)) / temperature).softmax(0) @ centres,
        "exponentials that overflow": lambda logits, centres, temperature: share_out(
            torch.exp(logits / temperature)) @ centres,
        "overflows before the largest is off": lambda logits, centres, temperature: (logits / temperature).softmax(1) @ centres,
        "the largest of all rows off": lambda logits, centres, temperature: share_out(
            torch.exp((logits - logits.max()) / temperature)) @ centres,
        "the mode": lambda logits, centres, temperature: centres[logits.argmax(1)],
        "the mean of all bins": lambda logits, centres, temperature: centres.mean(0).expand(len(logits), 2),
        "the shares": lambda logits, centres, temperature: logits.softmax(1),
        "a for b": lambda logits, centres, temperature: annealed_mean(logits, centres.flip(1), temperature),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
THREE = "the three visible channels are equal, and there are always three"
EQUAL = {
    "split_colour": dict.fromkeys(
        ["channels in reverse", "first channel everywhere", "right only for three channels", "right only for several channels"],
        THREE,
    ),
    "soft_encode": {"right only for several channels": "a colour has two numbers"},
    "rebalance": {"flat": "a prior has one axis"},
    "annealed_mean": {"change 1: > made ≥": "at a temperature of 0 nothing is defined"},
}
MUTANTS = {name: mutants(f"colourisation.{name}") for name in WRONG}
ANSWERS = answers("colourisation", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"(lab|ab|prior|logits) \([\d, ]+\) float\d",
        "softmax|topk|scatter|einsum|NameError",
    )


@pytest.mark.parametrize("name", colourisation.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(colourisation.EXERCISES[name], r"torch\.|\w\(|softmax|topk|scatter|einsum|expand")


def test_messages_say_what_went_wrong():
    said = {
        name: {answer: asked(f"colourisation.{name}", function).message for answer, function in made.items()}
        for name, made in WRONG.items()
    }
    assert "changed" in said["split_colour"]["in place"]
    assert "0 to 100 becomes -1 to 1" in said["split_colour"]["from 0 to 1"]
    assert "expected at most 2 bins" in said["soft_encode"]["all bins"]
    assert "sum to 1" in said["soft_encode"]["not shared out"]
    assert "mean under the prior is 1" in said["rebalance"]["ordinary mean"]
    assert "largest logit off" in said["annealed_mean"]["exponentials that overflow"]
    assert "largest logit off" in said["annealed_mean"]["overflows before the largest is off"]
