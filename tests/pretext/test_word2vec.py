"""Word2vec: the contract on text, both directions, negative sampling."""

import math

import pytest
import torch

from course_lib import pretext
from course_lib.data.sentences import corpus
from course_lib.pretext.word2vec import Word2vec, hide_middle, noise_distribution, table
from course_lib.training import Step, fit

SCENES = (("robin", "sings", "tree"), ("finch", "sings", "tree"), ("car", "waits", "road"), ("taxi", "waits", "road"))
SENTENCES = [["the", kind, verb, "in", "the", place] for kind, verb, place in SCENES] * 20


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def text():
    return corpus(SENTENCES)


def test_hiding_the_middle():
    neighbours, middle = hide_middle(torch.arange(10).view(2, 5))
    assert neighbours.tolist() == [[0, 1, 3, 4], [5, 6, 8, 9]] and middle.tolist() == [2, 7]


def test_noise_is_between_frequency_and_fairness():
    noise = noise_distribution(torch.tensor([16.0, 1.0]))
    assert noise.tolist() == pytest.approx([8 / 9, 1 / 9])


def test_cbow_sees_the_neighbours_and_asks_for_the_middle(text):
    task = Word2vec(text, 4, reach=2, negatives=3)
    windows = task.sample(text, 50, rng())
    visible, hidden = task.hide(windows, rng())
    assert visible.shape == (50, 4) and hidden.shape == (50, 4)
    assert torch.equal(hidden[:, 0], windows[:, 2]) and (hidden >= 0).all()


def test_skipgram_sees_the_middle_and_asks_for_a_neighbour(text):
    task = Word2vec(text, 4, reach=2, skipgram=True)
    windows = task.sample(text, 200, rng())
    visible, hidden = task.hide(windows, rng())
    assert torch.equal(visible[:, 0], windows[:, 2])
    neighbours, _ = hide_middle(windows)
    assert all(answer in row for answer, row in zip(hidden[:, 0].tolist(), neighbours.tolist(), strict=True))
    asked = {(neighbours[k] == hidden[k, 0]).nonzero()[0].item() for k in range(200)}
    assert asked == {0, 1, 2, 3}  # every place is asked for


def test_a_word_alone_is_asked_nothing_that_crashes():
    alone = corpus([["one"], ["two"], ["one"], ["two"]], least=1)
    for skipgram in (False, True):
        task = Word2vec(alone, 4, skipgram=skipgram)
        prediction = task.predict(table(2, 4, rng()), task.hide(task.sample(alone, 8, rng()), rng())[0])
        assert (prediction == 0).all() and prediction.isfinite().all()


def test_before_training_it_knows_nothing(text):
    step = Step(table(len(text.vocabulary), 8, rng()), Word2vec(text, 8), rng())
    assert step(step.task.sample(text, 64, step.rng)).loss.item() == pytest.approx(6 * math.log(2))


@pytest.mark.parametrize("skipgram", [False, True])
def test_words_that_fit_the_same_gaps_become_alike(text, skipgram):
    backbone, task = table(len(text.vocabulary), 8, rng()), Word2vec(text, 8, reach=2, skipgram=skipgram)
    history = fit(backbone, task, text, steps=300, batch_size=64, learning_rate=0.03)
    assert sum(history.losses[-20:]) < 0.8 * sum(history.losses[:20])
    unit = torch.nn.functional.normalize(backbone.weight, dim=1)
    robin, finch, car = (unit[text.number(word)] for word in ("robin", "finch", "car"))
    assert robin @ finch > robin @ car + 0.2


def test_a_seed_means_the_same_vectors_and_leaves_the_global_generator_alone(text):
    state, found = torch.get_rng_state(), []
    for _ in range(2):
        backbone, task = table(len(text.vocabulary), 8, rng(5)), Word2vec(text, 8)
        fit(backbone, task, text, steps=5, batch_size=16, seed=4, precision=torch.bfloat16)
        found.append(backbone.weight.detach().clone())
    assert torch.equal(*found) and torch.equal(torch.get_rng_state(), state)


def test_a_students_functions_are_used(text):
    calls = []
    task = Word2vec(text, 4, hide_middle=lambda windows: calls.append(1) or hide_middle(windows),
                    noise_distribution=lambda counts: torch.eye(len(counts))[0])  # fmt: skip
    _, hidden = task.hide(task.sample(text, 9, rng()), rng())
    assert calls and (hidden[:, 1:] == 0).all()


def test_a_resumed_run_equals_an_uninterrupted_one(text, tmp_path):
    import threading

    def new():
        return table(len(text.vocabulary), 8, rng()), Word2vec(text, 8)

    whole = fit(*new(), text, steps=40, batch_size=16)
    stop = threading.Event()
    parts = new()
    options = {"steps": 40, "batch_size": 16, "checkpoint": tmp_path / "words.safetensors"}
    fit(*parts, text, on_report=lambda history: history.step >= 20 and stop.set(), stop=stop, **options)
    assert fit(*new(), text, **options).losses == whole.losses


def test_it_is_drawn_as_a_table(text):
    task = Word2vec(text, 4)
    figure = task.draw(task.sample(text, 5, rng()), rng())
    words = {cell.get_text().get_text() for cell in figure.axes[0].tables[0].get_celld().values()}
    assert "hidden" in words and any("·" in word for word in words)
    assert sum("___" in word for word in words) == 5, "where the hidden word stood"
    skipgram = Word2vec(text, 4, skipgram=True)
    drawn = skipgram.draw(skipgram.sample(text, 5, rng()), rng()).axes[0].tables[0].get_celld().values()
    assert not any("___" in cell.get_text().get_text() for cell in drawn), "one word is visible there, and no window"


def test_it_is_no_task_on_pictures():
    assert "word2vec" not in pretext.names()
