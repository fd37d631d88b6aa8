"""The training panel, by pressing its buttons and setting its values; no screen."""

import asyncio
import threading

import pytest
import torch

from course_lib import start as start_module
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation
from course_lib.start import Session
from course_lib.training import History, Step, fit
from course_lib.widgets import training_curves, training_panel
from course_lib.widgets.training_panel import FACTORS, Presets, TrainingRun


@pytest.fixture(autouse=True)
def _nothing_remembered():
    training_curves.remembered.clear()


@pytest.fixture
def on_screen(monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")


def history(done, steps=20, **more):
    scores = [(step, {"accuracy": 0.5}) for step in range(10, done + 1, 10)]
    return History(steps, losses=[1.0] * done, scores=scores, seconds=1.0, **more)


class UntilStopped:
    """Work that waits for Stop at step 10, and goes to the end when it is continued."""

    def __init__(self):
        self.began = threading.Event()
        self.continues = []

    def __call__(self, on_report, stop, continues, learning_rate_factor):
        self.continues.append(continues)
        if continues is None:
            on_report(history(10))
            self.began.set()
            assert stop.wait(10)
            end = history(10, stopped=True)
        else:
            assert not stop.is_set()
            end = history(20, resumed_from=10)
        on_report(end)
        return end


def stopped_run():
    work = UntilStopped()
    run = TrainingRun(work, name="rotation", steps=20, chance=0.25).show()
    assert work.began.wait(10) and run.continue_button.disabled
    run.stop_button.click()
    return run, work, asyncio.run(run.finished())


def test_stop_answers_while_a_thread_trains(on_screen):
    run, _, end = stopped_run()
    assert end.stopped
    assert "stopped" in run.text.value and run.bar.value == 10
    assert run.stop_button.disabled and not run.continue_button.disabled
    assert "alt=" in run.plot.value


def test_continue_goes_on_and_says_that_cells_must_be_run_again(on_screen):
    run, work, first = stopped_run()
    run.continue_button.click()
    run.continue_button.click()  # a second press of a hasty finger does nothing
    end = asyncio.run(run.finished())
    assert end.step == 20 and not end.stopped
    assert work.continues == [None, first]
    assert "done" in run.text.value and "taken up at step 10" in run.text.value and "run again" in run.text.value
    assert run.stop_button.disabled and run.continue_button.disabled and run.rate.disabled
    assert first.step == 10  # what was handed out stays as it was


def test_a_run_that_gave_way_to_another_is_not_continued(on_screen):
    run, work, _ = stopped_run()
    run.retire()
    run.resume()
    assert run.continue_button.disabled and len(work.continues) == 1


def test_retiring_waits_until_nothing_trains(on_screen):
    work = UntilStopped()
    run = TrainingRun(work, name="rotation", steps=20).show()
    run.retire()
    assert run.history.stopped and run.continue_button.disabled


def test_an_error_in_training_is_shown_and_raised(on_screen):
    def work(**_):
        raise ValueError("the cat ate it")

    run = TrainingRun(work, name="rotation", steps=20).show()
    with pytest.raises(ValueError, match="cat"):
        asyncio.run(run.finished())
    assert "the cat ate it" in run.text.value
    assert run.continue_button.disabled


def test_headless_runs_to_the_end_within_the_cell(capsys):
    def work(on_report, learning_rate_factor, **_):
        assert learning_rate_factor is None  # nobody is there to move it
        on_report(history(20))
        return history(20)

    run = TrainingRun(work, name="rotation", steps=20).show()
    assert run.history.step == 20
    assert "step 20 of 20" in capsys.readouterr().out
    assert asyncio.run(run.finished()) is run.result()


@pytest.mark.parametrize(("scored", "chance"), [(True, 0.25), (True, None), (False, None), (False, 0.25)])
def test_the_caption_speaks_of_what_is_drawn(scored, chance, monkeypatch):
    drawn = []
    monkeypatch.setattr(training_panel, "show_figure", lambda figure, *words: drawn.append((len(figure.axes), *words)))
    end = history(20)
    end.scores = [(step, values if scored else {}) for step, values in end.scores]
    TrainingRun(lambda on_report, **_: end, name="rotation", steps=20, chance=chance).show()
    ((panels, caption, alt),) = drawn
    two = scored or chance is not None
    assert panels == 1 + two and ("Right:" in caption) == ("Two curves" in alt) == two
    assert ("guessing" in caption) == (chance is not None)


def test_the_learning_rate_slider_is_read_by_the_training(on_screen):
    seen = []

    def work(learning_rate_factor, **_):
        seen.append(learning_rate_factor())
        run.rate.value = 10.0
        seen.append(learning_rate_factor())
        return history(20)

    run = TrainingRun(work, name="rotation", steps=20)
    run.show()
    run.result()
    assert seen == [1.0, 10.0]
    assert not run.rate.continuous_update and FACTORS[0][1] == 1 / 30 and FACTORS[-1][1] == 30


def test_earlier_runs_and_those_handed_in_stay_as_ghosts(on_screen):
    def run(loss, **more):
        def work(on_report, **_):
            end = History(20, losses=[loss] * 20, scores=[(20, {"accuracy": 0.5})], seconds=1.0)
            on_report(end)
            return end

        panel = TrainingRun(work, name="rotation", steps=20, **more).show()
        panel.result()
        return panel

    assert run(1.0, settings={"seed": 1}).ghosts == []
    run(2.0, settings={"seed": 0, "learning_rate": 0.03})
    panel = run(3.0, settings={"seed": 0}, ghosts={"supervised": history(20)})
    assert [words for words, _ in panel.ghosts] == ["seed 1", "learning rate 0.03", "supervised"]
    assert "seed 1, learning rate 0.03, supervised" in panel.plot.value  # the figure's alternative text
    for loss in (4.0, 5.0, 6.0):
        panel = run(loss, settings={"seed": loss})
    assert len(panel.ghosts) == 4


def test_every_control_has_a_hook_a_name_and_a_tooltip(on_screen):
    run, presets = TrainingRun(lambda **_: history(20), name="rotation", steps=20), Presets()
    controls = {"stop": run.stop_button, "continue": run.continue_button, "rate": run.rate, "presets": presets.choice}
    for hook, control in controls.items():
        assert control._dom_classes == (f"course-training-{hook}",)
        assert control.description and control.tooltip


def test_presets_hand_on_what_is_chosen(on_screen):
    presets = Presets(weight_decay=0.1).show()
    assert presets.options == {"weight_decay": 0.1}
    presets.choice.value = "batch of 8"
    assert presets.options == {"weight_decay": 0.1, "batch_size": 8}
    assert "run the training cell again" in presets.text.value


def test_presets_without_a_screen_are_the_notebooks_own(capsys):
    assert Presets().show().options == {}
    assert "as in this notebook" in capsys.readouterr().out


# --- with a real network


def network():
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(1), width=8, image_size=16)
    return backbone, Rotation(backbone, torch.Generator().manual_seed(2))


def weights(backbone, task):
    return {name: value.clone() for name, value in Step(backbone, task).state_dict().items()}


def training(network, dataset, path, pause_at):
    """`fit` as the panel's work, pressing the panel's own Stop once `pause_at` steps are done."""

    def work(on_report, **controls):
        def report(history):
            on_report(history)
            if history.step == pause_at:
                run.stop_button.click()

        return fit(*network, dataset.train, steps=40, batch_size=16, checkpoint=path, on_report=report, **controls)

    run = TrainingRun(work, name="rotation", steps=40, chance=0.25)
    return run


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_stopped_and_continued_is_bit_for_bit_uninterrupted(on_screen, dataset, tmp_path):
    whole, parted = network(), network()
    uninterrupted = fit(*whole, dataset.train, steps=40, batch_size=16)
    run = training(parted, dataset, tmp_path / "c.safetensors", pause_at=10).show()
    assert asyncio.run(run.finished()).step == 11  # the step under way when Stop was pressed is the last
    assert not same(weights(*parted), weights(*whole))
    run.continue_button.click()
    end = asyncio.run(run.finished())
    assert end.losses == uninterrupted.losses and end.moved == []
    assert same(weights(*parted), weights(*whole))


def test_a_moved_learning_rate_changes_the_run_and_its_history_says_so(on_screen, dataset, tmp_path):
    path = tmp_path / "c.safetensors"
    uninterrupted = fit(*network(), dataset.train, steps=40, batch_size=16)
    run = training(network(), dataset, path, pause_at=10).show()
    run.result()
    run.rate.value = 10.0
    run.continue_button.click()
    run.stop_button.click()
    stopped = asyncio.run(run.finished())
    assert stopped.moved == [(11, 10.0)]
    assert "learning rate moved by hand: × 10 after step 11" in run.text.value
    # Taken up by another cell, it still says so, and that nobody moves it now.
    taken_up = fit(*network(), dataset.train, steps=40, batch_size=16, checkpoint=path)
    assert taken_up.moved == [(11, 10.0), (stopped.step, 1.0)]
    assert taken_up.losses[:12] == uninterrupted.losses[:12] and taken_up.losses[-1] != uninterrupted.losses[-1]


def test_a_checkpoint_that_another_run_has_written_is_not_continued_from(on_screen, dataset, tmp_path):
    path, parted = tmp_path / "c.safetensors", network()
    run = training(parted, dataset, path, pause_at=10).show()
    run.result()
    before = weights(*parted)
    fit(*network(), dataset.train, steps=40, batch_size=16, checkpoint=path)  # finished meanwhile
    run.continue_button.click()
    with pytest.raises(CourseError, match=r"cannot be continued.*c\.safetensors"):
        asyncio.run(run.finished())
    assert "cannot be continued" in run.text.value
    assert same(before, weights(*parted))


def test_a_session_stops_the_run_whose_name_is_taken_and_remembers_it(on_screen, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    monkeypatch.setattr(start_module.data, "open_dataset", lambda name, device: dataset)
    session = Session("02_rotation", "quick", "world", 0, "cpu")
    session.precision = torch.float32
    first = session.train("rotation", *network(), steps=100_000, batch_size=8)
    second = session.train("rotation", *network(), steps=12, **Presets(batch_size=16).options)
    assert first.history.stopped and first.continue_button.disabled
    assert second.result().step == 12
    assert [words for words, _ in second.ghosts] == ["batch size 8, steps 100000"]
