"""What the training panel draws and says; no widget, no screen."""

import math

import pytest

from course_lib.training import History
from course_lib.widgets import training_curves
from course_lib.widgets.training_curves import (
    USUAL,
    Past,
    contains,
    curves,
    ghost_label,
    presets,
    progress_text,
    remember,
    running_mean,
)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(training_curves, "remembered", {})


def history(done, steps=20, loss=1.0, **more):
    scores = [(step, {"accuracy": 0.5}) for step in range(10, done + 1, 10)]
    return History(steps, losses=[loss] * done, scores=scores, seconds=1.0, **more)


def test_progress_in_words():
    assert progress_text(history(10)) == "step 10 of 20 · loss 1.000 · accuracy 50 % · 10.0 steps/s · about 1 s left"
    assert "done" in progress_text(history(20))
    assert "about 17 min left" in progress_text(history(10, steps=10010))
    assert "stopped; Continue goes on from here" in progress_text(history(10, stopped=True))
    assert "5.0 steps/s · about 2 s left · taken up at step 5" in progress_text(history(10, resumed_from=5))


def test_a_moved_learning_rate_is_named():
    assert "moved" not in progress_text(history(10))
    moved = history(10, moved=[(4, 10.0), (6, 1 / 30), (8, 1.0)])
    assert progress_text(moved).endswith("moved by hand: × 10 after step 4, ÷ 30 after step 6, × 1 after step 8")
    moved.moved.append((9, 3.0))
    assert progress_text(moved).endswith("hand: …, ÷ 30 after step 6, × 1 after step 8, × 3 after step 9")


def test_running_mean():
    assert running_mean([1, 2, 3, 4], 2) == [1, 1.5, 2.5, 3.5]


def test_a_ghost_says_how_it_differed():
    def label(settings, mine=None, **more):
        return ghost_label(Past(settings, history(5, **more)), mine or {"seed": 0})

    assert label({"seed": 1}) == "seed 1"
    assert label({"learning_rate": 0.03, "batch_size": 8}) == "batch size 8, learning rate 0.03"
    assert label({}, {"seed": 0, "learning_rate": 0.03}) == "learning rate 0.003"  # the usual one, by its number
    assert label({"seed": 0}) == "same settings"
    assert label({}, moved=[(1, 3.0)]) == "learning rate moved"


def test_four_runs_are_remembered_and_none_twice():
    stopped = Past({}, history(5, loss=9.0))
    remember("x", stopped)
    whole = Past({}, history(10, loss=9.0))  # went on from it
    remember("x", whole)
    assert training_curves.remembered["x"] == [whole]
    others = [Past({"seed": seed}, history(5, loss=seed)) for seed in range(4)]
    for other in [*others, others[-1]]:
        remember("x", other)
    assert training_curves.remembered["x"] == others
    assert contains(history(10), history(5)) and not contains(history(5), history(10))


def test_ghosts_stand_pale_behind_the_curves_with_a_legend():
    left, right = curves(history(20), 0.25, [("seed 1", history(10, loss=2.0)), ("supervised", history(20))]).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["this run", "seed 1", "supervised"]
    assert [line.get_alpha() for line in left.lines[2:]] == [0.55, 0.55]
    assert len(right.lines) == 2 + 2 + 1  # this run's score and its mean, two ghosts, guessing
    assert curves(history(20), None).axes[0].get_legend() is None


def test_a_run_that_burst_does_not_flatten_the_others():
    burst = history(20, loss=1e9)
    burst.losses[-1] = math.nan
    left = curves(history(20), 0.25, [("burst", burst)]).axes[0]
    assert left.get_ylim()[1] == pytest.approx(3.0)


def test_the_first_preset_is_the_notebooks_own_run():
    assert next(iter(presets().values())) == {}
    own = presets(learning_rate=1e-3, weight_decay=0.1)
    assert own["as in this notebook"] == {"learning_rate": 1e-3, "weight_decay": 0.1}
    assert own["batch of 8"] == {"learning_rate": 1e-3, "weight_decay": 0.1, "batch_size": 8}
    rates = [options.get("learning_rate", USUAL["learning_rate"]) for options in presets().values()]
    assert rates == pytest.approx([3e-3, 3e-2, 3e-4, 3e-3])


@pytest.mark.filterwarnings("error")
def test_a_task_without_scores_shows_its_loss_alone():
    (only,) = curves(History(20, losses=[1.0] * 5, seconds=1.0), None).axes
    assert only.get_title() == "Loss"
