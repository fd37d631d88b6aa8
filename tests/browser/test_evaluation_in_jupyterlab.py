"""A student at the evaluation notebook: holes filled by key, Stop ten times, a ranking by its arrows, two measures chosen."""

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
TRAININGS = 10  # three new methods, six of other notebooks, one with names


def test_a_student_at_the_evaluation_notebook(lab):
    for name in ("world", "world:clips", "world:sounds"):
        open_dataset(name, progress=False)
    lab.copy("08_evaluation")
    page = lab.page
    lab.run_all()

    # Two holes, one by key and one by button.
    page.get_by_role("button", name="piece 2").first.wait_for(timeout=90_000)
    page.get_by_role("button", name="piece 2").first.press("Enter")
    lab.says(".course-game-board", "of 1")
    page.get_by_role("button", name="piece 1").first.click()
    lab.says(".course-game-board", "of 2")
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")

    for number in range(TRAININGS):
        lab.stop(number)

    # Nobody has ranked anything yet; then the second name goes up by key.
    lab.wait_until_idle(timeout=480)
    page.locator("button.course-ranking-up-2").press("Enter")
    lab.says(".course-ranking-answer", "Your order: relative_position, rotation")
    page.get_by_text("nothing to score").first.wait_for(timeout=30_000)

    # The scatter: another measure across, and one network fewer.
    pictures = page.locator(".course-settings-picture img")
    before = pictures.first.get_attribute("alt")
    page.locator(".course-settings-across select").select_option("knn")
    page.wait_for_function(
        "before => document.querySelector('.course-settings-picture img').alt !== before", arg=before, timeout=30_000
    )
    page.locator(".course-settings-random input").press("Space")
    page.wait_for_function(
        "() => !document.querySelector('.course-settings-picture img').alt.includes('random')", timeout=30_000
    )
    lab.is_well()
