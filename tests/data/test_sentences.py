"""Text as numbers: captions, docstrings, windows, shuffling."""

import subprocess
import sys

import pytest
import torch

from course_lib.data.sentences import LONGEST, corpus, docstrings, words_of
from course_lib.errors import CourseError

TEXT = [["a", "red", "robin", "sings"], ["a", "robin", "rests"], ["a", "car", "waits", "a", "red", "day"]]


@pytest.fixture
def text():
    return corpus(TEXT, least=2)


def test_words():
    assert words_of("Don't paint it sky-blue, 3 times; x_1!") == ["don't", "paint", "it", "sky-blue", "times", "x"]
    assert words_of("") == []


def test_numbers_go_by_frequency_and_then_by_the_alphabet(text):
    assert text.vocabulary == ["a", "red", "robin"]
    assert text.counts.tolist() == [4, 2, 2]
    assert text.sentences.tolist() == [[0, 1, 2, -1, -1, -1], [0, 2, -1, -1, -1, -1], [0, -1, -1, 0, 1, -1]]
    assert len(text) == len(text.places) == 8
    assert text.number("robin") == 2


def test_a_word_that_is_not_there_is_named(text):
    with pytest.raises(CourseError, match="'car' is not among the 3"):
        text.number("car")


@pytest.mark.parametrize("sentences", [[], [[]], [["once"]]])
def test_too_little_text_is_said_to_be_so(sentences):
    with pytest.raises(CourseError, match="too little of it"):
        corpus(sentences, least=2)


def test_unseen_text_takes_the_known_words_numbers(text):
    unseen = corpus([["a", "yellow", "robin"]], like=text)
    assert unseen.sentences.tolist() == [[0, -1, 2]] and unseen.counts is text.counts
    assert len(corpus([], like=text)) == 0


def test_long_sentences_are_cut():
    assert corpus([["la"] * 99], least=1).sentences.shape == (1, LONGEST)


def test_windows_end_where_sentences_end(text):
    around = text.windows(torch.tensor([[0, 0], [0, 2], [2, 4]]), 2)
    assert around.tolist() == [[-1, -1, 0, 1, 2], [0, 1, 2, -1, -1], [-1, 0, 1, -1, -1]]
    assert text.windows(torch.tensor([[1, 1]]), 9).shape == (1, 19)


def test_shuffling_keeps_every_word_and_every_gap(text):
    mixed = text.shuffled(torch.Generator().manual_seed(3))
    assert torch.equal(mixed.sentences.flatten().sort().values, text.sentences.flatten().sort().values)
    assert torch.equal(mixed.sentences < 0, text.sentences < 0)
    assert not torch.equal(mixed.sentences, text.sentences)
    assert torch.equal(mixed.sentences, text.shuffled(torch.Generator().manual_seed(3)).sentences)


def module(folder, name, *docs):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f'def f{k}():\n    """{doc}"""\n\n    raise RuntimeError\n' for k, doc in enumerate(docs)))


def test_docstrings_are_read_and_nothing_is_run(tmp_path):
    for k in range(40):
        own = f"Open the file number {chr(97 + k % 26) * 3} and read it. No."
        module(tmp_path, f"m{k}.py", own, "The same in every single module here.")
    module(tmp_path, "test/t.py", "Nobody reads the tests of the library.")
    (tmp_path / "broken.py").write_text('"""An unfinished module of five words."""\ndef (')
    (tmp_path / "binary.py").write_bytes(b'"""\x00\xff')
    learn, ask = docstrings(10_000, tmp_path)
    sentences = [" ".join(words) for words in learn + ask]
    assert sentences.count("the same in every single module here") == 1  # repeated ones are read once
    assert not any("tests" in sentence or "unfinished" in sentence for sentence in sentences)
    assert learn and ask and len(sentences) == len(set(sentences))
    assert docstrings(10_000, tmp_path) is docstrings(10_000, tmp_path)
    fewer, _ = docstrings(60, tmp_path)
    assert fewer == learn[: len(fewer)]


def test_a_python_without_sources_is_told_of(tmp_path):
    with pytest.raises(CourseError, match="came without its sources"):
        docstrings(100, tmp_path)


def test_this_pythons_docstrings():
    learn, ask = docstrings(20_000)
    assert sum(map(len, learn)) + sum(map(len, ask)) >= 20_000
    assert len(corpus(learn, least=10).vocabulary) > 100


def test_it_imports_nothing_that_it_reads():
    program = "import sys; before = set(sys.modules); from course_lib.data.sentences import docstrings; docstrings(20_000); "
    program += "assert not {'turtle', 'tkinter', 'antigravity', 'this'} & set(sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0 and not result.stdout, result.stderr
