"""A student at the capstone: a game by key, a forecast, Stop, a task of their own written into its cell, the envelope."""

import json

import pytest

from course_lib.data import open_dataset

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

HIDE = """        hidden = torch.randint(0, 2, (len(batch),), generator=rng, device=batch.images.device)
        return normalise(torch.where(hidden[:, None, None, None] == 1, batch.images.flip(2), batch.images)), hidden"""


def test_a_student_at_the_capstone(lab, monkeypatch):
    open_dataset("world", progress=False)
    lab.copy("09_your_own_task")
    path = lab.folder / "09_your_own_task.ipynb"
    contents = json.loads(path.read_text())
    changed = 0
    for cell in contents["cells"]:  # what a student types: their own `hide`
        source = "".join(cell["source"])
        new = source.replace("        raise NotImplementedError  # your turn: return visible, hidden", HIDE)
        new = new.replace('profile = "quick"', 'profile = "smoke"')
        changed += new != source
        cell["source"] = new
    assert changed == 2
    path.write_text(json.dumps(contents))
    lab.open(path.name)
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
    text = page.locator(".jp-Notebook").inner_text()
    assert "your own function is used from here on" in text
    assert "Claim own.beats_labels" not in text.split("The envelope")[-1], "the claims are about the worked example"
    lab.is_well()
