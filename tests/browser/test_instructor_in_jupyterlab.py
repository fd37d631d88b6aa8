"""An instructor in front of a class: large type, a clock, a poll by key, a demo brought to a state and put back."""

import nbformat
import pytest

from course_lib.data import open_dataset
from course_lib.run import flavours

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def first_section():
    """The instructor's flavour of 02 on the smoke profile, up to its second section."""
    notebook = flavours.instructor("02_rotation")
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('"quick"', '"smoke"')
    end = next(k for k, cell in enumerate(notebook.cells) if cell.source.startswith("## 2 ·"))
    notebook.cells = notebook.cells[:end]
    return notebook


def test_an_instructor_at_the_lectern(lab, tmp_path):
    open_dataset("world", progress=False)
    nbformat.write(first_section(), lab.folder / "02_rotation.ipynb")
    lab.page.set_viewport_size({"width": 1920, "height": 1080})
    lab.open("02_rotation.ipynb")
    page = lab.page
    lab.run_all()
    lab.wait_until_idle(timeout=120)

    def size(selector):
        return float(page.evaluate("s => getComputedStyle(document.querySelector(s)).fontSize", selector)[:-2])

    # Large type, from the keyboard: prose, code, a widget and a picture grow, and shrink again.
    parts = (".jp-RenderedMarkdown", ".cm-content", ".course-game-answer", ".course-forecast-text")
    before, width = [size(part) for part in parts], page.locator(".course-game-picture img").bounding_box()["width"]
    drawn = "document.querySelector('.course-game-picture img').getBoundingClientRect().width"
    toggle = page.locator("button.course-lectern-large")
    toggle.press("Enter")
    page.wait_for_function("() => document.querySelector('button.course-lectern-large').classList.contains('mod-active')")
    page.wait_for_function(f"() => {drawn} > {1.5 * width}")
    assert all(size(part) >= 1.4 * small for part, small in zip(parts, before, strict=True))
    page.screenshot(path=tmp_path / "large.png")
    toggle.press("Enter")
    page.wait_for_function(f"() => {drawn} < {1.1 * width}")
    assert [size(part) for part in parts] == before

    # The clock says which section is due.
    page.locator("button.course-clock-start").press("Enter")
    lab.says(".course-clock-text", "Should be on now: 1 · Play. You are in 1 · Play, on time.")
    page.locator("button.course-clock-next").press("Enter")
    lab.says(".course-clock-text", "You are in 2 · Invent the labels, 5 minutes ahead.")
    lab.says(".course-clock-time", "00:02")

    # A poll counts digits.
    page.get_by_role("button", name="poll", exact=True).press("Enter")
    keys = page.locator(".course-poll-keys input")
    for digit in "221":
        keys.press(digit)
    lab.says(".course-poll-bars", "2 (67 %)")
    assert "of 3 hands" in page.locator(".course-poll-bars [role=img]").get_attribute("aria-label")

    # A demo that has been touched is put back.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    handle.focus()
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted: 51 %")
    page.get_by_role("button", name="demos", exact=True).press("Enter")
    page.locator("button.course-demos-reset").press("Enter")
    lab.says(".course-demos-text", "demos are as they were before")
    page.wait_for_function(
        "() => document.querySelector('.course-forecast-slider .noUi-handle').getAttribute('aria-valuenow') === '50.0'"
    )
    assert page.locator(".course-forecast-text").first.inner_text().strip() == ""
    lab.is_well()
