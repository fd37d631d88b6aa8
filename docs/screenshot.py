"""Make the README's pictures: notebooks in JupyterLab, running.

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

SHOTS = {  # notebook -> what is to be seen, how long to let it go on, the picture
    "00_the_world": (".course-gallery-picture img", 1_000, "world.png"),
    "02_rotation": (".course-training-plot img", 20_000, "screenshot.png"),
}

if __name__ == "__main__":
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        with running_lab(chromium, Path(folder)) as lab:
            for notebook, (selector, milliseconds, picture) in SHOTS.items():
                shutil.copy(ROOT / "notebooks" / f"{notebook}.ipynb", lab.folder)
                lab.open(f"{notebook}.ipynb")
                lab.run_all()
                shown = lab.page.locator(selector)
                shown.wait_for(timeout=180_000)
                lab.page.wait_for_timeout(milliseconds)
                shown.scroll_into_view_if_needed()
                lab.page.screenshot(path=ROOT / "docs" / picture)
        chromium.close()
