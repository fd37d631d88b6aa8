"""JupyterLab on this computer only, over copies of the notebooks that belong to the student."""

import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import replacing, write_atomically

SHIPPED = ".shipped.json"  # in the work folder: notebook -> hash of the version that was last put there
PLAIN = (
    # jupytext's own contents manager would pair notebooks with scripts, and rewrite one from the other on saving.
    "--ServerApp.jpserver_extensions=jupyterlab_jupytext=False",
    "--ServerApp.contents_manager_class=jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


def copy_notebooks(shipped: Path, work: Path) -> list[str]:
    """Bring `work` up to date with the notebooks in `shipped`; returns what was done, a sentence each.

    A copy that the student has changed (running it changes it too) is never touched: when the shipped version moves on,
    the new one is put beside it, as NAME.new.ipynb. Raises `CourseError` when `work` cannot be written.
    """
    try:
        put_there = json.loads((work / SHIPPED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        put_there = {}
    done = []
    for source in sorted(shipped.glob("*.ipynb")):
        new, copy = _hash(source), work / source.name
        current = _hash(copy) if copy.exists() else None
        if current in (None, put_there.get(source.name)) and current != new:
            _copy(source, copy)
            done.append(f"{source.name}: {'copied' if current is None else 'updated'}.")
        elif current != new and put_there.get(source.name) != new:
            beside = _free_name(work / f"{source.stem}.new.ipynb")
            _copy(source, beside)
            done.append(f"{source.name}: yours is kept; the course's new version is {beside.name}.")
        put_there[source.name] = new
    write_atomically(work / SHIPPED, json.dumps(put_there, indent=1) + "\n")
    return done


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def _free_name(path: Path) -> Path:
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}{number}.ipynb")
        number += 1
    return free


def serve(work: Path, browser: bool, say, ip: str = "127.0.0.1", port: int = 0) -> int:
    """Start JupyterLab in `work`, print its address, wait for its end; returns its exit code.

    It listens on the loopback address only, unless another `ip` is given (a container has to), at a free port, unless
    `port` is given; behind a random token, and fetches no news. Raises `CourseError` when
    JupyterLab is not installed or does not start.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise CourseError('JupyterLab is not installed; run `make setup`, or `pip install -e ".[lab]" -c constraints.txt`.')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = port or probe.getsockname()[1]
    token = secrets.token_urlsafe(24)
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        *(f"--ServerApp.ip={ip}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        f"--ServerApp.root_dir={work}",
        f"--ServerApp.open_browser={browser}",
        *PLAIN,
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]
    # The token goes by the environment: any user of this computer can read a command line.
    # Our settings save every ten seconds: a closed tab loses what it has shown since. The student's own settings go first.
    settings = os.pathsep.join(filter(None, (os.environ.get("JUPYTER_CONFIG_PATH"), str(Path(__file__).parent / "jupyter"))))
    environment = os.environ | {"JUPYTER_TOKEN": token, "JUPYTER_PREFER_ENV_PATH": "1", "JUPYTER_CONFIG_PATH": settings}
    environment.pop("COURSE_HEADLESS", None)
    log = work / ".jupyterlab.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(command, cwd=work, env=environment, stdout=output, stderr=subprocess.STDOUT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside, take the server and its kernels along
    try:
        while not _answers(port, token):
            if server.poll() is not None:
                raise CourseError(f"JupyterLab ended at once; {log} says why.")
            time.sleep(0.2)
        say(f"JupyterLab: http://127.0.0.1:{port}/lab?token={token}")
        say("Your notebooks are in " + str(work) + ". Stop it with Ctrl-C.")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def _answers(port: int, token: str) -> bool:
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers={"Authorization": f"token {token}"})
        # No proxy: what the environment says about the network is not about this computer.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=1).close()
        return True
    except OSError:
        return False
