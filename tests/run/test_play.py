"""A game cut out of its notebook: all that it needs, and nothing of what follows."""

import pytest

from course_lib.run import notebooks, play


@pytest.mark.parametrize("name", list(notebooks.sources()))
def test_every_notebook_has_a_game_to_cut_out(name):
    whole, cut = notebooks.read(notebooks.sources()[name]), play.game(name)
    code = [cell.source for cell in cut.cells if cell.cell_type == "code"]
    assert code == [cell.source for cell in whole.cells if cell.cell_type == "code"][: len(code)]
    headings = [line for cell in cut.cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert len(headings) == 1 and headings[0].startswith("## 1 · Play")
    assert ".show()" in "\n".join(code)
    assert "session.train(" not in "\n".join(code)
