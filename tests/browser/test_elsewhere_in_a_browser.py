"""The first game outside JupyterLab: in Voila, as `course play` serves it, and in Notebook 7."""

import contextlib
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from course_lib.paths import project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def needs(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not here; install it with pip install -c constraints.txt -e '.[everywhere]'")


@contextlib.contextmanager
def process(command, folder, **environment):
    """A server of our own, with its output in `folder`/log; stopped as by Ctrl-C."""
    environment = os.environ | {"COURSE_OUT": str(folder), "PYTHONUNBUFFERED": "1"} | environment
    environment.pop("COURSE_HEADLESS", None)
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([sys.executable, *command], cwd=folder, env=environment, stdout=log, stderr=log,
                                  start_new_session=True)  # fmt: skip
    try:
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def wait_for(look, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := look():
                return found
        time.sleep(0.3)
    raise AssertionError("it did not start")


def listens(url):
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=2):
        return True


def play(page):
    """Answer the first picture by button and the second by key."""
    says = "words => document.querySelector('.course-game-feedback').textContent.includes(words)"
    page.locator("button.course-game-answer").first.wait_for(timeout=120_000)
    page.locator("button.course-game-answer").first.click()
    page.wait_for_function(says, arg="1 of 12", timeout=30_000)
    assert re.search("Right|No: it was", page.locator(".course-game-feedback").text_content())
    page.locator(".course-game-keys input").press("2")
    page.wait_for_function(says, arg="2 of 12", timeout=30_000)
    assert page.locator("text=Traceback").count() == 0


def test_the_game_in_voila(chromium, tmp_path):
    needs("voila")
    command = ["-m", "course_lib.run.command_line", "play", "rotation", "--no-browser"]
    with process(command, tmp_path, PYTHONPATH=str(project())):
        url = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+", (tmp_path / "log").read_text()))[0]
        wait_for(lambda: listens(url))
        page = chromium.new_page()
        page.goto(url, timeout=120_000)
        play(page)
        assert "from course_lib" not in page.inner_text("body")  # no code
        page.close()


def test_the_game_in_notebook_7(chromium, tmp_path):
    needs("notebook")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    source = project() / "notebooks" / "02_rotation.ipynb"
    (tmp_path / source.name).write_bytes(source.read_bytes())
    command = ["-m", "notebook", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={url[17:]}",
               "--IdentityProvider.token=tested", "--ServerApp.jpserver_extensions=jupyterlab_jupytext=False"]  # fmt: skip
    settings = {name: str(tmp_path / name) for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")}
    with process(command, tmp_path, PYTHONPATH=str(project()), **settings):
        wait_for(lambda: listens(url))
        page = chromium.new_page()
        page.goto(f"{url}/notebooks/{source.name}?token=tested", timeout=120_000)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        page.locator(".jp-NotebookKernelStatus").wait_for(state="attached", timeout=90_000)
        page.locator(".jp-Notebook .jp-Cell").first.click()
        for _ in range(9):  # to the game: the text and the code above it
            page.keyboard.press("Shift+Enter")
            page.wait_for_timeout(300)
        play(page)
        page.close()
