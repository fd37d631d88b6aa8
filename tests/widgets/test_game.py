"""The game: its score by counting, its widgets by pressing the real buttons and typing into the real field."""

from itertools import groupby

import ipywidgets
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.widgets.game import Buttons, Game, Score

ANGLES = ["0°", "90°", "180°", "270°"]
NEIGHBOURS = ["above left", "above", "above right", "left", None, "right", "below left", "below", "below right"]
played_out = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20)


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def pictures(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def game(count=3, **options):
    return Game(pictures(count, 3, 8, 8), torch.arange(count) % 4, ANGLES, "How much?", "a turned picture", **options)


def logits(*choices):
    return torch.eye(4)[list(choices)]


# --- the score


def test_score_counts():
    score = Score([0, 1, 2, 3], answers=4)
    assert score.place() == "1 of 4" and score.remarks() == []
    assert [score.answer(choice) for choice in (0, 1, 0)] == [True, True, False]
    assert score.table()[0] == ("you", "2 of 3") and score.streaks() == (0, 2) and score.item == 3
    score.answer(3)
    assert score.item is None and score.streaks() == (1, 2)
    assert score.table()[1:] == [("network", "not trained yet"), ("guessing", "1.0 of 4, on average")]
    with pytest.raises(IndexError):
        score.answer(0)


@given(played_out)
def test_you_and_the_network_add_up(rows):
    truth, you, network = zip(*rows, strict=True)
    score = Score(truth, answers=4)
    right = [score.answer(choice) for choice in you]
    score.network = list(network)
    agree, only_you, only_network = score.compare()
    both = sum(a == b == c for a, b, c in rows)
    assert only_you + both == sum(right) == len(rows) - len(score.wrong(you))
    assert only_network + both == len(rows) - len(score.wrong(network))
    assert both <= agree <= len(rows) - only_you - only_network
    runs = [len(list(run)) for was_right, run in groupby(right) if was_right]
    assert score.streaks() == (runs[-1] if right[-1] else 0, max(runs, default=0))
    assert f"agree on {agree} of {len(rows)}" in score.remarks()[1]


@given(played_out)
def test_the_second_try_asks_what_was_missed_and_leaves_the_score(rows):
    truth, you, second = zip(*rows, strict=True)
    score = Score(truth, answers=4)
    assert not score.can_try_again()
    for choice in you:
        score.answer(choice)
    before, missed, asked = score.table(), score.wrong(you), []
    assert score.can_try_again() == bool(missed)
    score.second = {}
    while score.item is not None:
        asked.append(score.item)
        assert score.place() == f"second try, {len(asked)} of {len(missed)}"
        assert score.answer(second[score.item]) == (second[asked[-1]] == truth[asked[-1]])
    assert asked == missed and not score.can_try_again()
    after = score.table()
    if missed:
        assert after.pop(1) == ("you, second try", f"{sum(second[i] == truth[i] for i in missed)} of {len(missed)}")
    assert after == before


# --- buttons and keys


def test_playing_by_the_buttons(on_screen, capsys):
    played = game().show()
    assert 'alt="a turned picture"' in played.picture.value and "1 of 3" in played.picture.value
    buttons = played.answer_widget.buttons
    assert [button.description for button in buttons] == ["1 · 0°", "2 · 90°", "3 · 180°", "4 · 270°"]
    assert all(button.tooltip == f"Answer: {words}" for button, words in zip(buttons, ANGLES, strict=True))
    buttons[0].click()
    assert "Right: 0°" in played.feedback.value and "streak: 1 right" in played.board.value
    buttons[0].click()
    assert "it was 90°, you said 0°" in played.feedback.value
    assert "streak: 0 right in a row; your best: 1" in played.board.value
    buttons[2].click()
    assert "2 of 3" in played.board.value and "last one" in played.picture.value
    said = played.feedback.value
    buttons[2].click()  # nothing is left to answer, and nothing loses the focus
    assert played.score.yours == [0, 0, 2] and played.feedback.value == said
    assert not any(button.disabled for button in buttons)


def test_two_equal_answers_are_told_apart():
    played = Game(pictures(2, 3, 8, 8), [1, 1], ANGLES, "How much?", "a turned picture")
    played.play(1)
    said = played.feedback.value
    played.play(1)
    assert played.feedback.value != said


def test_playing_by_the_keys():
    played = game()
    keys = played.answer_widget.keys
    assert "number of your answer, 1 to 4" in keys.description and keys.tooltip
    for typed, answered in (("1", [0]), ("x", [0]), ("5", [0]), ("0", [0]), ("12", [0, 1]), ("3", [0, 1, 2])):
        keys.value = typed
        assert keys.value == "" and played.score.yours == answered
    keys.value = "1"
    assert keys.value == "" and played.score.yours == [0, 1, 2]


@given(st.text(max_size=3))
def test_no_text_breaks_the_field(text):
    buttons, answers = Buttons(ANGLES), []
    buttons.on_answer = answers.append
    buttons.keys.value = text
    assert buttons.keys.value == "" and set(answers) <= {0, 1, 2, 3}


def test_places_stand_in_a_grid_around_an_empty_centre():
    played = Game(pictures(2, 3, 8, 8), [4, 7], NEIGHBOURS, "Where?", "two tiles", columns=3)
    grid = played.answer_widget.widget.children[0]
    assert grid.layout.display == "grid" and "repeat(3," in grid.layout.grid_template_columns
    assert isinstance(grid.children[4], ipywidgets.HTML) and grid.children[5].description == "5 · right"
    grid.children[5].click()
    played.answer_widget.keys.value = "8"
    assert played.score.wrong(played.score.yours) == [] and "Right: below right" in played.feedback.value
    assert "0.2 of 2" in played.board.value  # one in eight


def test_more_than_nine_answers_have_buttons_without_a_key():
    buttons = Buttons([f"order {letter}" for letter in "abcdefghijk"])
    assert buttons.buttons[8].description == "9 · order i" and buttons.buttons[9].description == "order j"
    assert "1 to 9" in buttons.keys.description


def test_answers_as_pictures():
    same = game(pictures=pictures(4, 3, 4, 4)).answer_widget
    assert all(f'alt="{words}"' in cell.children[0].value
               for cell, words in zip(same.widget.children[0].children, ANGLES, strict=True))  # fmt: skip
    played = game(pictures=pictures(3, 4, 3, 4, 4))
    first = played.answer_widget.widget.children[0].children[0]
    before = first.children[0].value
    first.children[1].click()
    assert first.children[0].value != before and played.score.yours == [0]


class Menu:
    """Another way to answer."""

    shows_items = False

    def __init__(self):
        self.widget, self.asked = ipywidgets.Dropdown(options=[("", None), ("unsolved", -1), ("first", 0)]), []
        self.widget.observe(lambda change: self.on_answer(change.new), names="value")

    def ask(self, item):
        self.asked.append(item)

    def focus(self):
        self.asked.append("focus")


def test_another_answer_widget():
    menu = Menu()
    played = Game(pictures(2, 3, 8, 8), [0, 0], ["in order"], "Solve it", "a puzzle", answer_widget=menu)
    assert menu.widget in played.panel.children
    menu.widget.value = -1
    assert "you said none of them" in played.feedback.value
    menu.widget.value = 0
    played.again.click()
    assert menu.asked == [0, 1, None, 0, "focus"]
    played.let_play(torch.ones(2, 1))
    assert menu.asked == [0, 1, None, 0, "focus"]  # the network does not disturb an answer under way


# --- the second try


def test_playing_the_missed_ones_again(on_screen, monkeypatch):
    played = game().show()
    focused = []
    monkeypatch.setattr(played.answer_widget.keys, "send", focused.append)
    keys = played.answer_widget.keys
    assert played.again.layout.display == "none"
    played.try_again()  # too early: nothing happens
    for key in "221":
        keys.value = key
    assert played.again.layout.display is None
    played.again.click()
    assert played.again.layout.display == "none" and focused == [{"do": "focus"}]
    assert "second try, 1 of 2" in played.picture.value
    keys.value = "1"
    assert "Right: 0°" in played.feedback.value
    keys.value = "1"
    assert "last one" in played.picture.value and played.again.layout.display == "none"
    assert played.score.table()[:2] == [("you", "1 of 3"), ("you, second try", "1 of 2")]


def test_who_missed_nothing_is_not_asked_again():
    played = game()
    for choice in range(3):
        played.play(choice)
    assert played.again.layout.display == "none"
    _, description = played.missed()
    assert description == "There are no items that you missed."


# --- the network


def test_the_network_plays_the_same_items(on_screen, capsys):
    played = game()
    played.let_play(logits(0, 1, 1))
    assert capsys.readouterr().out == "Scoreboard: network 2 of 3; guessing 0.8 of 3, on average.\n"
    assert "2 of 3" in played.board.value
    for choice in (0, 2, 2):
        played.play(choice)
    assert "agree on 1 of 3; only you are right on 1, only the network on 1." in played.board.value
    figure, description = played.replay()
    assert len(figure.axes) == 3 and description == (
        "3 of 3 items, with the right answers: 0°, ✓ network: 0°; 90°, ✓ network: 90°; 180°, ✗ network: 90°."
    )


def test_what_you_missed_beside_the_network():
    played = game(12)
    with pytest.raises(CourseError, match="Nobody has played"):
        played.missed()
    for choice in (0, 0, 0):
        played.play(choice)
    _, description = played.missed()
    assert description == "2 of 2 items that you missed, with the right answers: 90°, ✗ you: 0°; 180°, ✗ you: 0°."
    played.let_play(logits(*[1] * 12))
    figure, description = played.missed()
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["90°\n✗ you: 0°\n✓ network: 90°", "180°\n✗ you: 0°\n✗ network: 90°"]


def test_where_nobody_played_the_networks_misses_are_shown():
    played = game(12)
    played.let_play(logits(*[1] * 12))
    figure, description = played.missed()
    assert len(figure.axes) == 8
    assert description.startswith("8 of 9 items that the network missed, with the right answers: 0°, ✗ network: 90°;")


def test_headless_it_is_a_figure(capsys):
    game(9).show()
    assert "HTML" in capsys.readouterr().out  # IPython's display, without a notebook to draw in


# --- what does not fit


@pytest.mark.parametrize(("truth", "options", "words"), [
    ([0, 1], {}, "3 items need 3 right answers"),
    ([0, 1, 4], {}, "from 0 to 3"),
    ([0, 1, 2], {"pictures": torch.zeros(3, 3, 4, 4, dtype=torch.uint8)}, "4 answers need 4 pictures"),
    ([0, 1, 2], {"pictures": torch.zeros(2, 4, 3, 4, 4, dtype=torch.uint8)}, "for each of 3 items"),
])  # fmt: skip
def test_a_game_that_does_not_fit_together_is_refused(truth, options, words):
    with pytest.raises(CourseError, match=words):
        Game(pictures(3, 3, 8, 8), truth, ANGLES, "How much?", "a turned picture", **options)


def test_a_network_that_has_not_played_or_played_something_else_is_refused():
    with pytest.raises(CourseError, match="has not played"):
        game().replay()
    with pytest.raises(CourseError, match=r"\(3, 4\), items x answers, not \(2, 4\)"):
        game().let_play(logits(0, 1))


def test_an_answer_that_does_not_exist_is_refused_and_not_counted():
    played = game()
    with pytest.raises(IndexError):
        played.play(4)
    assert played.score.yours == []


def test_an_error_in_a_callback_is_shown(on_screen, monkeypatch):
    played = game()
    monkeypatch.setattr(played.score, "answer", lambda choice: 1 / 0)
    played.answer_widget.buttons[0].click()
    assert "ZeroDivisionError" in played.feedback.value
