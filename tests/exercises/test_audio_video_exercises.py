"""The exercises of the audio-and-video notebook: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
import torch.nn.functional as F
from mutants import mutants
from refusals import answers, is_refused_in_words

from course_lib.exercises import check
from course_lib.exercises.audio_video import decibels, distances, others, recall

# --- right answers --------------------------------------------------------------------------------------------------


def decibels_in_a_loop(power, reach):
    rows = []
    for sound in power:
        floor = torch.full_like(sound, -reach)
        rows.append(floor if sound.max() == 0 else torch.maximum(10 * torch.log10(sound / sound.max()), floor))
    return torch.stack(rows)


def decibels_by_difference(power, reach):
    levels = 10 * power.clamp(min=torch.finfo(power.dtype).tiny).log10()
    loudest = levels.amax((1, 2), keepdim=True)
    return torch.where(power.amax((1, 2), keepdim=True) > 0, (levels - loudest).clamp(min=-reach), -reach)


def others_in_a_loop(count, each, rng):
    rows = []
    for own in range(count):
        order = torch.randperm(count, generator=rng)
        rows.append(order[order != own][:each])
    return torch.stack(rows)


def others_by_steps(count, each, rng):
    steps = torch.stack([torch.randperm(count - 1, generator=rng)[:each] + 1 for _ in range(count)])
    return (torch.arange(count)[:, None] + steps) % count


def distances_in_a_loop(seen, heard):
    seen, heard = (some / (some**2).sum(1, keepdim=True) ** 0.5 for some in (seen, heard))
    return torch.stack([((heard - one) ** 2).sum(1) ** 0.5 for one in seen])


def distances_by_products(seen, heard):
    return (2 - 2 * F.normalize(seen, dim=1) @ F.normalize(heard, dim=1).T).clamp(min=0).sqrt()


def recall_by_order(distances, k):
    own = distances.diagonal()
    return sum(sum(d < mine for d in row) < k for row, mine in zip(distances.tolist(), own.tolist(), strict=True)) / len(own)


RIGHT = {
    "decibels": [
        decibels_in_a_loop, decibels_by_difference,
        lambda power, reach: 10 * (power / power.flatten(1).amax(1).clamp(min=1e-30)[:, None, None]).clamp(
            min=10 ** (-reach / 10)).log10(),
    ],
    "others": [
        others_in_a_loop, others_by_steps,
        lambda count, each, rng: (
            torch.rand(count, count - 1, generator=rng).argsort(1)[:, :each] + torch.arange(1, count + 1)[:, None]) % count,
    ],
    "distances": [
        distances_in_a_loop, distances_by_products,
        lambda seen, heard: (F.normalize(seen, dim=1)[:, None] - F.normalize(heard, dim=1)).norm(dim=2),
    ],
    "recall": [
        recall_by_order, lambda far, k: ((far < far.diagonal()[:, None]).sum(1) < k).float().mean(),
        lambda far, k: (far.diagonal() <= far.sort(1).values[:, k - 1]).float().mean(),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"audio_video.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------

WRONG = {
    "decibels": {
        "natural logarithm": lambda power, reach: (decibels(power, 1e9) / 10 * 2.302585).clamp(min=-reach),
        "of amplitudes": lambda power, reach: (2 * decibels(power, 1e9)).clamp(min=-reach),
        "the loudest of all sounds": lambda power, reach: (10 * (power / power.max()).log10()).clamp(min=-reach),
        "the loudest of each band": lambda power, reach: (10 * (power / power.amax(2, keepdim=True)).log10()).clamp(min=-reach),
        "the loudest of each moment": lambda power, reach: (10 * (power / power.amax(1, keepdim=True)).log10()).clamp(min=-reach),
        "of the mean": lambda power, reach: (10 * (power / power.mean((1, 2), keepdim=True)).log10()).clamp(min=-reach),
        "not cut off": lambda power, reach: decibels(power, 1e9),
        "cut off at -80": lambda power, reach: decibels(power, 80.0),
        "silence is loud": lambda power, reach: torch.where(power.amax((1, 2), keepdim=True) > 0, decibels(power, reach), 0.0),
        "silence is no number": lambda power, reach: (
            10 * (power / power.amax((1, 2), keepdim=True)).log10()).clamp(min=-reach),
        "above zero": lambda power, reach: decibels(power, reach) + reach,
        "turned round": lambda power, reach: -decibels(power, reach),
        "a share": lambda power, reach: 1 + decibels(power, reach) / reach,
        "a tenth": lambda power, reach: decibels(power, 1e9).div(10).clamp(min=-reach),
        "a list": lambda power, reach: decibels(power, reach).tolist(),
    },
    "others": {
        "its own, too": lambda count, each, rng: torch.rand(count, count, generator=rng).topk(each, dim=1).indices,
        "twice the same": lambda count, each, rng: (
            torch.arange(count)[:, None] + torch.randint(1, count, (count, each), generator=rng)) % count,
        "always the next ones": lambda count, each, rng: (torch.arange(count)[:, None] + torch.arange(1, each + 1)) % count,
        "the same for all but itself": lambda count, each, rng: torch.stack([
            torch.tensor([k for k in range(count) if k != own][:each]) for own in range(count)]),
        "the global generator": lambda count, each, rng: torch.rand(count, count).fill_diagonal_(-1).topk(each, dim=1).indices,
        "a generator of its own": lambda count, each, rng: others(count, each, torch.Generator().manual_seed(0)),
        "never the first": lambda count, each, rng: others(count, each, rng).clamp(min=1),
        "near ones only": lambda count, each, rng: (
            torch.arange(count)[:, None] + 1 + (torch.arange(each) + torch.randint(0, 2, (1, 1), generator=rng)) % (each + 1)
        ) % count if count > each + 1 else others(count, each, rng),
        "one too few": lambda count, each, rng: others(count, each, rng)[:, 1:],
        "turned round": lambda count, each, rng: others(count, each, rng).T.contiguous(),
        "counted from one": lambda count, each, rng: others(count, each, rng) + 1,
        "floats": lambda count, each, rng: others(count, each, rng).float(),
        "a list": lambda count, each, rng: others(count, each, rng).tolist(),
    },
    "distances": {
        "lengths as they are": lambda seen, heard: torch.cdist(seen, heard),
        "only one brought to length one": lambda seen, heard: torch.cdist(F.normalize(seen, dim=1), heard),
        "the cosine": lambda seen, heard: F.normalize(seen, dim=1) @ F.normalize(heard, dim=1).T,
        "one minus the cosine": lambda seen, heard: 1 - F.normalize(seen, dim=1) @ F.normalize(heard, dim=1).T,
        "squared": lambda seen, heard: distances(seen, heard) ** 2,
        "city blocks": lambda seen, heard: torch.cdist(F.normalize(seen, dim=1), F.normalize(heard, dim=1), p=1),
        "the largest axis": lambda seen, heard: torch.cdist(
            F.normalize(seen, dim=1), F.normalize(heard, dim=1), p=float("inf")),
        "by sums": lambda seen, heard: torch.cdist(
            seen / seen.abs().sum(1, keepdim=True), heard / heard.abs().sum(1, keepdim=True)),
        "by columns": lambda seen, heard: torch.cdist(F.normalize(seen, dim=0), F.normalize(heard, dim=0)),
        "turned round": lambda seen, heard: distances(heard, seen),
        "flat": lambda seen, heard: distances(seen, heard).flatten(),
        "a root of less than nothing": lambda seen, heard: (
            1.9999 - 2 * F.normalize(seen, dim=1) @ F.normalize(heard, dim=1).T).sqrt(),
        "a list": lambda seen, heard: distances(seen, heard).tolist(),
    },
    "recall": {
        "one too few": lambda far, k: recall(far, k - 1),
        "one too many": lambda far, k: recall(far, k + 1),
        "the nearest only": lambda far, k: recall(far, 1),
        "the farthest": lambda far, k: recall(-far, k),
        "by columns": lambda far, k: recall(far.T, k),
        "ties are lost": lambda far, k: ((far <= far.diagonal()[:, None]).sum(1) <= k).float().mean(),
        "the row's number": lambda far, k: (far.diagonal() < k).float().mean(),
        "a count": lambda far, k: recall(far, k) * len(far),
        "a percentage": lambda far, k: 100 * recall(far, k),
        "the share missed": lambda far, k: 1 - recall(far, k),
        "divided by k": lambda far, k: recall(far, k) / k,
        "a table": lambda far, k: far < far.diagonal()[:, None],
        "a word": lambda far, k: str(recall(far, k)),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
ORDER = "in which order a clip's others stand is left to chance"
BELOW = "any number below 0 keeps a clip from being its own"
EQUAL = {
    "others": {
        "mirrored": ORDER, "channels in reverse": ORDER, "change 3: 1 made 0.5": BELOW, "change 4: 1 made 2": BELOW,
    },
    "recall": {"right only for as many samples as channels": "the table is square"},
}  # fmt: skip
MUTANTS = {name: mutants(f"audio_video.{name}") for name in WRONG}
ANSWERS = answers("audio_video", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"(power|count|seen|distances) ",
        "topk|normalize|cdist|amax|log10|diagonal",
    )
