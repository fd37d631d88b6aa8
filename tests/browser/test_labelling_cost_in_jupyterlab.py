"""A student at the notebook on labelling: labels against the clock, calculates both ways, guesses words, explores vectors."""

import re

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_student_at_the_labelling_notebook(lab):
    for name in ("world", "world:cells"):
        open_dataset(name, progress=False)
    lab.copy("01_labelling_cost")
    page = lab.page
    lab.run_all()

    # Three pictures by key; from the second on the clock tells how long it took.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    for turn in range(3):
        answers.nth(turn).press("Enter")
        lab.says(".course-game-board", f"of {turn + 1}")
    assert re.search(r"(Right|No: it was).* \d+\.\d s\.", page.locator(".course-game-feedback").first.inner_text())

    # The calculator: more images, another label, another wage; then backwards.
    picture = page.locator(".course-settings-picture img")
    picture.nth(1).wait_for(timeout=90_000)
    for hook, number in (("images", 0), ("answers", 0), ("dollars_an_hour", 0), ("human_years_in_all", 1), ("exponent", 2)):
        handle = page.locator(f".course-settings-{hook} .noUi-handle").first
        handle.wait_for(timeout=90_000)
        before = picture.nth(number).get_attribute("src")
        handle.press("ArrowRight")
        changed(page, number, before)
    for hook, number, choice in (("label", 0, "mask"), ("seconds_each", 0, "20"), ("counted", 1, None)):
        before = picture.nth(number).get_attribute("src")
        menu = page.locator(f".course-settings-{hook} select").first
        menu.select_option(choice) if choice else menu.select_option(index=1)
        changed(page, number, before)
    assert "mask:" in picture.nth(0).get_attribute("alt")

    # A forecast by key; the two networks that see are stopped, the rest runs on.
    page.locator(".course-forecast-slider .noUi-handle").first.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    for number in range(2):
        lab.stop(number)
    lab.wait_until_idle(timeout=420)

    # Guess the hidden word, by the digit of the answer.
    sentence = page.locator(".course-words-sentence")
    first = sentence.inner_text()
    keys = page.locator(".course-game-keys input").nth(1)
    keys.press("2")
    another = "before => document.querySelector('.course-words-sentence').innerText !== before"
    page.wait_for_function(another, arg=first, timeout=30_000)
    assert "___" in sentence.inner_text()
    assert re.search(r"Right|No: it was", page.locator(".course-game-feedback").nth(1).inner_text())

    # Another word's neighbours, another analogy.
    for hook, number in (("word", 3), ("question", 4)):
        before = picture.nth(number).get_attribute("src")
        page.locator(f".course-settings-{hook} select").select_option(index=1)
        changed(page, number, before)

    page.locator("button.course-quiz-option").first.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('.course-quiz-feedback').textContent.trim().length > 20", timeout=30_000
    )
    lab.is_well()


def changed(page, number: int, before: str) -> None:
    """Wait until the explorers' picture of this number is another one."""
    page.wait_for_function(
        "([n, before]) => document.querySelectorAll('.course-settings-picture img')[n].src !== before",
        arg=[number, before], timeout=60_000,
    )  # fmt: skip
