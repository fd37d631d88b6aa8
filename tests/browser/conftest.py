"""JupyterLab, started as `course lab` starts it, in a Chromium that is refused everything beyond this computer."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course_lib.paths import project

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
POLLING = 200  # milliseconds between two looks at a page; every frame, as is the custom, costs a core that the kernel wants
SERVE = "import sys; from pathlib import Path; from course_lib.run import lab; lab.serve(Path(sys.argv[1]), False, print)"


def barriers(page, within: str | None = None) -> list[str]:
    """What axe-core finds on the page, or in the elements that fit the selector `within`, that keeps somebody out."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"preload": False, "resultTypes": ["violations"]}  # preloading would fetch style sheets, which is refused
    found = Axe().run(page, context=within, options=options).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:300]}" for rule in found if rule["impact"] in ("serious", "critical")]


class Lab:
    """A JupyterLab server on a folder, and one browser page on it that records what it should not do."""

    def __init__(self, folder: Path, address: str, page):
        self.folder, self.address = folder, address
        self.external: list[str] = []  # requests that left this computer (all refused)
        self.errors: list[str] = []  # what the page complained about
        self.turn_to(page)

    def turn_to(self, page) -> None:
        """Go on with a new browser page, and watch it."""
        self.page = page
        origin = re.match(r"http://[^/]+", self.address)[0]

        def gate(route):
            if route.request.url.startswith((origin, "data:", "blob:")):
                route.continue_()
            else:
                self.external.append(route.request.url)
                route.abort()

        page.route("**/*", gate)
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, notebook: str) -> None:
        """Open a notebook of the folder and wait for its kernel."""
        self.page.goto(self.address.replace("/lab?", f"/lab/tree/{notebook}?") + "&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.page.get_by_text("| Idle").wait_for(timeout=90_000)  # the status bar: Python 3 (ipykernel) | Idle

    def run_all(self) -> None:
        """Run > Run All Cells; returns at once."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def until(self, true: str, arg=None, timeout: float = 60) -> None:
        """Wait, `timeout` seconds at most, until a function of the page's, in JavaScript, says true of `arg`."""
        self.page.wait_for_function(true, arg=arg, timeout=1000 * timeout, polling=POLLING)

    def says(self, selector: str, words: str, number: int = 0) -> None:
        """Wait until the `number`-th element that fits `selector` says `words`."""
        self.until(
            "([selector, n, words]) => document.querySelectorAll(selector)[n].textContent.includes(words)",
            [selector, number, words],
        )

    def drag(self, handle, by: float) -> None:
        """Drag a slider's handle `by` pixels to the right, with the mouse."""
        handle.hover()
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by, y, steps=8)
        self.page.mouse.up()

    def stop(self, number: int) -> None:
        """Wait until the `number`-th training of the notebook is under way, and press its Stop."""
        self.until("n => document.querySelectorAll('.course-training-text').length > n", number, timeout=120)
        self.says(".course-training-text", "steps/s", number)
        self.page.locator("button.course-training-stop").nth(number).press("Enter")
        self.says(".course-training-text", "stopped", number)

    def copy(self, notebook: str) -> None:
        """Copy one of the course's notebooks into the folder, and open it."""
        source = project() / "notebooks" / f"{notebook}.ipynb"
        (self.folder / source.name).write_bytes(source.read_bytes())
        self.open(source.name)

    def changed(self, selector: str, before: str) -> None:
        """Wait until the picture that fits `selector` is not the one whose address was `before`."""
        self.until(
            "([selector, before]) => { const is = document.querySelector(selector); return is && is.src !== before; }",
            [selector, before],
            timeout=30,
        )

    def is_well(self) -> None:
        """No tracebacks or warnings in the notebook, no picture without words, no request beyond this computer, no error."""
        warned = self.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")
        assert warned.all_text_contents() == []
        assert self.page.locator("text=Traceback").count() == 0
        # JupyterLab's list of running kernels, filled when a notebook is opened again, has an icon without words.
        images = "img:not([alt]):not(.jp-RunningSessions-icon)"
        without_words = f"[...document.querySelectorAll('{images}')].map(image => image.outerHTML.slice(0, 300))"
        assert self.page.evaluate(without_words) == []
        assert self.external == []
        assert self.errors == []
        assert barriers(self.page, ".jp-Notebook .jp-OutputArea-output") == []

    def wait_until_idle(self, timeout: float) -> None:
        """Wait, `timeout` seconds at most, until every cell has run."""
        self.until(
            "() => ![...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('*'))", timeout=timeout
        )


@pytest.fixture(name="barriers")
def _barriers():
    return barriers


@pytest.fixture(scope="module")  # Playwright keeps an event loop running, which later tests must not find
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def lab(chromium, tmp_path):
    """A running JupyterLab on an empty folder; results go beside it."""
    with running_lab(chromium, tmp_path) as lab:
        yield lab


@contextlib.contextmanager
def running_lab(chromium, beside: Path):
    """A `Lab` on the new folder `beside`/work, with a fresh user's settings; results go to `beside`/out."""
    folder = beside / "work"
    folder.mkdir()
    settings = {name: str(beside / name.lower()) for name in (
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}  # fmt: skip
    # A fresh user is asked about news; this one has answered.
    answered = beside / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    answered.mkdir(parents=True)
    (answered / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment = os.environ | settings | {"COURSE_OUT": str(beside / "out"), "PYTHONUNBUFFERED": "1"}
    environment.pop("COURSE_HEADLESS", None)
    if at_once := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # two kernels that both want every core wait for one another
        environment.setdefault("OMP_NUM_THREADS", str(max(1, os.cpu_count() // int(at_once))))
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)], env=environment, stdout=subprocess.PIPE, text=True
    )
    timer = threading.Timer(120, server.kill)
    timer.start()
    try:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        timer.cancel()
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        yield Lab(folder, address, context.new_page())
        context.close()
    finally:
        timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        server.wait(60)
