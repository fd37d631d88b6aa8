"""The lectern, by pressing its buttons and setting its values; no screen."""

import pytest
from matplotlib.figure import Figure

from course_lib.errors import CourseError
from course_lib.pretext.rotation import Rotation
from course_lib.start import start
from course_lib.training import History
from course_lib.widgets import demos, lecture, quiz, rehearsal
from course_lib.widgets.explorers import SettingsExplorer
from course_lib.widgets.lectern import LARGE, DemoFace, Lectern
from course_lib.widgets.lecture import Section
from course_lib.widgets.rehearsal import Rehearsed, RehearsedCurves

SECTIONS = [Section("1 · Play", {45: 5, 90: 10}), Section("2 · Train", {45: 40, 90: 60})]
QUESTIONS = [quiz.Question("Which?", tuple(quiz.Option(word, word == "b", f"About {word}.") for word in "abc"))]
PRESETS = (demos.Preset("nine", "What now?", {"tiles": 9}), demos.Preset("five", "And now?", {"tiles": 5}))


@pytest.fixture(autouse=True)
def _on_screen(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    demos.shown.clear()
    yield
    demos.shown.clear()


def lectern(scope=None, rehearsed=list):
    prepared = [demos.Demo("tiles", "Tiles", 2, PRESETS)]
    return Lectern("02_rotation", SECTIONS, QUESTIONS, prepared, {} if scope is None else scope, rehearsed).show()


def explorer():
    return SettingsExplorer(lambda **settings: (Figure(figsize=(1, 1)), str(settings)), {"tiles": [4, 9]}, "Look.").show()


def test_large_type_comes_goes_and_is_remembered():
    panel = lectern()
    assert "course-poll-bar" in panel.style.value and LARGE not in panel.style.value
    panel.large.value = True
    assert LARGE in panel.style.value and LARGE in lectern().style.value
    panel.large.value = False
    assert LARGE not in panel.style.value


def test_one_room_is_open_at_a_time():
    panel = lectern()
    faces = {"poll": panel.poll, "demos": panel.demos, "rehearsed curves": panel.rehearsed, "clock": panel.clock}
    for room, face in faces.items():
        panel.room.value = room
        assert panel.open.children == (face.panel,)


def test_the_clock_by_its_buttons():
    face = lectern().clock
    assert face.text.value == "Should be on now: 1 · Play. You are in 1 · Play, on time." and face.start.description == "Start"
    face.start.click()
    assert face.start.description == "Pause" and face.clock.running
    face.next.click()
    assert face.text.value == "Should be on now: 1 · Play. You are in 2 · Train, 5 minutes ahead."
    face.path.value = 90
    assert "10 minutes ahead" in face.text.value and "<td>10 to 70</td>" in face.plan.value
    again = lectern().clock
    assert again.clock.running and again.path.value == 90 and "2 · Train" in again.text.value, "a new kernel goes on"
    for one in (face, again):
        one.start.click()
        assert one.start.description == "Start" and not one.clock.running and one._ticking.is_set()
    face.back.click()
    assert "You are in 1 · Play" in face.text.value
    face.stop.click()
    assert ">00:00<" in face.time.value


def test_a_poll_counts_by_key_click_and_number_before_and_after():
    face = lectern().poll
    for digit in "2219":
        face.hands.keys.value = digit
    face.hands.buttons[2].click()
    assert face.tally.counts["before"] == [1, 2, 1] and face.hands.keys.value == ""
    face.moment.value = "after"
    face.hands.counts[1].value = 120
    before, after = "before the demo, of 4 hands: a: 1, b: 2, c: 1.", "after the demo, of 120 hands: a: 0, b: 120, c: 0."
    assert face.tally.words() == f"Which? {before} {after}"
    assert "About b." not in face.message.value
    face.answer.value = True
    assert "✓ b About b." in face.message.value
    again = lectern().poll
    assert again.tally.counts == face.tally.counts, "a new kernel goes on"
    assert [count.value for count in again.hands.counts] == [1, 2, 1]
    again.clear.click()
    assert again.tally.asked() == [] and lecture.kept("02_rotation")["polls"] == {}
    assert all(count.description and count.tooltip for count in again.hands.counts)


def test_a_question_of_ones_own():
    face = lectern().poll
    assert face.question.layout.display == "none"
    face.choice.value = 0
    assert face.question.layout.display is None and face.answer.layout.display == "none" and not face.hands_box.children
    face.question.value = "How <many>?"
    face.options.value = "few\n\nmany\n"
    face.hands.keys.value = "2"
    assert face.tally.words().endswith("few: 0, many: 1.") and "How &lt;many&gt;?" in face.asked.value
    face.options.value = "few"
    assert "2 to 6 different options" in face.message.value


def test_a_demo_is_brought_to_a_state_and_back():
    scope = {}
    face = lectern(scope).demos
    assert face.demo.label == "section 2: Tiles" and face.state.label == "nine" and "What now?" in face.ask.value
    face.set.click()
    assert "Run section 2 first: there is no" in face.text.value
    scope["tiles"], scope["another"] = explorer(), explorer()
    face.enter()
    assert face.demo.options == (("section 2: Tiles", "tiles"), ("another", "another"))
    face.set.click()
    assert scope["tiles"].controls["tiles"].value == 9 and "tiles: nine" in face.text.value
    face.state.label = "five"
    face.set.click()
    assert "cannot be set to 5" in face.text.value
    face.state.label = "as it was before"
    face.set.click()
    assert scope["tiles"].controls["tiles"].value == 4
    scope["tiles"].controls["tiles"].value = scope["another"].controls["tiles"].value = 9
    face.reset.click()
    assert scope["tiles"].controls["tiles"].value == scope["another"].controls["tiles"].value == 4
    assert "All 2 demos" in face.text.value


def test_a_demo_that_cannot_be_put_back_stops_no_other(monkeypatch):
    scope = {"first": explorer(), "second": explorer()}
    scope["first"].start_over = lambda: 1 / 0
    scope["second"].controls["tiles"].value = 9
    face = DemoFace([], scope)
    face.reset.click()
    assert "first (division by zero)" in face.text.value and scope["second"].controls["tiles"].value == 4


def test_each_notebook_can_be_taught(capsys, monkeypatch):
    panel = start("02_rotation", profile="smoke").teach()
    assert [option[1] for option in panel.demos.demo.options] == ["presets", "run", "forecast_leak", "why"]
    assert len(panel.clock.clock.sections) == 8 and len(panel.poll.choice.options) == 8
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    assert start("02_rotation", profile="smoke").teach() is None
    assert "Instructor mode." in capsys.readouterr().out


# --- rehearsed curves


def history(losses):
    return History(20, losses=losses, scores=[(10, {"accuracy": 0.5})], seconds=1.0)


def test_a_slider_over_rehearsed_curves_answers_at_once(monkeypatch):
    runs = Rehearsed("net", 0.25, "2026-01-02", "desk (cpu)", {"usual": history([1.0] * 20), "fast": history([2.0] * 10)},
                     {"fast": "The loss is no longer a number."})  # fmt: skip
    curves = RehearsedCurves([runs])
    assert "Rehearsed on 2 January 2026 on desk (cpu); not a run of this lesson." in curves.label.value
    assert curves.setting.options == ("usual", "fast") and "net, usual: step 20 of 20" in curves.picture.value
    monkeypatch.setattr(Rehearsed, "draw", None)  # everything has been drawn by now
    curves.setting.value = "fast"
    assert "net, fast: step 10 of 20" in curves.picture.value and "no longer a number" in curves.picture.value


def test_what_is_rehearsed_is_trained_kept_and_found_again(monkeypatch, tmp_path, dataset):
    session = start("02_rotation", profile="smoke")
    monkeypatch.setattr(type(session), "dataset", dataset)
    panel = session.teach()
    panel.room.value = "rehearsed curves"
    assert "course rehearse 02_rotation" in panel.rehearsed.text.value
    monkeypatch.setenv("COURSE_REHEARSE", "rotation other")
    monkeypatch.setenv("COURSE_OUT", str(tmp_path / "rehearsed"))
    monkeypatch.setenv("COURSE_HEADLESS", "1")
    night = start("02_rotation", profile="smoke")
    backbone = night.backbone(width=8)
    task = Rotation(backbone, night.rng("head"))
    run = night.train("rotation", backbone, task, steps=10, batch_size=4)
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    panel.room.value = "clock"
    panel.room.value = "rehearsed curves"
    curves = panel.rehearsed.curves
    assert [name for name, _ in curves.run.options] == ["rotation"] and len(curves.setting.options) == 4
    kept = curves.run.value.histories["as in this notebook"]
    assert kept.losses == run.history.losses, "the rehearsal trained a copy: the notebook's own run is the same"
    assert len({tuple(one.losses) for one in curves.run.value.histories.values()}) == 4
    (file,) = (tmp_path / "rehearsed" / "curves").glob("*.json")
    assert rehearsal.load([file], dataset.fingerprint) and not rehearsal.load([file], "other data")
    monkeypatch.setattr(rehearsal, "code_hash", lambda: "other code")
    assert not rehearsal.load([file], dataset.fingerprint)
    file.write_text("{")
    assert not rehearsal.load([file], dataset.fingerprint)


def test_a_run_that_bursts_is_kept_as_far_as_it_went(tmp_path):
    def train(backbone, task, on_report, learning_rate=1.0, batch_size=32):
        on_report(history([1.0] * 10))
        if learning_rate > 5:
            raise CourseError("The loss is no longer a number at step 20.")
        return history([1.0] * 20)

    file = tmp_path / "net.json"
    rehearsal.rehearse(train, (None, None), {"learning_rate": 1.0}, file=file, name="net", chance=None, device="cpu", data="d")
    (found,) = rehearsal.load([file], "d")
    assert found.histories["learning rate × 10: too fast"].step == 10 and found.histories["batch of 8"].step == 20
    assert list(found.remarks.values()) == ["The loss is no longer a number at step 20."]
