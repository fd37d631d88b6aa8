"""The widgets, by setting their values and pressing their buttons; no screen."""

import asyncio
import threading

import pytest
import torch

from course_lib.training import History
from course_lib.widgets import headless
from course_lib.widgets.forecast import Forecast
from course_lib.widgets.game import Game, Score
from course_lib.widgets.training_panel import TrainingRun, progress_text, running_mean


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def test_headless_unless_a_server_named_the_session(monkeypatch):
    assert headless()
    monkeypatch.delenv("COURSE_HEADLESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert headless()
    monkeypatch.setenv("JPY_SESSION_NAME", "02_rotation.ipynb")
    assert not headless()
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    assert headless()


# --- the game


def test_score_counts():
    score = Score([0, 1, 2, 3], answers=4)
    assert [score.answer(choice) for choice in (0, 1, 0)] == [True, True, False]
    assert score.right(score.yours) == 2 and not score.over
    score.answer(3)
    assert score.over
    with pytest.raises(IndexError):
        score.answer(0)


def game(count=3):
    items = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8)
    return Game(items, torch.arange(count) % 4, ["0°", "90°", "180°", "270°"], "How much?", "a turned picture")


def test_playing_by_the_buttons(on_screen):
    played = game()
    played.show()
    assert 'alt="a turned picture"' in played.picture.value
    played.buttons[0].click()
    assert "Right" in played.feedback.value
    played.buttons[0].click()
    assert "it was 90°" in played.feedback.value
    played.buttons[2].click()
    assert played.score.right(played.score.yours) == 2
    assert all(button.disabled for button in played.buttons)
    assert "2 of 3" in played.board.value


def test_the_network_plays_the_same_items(on_screen, capsys):
    played = game()
    played.let_play(torch.eye(4)[[0, 1, 1]])
    assert "network 2 of 3" in capsys.readouterr().out
    assert "2 of 3" in played.board.value


def test_an_error_in_a_callback_is_shown(on_screen):
    played = game(1)
    played.buttons[0].click()
    played.score.yours.append(0)  # now the list is longer than the game
    played._clicked(0)
    assert "IndexError" in played.feedback.value


# --- forecasts


def test_a_forecast_is_kept_when_the_button_is_pressed(on_screen):
    kept = []
    forecast = Forecast("how many?", kept.append, start=0.25)
    assert forecast.slider.value == 25 and not kept
    forecast.slider.value = 70
    assert not kept
    forecast.button.click()
    assert kept == [0.7] and "70 %" in forecast.text.value
    forecast.slider.value = 60
    assert kept == [0.7, 0.6] and "60 %" in forecast.text.value


# --- the training panel


def history(done, steps=20, stopped=False):
    scores = [(step, {"accuracy": 0.5}) for step in range(10, done + 1, 10)]
    return History(steps, losses=[1.0] * done, scores=scores, seconds=1.0, stopped=stopped)


def test_progress_in_words():
    assert progress_text(history(10)) == "step 10 of 20 · loss 1.000 · accuracy 50 % · 10.0 steps/s · about 1 s left"
    assert "done" in progress_text(history(20))
    assert "stopped" in progress_text(history(10, stopped=True))


def test_running_mean():
    assert running_mean([1, 2, 3, 4], 2) == [1, 1.5, 2.5, 3.5]


def test_stop_answers_while_a_thread_trains(on_screen):
    began = threading.Event()

    def work(report, stop):
        report(history(10))
        began.set()
        assert stop.wait(10)
        report(history(10, stopped=True))
        return history(10, stopped=True)

    run = TrainingRun(work, name="rotation", steps=20, chance=0.25).show()
    assert began.wait(10)
    run.stop_button.click()
    assert asyncio.run(run.finished()).stopped
    assert "stopped" in run.text.value and run.bar.value == 10 and run.stop_button.disabled
    assert "alt=" in run.plot.value


def test_an_error_in_training_is_shown_and_raised(on_screen):
    def work(report, stop):
        raise ValueError("the cat ate it")

    run = TrainingRun(work, name="rotation", steps=20).show()
    with pytest.raises(ValueError, match="cat"):
        asyncio.run(run.finished())
    assert "the cat ate it" in run.text.value


def test_headless_runs_to_the_end_within_the_cell(capsys):
    def work(report, stop):
        report(history(20))
        return history(20)

    run = TrainingRun(work, name="rotation", steps=20).show()
    assert run.history.step == 20
    assert "step 20 of 20" in capsys.readouterr().out
