"""The puzzle in a browser: solved by dragging, by clicking and by keyboard, in JupyterLab's light and dark themes."""

import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

NOTEBOOK = """
import torch
from course_lib.pretext.jigsaw import compose, scramble
from course_lib.widgets.game import Game
from course_lib.widgets.puzzle import Puzzle

rows, columns = torch.meshgrid(torch.arange(60), torch.arange(60), indexing="ij")
whole = torch.stack([rows * 4, columns * 4, 128 + (rows - columns) * 2]).to(torch.uint8)
tiles = whole.unfold(1, 20, 20).unfold(2, 20, 20).permute(1, 2, 0, 3, 4).reshape(1, 9, 3, 20, 20)
# One swap undoes each: the first and last tile, the first and the middle one, two of the lowest row.
permutations = torch.tensor([[8, 1, 2, 3, 4, 5, 6, 7, 0], [4, 1, 2, 3, 0, 5, 6, 7, 8], [0, 1, 2, 3, 4, 5, 7, 6, 8]])
hidden = torch.tensor([0, 1, 2, 0])
scrambled = scramble(tiles.expand(4, -1, -1, -1, -1), hidden, permutations)
puzzle = Puzzle(scrambled, permutations, hidden)
game = Game(compose(scrambled), hidden, ["corners", "middle", "below"], "What was it?", "Tiles in disorder",
            answer_widget=puzzle).show()
"""


def test_a_student_at_the_puzzle(lab, tmp_path):
    cells = [nbformat.v4.new_code_cell(NOTEBOOK), nbformat.v4.new_markdown_cell("the cell below")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}  # else Lab asks which
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), lab.folder / "puzzle.ipynb")
    lab.open("puzzle.ipynb")
    page = lab.page
    lab.run_all()
    places = page.get_by_role("gridcell")
    places.first.wait_for(timeout=90_000)
    lab.wait_until_idle(timeout=60)
    assert page.get_by_role("grid").count() == 1 and places.count() == 9
    labels = [places.nth(k).get_attribute("aria-label") for k in range(9)]
    assert labels == [f"place {k} of 9, tile {k}" for k in range(1, 10)]

    def centre(place):
        box = places.nth(place).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    # By dragging: the first tile to the last place.
    places.nth(8).scroll_into_view_if_needed()
    page.mouse.move(*centre(0))
    page.mouse.down()
    page.mouse.move(*centre(4), steps=5)
    page.screenshot(path=tmp_path / "dragging.png")
    page.mouse.move(*centre(8), steps=5)
    page.mouse.up()
    lab.says(".course-puzzle-said", "Swapped: tile 1 is now at place 9, tile 9 at place 1.")
    assert places.nth(8).get_attribute("aria-label") == "place 9 of 9, tile 1"
    lab.says(".course-puzzle-clock", "1 swap")
    page.get_by_role("button", name="That is my answer").click()
    lab.says(".course-game-feedback", "Right: corners")

    # By keyboard, from the first place, where the focus is after an answer: to the middle and back, cancel, then swap.
    lab.says(".course-puzzle-clock", "0:00 · 0 swaps")
    page.wait_for_function("() => document.activeElement.getAttribute('aria-label') === 'place 1 of 9, tile 1'")
    page.keyboard.press("Enter")
    lab.says(".course-puzzle-said", "Picked up tile 1 at place 1.")
    for key in ("ArrowLeft", "ArrowUp", "ArrowDown", "ArrowRight"):  # the first two lead nowhere
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "place 5 of 9, tile 5"
    assert places.nth(0).get_attribute("aria-selected") == "true"
    page.screenshot(path=tmp_path / "picked.png")
    page.keyboard.press("Escape")
    lab.says(".course-puzzle-said", "Put tile 1 back at place 1.")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    lab.says(".course-puzzle-said", "Swapped: tile 5 is now at place 1, tile 1 at place 5.")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "That is my answer"
    page.keyboard.press("Enter")
    lab.says(".course-game-feedback", "Right: middle")

    # By clicking one and the other, in the dark; and a drag that ends beside the board changes nothing.
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.get_by_text("Theme", exact=True).first.hover()
    page.get_by_role("menuitem", name="JupyterLab Dark", exact=True).click()
    page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    page.wait_for_timeout(2000)  # the style sheets come one after another, and move what they style
    places.nth(8).scroll_into_view_if_needed()
    page.mouse.move(*centre(6))
    page.mouse.down()
    page.mouse.move(centre(6)[0] + 600, centre(6)[1], steps=5)
    page.mouse.up()
    lab.says(".course-puzzle-said", "Put tile 7 back at place 7.")
    places.nth(6).click()
    places.nth(7).click()
    lab.says(".course-puzzle-clock", "1 swap")
    page.screenshot(path=tmp_path / "dark.png")
    page.get_by_role("button", name="That is my answer").click()
    lab.says(".course-game-feedback", "Right: below")

    # Untouched tiles claim no permutation; then what was right is shown.
    page.get_by_role("button", name="That is my answer").click()
    lab.says(".course-game-feedback", "you said none of them")
    lab.says(".course-puzzle-before", "not solved, after 0 swaps")
    page.screenshot(path=tmp_path / "answered.png")
    assert page.locator(".jp-MarkdownCell.jp-mod-active").count() == 0  # no arrow key moved the notebook
    lab.is_well()
