"""The exercises of the shuffle-and-learn notebook: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
from mutants import mutants
from refusals import answers, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, shuffle_and_learn
from course_lib.exercises.shuffle_and_learn import balanced_accuracy, fastest_window, make_triples, pck

# --- right answers --------------------------------------------------------------------------------------------------


def triples_in_a_loop(moments):
    rows = []
    for a, b, c, d, e in moments.tolist():
        rows.append([[d, e, b], [b, c, d], [b, a, d], [d, c, b], [d, a, b], [b, e, d]])
    return torch.tensor(rows), torch.tensor([[0, 1, 0, 1, 0, 0]] * len(rows))


def triples_by_index(moments):
    return moments[:, torch.tensor([[1, 2, 3], [3, 2, 1], [1, 0, 3], [1, 4, 3], [3, 0, 1], [3, 4, 1]])], torch.tensor(
        [1, 1, 0, 0, 0, 0]
    ).expand(len(moments), -1)


def window_in_a_loop(motion, length):
    sums = [motion[:, k : k + length].sum(1) for k in range(motion.shape[1] - length + 1)]
    return torch.stack(sums, 1).argmax(1)


def window_by_running_sums(motion, length):
    so_far = torch.nn.functional.pad(motion.double().cumsum(1), (1, 0))
    return (so_far[:, length:] - so_far[:, :-length]).argmax(1)


def balanced_by_counting(said, true):
    hits = sum(int(a == b == 1) for a, b in zip(said.tolist(), true.tolist(), strict=True))
    rejections = sum(int(a == b == 0) for a, b in zip(said.tolist(), true.tolist(), strict=True))
    ones = int(true.sum())
    return 0.5 * hits / ones + 0.5 * rejections / (len(true) - ones)


def pck_by_weights(said, true, seen, near):
    found = ((said - true) ** 2).sum(-1) ** 0.5 <= near
    return (found * seen).sum() / seen.sum()


RIGHT = {
    "make_triples": [triples_in_a_loop, triples_by_index, lambda moments: [part.contiguous() for part in make_triples(moments)]],
    "fastest_window": [
        window_in_a_loop, window_by_running_sums,
        lambda motion, length: torch.nn.functional.avg_pool1d(motion[:, None], length, 1)[:, 0].argmax(1),
    ],
    "balanced_accuracy": [
        balanced_by_counting, lambda said, true: torch.tensor(balanced_by_counting(said, true)),
        lambda said, true: (said[true == 1].float().mean() + 1 - said[true == 0].float().mean()) / 2,
    ],
    "pck": [
        pck_by_weights, lambda said, true, seen, near: float(pck_by_weights(said, true, seen, near)),
        lambda said, true, seen, near: (torch.hypot(*(said - true).unbind(2)) <= near)[seen].float().mean(),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"shuffle_and_learn.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def relabelled(change):
    def answer(moments):
        triples, labels = make_triples(moments)
        return triples, change(labels)

    return answer


def rearranged(rows, labels=(1, 0, 0, 1, 0, 0)):
    return lambda moments: (moments[:, torch.tensor(rows)], torch.tensor(labels).repeat(len(moments), 1))


def recall(said, true, of=1):
    return (said[true == of] == of).float().mean()


def found(said, true, seen, near):
    return ((said - true).norm(dim=2) <= near).float()


WRONG = {
    "make_triples": {
        "backwards is out of order": rearranged(
            [[1, 2, 3], [1, 0, 3], [1, 4, 3], [3, 2, 1], [3, 0, 1], [3, 4, 1]], (1, 0, 0, 0, 0, 0)),
        "all in order": relabelled(torch.ones_like),
        "labels the other way round": relabelled(lambda labels: 1 - labels),
        "labels of another order": relabelled(lambda labels: labels.sort(1).values),
        "labels as floats": relabelled(lambda labels: labels.float()),
        "labels as bools": relabelled(lambda labels: labels.bool()),
        "one row of labels": relabelled(lambda labels: labels[:1]),
        "forwards only": rearranged([[1, 2, 3], [1, 0, 3], [1, 4, 3]], (1, 0, 0)),
        "one triple twice": rearranged([[1, 2, 3], [1, 2, 3], [1, 4, 3], [3, 2, 1], [3, 0, 1], [3, 4, 1]], (1, 1, 0, 1, 0, 0)),
        "the negatives swap two frames": rearranged([[1, 2, 3], [2, 1, 3], [1, 3, 2], [3, 2, 1], [3, 1, 2], [2, 3, 1]]),
        "other ends": rearranged([[0, 2, 4], [1, 0, 3], [1, 4, 3], [4, 2, 0], [3, 0, 1], [3, 4, 1]]),
        "places, not moments": lambda moments: make_triples(torch.arange(5).expand(len(moments), -1)),
        "the first clip's for all": lambda moments: make_triples(moments[:1].expand(len(moments), -1)),
        "clips in reverse": lambda moments: make_triples(moments.flip(0)),
        "triples alone": lambda moments: make_triples(moments)[0],
        "flat": lambda moments: (make_triples(moments)[0].flatten(0, 1), make_triples(moments)[1].flatten()),
        "axes swapped": lambda moments: (make_triples(moments)[0].transpose(1, 2), make_triples(moments)[1]),
        "a list": lambda moments: (make_triples(moments)[0].tolist(), make_triples(moments)[1]),
    },
    "fastest_window": {
        "the slowest": lambda motion, length: fastest_window(-motion, length),
        "the fastest moment": lambda motion, length: motion.argmax(1),
        "its end": lambda motion, length: fastest_window(motion, length) + length,
        "its last moment": lambda motion, length: fastest_window(motion, length) + length - 1,
        "its middle": lambda motion, length: fastest_window(motion, length) + length // 2,
        "one too many": lambda motion, length: fastest_window(motion, length + (length < motion.shape[1])),
        "one too few": lambda motion, length: fastest_window(motion, max(1, length - 1)),
        "the last of equals": lambda motion, length: motion.shape[1] - length - fastest_window(motion.flip(1), length),
        "never the last two windows": lambda motion, length: motion.unfold(1, length, 1).sum(2)[
            :, : max(1, motion.shape[1] - length - 1)].argmax(1),
        "the largest peak": lambda motion, length: motion.unfold(1, length, 1).amax(2).argmax(1),
        "without sign": lambda motion, length: fastest_window(motion.abs(), length),
        "windows side by side": lambda motion, length: motion.unfold(1, length, length).sum(2).argmax(1) * length,
        "the sum": lambda motion, length: motion.unfold(1, length, 1).sum(2).amax(1),
        "of all clips": lambda motion, length: fastest_window(motion.sum(0, keepdim=True), length).expand(len(motion)),
        "in a column": lambda motion, length: fastest_window(motion, length)[:, None],
        "a list": lambda motion, length: fastest_window(motion, length).tolist(),
    },
    "balanced_accuracy": {
        "plain accuracy": lambda said, true: (said == true).float().mean(),
        "only the ones": lambda said, true: recall(said, true),
        "only the zeros": lambda said, true: recall(said, true, 0),
        "precision": lambda said, true: true[said == 1].float().mean(),
        "their product": lambda said, true: recall(said, true) * recall(said, true, 0),
        "their sum": lambda said, true: recall(said, true) + recall(said, true, 0),
        "the better of the two": lambda said, true: max(recall(said, true), recall(said, true, 0)),
        "the error": lambda said, true: 1 - balanced_accuracy(said, true),
        "a percentage": lambda said, true: 100 * balanced_accuracy(said, true),
        "shares of what was said": lambda said, true: balanced_accuracy(true, said) if 0 < said.sum() < len(said) else 0.5,
        "weighted by count": lambda said, true: recall(said, true) * true.float().mean()
            + recall(said, true, 0) * (1 - true.float().mean()),
        "a vector": lambda said, true: torch.stack([recall(said, true), recall(said, true, 0)]),
        "a word": lambda said, true: str(balanced_accuracy(said, true)),
        "always a half": lambda said, true: 0.5,
    },
    "pck": {
        "hidden ones, too": lambda said, true, seen, near: found(said, true, seen, near).mean(),
        "hidden ones count as missed": lambda said, true, seen, near: (found(said, true, seen, near) * seen).mean(),
        "hidden ones count as found": lambda said, true, seen, near: torch.where(seen, found(said, true, seen, near), 1.0).mean(),
        "the hidden ones": lambda said, true, seen, near: found(said, true, seen, near)[~seen].sum() / max(1, (~seen).sum()),
        "sample by sample": lambda said, true, seen, near: (
            (found(said, true, seen, near) * seen).sum(1) / seen.sum(1).clamp_min(1)).mean(),
        "along each axis": lambda said, true, seen, near: ((said - true).abs().amax(2) <= near)[seen].float().mean(),
        "city blocks": lambda said, true, seen, near: ((said - true).abs().sum(2) <= near)[seen].float().mean(),
        "axes one by one": lambda said, true, seen, near: ((said - true).abs() <= near)[seen].float().mean(),
        "squared distance": lambda said, true, seen, near: ((said - true).square().sum(2) <= near)[seen].float().mean(),
        "the missed ones": lambda said, true, seen, near: 1 - pck(said, true, seen, near),
        "the mean distance": lambda said, true, seen, near: (said - true).norm(dim=2)[seen].mean(),
        "half as near": lambda said, true, seen, near: pck(said, true, seen, near / 2),
        "a count": lambda said, true, seen, near: found(said, true, seen, near)[seen].sum(),
        "a percentage": lambda said, true, seen, near: 100 * pck(said, true, seen, near),
        "a table": lambda said, true, seen, near: found(said, true, seen, near),
        "all of a body": lambda said, true, seen, near: ((found(said, true, seen, near) > 0) | ~seen).all(1).float().mean(),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
WHOLE = {"right only for all but double precision": "moments and answers are whole numbers"}
TWICE = "each triple stands there backwards, too"
LABELS = "the labels are 0 and 1, and each clip has the same"
TWO = "a point has two coordinates"
EQUAL = {
    "make_triples": WHOLE | {
        "mirrored": TWICE, "labels in reverse": LABELS, "90 and 270 the same": LABELS,
        "right only for several channels": "there are five moments",
    },
    "fastest_window": {
        "flat": "the beginnings are flat already",
        "right only for several channels": "of one moment, the beginning is 0",
        "change 4: sum made mean": "the largest mean is that of the largest sum",
    },
    "balanced_accuracy": WHOLE | {"right only for several samples": "both a one and a zero occur"},
    "pck": {
        "arguments 1 and 2 exchanged": "a distance is as long both ways",
        "right only for an even side": TWO,
        "right only for at most nine rows": TWO,
    },
}  # fmt: skip
MUTANTS = {name: mutants(f"shuffle_and_learn.{name}", labels=name == "make_triples") for name in WRONG}
ANSWERS = answers("shuffle_and_learn", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"(moments|motion|said) \([\d, ]+\) \w+\d",
        "unfold|argmax|stack|norm|mean",
    )


@pytest.mark.parametrize("name", shuffle_and_learn.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(shuffle_and_learn.EXERCISES[name], r"unfold|unbind|stack|argmax|torch\.|\w\(|norm|cumsum")
