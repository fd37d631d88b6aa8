"""What a student has finished stays: beside a second notebook, over a restart in mid-training, and without a browser."""

import json
import re
import time
from types import SimpleNamespace

import nbformat
import pytest

from course_lib.data import open_dataset
from course_lib.paths import project
from course_lib.training import read_checkpoint

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

STEPS = 300
LONG = f"""backbone, task = new_network()
long = session.train("long", backbone, task, steps={STEPS})"""
AFTER = """history = await long.finished()
session.record("rot.long", history.step)
print(f"{history.resumed_from} of {history.step} steps were taken before")"""


@pytest.fixture(autouse=True)
def _smoke(monkeypatch):
    """The notebooks' own networks take a few steps only; what is trained in earnest is `LONG`."""
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    open_dataset("world", progress=False)


@pytest.fixture
def mine(lab):
    """The first half of the rotation notebook, one exercise solved, and a student's own longer training below it."""
    notebook = nbformat.read(project() / "notebooks" / "02_rotation.ipynb", as_version=4)
    notebook.cells = notebook.cells[: next(k for k, cell in enumerate(notebook.cells) if cell.source.startswith("## 4"))]
    (exercise,) = (cell for cell in notebook.cells if cell.source.startswith("def rotate(images, quarter_turns)"))
    exercise.source = exercise.source.replace("raise NotImplementedError", "return torch.rot90(images, quarter_turns, (2, 3))")
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in (LONG, AFTER)]
    nbformat.write(notebook, lab.folder / "mine.ipynb")
    lab.open("mine.ipynb")
    return lab


def kept(lab, notebook: str) -> SimpleNamespace:
    """What the disk holds of a notebook: `records`, `earlier` and `forecasts` by name, and `progress`."""
    out = lab.folder.parent / "out"
    (path,) = (out / "records").glob(f"{notebook}--smoke--0--*.json")
    progress = json.loads((out / "progress.json").read_text())[notebook]
    return SimpleNamespace(**json.loads(path.read_text()), progress=progress)


def shown(lab, source: str) -> bool:
    """Whether the notebook on the disk holds a panel below the cell."""
    cells = nbformat.read(lab.folder / "mine.ipynb", as_version=4).cells
    (cell,) = (cell for cell in cells if cell.source == source)
    return any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in cell.outputs)


def steps_saved(lab, name: str = "*") -> list[tuple[int, int]]:
    """Of every checkpoint that fits the name: steps taken, and steps asked for. One that is damaged raises."""
    found = [read_checkpoint(path)[1] for path in (lab.folder.parent / "out" / "checkpoints").glob(f"{name}-*.safetensors")]
    return [(len(json.loads(one["losses"])), json.loads(one["settings"])["steps"]) for one in found]


def wait_for(lab, condition, seconds: float = 240) -> None:
    """Look ten times a second whether `condition()` has become true; the page, if there is one, goes on meanwhile."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it has not come about"
        time.sleep(0.1) if lab.page.is_closed() else lab.page.wait_for_timeout(100)  # asleep, nobody answers its requests


def play(lab, notebook: int = 0) -> None:
    """Answer the first question of a notebook's game and state its first forecast, while its cells run."""
    panel = lab.page.locator(".jp-NotebookPanel").nth(notebook)
    panel.locator("button.course-forecast-button").first.press("Enter", timeout=180_000)
    panel.locator(".course-forecast-text", has_text="Noted").first.wait_for(timeout=60_000)
    panel.locator(".course-game-answer").or_(panel.get_by_role("button", name="That is my answer")).first.press("Enter")
    panel.locator(".course-game-feedback", has_text=re.compile("Right|No: it was|you said")).first.wait_for(timeout=60_000)


def begin(lab) -> None:
    """Run all and play; returns when the long training has left a checkpoint behind, and is not over."""
    lab.run_all()
    play(lab)
    wait_for(lab, lambda: steps_saved(lab, "long"))
    assert steps_saved(lab, "long")[0][0] < STEPS


def test_two_notebooks_side_by_side(lab):
    page = lab.page
    for name in ("07_jigsaw", "09_your_own_task"):
        (lab.folder / f"{name}.ipynb").write_bytes((project() / "notebooks" / f"{name}.ipynb").read_bytes())
    lab.open("07_jigsaw.ipynb")
    page.locator(".jp-DirListing-item", has_text="09_your_own_task").dblclick()
    page.locator(".jp-NotebookPanel").nth(1).locator(".jp-Cell").first.wait_for(timeout=90_000)
    page.get_by_text("| Idle").wait_for(timeout=90_000)

    # The second one's tab is dragged to the right, so that both are seen.
    whole = page.locator(".lm-DockPanel").bounding_box()
    page.locator(".lm-DockPanel .lm-TabBar-tab", has_text="09_your_own_task").hover()
    page.mouse.down()
    page.mouse.move(whole["x"] + 0.7 * whole["width"], whole["y"] + 0.4 * whole["height"], steps=5)
    page.mouse.move(whole["x"] + whole["width"] - 20, whole["y"] + 0.5 * whole["height"], steps=5)
    page.mouse.up()
    panels = page.locator(".jp-NotebookPanel:visible")
    wait_for(lab, lambda: panels.count() == 2, seconds=30)

    for number in range(2):
        panels.nth(number).locator(".jp-Cell").first.click()
        lab.run_all()
        panels.nth(number).locator(".jp-InputPrompt", has_text="*").first.wait_for(timeout=60_000)
    for number in range(2):
        play(lab, number)
    lab.wait_until_idle(timeout=400)
    jigsaw, own = kept(lab, "07_jigsaw"), kept(lab, "09_your_own_task")
    assert {"jig.pretext_accuracy", "jig.one_tile", "jig.open", "jig.probe.best"} <= jigsaw.records.keys()
    assert {"own.sealed.probe"} <= own.records.keys()
    assert len(jigsaw.forecasts) == len(own.forecasts) == 1
    assert jigsaw.forecasts == jigsaw.progress["forecasts"] and own.forecasts == own.progress["forecasts"]
    assert [of["of"] for one in (jigsaw, own) for of in one.progress["games"].values()] == [1, 1]
    assert steps_saved(lab) and all(taken == wanted for taken, wanted in steps_saved(lab))
    lab.is_well()


def test_a_kernel_is_restarted_during_training(mine):
    begin(mine)
    page, before = mine.page, kept(mine, "02_rotation")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel…").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    page.get_by_text("| Idle").wait_for(timeout=90_000)

    ((taken, _),) = steps_saved(mine, "long")
    assert 0 < taken < STEPS
    assert kept(mine, "02_rotation") == before
    assert before.records.keys() == {"rot.pretext_accuracy"} and before.forecasts == {"rot.pretext_accuracy": 0.5}
    assert before.progress["exercises"]["rotation.rotate"]["passed"]

    # Run again: what was done is said on top, the forecast counts, and the training goes on from its checkpoint.
    mine.run_all()
    page.get_by_text("exercises passed: 1").wait_for(timeout=90_000)
    page.locator(".course-forecast-text", has_text="Noted before: 50 %").wait_for(timeout=90_000)
    wait_for(mine, lambda: "rot.long" in kept(mine, "02_rotation").records)
    mine.wait_until_idle(timeout=60)
    page.get_by_text(f"{taken} of {STEPS} steps were taken before").wait_for()
    assert steps_saved(mine, "long") == [(STEPS, STEPS)]
    after = kept(mine, "02_rotation")
    assert after.records["rot.pretext_accuracy"] == before.records["rot.pretext_accuracy"]
    assert after.forecasts == before.forecasts and after.progress["games"] == before.progress["games"]
    mine.is_well()


def test_a_tab_is_closed_and_opened_again(mine):
    begin(mine)
    # The page is saved every few seconds, with its panels: with that of the long training too, however late it came.
    wait_for(mine, lambda: shown(mine, LONG))
    mine.page.close()

    # Nobody looks, and every cell that Run All had asked for is run.
    wait_for(mine, lambda: "rot.long" in kept(mine, "02_rotation").records)
    assert steps_saved(mine, "long") == [(STEPS, STEPS)]
    measured = kept(mine, "02_rotation")

    # What was shown until the page was saved is there again, and answers: the kernel is the same.
    mine.turn_to(mine.page.context.new_page())
    mine.open("mine.ipynb")
    page = mine.page
    page.locator("button.course-training-stop").nth(1).wait_for(timeout=90_000)
    page.locator(".course-game-answer").first.press("Enter")
    mine.says(".course-game-board", "of 2")

    # And what it has missed is had by running the cell again.
    page.locator(".jp-CodeCell").last.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text(f"0 of {STEPS} steps were taken before").wait_for(timeout=60_000)
    assert kept(mine, "02_rotation").records == measured.records
    mine.is_well()
