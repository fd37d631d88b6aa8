"""A sweep: the committed verdicts, Run it now, Stop, what goes on; no screen."""

import threading

import pytest

from course_lib import start as start_module
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation
from course_lib.run import claims
from course_lib.start import Session
from course_lib.widgets import sweep as sweep_module
from course_lib.widgets.sweep import Sweep, verdicts

ROW = {
    "id": "rot.count.half", "statement": "Four teach more.", "direction": "a>b", "margin": 0.02, "a": [0.5, 0.62, 0.55],
    "b": [0.4, 0.4, 0.4], "dataset": "world", "verdict": "holds", "date": "2026-01-02", "machine": "a laptop", "why": "",
    "sides": ("rot.count.four", "rot.count.half"),
}  # fmt: skip


@pytest.fixture
def said(monkeypatch):
    """What is shown as Markdown."""
    texts = []
    monkeypatch.setattr(sweep_module, "show_markdown", texts.append)
    return texts


def test_verdicts_name_figures_date_and_machine():
    text = verdicts([ROW], sweep="rot.count")
    for part in ("50.0 % to 62.0 %", "(`four`)", "40.0 % (`half`)", "**holds**", "2026-01-02", "a laptop", "3 seeds"):
        assert part in text
    assert "| > by 2.0 points |" in text and "reversed:" not in text
    assert "(`rot.count.four`)" in verdicts([ROW]), "what is not of this sweep has its whole name"
    assert "not been measured" in verdicts([])


def test_the_smaller_number_of_a_range_comes_first():
    assert "8.4 % to 10.0 % (`rot.count.four`)" in verdicts([ROW | {"a": [0.1, 0.084, 0.09]}])
    assert "| 50.0 % (`rot.count.four`)" in verdicts([ROW | {"a": [0.5, 0.5001]}])


def test_a_unit_in_parentheses_stands_once():
    text = verdicts([ROW], unit="(rank correlation)")
    assert text.count("rank correlation") == 1 and "0.5 to 0.62 (`rot.count.four`)" in text and "> by 0.02 |" in text


def test_a_reversal_is_explained_where_something_is_known():
    assert "Why" not in verdicts([ROW])
    assert "\nWhy `rot.count.half` is reversed: batches of 32 are small." in verdicts([ROW | {"why": "batches of 32 are small"}])


def test_each_setting_is_measured_once(monkeypatch, said):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    asked = []
    panel = Sweep("rot.count", ["a", "b"], lambda key, controls: asked.append(key) or 0.5, [])
    panel.button.click()
    panel.wait()
    assert asked == ["a", "b"] and panel.values == {"a": 0.5, "b": 0.5}
    assert "50.0 %" in panel.table.value and "Done" in panel.text.value and not panel.button.disabled
    panel.button.click()  # nothing is missing: all of it again
    panel.wait()
    assert asked == ["a", "b", "a", "b"]


def test_stop_keeps_what_is_measured_and_the_next_press_goes_on(said):
    began, asked = threading.Event(), []

    def measure(key, controls):
        asked.append(key)
        if key == "b" and asked.count("b") == 1:
            began.set()
            assert controls["stop"].wait(10)
            raise KeyboardInterrupt
        return 0.25

    panel = Sweep("rot.count", ["a", "b"], measure, [])
    panel.button.click()
    assert began.wait(10) and panel.button.disabled
    panel.stop_button.click()
    panel.wait()
    assert panel.values == {"a": 0.25} and "Stopped" in panel.text.value
    panel.button.click()
    panel.wait()
    assert asked == ["a", "b", "b"] and panel.values == {"a": 0.25, "b": 0.25}


def test_an_error_is_shown_on_screen_and_raised_headless(said):
    def broken(key, controls):
        raise ValueError("no such <angle>")

    panel = Sweep("rot.count", ["a"], broken, [])
    panel.button.click()
    panel.wait()
    assert "no such &lt;angle&gt;" in panel.text.value and not panel.button.disabled
    with pytest.raises(ValueError, match="angle"):
        panel.show(run=True)


@pytest.fixture
def session(tmp_path, monkeypatch, dataset, said):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    monkeypatch.setattr(start_module.data, "open_dataset", lambda name, device: dataset)
    monkeypatch.setattr(claims, "committed", lambda about, dataset: [])
    return Session("02_rotation", "smoke", "world", 0, "cpu")


def test_only_course_claims_runs_a_sweep_headless(session, monkeypatch):
    session.sweep("rot.count", lambda setting: setting, {"four": 0.5, "half": 0.3, "sides": 0.2})
    assert session.records == {}
    monkeypatch.setenv("COURSE_CLAIMS", "rot.learns rot.during")
    session.sweep("rot.count", lambda setting: setting, {"four": 0.5})
    assert session.records == {}
    monkeypatch.setenv("COURSE_CLAIMS", "rot.count.half")
    settings = {"four": 0.5, "half": 0.3, "sides": 0.2, "four_tilted": 0.5, "eight": 0.5}
    session.sweep("rot.count", lambda setting: setting, settings, chance=0.1)
    assert session.records["rot.count.half"] == {"value": 0.3, "chance": 0.1, "unit": "fraction"}
    assert len(session.records) == 5


def test_stop_reaches_the_network_that_trains(session, monkeypatch):
    monkeypatch.setenv("COURSE_HEADLESS", "0")
    began = threading.Event()

    def measure(steps):
        backbone = build_backbone(rng=session.rng("net"), width=8, image_size=session.dataset.size)
        began.set()
        session.fit(backbone, Rotation(backbone, session.rng("head")), steps=steps)
        return 0.5

    panel = session.sweep("rot.count", measure, {"long": 10**6})
    panel.button.click()
    assert began.wait(10)
    panel.stop_button.click()
    panel.wait()
    assert "Stopped" in panel.text.value and session.records == {} and session._controls == {}
