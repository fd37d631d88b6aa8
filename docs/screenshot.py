"""Make docs/screenshot.png: the rotation notebook in JupyterLab, running.

    python docs/screenshot.py       needs Chromium, and the extras `lab` and `test`
"""

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from conftest import CHROMIUM, FLAGS, running_lab  # noqa: E402 (found by the line above)
from playwright.sync_api import sync_playwright  # noqa: E402

if __name__ == "__main__":
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        with running_lab(chromium, Path(folder)) as lab:
            shutil.copy(ROOT / "notebooks" / "02_rotation.ipynb", lab.folder)
            lab.open("02_rotation.ipynb")
            lab.run_all()
            panel = lab.page.locator(".course-training-plot img")
            panel.wait_for(timeout=180_000)
            lab.page.wait_for_timeout(20_000)
            panel.scroll_into_view_if_needed()
            lab.page.screenshot(path=ROOT / "docs" / "screenshot.png")
        chromium.close()
