"""A student at the shuffle-and-learn notebook: triples judged by key, frames put in order by mouse and by key, Stop, sliders."""

import re

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_shuffle_and_learn_notebook(lab):
    open_dataset("world:clips", progress=False)
    lab.copy("05_shuffle_and_learn")
    page = lab.page
    lab.run_all()

    # In order or not? Two answers by key.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    for turn in range(2):
        answers.nth(turn).press("Enter")
        lab.says(".course-game-board", f"of {turn + 1}")
    assert re.search(r"Right|No: it was", page.locator(".course-game-feedback").first.inner_text())

    # A frame dragged onto another, two more exchanged by key, and an answer.
    places = page.get_by_role("gridcell")
    places.first.wait_for(timeout=90_000)
    assert places.count() == 3
    first = places.nth(0).get_attribute("aria-label")
    places.nth(0).drag_to(places.nth(2))
    page.wait_for_function(
        "before => document.querySelectorAll('[role=gridcell]')[0].getAttribute('aria-label') !== before",
        arg=first,
        timeout=30_000,
    )
    places.nth(2).focus()
    for key in ("Enter", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("button", name="That is my answer").press("Enter")
    lab.says(".course-puzzle-before", "2 swaps")

    # A forecast by key, and the networks stopped: every cell after them runs on what they have learnt so far.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    for number in range(5):
        lab.stop(number)
    lab.wait_until_idle(timeout=240)

    # Another film, another middle, another query.
    picture = ".course-settings-picture img"
    for slider in ("film", "middle"):
        before = page.locator(picture).first.get_attribute("src")
        page.locator(f".course-settings-{slider} .noUi-handle").press("ArrowRight")
        lab.changed(picture, before)
    before = page.locator(".course-neighbours-picture img").get_attribute("src")
    page.locator("button.course-neighbours-query").nth(2).press("Enter")
    lab.changed(".course-neighbours-picture img", before)
    lab.is_well()
