"""The game of a notebook alone on a page, without code, served by Voila on this computer only."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import output_directory, write_atomically
from course_lib.run import notebooks

PLAY = re.compile(r"^## \d+ · Play", re.MULTILINE)
SECTION = re.compile(r"^## ", re.MULTILINE)


def game(name: str):
    """The notebook cut down to its section "Play", with the code above it, on which every section relies.

    Raises `CourseError` where there is no such section.
    """
    notebook = notebooks.read(notebooks.sources()[name])
    starts = [k for k, cell in enumerate(notebook.cells) if cell.cell_type == "markdown" and PLAY.search(cell.source)]
    if not starts:
        raise CourseError(f"{name} has no section that is called Play.")
    start = starts[0]
    heading = notebook.cells[start]
    heading.source = heading.source[PLAY.search(heading.source).start() :]
    kept = [cell for cell in notebook.cells[:start] if cell.cell_type == "code"] + [heading]
    for cell in notebook.cells[start + 1 :]:
        if cell.cell_type == "markdown" and (following := SECTION.search(cell.source)):
            cell.source = cell.source[: following.start()].strip()
            kept += [cell] if cell.source else []
            break
        kept.append(cell)
    notebook.cells = kept
    return notebook


def serve(name: str, browser: bool, say) -> int:
    """Write the game to the output folder, and serve it until it is stopped; returns Voila's exit code.

    Raises `CourseError` when Voila is not installed.
    """
    import nbformat

    if importlib.util.find_spec("voila") is None:
        raise CourseError("Voila is not installed; `pip install -e \".[everywhere]\" -c constraints.txt` brings it.")
    path = output_directory() / "play" / f"{name}.ipynb"
    write_atomically(path, nbformat.writes(game(name)) + "\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Voila names no session, as JupyterLab does, but someone sits before it.
    environment = os.environ | {"COURSE_HEADLESS": "0"}
    command = [sys.executable, "-m", "voila", path.name, "--Voila.ip=127.0.0.1", f"--port={port}",
               *([] if browser else ["--no-browser"])]  # fmt: skip
    say(f"The game: http://127.0.0.1:{port}. It takes a few seconds to open; stop it with Ctrl-C.")
    try:
        return subprocess.call(command, cwd=Path(path).parent, env=environment)
    except KeyboardInterrupt:
        return 0
