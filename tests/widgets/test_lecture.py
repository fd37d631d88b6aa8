"""The lecture's clock, its polls and its file, without a screen; and the minutes that notebooks plan."""

import re

import pytest

from course_lib.errors import CourseError
from course_lib.exercises import find
from course_lib.run import notebooks
from course_lib.widgets import lecture
from course_lib.widgets.lecture import Clock, Section, Tally

SECTIONS = [Section("1 · Play", {45: 5, 90: 10}), Section("2 · Read", {45: 0, 90: 20}), Section("3 · Train", {45: 40, 90: 60})]


class Time:
    """A clock that the test moves."""

    seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def now():
    return Time()


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    return tmp_path


def test_a_clock_tells_the_section_that_is_due_and_how_far_off_one_is(now):
    clock = Clock(SECTIONS, now=now)
    assert clock.time() == "00:00" and not clock.running
    clock.start()
    now.seconds += 4 * 60
    assert clock.words() == "Should be on now: 1 · Play. You are in 1 · Play, on time."
    clock.move(1)
    assert clock.at == 2, "the short path leaves the second section out"
    assert clock.words() == "Should be on now: 1 · Play. You are in 3 · Train, 1 minute ahead."
    clock.move(1)
    clock.move(-1)
    now.seconds += 4 * 60
    assert clock.words() == "Should be on now: 3 · Train. You are in 1 · Play, 3 minutes behind."
    clock.path = 90
    assert clock.words() == "Should be on now: 1 · Play. You are in 1 · Play, on time." and clock.span(2) == (30, 90)
    clock.path, clock.at = 45, 2
    now.seconds += 40 * 60
    assert clock.words().endswith("3 · Train, 3 minutes behind. The 45 planned minutes are over.")


def test_a_pause_does_not_count_and_zero_is_zero(now):
    clock = Clock(SECTIONS, now=now)
    clock.start()
    now.seconds += 90
    clock.start()
    clock.pause()
    now.seconds += 500
    clock.pause()
    clock.start()
    now.seconds += 5
    assert clock.time() == "01:35"
    clock.stop()
    assert clock.time() == "00:00" and not clock.running


def test_a_clock_outlives_its_kernel_but_not_its_day(now):
    clock = Clock(SECTIONS, now=now)
    clock.start()
    clock.path = 90
    clock.move(1)
    now.seconds += 60
    assert (again := Clock(SECTIONS, clock.state, now)).running and (again.time(), again.at, again.path) == ("01:00", 1, 90)
    now.seconds += lecture.FORGOTTEN
    assert not Clock(SECTIONS, clock.state, now).running
    for damaged in ({}, {"path": 60}, {"path": 45, "at": 7}, {"path": 45, "at": 0, "spent": "?", "since": None}):
        assert Clock(SECTIONS, damaged, now).time() == "00:00"


def test_a_tally_in_words_and_bars():
    tally = Tally("What <next>?", ["up", "down"])
    assert tally.words() == "What <next>? Nobody has raised a hand yet."
    tally.counts["before"] = [3, 1]
    tally.counts["after"] = [0, 2]
    before, after = "before the demo, of 4 hands: up: 3, down: 1.", "after the demo, of 2 hands: up: 0, down: 2."
    assert tally.words() == f"What <next>? {before} {after}"
    assert 'role="img" aria-label="What &lt;next&gt;? before' in tally.bars() and "3 (75 %)" in tally.bars()
    assert Tally("What <next>?", ["up", "down"], tally.state).counts == tally.counts
    assert Tally("What <next>?", ["up", "left"], tally.state).asked() == []


@pytest.mark.parametrize("question, options", [("", ["a", "b"]), ("?", ["a"]), ("?", list("abcdefg")), ("?", ["a", "a"])])
def test_a_poll_that_cannot_be_held(question, options):
    with pytest.raises(CourseError):
        Tally(question, options)


def test_what_is_kept_is_kept_by_notebook(out):
    assert lecture.kept("02_rotation") == {}
    assert lecture.keep("02_rotation", clock=1) == lecture.keep("02_rotation", polls={"a": 2}) == ""
    assert lecture.keep("03_relative_position", clock=3) == ""
    assert lecture.kept("02_rotation") == {"clock": 1, "polls": {"a": 2}}
    (out / "teaching.json").write_text("{")
    assert lecture.kept("02_rotation") == {} and lecture.keep("02_rotation", large=True) == ""
    assert lecture.kept("02_rotation") == {"large": True}


def test_what_cannot_be_kept_is_said(out, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", "/proc/nowhere")
    assert lecture.keep("02_rotation", clock=1).startswith("The lecture's state could not be kept")


@pytest.mark.parametrize("name", notebooks.sources())
def test_each_notebook_plans_its_minutes(name):
    """At most 45 and 90 in all, for the sections that there are; on the long path with time for each section's exercises."""
    text = notebooks.sources()[name].read_text(encoding="utf-8")
    planned = lecture.sections(name)
    assert [section.title for section in planned] == re.findall(r"^# ## (\d+ · .*)$", text, re.MULTILINE)
    for path in lecture.PATHS:
        assert path - 10 <= sum(section.minutes[path] for section in planned) <= path
    for section, part in zip(planned, re.split(r"^# ## \d+ · .*$", text, flags=re.MULTILINE)[1:], strict=True):
        exercises = sum(find(title).minutes for title in re.findall(r'= exercise\("([^"]+)"', part))
        assert exercises < section.minutes[90], section.title
    assert lecture.subject(name) in re.sub(r"^\d+_", "", name)


@pytest.mark.parametrize("name", notebooks.sources())
def test_each_note_for_the_instructor_speaks_of_what_is_shown_live(name):
    cells = notebooks.read(notebooks.sources()[name], notes=True).cells
    (note,) = [cell.source for cell in cells if "instructor" in cell.metadata.get("tags", [])]
    assert re.search(r"\b(Live|live)\b", note)
