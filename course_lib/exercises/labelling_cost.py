"""The exercises of 01_labelling_cost."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.exercises import Exercise, Trial

# --- the references -------------------------------------------------------------------------------------------------


def human_years(images: float, seconds: float, answers: float, hours: float) -> float:
    """Working years that labels take: so many images, seconds an answer, answers an image, working hours a year."""
    return images * seconds * answers / 3600 / hours


def labels_until(labels: Tensor, classes: int, k: int) -> int:
    """How many of `labels` (int64 N, 0…classes - 1), from the first on, until every class holds k; -1 if that never comes."""
    counts, missing = [0] * classes, classes
    for place, label in enumerate(labels.tolist()):
        counts[label] += 1
        missing -= counts[label] == k
        if not missing:
            return place + 1
    return -1


def hide_middle(windows: Tensor) -> tuple[Tensor, Tensor]:
    """Windows of words (int64 N x W, W odd): the neighbours, N x (W - 1), from left to right, and the middle word, N."""
    middle = windows.shape[1] // 2
    return torch.cat([windows[:, :middle], windows[:, middle + 1 :]], dim=1), windows[:, middle]


def noise_distribution(counts: Tensor) -> Tensor:
    """How likely each of V words is drawn as a wrong answer: its count (float V) to the power of 3/4, summing to 1."""
    return counts**0.75 / (counts**0.75).sum()


def analogy(vectors: Tensor, a: int, b: int, c: int) -> int:
    """a is to b as c is to which word? The one, none of the three, whose vector points most like b - a + c (float V x D)."""
    unit = F.normalize(vectors, dim=1)
    cosine = unit @ F.normalize(unit[b] - unit[a] + unit[c], dim=0)
    cosine[[a, b, c]] = -2
    return int(cosine.argmax())


# --- the checks -----------------------------------------------------------------------------------------------------


def check_human_years(function: Callable) -> None:
    """Few images and many, quick answers and slow, several answers an image, short years and long."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    cases = [(3600, 1, 1, 1), (1000, 7.2, 1, 2), (7200, 2.5, 1, 2000), (3600, 10, 3, 1500), (14e6, 1, 1, 2000)]
    for draw in torch.rand(12, 4, generator=rng, dtype=torch.float64).tolist():
        cases.append((round(10 ** (9 * draw[0])), 10 ** (4 * draw[1] - 1), 1 + int(9 * draw[2]), 100 + int(8000 * draw[3])))
    for images, seconds, answers, hours in cases:
        trial.case(f"images {images:.0f}, seconds {seconds:.4g}, answers {answers}, hours {hours}")
        why = "Seconds make hours, hours make years, and every image is asked about as often as there are answers."
        expected = human_years(images, seconds, answers, hours)
        trial.number(trial.call(images, seconds, answers, hours), expected, why, within=1e-4 * expected)


def check_labels_until(function: Callable) -> None:
    """Few classes and many, one example a class and several, labels that come at once, late, or never."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    cases = [
        (12, 3, 1), (30, 4, 3), (1, 1, 1), (9, 3, 3), (200, 7, 5), (60, 10, 2), (4, 3, 2), (40, 2, 9), (500, 20, 10), (5, 5, 1),
    ]
    for k, (count, classes, least) in enumerate(cases):
        chances = 1 / torch.arange(1, classes + 1, dtype=torch.float32)
        labels = torch.multinomial(chances, count, replacement=True, generator=rng)
        if k in (3, 9):  # exactly enough: the last label completes the last class
            labels = torch.arange(classes).repeat_interleave(least).flip(0)
        if k == 4:  # a class that never comes
            labels[labels == classes - 1] = 0
        if k == 7:  # enough early on, and more afterwards
            labels = torch.cat([torch.arange(2).repeat(9), torch.zeros(22, dtype=torch.int64)])
        labels = torch.stack([labels, labels], dim=1)[:, 0] if k % 2 else labels  # a column, as of a table
        expected = labels_until(labels, classes, least)
        trial.case(f"labels {tuple(labels.shape)} int64, {classes} classes, {least} of each wanted")
        why = "Count the labels up to and with the one that completes the last class."
        why = "Some class never has enough here." if expected == -1 else why
        trial.number(trial.call(labels, classes, least), expected, why, within=1e-4 * abs(expected))


def check_hide_middle(function: Callable) -> None:
    """Windows of every odd length, at the ends of sentences too, of many words and of few."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (count, width) in enumerate(((4, 5), (1, 3), (6, 7), (3, 9), (7, 5), (20, 3), (2, 11), (5, 5))):
        windows = torch.randint(0, 900 if k % 4 else 5, (count, width), generator=rng)
        windows[0, : k % 3] = -1
        windows = windows.T.contiguous().T if k % 2 else windows
        trial.case(f"windows {tuple(windows.shape)} int64, the first {windows[0].tolist()}")
        answer = trial.call(windows)
        trial.pair(answer, "the neighbours and the hidden words")
        neighbours, middle = hide_middle(windows)
        trial.same("the neighbours", answer[0], neighbours, "They stand from left to right, without the word in the middle.")
        trial.same("the hidden words", answer[1], middle, "As many words are to its left as to its right.")


def check_noise_distribution(function: Callable) -> None:
    """Vocabularies of one word and of many, counts near and far apart, in single and double precision."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, size in enumerate((3, 1, 2, 10, 100, 50, 7)):
        kind = (torch.float32, torch.float64)[k % 2]
        counts = (10 ** (4 * torch.rand(size, generator=rng))).round().to(kind)
        counts = counts.repeat_interleave(2)[::2] if k % 3 == 2 else counts  # a slice, as a table's column is
        trial.case(f"counts {tuple(counts.shape)} {str(kind)[6:]}, the first {counts[0]:.0f}")
        why = "Each count to the power of three quarters, all of them divided by their sum."
        trial.same("the chances", trial.call(counts), noise_distribution(counts), why, close=True)


def check_analogy(function: Callable) -> None:
    """Random vectors, long and short; the nearest word of all is often one of the three, and is no answer."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, (words, size) in enumerate(((6, 3), (4, 2), (30, 8), (12, 5), (100, 16), (50, 4), (9, 6), (40, 3))):
        vectors = torch.randn(words, size, generator=rng)
        a, b, c = torch.randperm(words, generator=rng)[:3].tolist()
        vectors *= 10 ** torch.rand(words, 1, generator=rng)  # a vector's length says how frequent a word is, not what it means
        if k % 2:
            vectors = vectors.double()
        vectors = vectors.T.contiguous().T if k % 3 == 1 else vectors
        trial.case(f"vectors {tuple(vectors.shape)} {str(vectors.dtype)[6:]}, a = {a}, b = {b}, c = {c}")
        why = "Bring all vectors to length one; then look, among the other words, for the one that points most like b - a + c."
        expected = analogy(vectors, a, b, c)
        trial.number(trial.call(vectors, a, b, c), expected, why, within=1e-4 * expected)


EXERCISES = {
    "human_years": Exercise(
        check=check_human_years,
        reference=human_years,
        hints=(
            "Begin small: 3600 images, one second each, one answer. How many hours is that? And years of one hour each?",
            "Find the seconds in all first. Three of the four numbers make them; the fourth says how many make a year.",
            "Images times answers times seconds, divided by the seconds of a working year, which has so many hours.",
        ),
        difficulty=1,
        importance=4,
        minutes=3,
    ),
    "labels_until": Exercise(
        check=check_labels_until,
        reference=labels_until,
        hints=(
            "Do it by hand for the labels 0, 1, 0, 0, 1, 1 with two classes and two of each. After how many are you content?",
            "Keep a count for every class, and go through the labels from the first. When is the last class complete?",
            "For every class, find the place of its k-th label; the largest of those places, counted from one, is the answer. "
            "Where a class has fewer, there is no such place.",
        ),
        difficulty=3,
        importance=3,
        minutes=8,
    ),
    "hide_middle": Exercise(
        check=check_hide_middle,
        reference=hide_middle,
        hints=(
            "Write a window of five words on paper, and cover the third. What is left, and in which order?",
            "Half of the width, rounded down, is the number of the column in the middle, since columns count from 0.",
            "The neighbours are two blocks of columns, those before the middle and those after it, side by side.",
        ),
        difficulty=1,
        importance=5,
        minutes=4,
    ),
    "noise_distribution": Exercise(
        check=check_noise_distribution,
        reference=noise_distribution,
        hints=(
            "What must all chances add up to? And which word should be drawn most often?",
            "Change the counts first, each by itself; only then make them add up to one.",
            "Raise the counts to the power of three quarters and divide by the sum of what you get.",
        ),
        difficulty=1,
        importance=3,
        minutes=3,
    ),
    "analogy": Exercise(
        check=check_analogy,
        reference=analogy,
        hints=(
            "On paper, draw an arrow from a to b, and carry it over to c. Near which word does it end?",
            "Words differ in the length of their vectors, and length is not meaning: bring all to length one before you begin.",
            "Compare directions: the sum of products of two vectors of length one is largest where they point the same way. "
            "Leave out the three words of the question.",
        ),
        difficulty=3,
        importance=3,
        minutes=8,
    ),
}
