"""One student, one browser: walks through the world, moves a factor, listens."""

import nbformat
import pytest

from course_lib.data import open_dataset
from course_lib.paths import project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_in_the_gallery(lab, tmp_path):
    open_dataset("world", progress=False)
    notebook = nbformat.read(project() / "notebooks" / "00_the_world.ipynb", as_version=4)
    nbformat.write(notebook, lab.folder / "00_the_world.ipynb")
    lab.open("00_the_world.ipynb")
    page = lab.page
    lab.run_all()
    lab.wait_until_idle(timeout=240)

    def shown(hook):
        return page.locator(f".course-gallery-{hook}").first

    # Another scene, by keyboard; then a change; then a factor of that scene.
    first = shown("caption").inner_text()
    handle = shown("number").locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.course-gallery-caption').innerText !== before", arg=first, timeout=30_000
    )
    picture = shown("picture").locator("img")
    before = picture.get_attribute("src")
    shown("change").locator("select").select_option(label="recoloured")
    page.wait_for_function(
        "before => document.querySelector('.course-gallery-picture img').src !== before", arg=before, timeout=30_000
    )
    shown("factor").locator("select").select_option(label="object.scale")
    handle = shown("value").locator(".noUi-handle")
    page.wait_for_function(  # the slider has taken the factor's range
        "() => document.querySelector('.course-gallery-value .noUi-handle').getAttribute('aria-valuemax') < 1", timeout=30_000
    )
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.course-gallery-caption').innerText.includes('object.scale')", timeout=30_000
    )

    # A film with its sound, by key: the cursor runs to the end.
    assert page.locator(".course-player").count() == 4
    button = page.locator("button.course-player-play").nth(1)
    assert button.get_attribute("aria-label") == "Play: Which one sounds?"
    button.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.course-player-moment')[1].value > 100", timeout=30_000)
    page.wait_for_function("() => document.querySelectorAll('.course-player')[1].dataset.playing === 'false'", timeout=30_000)
    assert page.locator(".course-player-moment").nth(1).get_attribute("aria-valuetext") == "1.00 of 1.00 seconds"
    page.screenshot(path=tmp_path / "world.png")
    lab.is_well()
