"""A student at the audio-and-video notebook: sounds matched to pictures by key, played, searched for; Stop; an own video."""

import re

import pytest
from videos import video

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_audio_video_notebook(lab):
    open_dataset("world:sounds", progress=False)
    lab.copy("06_audio_video")
    page = lab.page
    lab.run_all()

    # One sound, four pictures: played by key, answered by key.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    assert answers.count() == 4
    play = page.locator("button.course-player-play").first
    assert play.get_attribute("aria-label") == "Play: sound 1 of 10"
    play.press("Enter")
    moved = "() => document.querySelector('.course-player-moment').value > 100"
    page.wait_for_function(moved, timeout=30_000)
    for turn in range(2):
        answers.nth(turn).press("Enter")
        lab.says(".course-game-board", f"of {turn + 1}")
    page.locator(".course-game-keys input").press_sequentially("3")
    lab.says(".course-game-board", "of 3")
    lab.says(".course-player-words", "sound 4 of 10")
    assert re.search(r"Right|No: it was", page.locator(".course-game-feedback").first.inner_text())

    # A forecast by key, and the network stopped: every cell after it runs on what it has learnt so far.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    lab.stop(0)
    lab.wait_until_idle(timeout=240)

    # A sound finds pictures, another query, and what is found is played.
    found = page.locator(".course-retrieval-direction").locator("xpath=../..").locator(".course-player-words")
    before = found.nth(1).text_content()
    page.locator(".course-retrieval-direction select").select_option(label="a sound finds pictures")
    page.locator(".course-retrieval-query select").select_option(label="clip 3")
    page.wait_for_function("([shown, before]) => shown.textContent !== before", arg=[found.nth(1).element_handle(), before])
    assert found.first.text_content().startswith("query: this sound (")

    # A video of one's own: a text is refused in words, a film is laid under its heat.
    path = page.locator(".course-clip-path input")
    (lab.folder / "note.mp4").write_text("no film")
    video(lab.folder / "mine.mp4", tone=440, mark=1)
    for name, expected in (("note.mp4", "is no video that can be read"), ("nothing.mp4", "There is no file")):
        path.fill(name)
        path.press("Enter")
        lab.says(".course-clip-message", expected)
    path.fill("mine.mp4")
    path.press("Enter")
    page.get_by_text(re.compile(r"^mine\.mp4 at \d")).wait_for(timeout=60_000)
    assert page.locator("text=Traceback").count() == 0
    lab.is_well()
