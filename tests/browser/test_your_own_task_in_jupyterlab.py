"""A student at the capstone: a game by key, a forecast, a task of their own written into its cell, the envelope."""

import json

import pytest

from course_lib.data import open_dataset
from course_lib.paths import project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

HIDE = """        hidden = torch.randint(0, 2, (len(batch),), generator=rng, device=batch.images.device)
        return normalise(torch.where(hidden[:, None, None, None] == 1, batch.images.flip(2), batch.images)), hidden"""


def test_a_student_at_the_capstone(lab):
    open_dataset("world", progress=False)
    contents = json.loads((project() / "notebooks" / "09_your_own_task.ipynb").read_text())
    changed = 0
    for cell in contents["cells"]:  # what a student types: their own `hide`
        source = "".join(cell["source"])
        new = source.replace("        raise NotImplementedError  # your turn: replace this line", HIDE)
        new = new.replace('profile = "quick"', 'profile = "smoke"')
        changed += new != source
        cell["source"] = new
    assert changed == 2
    (lab.folder / "mine.ipynb").write_text(json.dumps(contents))
    lab.open("mine.ipynb")
    page = lab.page
    lab.run_all()

    # An odd quarter, by the number of the answer.
    keys = page.locator(".course-game-keys input").first
    keys.wait_for(timeout=120_000)
    keys.fill("1")
    lab.says(".course-game-board", "of 1")

    # A forecast, by key.
    handle = page.locator(".course-forecast-slider .noUi-handle").first
    before = float(handle.get_attribute("aria-valuenow"))
    handle.press("ArrowRight")
    page.locator("button.course-forecast-button").first.press("Enter")
    lab.says(".course-forecast-text", "Noted")
    assert float(handle.get_attribute("aria-valuenow")) > before

    lab.wait_until_idle(timeout=400)
    (results,) = (lab.folder.parent / "out" / "records").glob("09_your_own_task--smoke-*.json")
    results = json.loads(results.read_text())
    assert results["forecasts"].keys() == {"own.pretext_accuracy"}
    assert results["records"]["own.accuracy.mine"]["chance"] == 0.5, "the student's own task has two answers"
    assert "own.sealed.probe" in results["records"]
    lab.is_well()
