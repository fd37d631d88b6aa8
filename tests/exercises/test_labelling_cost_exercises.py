"""The exercises of the notebook on labelling: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
import torch.nn.functional as F
from mutants import mutants
from refusals import answers, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, labelling_cost
from course_lib.exercises.labelling_cost import analogy, hide_middle, human_years, labels_until, noise_distribution

# --- right answers --------------------------------------------------------------------------------------------------


def until_by_one_hot(labels, classes, k):
    complete = (F.one_hot(labels, classes).cumsum(0) >= k).all(1)
    return int(complete.nonzero()[0]) + 1 if complete.any() else -1


def until_by_kth_place(labels, classes, k):
    places = [(labels == c).nonzero().flatten() for c in range(classes)]
    return torch.tensor(-1) if min(map(len, places)) < k else max(place[k - 1] for place in places) + 1


def middle_by_index(windows):
    width = windows.shape[1]
    others = [k for k in range(width) if k != width // 2]
    return [windows[:, others], windows[:, width // 2].clone()]


def middle_by_mask(windows):
    away = torch.ones(windows.shape[1], dtype=torch.bool)
    away[len(away) // 2] = False
    return windows[:, away], windows[:, ~away][:, 0]


def analogy_in_a_loop(vectors, a, b, c):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    target = unit[b] - unit[a] + unit[c]
    others = [k for k in range(len(vectors)) if k not in (a, b, c)]
    return max(others, key=lambda k: float(unit[k] @ target))


RIGHT = {
    "human_years": [
        lambda images, seconds, answers, hours: images * answers * seconds / (3600 * hours),
        lambda images, seconds, answers, hours: torch.tensor(images * answers * seconds / 3600.0 / hours, dtype=torch.float64),
        lambda images, seconds, answers, hours: (images * answers) * (seconds / 60 / 60) / hours,
    ],
    "labels_until": [until_by_one_hot, until_by_kth_place, lambda *arguments: float(labels_until(*arguments))],
    "hide_middle": [middle_by_index, middle_by_mask, lambda windows: tuple(part.contiguous() for part in hide_middle(windows))],
    "noise_distribution": [
        lambda counts: F.normalize(counts.pow(0.75), p=1, dim=0),
        lambda counts: torch.softmax(0.75 * counts.log(), 0),
        lambda counts: counts.sqrt() * counts.sqrt().sqrt() / (counts.sqrt() * counts.sqrt().sqrt()).sum(),
    ],
    "analogy": [
        analogy_in_a_loop,
        lambda vectors, a, b, c: torch.tensor(analogy_in_a_loop(vectors, a, b, c)),
        lambda vectors, a, b, c: next(
            k for k in (F.normalize(vectors, dim=1) @ (F.normalize(vectors, dim=1) * 1.0)[[b, a, c]].T
                        @ torch.tensor([1, -1, 1], dtype=vectors.dtype)).argsort(descending=True).tolist() if k not in (a, b, c)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"labelling_cost.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def years(change):
    return lambda images, seconds, answers, hours: change(human_years(images, seconds, answers, hours), answers, hours)


def fit(vectors, a, b, c, without=True, unit=True, signs=(1, -1, 1)):
    used = F.normalize(vectors, dim=1) if unit else vectors
    scores = used @ (signs[0] * used[b] + signs[1] * used[a] + signs[2] * used[c])
    if without:
        scores[[a, b, c]] = -1e9
    return int(scores.argmax())


WRONG = {
    "human_years": {
        "one answer only": years(lambda value, answers, hours: value / answers),
        "answers divide": years(lambda value, answers, hours: value / answers**2),
        "a year of the clock": years(lambda value, answers, hours: value * hours / 8766),
        "a fixed year": years(lambda value, answers, hours: value * hours / 2000),
        "in hours": years(lambda value, answers, hours: value * hours),
        "in seconds": years(lambda value, answers, hours: value * hours * 3600),
        "in minutes": years(lambda value, answers, hours: value * 60),
        "hours multiply": years(lambda value, answers, hours: value * hours**2),
        "whole years": years(lambda value, answers, hours: value // 1),
        "rounded": years(lambda value, answers, hours: round(value, 2)),
        "in words": years(lambda value, answers, hours: f"{value} years"),
        "in a list": years(lambda value, answers, hours: [value]),
        "the example": years(lambda value, answers, hours: 1.0),
    },
    "labels_until": {
        "one too few": lambda labels, classes, k: labels_until(labels, classes, k) - (labels_until(labels, classes, k) > 0),
        "all of them": lambda labels, classes, k: len(labels),
        "one of each": lambda labels, classes, k: labels_until(labels, classes, 1),
        "one too many of each": lambda labels, classes, k: labels_until(labels, classes, k + 1),
        "any class": lambda labels, classes, k: max(labels_until(labels[labels == labels[0]] * 0, 1, k), -1),
        "the least that could do": lambda labels, classes, k: classes * k,
        "zero for never": lambda labels, classes, k: max(0, labels_until(labels, classes, k)),
        "all for never": lambda labels, classes, k: labels_until(labels, classes, k) % (len(labels) + 1),
        "from the end": lambda labels, classes, k: labels_until(labels.flip(0), classes, k),
        "the classes that came": lambda labels, classes, k: labels_until(
            labels.unique(return_inverse=True)[1], len(labels.unique()), k),
        "sorted": lambda labels, classes, k: labels_until(labels.sort().values, classes, k),
        "raises for never": lambda labels, classes, k: max(int((labels == c).nonzero()[k - 1]) for c in range(classes)) + 1,
        "a vector": lambda labels, classes, k: torch.tensor([labels_until(labels, classes, k)]),
    },
    "hide_middle": {
        "the first is hidden": lambda windows: (windows[:, 1:], windows[:, 0]),
        "the last is hidden": lambda windows: (windows[:, :-1], windows[:, -1]),
        "nothing is hidden": lambda windows: (windows, windows[:, windows.shape[1] // 2]),
        "the other way round": lambda windows: hide_middle(windows)[::-1],
        "one to the left": lambda windows: (hide_middle(windows)[0], windows[:, windows.shape[1] // 2 - 1]),
        "always the third": lambda windows: (hide_middle(windows)[0], windows[:, min(2, windows.shape[1] - 1)]),
        "right before left": lambda windows: (torch.cat([windows[:, windows.shape[1] // 2 + 1 :],
            windows[:, : windows.shape[1] // 2]], dim=1), hide_middle(windows)[1]),
        "mirrored": lambda windows: (hide_middle(windows)[0].flip(1), hide_middle(windows)[1]),
        "a column": lambda windows: (hide_middle(windows)[0], hide_middle(windows)[1][:, None]),
        "covered": lambda windows: (windows.clone().index_fill_(1, torch.tensor([windows.shape[1] // 2]), -1),
                                    hide_middle(windows)[1]),
        "no ends": lambda windows: (hide_middle(windows)[0].clamp(min=0), hide_middle(windows)[1].clamp(min=0)),
        "neighbours alone": lambda windows: hide_middle(windows)[0],
        "lists": lambda windows: tuple(part.tolist() for part in hide_middle(windows)),
        "as floats": lambda windows: tuple(part.float() for part in hide_middle(windows)),
    },
    "noise_distribution": {
        "the counts": lambda counts: counts / counts.sum(),
        "all equal": lambda counts: torch.ones_like(counts) / len(counts),
        "not divided": lambda counts: counts**0.75,
        "divided first": lambda counts: (counts / counts.sum()) ** 0.75,
        "divided by the sum of counts": lambda counts: counts**0.75 / counts.sum(),
        "three": lambda counts: counts**3 / (counts**3).sum(),
        "a half": lambda counts: counts**0.5 / (counts**0.5).sum(),
        "four thirds": lambda counts: counts ** (4 / 3) / (counts ** (4 / 3)).sum(),
        "logarithms": lambda counts: (counts + 1).log() / (counts + 1).log().sum(),
        "softmax": lambda counts: torch.softmax(counts, 0),
        "by the largest": lambda counts: counts**0.75 / (counts**0.75).max(),
        "rare ones more": lambda counts: noise_distribution(1 / counts),
        "a list": lambda counts: noise_distribution(counts).tolist(),
        "shuffled": lambda counts: noise_distribution(counts).flip(0),
    },
    "analogy": {
        "with the three": lambda vectors, a, b, c: fit(vectors, a, b, c, without=False),
        "by length": lambda vectors, a, b, c: fit(vectors, a, b, c, unit=False),
        "a minus b": lambda vectors, a, b, c: fit(vectors, a, b, c, signs=(-1, 1, 1)),
        "the sum": lambda vectors, a, b, c: fit(vectors, a, b, c, signs=(1, 1, 1)),
        "minus c": lambda vectors, a, b, c: fit(vectors, a, b, c, signs=(1, -1, -1)),
        "near c": lambda vectors, a, b, c: fit(vectors, a, b, c, signs=(0, 0, 1)),
        "near b": lambda vectors, a, b, c: fit(vectors, a, b, c, signs=(1, 0, 0)),
        "b": lambda vectors, a, b, c: b,
        "c": lambda vectors, a, b, c: c,
        "the farthest": lambda vectors, a, b, c: analogy(vectors, b, a, c),
        "by distance, unscaled": lambda vectors, a, b, c: min(
            (k for k in range(len(vectors)) if k not in (a, b, c)),
            key=lambda k: float((vectors[k] - vectors[b] + vectors[a] - vectors[c]).norm())),
        "a vector": lambda vectors, a, b, c: vectors[analogy(vectors, a, b, c)],
        "the cosine": lambda vectors, a, b, c: 0.5,
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
WHOLE = {"right only for all but double precision": "labels and words are whole numbers"}
FACTORS = "the order of factors does not matter"
FOUR = "a question has three words, and there is a fourth"
EQUAL = {
    "human_years": {"arguments 1 and 2 exchanged": FACTORS, "arguments 2 and 3 exchanged": FACTORS},
    "labels_until": WHOLE,
    "hide_middle": WHOLE | {"right only for several channels": "a window has neighbours"},
    "noise_distribution": {"flat": "counts have one axis"},
    "analogy": {
        "arguments 3 and 4 exchanged": "b and c are added",
        "right only for several samples": FOUR,
        "right only for several channels": "on a line all directions but two are alike",
        "change 1: 2 made 1": "no cosine is below -1",
        "change 2: 2 made 3": "no cosine is below -1",
        "change 8: 0 made -1": "one vector has one axis, the first and the last",
    },
}
MUTANTS = {name: mutants(f"labelling_cost.{name}", labels=name == "hide_middle") for name in WRONG}
ANSWERS = answers("labelling_cost", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"(images|labels|windows|counts|vectors) [\d(]",
        "argmax|cumsum|normalize|torch|cat",
    )


@pytest.mark.parametrize("name", labelling_cost.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(labelling_cost.EXERCISES[name], r"torch\.|\w\(|argmax|cumsum|\*\*|normalize|one_hot")
