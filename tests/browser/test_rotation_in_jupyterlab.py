"""One student, one browser: runs everything, plays by keyboard, forecasts, presses Stop, errs, explores, is quizzed."""

import json
import re

import nbformat
import pytest

from course_lib.data import open_dataset
from course_lib.paths import project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_student_at_the_rotation_notebook(lab, tmp_path):
    open_dataset("world", progress=False)  # built beforehand, so that the clock below measures the notebook
    notebook = nbformat.read(project() / "notebooks" / "02_rotation.ipynb", as_version=4)
    (exercise,) = (cell for cell in notebook.cells if cell.source.startswith("def rotate(images, quarter_turns)"))
    exercise.source = exercise.source.replace("raise NotImplementedError", "return images.flip(-1)")  # a wrong answer
    nbformat.write(notebook, lab.folder / "02_rotation.ipynb")
    lab.open("02_rotation.ipynb")
    page = lab.page
    lab.run_all()

    # Play by keyboard, while the cells below go on: every answer is counted.
    answers = page.locator(".course-game-answer")
    answers.first.wait_for(timeout=90_000)
    for turn in range(3):
        answers.nth(turn).press("Enter")
        lab.says(".course-game-board", f"of {turn + 1}")
    assert re.search(r"Right|No: it was", page.locator(".course-game-feedback").inner_text())

    # Forecast by keyboard: one step of the slider's handle to the right, then the button.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.focus()
    forecast = int(handle.get_attribute("aria-valuenow").split(".")[0]) + 1
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", f"Noted: {forecast} %")

    # Stop answers during the training, while Run All is still under way.
    for number in range(2):
        lab.stop(number)
    lab.wait_until_idle(timeout=240)

    # The wrong answer is named at the figures that rest on it, and only there.
    badges = page.locator("figure:has(.course-badge)")
    assert badges.count() >= 4
    lab.says(".course-badge", "reference `rotate` in use; yours failed case")

    # Another query, by keyboard.
    pictures = page.locator(".course-neighbours-picture img")
    before = pictures.first.get_attribute("src")
    page.locator("button.course-neighbours-query").nth(3).press("Enter")
    page.wait_for_function(
        "before => document.querySelector('.course-neighbours-picture img').src !== before", arg=before, timeout=30_000
    )

    # The quiz answers every option.
    page.locator("button.course-quiz-option").first.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('.course-quiz-feedback').textContent.trim().length > 20", timeout=30_000
    )
    page.screenshot(path=tmp_path / "rotation.png")
    (records,) = (tmp_path / "out" / "records").glob("02_rotation--quick--0--*.json")
    saved = json.loads(records.read_text())
    assert saved["forecasts"] == {"rot.pretext_accuracy": forecast / 100}
    assert {"rot.pretext_accuracy", "rot.jpeg.saved", "rot.probe.best"} <= saved["records"].keys()
    lab.is_well()
