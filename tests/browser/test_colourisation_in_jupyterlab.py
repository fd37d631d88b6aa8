"""A student at the colourisation notebook: the game, forecasts, Stop, the temperature by mouse and by key, a photo uploaded."""

import io

import pytest
from PIL import Image

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_colourisation_notebook(lab):
    open_dataset("world", progress=False)
    lab.copy("04_colourisation")
    page = lab.page
    lab.run_all()

    # The true colouring out of three: by mouse, by Enter, by its number.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    assert answers.count() == 3
    answers.nth(1).click()
    lab.says(".course-game-board", "of 1")
    answers.nth(0).press("Enter")
    lab.says(".course-game-board", "of 2")
    page.locator(".course-game-keys input").first.press_sequentially("3")
    lab.says(".course-game-board", "of 3")

    handle = page.locator(".course-forecast-slider .noUi-handle").first
    before = float(handle.get_attribute("aria-valuenow"))
    lab.drag(handle, -60)
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    assert float(handle.get_attribute("aria-valuenow")) < before - 2

    for number in range(4):
        lab.stop(number)
    lab.wait_until_idle(timeout=300)

    # Warmer by mouse, cooler by key: six pictures are coloured anew each time.
    slider = page.locator(".course-settings-temperature .noUi-handle")
    picture = page.locator(".course-settings-picture img").first
    before = picture.get_attribute("src")
    lab.drag(slider, 80)
    lab.changed(".course-settings-picture img", before)
    before = picture.get_attribute("src")
    slider.press("ArrowLeft")
    lab.changed(".course-settings-picture img", before)

    # A photo of one's own; then something that is none.
    buffer = io.BytesIO()
    Image.new("RGB", (90, 70), (200, 60, 40)).save(buffer, "PNG")
    before = page.locator(".course-photo-picture img").first.get_attribute("src")
    with page.expect_file_chooser() as chooser:
        page.locator("button.course-photo-upload").click()
    chooser.value.set_files({"name": "mine.png", "mimeType": "image/png", "buffer": buffer.getvalue()})
    lab.changed(".course-photo-picture img", before)
    page.locator(".course-photo-path input").fill("nowhere.png")
    page.locator(".course-photo-path input").press("Enter")
    lab.says(".course-photo-message", "no photo to read")
    lab.is_well()
