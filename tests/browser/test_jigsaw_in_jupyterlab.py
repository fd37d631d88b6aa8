"""A student at the jigsaw notebook: a puzzle by mouse and by key, forecasts, Stop, precautions ticked, numbers moved."""

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_jigsaw_notebook(lab):
    open_dataset("world", progress=False)
    lab.copy("07_jigsaw")
    page = lab.page
    lab.run_all()

    # A tile dragged onto another, two more exchanged by key, and an answer.
    places = page.get_by_role("gridcell")
    places.first.wait_for(timeout=90_000)
    assert places.count() == 9
    first = places.nth(0).get_attribute("aria-label")
    places.nth(0).drag_to(places.nth(4))
    page.wait_for_function(
        "before => document.querySelectorAll('[role=gridcell]')[0].getAttribute('aria-label') !== before",
        arg=first,
        timeout=30_000,
    )
    places.nth(8).focus()
    for key in ("Enter", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("button", name="That is my answer").press("Enter")
    lab.says(".course-game-board", "of 1")
    lab.says(".course-puzzle-before", "2 swaps")

    # A forecast, by dragging its slider and by key.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    before = float(handle.get_attribute("aria-valuenow"))
    lab.drag(handle, 60)
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    assert float(handle.get_attribute("aria-valuenow")) > before + 2

    for number in range(4):
        lab.stop(number)
    lab.wait_until_idle(timeout=240)

    # The same puzzle with other precautions, and another number of permutations.
    pictures = page.locator(".course-settings-picture img")
    before = pictures.nth(0).get_attribute("src")
    page.locator(".course-settings-rescale input").press("Space")
    lab.changed(".course-settings-picture img", before)
    before = pictures.nth(1).get_attribute("alt")
    page.locator(".course-settings-permutations .noUi-handle").press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelectorAll('.course-settings-picture img')[1].alt !== before", arg=before, timeout=30_000
    )
    lab.is_well()
