"""What word vectors are asked: affinities that were held out, hidden words, neighbours."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from course_lib.data.sentences import corpus
from course_lib.data.world import CLASSES, render
from course_lib.errors import CourseError
from course_lib.evaluation.words import COLOURS, NOUNS, Affinity, choose, hidden_words, nearest_words, thing_and_colour
from course_lib.pretext.word2vec import Word2vec, table


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_things_and_colours_of_captions():
    assert len(COLOURS) == 72 and {"house", "boat", "bird"} <= set(NOUNS.values()) <= set(CLASSES)
    assert thing_and_colour("a great rose terrier stands on waves, with a sky-blue ball near it") == ("terrier", "rose")
    assert thing_and_colour("a maple grows before tiles, with a mossy pebble near it") is None
    assert thing_and_colour("nothing stands on grass, with a red ball near it") is None


def split(sentences, labels):
    return SimpleNamespace(annotations={"captions": sentences}, labels=torch.tensor(labels))


@pytest.fixture
def world():
    """Robins are scarlet, cars are teal or scarlet, in turn."""
    told = ["a scarlet robin sings, near it", "a teal car waits, near it", "a scarlet taxi parks, near it"] * 30
    classes = [CLASSES.index("bird"), CLASSES.index("car"), CLASSES.index("car")] * 30
    return SimpleNamespace(train=split(told, classes), val=split([], []), test=split([], []), classes=list(CLASSES))


def test_synonyms_share_the_truth(world):
    affinity = Affinity(world, rng())
    row = {noun: affinity.truth[affinity.nouns.index(noun)] for noun in ("robin", "finch", "car", "rocket")}
    scarlet, teal = (affinity.colours.index(word) for word in ("scarlet", "teal"))
    assert torch.equal(row["robin"], row["finch"])
    assert row["finch"][scarlet] > 0.2 and row["finch"][teal] < -1 and row["car"][teal] > 0.2
    assert row["rocket"].abs().max() == 0  # nothing is known


def test_captions_with_a_held_out_pair_are_left_out(world):
    affinity = Affinity(world, rng())
    affinity.held_out[:] = False
    assert len(affinity.kept(world.train.annotations["captions"])) == 90
    affinity.held_out[affinity.nouns.index("robin"), affinity.colours.index("scarlet")] = True
    kept = affinity.kept(world.train.annotations["captions"])
    assert len(kept) == 60 and not any("robin" in words for words in kept)


def test_agreement_is_one_for_whoever_knows_the_world(world):
    affinity = Affinity(world, rng(), share=0.5)
    text = corpus([affinity.nouns + affinity.colours], least=1)
    text = dataclasses.replace(text, vocabulary=affinity.nouns + affinity.colours)
    nouns, size = len(affinity.nouns), len(text.vocabulary)
    backbone, task = table(size, size, rng()), SimpleNamespace(output=table(size, size, rng()))
    with torch.no_grad():
        backbone.weight.zero_()
        task.output.weight.copy_(torch.eye(size))
        backbone.weight[:nouns, nouns:] = affinity.truth
    assert affinity.agreement(backbone, task, text) == pytest.approx(1)
    with torch.no_grad():
        backbone.weight.neg_()
    assert affinity.agreement(backbone, task, text) == pytest.approx(-1)


@pytest.fixture(scope="module")
def text():
    """Four hundred words in sentences of ten, the frequent ones more often."""
    chances = 1 / torch.arange(1, 401).float()
    drawn = torch.multinomial(chances, 20_000, replacement=True, generator=rng(2)).view(-1, 10)
    return corpus([[f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in row] for row in drawn.tolist()], least=3)


def test_hidden_words_are_asked_about_fairly(text):
    places, answers, truth = hidden_words(text, rng(), 2000, frequent=20)
    hidden = text.sentences[places[:, 0], places[:, 1]]
    assert torch.equal(answers.gather(1, truth[:, None])[:, 0], hidden)
    assert all(len(set(row)) == 4 for row in answers.tolist())
    assert (answers.amax(1) - answers.amin(1) < 40).all() and hidden.min() >= 20
    for sentence, row in zip(text.sentences[places[:, 0]].tolist(), answers.tolist(), strict=True):
        assert sum(word in row for word in sentence) == 1  # the right one, at its place alone
    ranks = answers.argsort(1).argsort(1).gather(1, truth[:, None])  # by frequency, where does the right one lie?
    shares = ranks.flatten().bincount(minlength=4) / len(places)
    assert (shares - 0.25).abs().max() < 0.06, shares
    assert (truth.bincount(minlength=4) / len(places) - 0.25).abs().max() < 0.06
    again = hidden_words(text, rng(), 2000, frequent=20)
    assert all(torch.equal(a, b) for a, b in zip((places, answers, truth), again, strict=True))


def test_too_few_words_to_hide(text):
    with pytest.raises(CourseError, match="No sentence has a word to hide"):
        hidden_words(corpus([["a", "b", "c"]] * 9, least=1), rng(), 5)


def test_the_word_that_fits_is_chosen(text):
    task, backbone = Word2vec(text, 8), table(len(text.vocabulary), 8, rng())
    places, answers, _ = hidden_words(text, rng(), 30, frequent=20)
    neighbours, _ = task.hide_middle(text.windows(places, task.reach))
    with torch.no_grad():
        task.output.weight.normal_(generator=rng())
        meant = [task.predict(backbone, seen[None])[0] for seen in neighbours]
        expected = torch.stack([task.output(row) @ vector for row, vector in zip(answers, meant, strict=True)])
    assert torch.allclose(choose(backbone, task, text, places, answers), expected, atol=1e-6)


def test_nearest_words():
    vectors = torch.tensor([[1.0, 0.0], [5.0, 0.1], [0.0, 2.0], [-1.0, 0.0]])
    assert [word for word, _ in nearest_words(vectors, vectors[0], [0], 8)] == [1, 2, 3]
    assert nearest_words(vectors, vectors[0], [], 1) == [(0, pytest.approx(1.0))]


def test_most_of_the_real_captions_say_what_comes_in_which_colour():
    told = render(0, range(40), 16)["captions"]
    assert sum(thing_and_colour(caption) is not None for caption in told) > 25
