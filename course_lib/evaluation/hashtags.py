"""Weak labels: the words that somebody wrote below a picture, for whatever reason, as what a network must name.

Mahajan et al. (2018, arXiv:1805.00932) pretrain on hashtags so; Joulin et al. (2016, arXiv:1511.02251) on words of captions.
"""

import dataclasses
from collections import Counter

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.data.sentences import words_of
from course_lib.evaluation.supervised import Supervised
from course_lib.models import Backbone


class Hashtags(Supervised):
    """Name a picture's words: the target gives each of its k words 1/k, as arXiv:1805.00932, section 2.2, does.

    Args:
        backbone: its last stage, averaged over the image, feeds the head.
        tagged: what `with_words` gave; whoever guesses one of its words is right for `chance` of its pictures.
        rng: a CPU generator for the head's first weights.
    """

    def __init__(self, backbone: Backbone, tagged: Split, rng: torch.Generator):
        super().__init__(backbone, len(tagged.classes), rng)
        self.chance = (tagged.labels > 0).float().mean().item()

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: how often the word that is named is one of the picture's."""
        said = prediction.argmax(1, keepdim=True)
        return {"accuracy": (hidden.gather(1, said) > 0).float().mean().item()}


def with_words(split: Split, wrong: float, rng: torch.Generator, least: int = 20, most: float = 0.2) -> Split:
    """The split with the words of its captions for labels (float N x V) and for classes.

    Args:
        split: with captions among its annotations.
        wrong: the share (0…1) of pictures that get the caption of another one.
        rng: a CPU generator.
        least: words of fewer captions are left out.
        most: so are words of more than this share of them, such as "a" and "with".
    """
    captions = [set(words_of(caption)) for caption in split.annotations["captions"]]
    moved = torch.randperm(len(captions), generator=rng)[: round(wrong * len(captions))].tolist()
    wandered = [captions[there] for there in moved[1:] + moved[:1]]
    for here, words in zip(moved, wandered, strict=True):
        captions[here] = words
    found = Counter(word for words in captions for word in words)
    vocabulary = sorted(word for word, count in found.items() if least <= count <= most * len(captions))
    numbers = {word: number for number, word in enumerate(vocabulary)}
    target = torch.zeros(len(captions), len(vocabulary))
    for row, words in zip(target, captions, strict=True):
        row[[numbers[word] for word in words if word in numbers]] = 1.0
    return dataclasses.replace(
        split, labels=(target / target.sum(1, keepdim=True).clamp(min=1)).to(split.device), classes=vocabulary
    )
