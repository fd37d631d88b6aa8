"""Words of captions as labels."""

import pytest
import torch

from course_lib.data import Split
from course_lib.evaluation.hashtags import Hashtags, with_words
from course_lib.models import build_backbone
from course_lib.training import fit


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def split():
    captions = [f"a {kind} on {place}" for kind in ("robin", "car", "boat", "dog") for place in ("grass", "sand", "snow")] * 10
    images = torch.randint(0, 256, (120, 3, 48, 48), generator=rng(), dtype=torch.uint8)
    return Split(torch.zeros(120, dtype=torch.int64), ["one"], images, annotations={"captions": captions})


def test_each_word_of_a_picture_has_its_share(split):
    tagged = with_words(split, wrong=0, rng=rng(), most=0.5)
    assert tagged.classes == ["boat", "car", "dog", "grass", "robin", "sand", "snow"]  # "a" and "on" stand everywhere
    assert torch.allclose(tagged.labels.sum(1), torch.ones(120))
    assert tagged.labels[0].nonzero().flatten().tolist() == [3, 4] and tagged.labels[0].max() == 0.5
    assert split.classes == ["one"] and tagged.images is split.images


def test_rare_words_are_left_out(split):
    split.annotations["captions"][0] = "a dodo on grass"
    assert "dodo" not in with_words(split, wrong=0, rng=rng(), most=0.5).classes


@pytest.mark.parametrize("wrong", [0.25, 1.0])
def test_so_many_captions_are_moved_and_none_is_lost(split, wrong):
    split.annotations["captions"][:] = [f"{chr(97 + k // 26)}{chr(97 + k % 26)}q" for k in range(120)]
    tagged = with_words(split, wrong, rng(), least=1)
    said = [tagged.classes[k] for k in tagged.labels.argmax(1).tolist()]
    assert sorted(said) == sorted(split.annotations["captions"])
    assert sum(a != b for a, b in zip(said, split.annotations["captions"], strict=True)) == round(wrong * 120)
    again = with_words(split, wrong, rng(), least=1)
    assert torch.equal(again.labels, tagged.labels)


def test_it_trains_and_is_scored(split):
    tagged = with_words(split, 0.25, rng(), most=0.5)
    backbone = build_backbone("small", rng=rng(), width=8, image_size=48)
    task = Hashtags(backbone, tagged, rng())
    guessed = torch.randint(len(tagged.classes), (50, len(tagged.labels)), generator=rng())
    right = (tagged.labels.expand(50, -1, -1).gather(2, guessed[..., None]) > 0).float().mean().item()
    assert task.chance == pytest.approx(right, abs=0.02), "several words are right"
    history = fit(backbone, task, tagged, steps=3, batch_size=8)
    assert 0 <= history.scores[-1][1]["accuracy"] <= 1
    assert task.score(torch.eye(3), torch.eye(3) / 2) == {"accuracy": 1.0}
    assert task.score(torch.eye(3), 0.5 - torch.eye(3) / 2) == {"accuracy": 0.0}
