"""The static site, opened from the disk with the network off: formulas, widgets, search, the dark; and nobody kept out."""

import os

import nbclient
import nbformat
import pytest

from course_lib.data import open_dataset
from course_lib.errors import CourseError
from course_lib.paths import project
from course_lib.run import notebooks, site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A site of one notebook, executed as on a screen as far as its first exercises."""
    pytest.importorskip("sphinx", reason="the extra `site` is not installed")
    open_dataset("world", progress=False)
    notebook = notebooks.read(notebooks.sources()["02_rotation"])
    end = next(k for k, cell in enumerate(notebook.cells) if cell.source.startswith("## 3"))
    notebook.cells = notebook.cells[:end]
    out = tmp_path_factory.mktemp("out")
    (out / "executed").mkdir()
    before = dict(os.environ)
    os.environ |= {"COURSE_HEADLESS": "0", "COURSE_PROFILE": "smoke", "COURSE_OUT": str(out)}
    try:
        nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": project() / "notebooks"}}).execute()
    finally:
        os.environ.clear()
        os.environ |= before
    nbformat.write(notebook, out / "executed" / "02_rotation.ipynb")
    try:
        return site.build(out)
    except CourseError as error:
        if "could not be downloaded" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture
def page(chromium, built):
    """A page on that site, offline; it must not have asked for anything else, nor complained."""
    context = chromium.new_context(offline=True, color_scheme="light", viewport={"width": 1280, "height": 1000})
    page, complaints = context.new_page(), []
    page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or complaints.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(built.as_uri())
    yield page
    context.close()
    assert complaints == []


def test_a_notebook_is_read(page):
    page.get_by_role("link", name="Which way is up?").first.click()
    page.locator(".jupyter-widgets button").first.wait_for()
    assert page.locator(".course-game-answer").count() == 4  # the game, as it stood at the end
    assert page.locator(".course-game-board").inner_text().startswith("you")
    assert page.locator("math").count() >= 1
    assert all(page.evaluate("[...document.images].map(image => image.naturalWidth > 0 && image.hasAttribute('alt'))"))
    page.get_by_role("link", name="backbone", exact=True).click()
    page.wait_for_url("**/glossary.html#term-backbone")


def test_words_are_found(page):
    page.goto(page.url.replace("index.html", "search.html?q=chromatic"))
    page.locator("#search-results a", has_text="Glossary").first.wait_for()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nobody_is_kept_out(page, colours, barriers):
    page.evaluate("colours => localStorage.setItem('mode', colours)", colours)
    for name in ("index", "02_rotation", "glossary"):
        page.goto(page.url.rpartition("/")[0] + f"/{name}.html")
        assert page.evaluate("document.documentElement.dataset.theme") == colours
        if name == "02_rotation":
            page.locator(".noUi-handle[aria-label]").first.wait_for()
        assert barriers(page) == []
