"""A student at the relative position notebook: plays by mouse and by key, forecasts, presses Stop, explores."""

import re

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_relative_position_notebook(lab, tmp_path):
    open_dataset("world", progress=False)  # built beforehand, so that the clock below measures the notebook
    lab.copy("03_relative_position")
    page = lab.page
    lab.run_all()

    # Eight answers around an empty middle: one by mouse, one by Enter, one by its number.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    assert answers.count() == 8
    answers.nth(1).click()
    lab.says(".course-game-board", "of 1")
    answers.nth(4).press("Enter")
    lab.says(".course-game-board", "of 2")
    page.locator(".course-game-keys input").first.press_sequentially("7")
    lab.says(".course-game-board", "of 3")
    assert re.search(r"Right|No: it was", page.locator(".course-game-feedback").inner_text())

    # A forecast by key: one step of the slider's handle, then the button.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.focus()
    forecast = int(handle.get_attribute("aria-valuenow").split(".")[0]) + 1
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", f"Noted: {forecast} %")

    # And by dragging the handle.
    lab.drag(handle, 60)
    page.wait_for_function(
        "value => +document.querySelector('.course-forecast-slider .noUi-handle').getAttribute('aria-valuenow') > value + 3",
        arg=forecast,
        timeout=30_000,
    )

    # Stop all four trainings; the cells below go on with the networks as they are.
    for number in range(4):
        lab.stop(number)
    lab.wait_until_idle(timeout=240)

    # Another patch, by key.
    pictures = page.locator(".course-neighbours-picture img")
    before = pictures.first.get_attribute("src")
    page.locator("button.course-neighbours-query").nth(2).press("Enter")
    lab.changed(".course-neighbours-picture img", before)
    lab.is_well()
