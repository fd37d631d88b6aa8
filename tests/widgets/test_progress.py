"""Progress: kept at once, merged, and never lost to a restart, a second notebook, a crash or a full disk."""

import json
import os
import subprocess
import sys
import threading

import pytest
import torch

from course_lib import paths
from course_lib.errors import CourseError
from course_lib.exercises import exercise
from course_lib.widgets import progress
from course_lib.widgets.game import Game
from course_lib.widgets.quiz import Quiz


@pytest.fixture(autouse=True)
def student(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    progress.begin("02_rotation")
    yield
    progress._current.clear()


def test_what_students_do_is_kept():
    exercise("rotation.rotate", lambda images, turns: images)
    exercise("rotation.rotate", lambda images, turns: torch.rot90(images, turns, (2, 3)))
    exercise("rotation.rotate", lambda images, turns: images)
    quiz = Quiz("rotation", torch.Generator().manual_seed(0))
    rights = [next(k for k, option in enumerate(question.options) if option.right) for question in quiz.score.questions]
    quiz.play(0, rights[0])
    quiz.play(1, (rights[1] + 1) % 3)
    quiz.play(1, rights[1])
    game = Game(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), [0, 1, 1], ["a", "b"], "Which?", "a square")
    for choice in (0, 0, 1):
        game.play(choice)
    progress.forecast("rot.pretext_accuracy", 0.4)
    assert progress.read() == {"02_rotation": {
        "exercises": {"rotation.rotate": {"passed": True, "tries": 3}}, "quiz": {"0": True, "1": False},
        "games": {"Which?": {"right": 2, "of": 3}}, "forecasts": {"rot.pretext_accuracy": 0.4},
    }}  # fmt: skip
    said = progress.sentence("02_rotation")
    assert "exercises passed: 1" in said and "first try: 1 of 2" in said and "2 of 3 right" in said and "forecasts: 1" in said


def test_an_exercise_that_was_not_begun_is_no_try():
    def stub(images, turns):
        raise NotImplementedError

    exercise("rotation.rotate", stub)
    assert progress.read() == {} and progress.sentence("02_rotation") == ""


def test_a_second_try_after_a_restart_does_not_count():
    progress.answered(0, False)
    progress.begin("02_rotation")
    progress.answered(0, True)
    progress.played("Which?", 7, 10)
    progress.played("Which?", 1, 1)
    kept = progress.read()["02_rotation"]
    assert kept["quiz"] == {"0": False} and kept["games"]["Which?"] == {"right": 7, "of": 10}


def test_where_nobody_can_press_a_button_nothing_is_kept(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    progress.answered(0, True)
    assert not progress.path().exists()


def test_many_at_once_lose_nothing():
    program = "from course_lib.widgets import progress; import sys; progress.begin(sys.argv[1]); " \
              "[progress.answered(k, True) for k in range(20)]"  # fmt: skip
    others = [subprocess.Popen([sys.executable, "-c", program, name], env=os.environ) for name in ("02_rotation", "07_jigsaw")]
    threads = [threading.Thread(target=progress.answered, args=(100 + k, True)) for k in range(8)]
    for thread in threads:
        thread.start()
    for waited in (*threads, *others):
        (waited.join if isinstance(waited, threading.Thread) else waited.wait)()
    assert {name: len(kinds["quiz"]) for name, kinds in progress.read().items()} == {"02_rotation": 28, "07_jigsaw": 20}


@pytest.mark.parametrize("text", ["{", "[]", '{"02": []}', '{"02": {"marks": {}}}', '{"02": {"quiz": 3}}'])
def test_a_damaged_file_is_put_aside_not_thrown_away(text, tmp_path):
    progress.path().write_text(text)
    with pytest.raises(CourseError, match="damaged"):
        progress.read()
    assert progress.sentence("02_rotation") == ""
    assert progress.answered(0, True) == ""
    assert progress.read() == {"02_rotation": {"quiz": {"0": True}}}
    assert [path.read_text() for path in tmp_path.glob("progress.damaged-*.json")] == [text]


def test_a_full_disk_stops_no_lesson(monkeypatch):
    progress.answered(0, True)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(paths.os, "replace", full)
    assert "could not be kept" in progress.answered(1, True)
    quiz = Quiz("rotation", torch.Generator().manual_seed(0))
    quiz.play(2, 0)
    assert "No space left" in quiz.result.value
    monkeypatch.undo()


def test_it_can_be_exported(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from course_lib.run.command_line import main

    assert "Nothing yet" in CliRunner().invoke(main, ["progress"]).stdout
    progress.answered(0, True)
    done = CliRunner().invoke(main, ["progress", "--export", str(tmp_path / "mine.json")])
    assert done.exit_code == 0 and "02_rotation: You so far: quiz questions right at the first try: 1 of 1." in done.stdout
    assert json.loads((tmp_path / "mine.json").read_text()) == progress.read()
    progress.path().write_text("{")
    refused = CliRunner().invoke(main, ["progress"])
    assert refused.exit_code == 2 and "damaged" in refused.stderr
