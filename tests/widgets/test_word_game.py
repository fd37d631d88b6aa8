"""The game of hidden words, and the clock of any game."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.widgets import game as games
from course_lib.widgets import words as word_games
from course_lib.widgets.game import Game
from course_lib.widgets.words import WordGame

SENTENCES = ["open the ＿＿＿ & read", "a < b ＿＿＿ c"]
CHOICES = [["file", "dog", "red"], ["of", "and", "or"]]


@pytest.fixture
def words(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    return WordGame(SENTENCES, CHOICES, [0, 2], "Which word?")


def test_each_sentence_has_its_own_words(words, capsys):
    buttons, sentence = words.answer_widget.buttons, words.answer_widget.sentence
    assert [button.description for button in buttons] == ["1 · file", "2 · dog", "3 · red"]
    assert "open the ＿＿＿ &amp; read" in sentence.value
    buttons[0].click()
    assert "Right: file" in words.feedback.value
    assert [button.description for button in buttons] == ["1 · of", "2 · and", "3 · or"]
    assert "a &lt; b" in sentence.value and buttons[2].tooltip == "Answer: or"
    words.answer_widget.keys.value = "1"
    assert "No: it was or, you said of" in words.feedback.value
    assert "1 of 2" in words.board.value


@pytest.fixture
def told(monkeypatch):
    """What is shown as Markdown."""
    shown = []
    monkeypatch.setattr(word_games, "show_markdown", shown.append)
    return shown


def test_the_network_plays_the_same(words, told, capsys):
    words.let_play(torch.tensor([[1.0, 0, 0], [0, 9.0, 0]]))
    assert "network 1 of 2" in capsys.readouterr().out
    assert "**file**; ✓ network: file" in told[0] and "**or**; ✗ network: and" in told[0]


def test_missed_ones_come_again(words):
    for choice in (1, 2):
        words.play(choice)
    words.again.click()
    assert "open the" in words.answer_widget.sentence.value
    words.play(0)
    assert "Right: file" in words.feedback.value


def test_headless_it_is_a_table(monkeypatch, told):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    WordGame(SENTENCES, CHOICES, [0, 2], "Which word?").show()
    assert "| open the ＿＿＿ & read | file, dog, red |" in told[0]


@pytest.mark.parametrize("choices", [CHOICES[:1], [["a", "b"], ["a", "b", "c"]]])
def test_lists_that_do_not_fit_are_refused(choices):
    with pytest.raises(CourseError, match="as many lists of words"):
        WordGame(SENTENCES, choices, [0, 0], "Which word?")


# --- the clock ------------------------------------------------------------------------------------------------------


@pytest.fixture
def time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(games.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    return now


def new_game(**options):
    return Game(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), [0, 1, 0, 1], ["left", "right"], "Which?", "a picture", **options)


def test_the_clock_runs_from_the_first_answer_on(time):
    game = new_game(clock=True)
    assert game.pace() is None
    time[0] += 60  # reading the question
    game.play(0)
    assert game.pace() is None and " s." not in game.feedback.value
    for seconds, choice in ((2, 1), (3, 1), (50, 1)):
        time[0] += seconds
        game.play(choice)
        assert f"{seconds:.1f} s." in game.feedback.value
    assert game.seconds == [2, 3, 50] and game.pace() == 3  # a pause does not count
    game.try_again()
    time[0] += 9
    game.play(0)
    assert game.seconds == [2, 3, 50] and " s." not in game.feedback.value


def test_without_a_clock_nothing_is_said_of_time(time):
    game = new_game()
    for _ in range(2):
        time[0] += 5
        game.play(0)
    assert game.pace() == 5 and " s." not in game.feedback.value
