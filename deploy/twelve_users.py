"""Do twelve students fit on this machine?  sudo .venv/bin/python deploy/twelve_users.py 12 02_rotation quick

Makes that many temporary users of the system, starts the course's hub for them, logs each in with a password, has every one
try to read a neighbour's files, and runs a notebook in all their kernels at once, as they would in JupyterLab. Says how each
ended, how long it took and what memory it needed; then removes users and hub. The exit code is 0 if none failed.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
import websocket

CONFIG = Path(__file__).resolve().with_name("jupyterhub_config.py")
GROUP = "course-trial"  # no real student is in it, and no trial user in theirs
MIB = 2**20


class Student:
    """Someone who logs in at the hub in `url` with a password, and works in kernels of their own."""

    def __init__(self, name: str, password: str, url: str = ""):
        self.name, self.password, self.url = name, password, url
        self.home = Path("/home") / name
        self.web = requests.Session()
        self.web.trust_env = False  # no proxy stands between us and this machine

    def log_in(self) -> bool:
        """Fill in the hub's form; whether that let us in."""
        self.web.get(f"{self.url}/hub/login")
        form = {"username": self.name, "password": self.password, "_xsrf": self.web.cookies.get("_xsrf", path="/hub/")}
        answer = self.web.post(f"{self.url}/hub/login", params={"_xsrf": form["_xsrf"]}, data=form, allow_redirects=False)
        return answer.status_code != 403 and _checked(answer).status_code == 302

    def start_server(self, patience: float = 180) -> None:
        """Start this student's server, and wait until it answers."""
        xsrf = {"X-XSRFToken": self.web.cookies.get("_xsrf", path="/hub/"), "Referer": f"{self.url}/hub/home"}
        me = f"{self.url}/hub/api/users/{self.name}"
        token = _checked(self.web.post(f"{me}/tokens", headers=xsrf, json={"note": "trial"})).json()["token"]
        self.web = requests.Session()
        self.web.trust_env = False
        self.web.headers["Authorization"] = f"token {token}"
        _checked(self.web.post(f"{me}/server", json={}))
        deadline = time.monotonic() + patience
        while not (server := _checked(self.web.get(me)).json()["servers"].get("", {})).get("ready"):
            if time.monotonic() > deadline or not server.get("pending"):
                raise RuntimeError(f"the server of {self.name} did not start")
            time.sleep(0.5)

    def api(self, method: str, path: str, **arguments) -> requests.Response:
        """Ask this student's own server."""
        return self.web.request(method, f"{self.url}/user/{self.name}/api/{path}", **arguments)

    @contextlib.contextmanager
    def kernel(self, notebook: str = ""):
        """A kernel as JupyterLab starts it for a notebook: gives a function that executes code there."""
        notebook = notebook or f"{uuid.uuid4().hex}.ipynb"  # two of one name would share a kernel
        asked = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        session = _checked(self.api("POST", "sessions", json=asked)).json()
        kernel = f"kernels/{session['kernel']['id']}"
        address = f"{self.url.replace('http', 'ws', 1)}/user/{self.name}/api/{kernel}/channels"
        authorization = [f"Authorization: {self.web.headers['Authorization']}"]
        channels = websocket.create_connection(address, header=authorization, timeout=60, http_no_proxy=["*"])
        try:
            yield lambda code: _execute(channels, code, lambda: self.api("GET", kernel).ok)
        finally:
            channels.close()
            self.api("DELETE", f"sessions/{session['id']}")

    def run_notebook(self, name: str, profile: str) -> None:
        """Execute every code cell of a notebook in this student's work, one after another, with that profile."""
        notebook = _checked(self.api("GET", f"contents/{name}.ipynb")).json()["content"]
        with self.kernel(f"{name}.ipynb") as execute:
            for cell in notebook["cells"]:
                source = "".join(cell["source"])
                if "parameters" in cell["metadata"].get("tags", []):
                    source += f"\nprofile = {profile!r}"
                if cell["cell_type"] == "code":
                    execute(source)


def _checked(answer: requests.Response) -> requests.Response:
    if not answer.ok:
        raise RuntimeError(f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text[:300]}")
    return answer


def _execute(channels, code: str, lives: Callable[[], bool]) -> str:
    """What the code printed. Raises RuntimeError with the kernel's error, or when the kernel has died."""
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
               "stop_on_error": True}  # fmt: skip
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
              "version": "5.3", "date": ""}  # fmt: skip
    channels.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content,
                              "channel": "shell", "buffers": []}))  # fmt: skip
    printed, error, replied, idle = "", None, False, False
    while not (replied and idle):
        try:
            received = channels.recv()
        except websocket.WebSocketTimeoutException:
            if not lives():
                raise RuntimeError("the kernel is gone") from None
            channels.ping()  # a long training may say nothing
            continue
        if not isinstance(received, str):  # with binary parts: a widget's picture
            continue
        message = json.loads(received)
        kind, ours = message["header"]["msg_type"], message["parent_header"].get("msg_id") == header["msg_id"]
        if kind == "status" and message["content"]["execution_state"] in ("dead", "restarting", "autorestarting"):
            raise RuntimeError("the kernel died: perhaps it wanted more memory than a student may have")
        if ours and kind == "stream":
            printed += message["content"]["text"]
        if ours and kind == "error":
            error = f"{message['content']['ename']}: {message['content']['evalue']}"
        replied |= ours and kind == "execute_reply"
        idle |= ours and kind == "status" and message["content"]["execution_state"] == "idle"
    if error:
        raise RuntimeError(error)
    return printed


# --- a hub for temporary users


@contextlib.contextmanager
def students(count: int):
    """Temporary users of the system, removed with their homes at the end, whatever happens."""
    made = [Student(f"course-trial-{number:02}", secrets.token_urlsafe(12)) for number in range(1, count + 1)]
    _remove(made)  # what a killed trial left
    try:
        subprocess.run(["groupadd", "--force", GROUP], check=True)
        for student in made:
            subprocess.run(["useradd", "--create-home", "--groups", GROUP, "--shell", "/bin/bash", student.name], check=True)
        passwords = "".join(f"{student.name}:{student.password}\n" for student in made)
        subprocess.run(["chpasswd"], input=passwords, text=True, check=True)
        yield made
    finally:
        _remove(made)
        subprocess.run(["groupdel", GROUP], check=False, capture_output=True)


def _remove(made: list[Student]) -> None:
    names = {student.name for student in made}
    processes = [process for process in psutil.process_iter(["username"]) if process.info["username"] in names]
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
    for name in names:
        subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


@contextlib.contextmanager
def hub(made: list[Student], **settings: str):
    """The course's hub on free ports of this computer, with a state that is thrown away; gives the folder of that state."""
    folder = Path(tempfile.mkdtemp(prefix="course-hub-"))
    front, inner, proxy = _free_ports(3)
    url = f"http://127.0.0.1:{front}"
    environment = os.environ | settings
    environment |= {"COURSE_HUB_URL": url, "COURSE_HUB_GROUP": GROUP, "COURSE_HUB_STATE": str(folder / "state")}
    for name in [name for name in environment if name.lower().endswith("_proxy") or name == "COURSE_HEADLESS"]:
        del environment[name]
    ports = [f"--JupyterHub.hub_bind_url=http://127.0.0.1:{inner}", f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{proxy}"]
    with open(folder / "hub.log", "wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterhub", "-f", str(CONFIG), *ports],
                                   cwd=folder, env=environment, stdout=log, stderr=log)  # fmt: skip
    try:
        while not _answers(url):
            if process.poll() is not None:
                raise RuntimeError((folder / "hub.log").read_text()[-3000:])
            time.sleep(0.2)
        for student in made:
            student.url = url
        try:
            yield folder
        except Exception:
            print((folder / "hub.log").read_text()[-3000:], file=sys.stderr)
            raise
    finally:
        process.terminate()  # the hub takes the servers and the proxy along
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        shutil.rmtree(folder)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _answers(url: str) -> bool:
    with requests.Session() as web:
        web.trust_env = False
        with contextlib.suppress(requests.RequestException):
            return web.get(f"{url}/hub/api/", timeout=2).ok
    return False


def can_read(spy: Student, path: Path) -> bool:
    """Whether code in a kernel of `spy` can read a file, or list a folder."""
    look = f"import os; print(os.listdir({str(path)!r}) if os.path.isdir({str(path)!r}) else open({str(path)!r}).read())"
    with spy.kernel() as execute:
        try:
            execute(look)
        except RuntimeError as error:
            if str(error).startswith("PermissionError"):
                return False
            raise
    return True


# --- the measurement


@dataclass
class Memory:
    """Watches, twice a second, what each student's processes hold, and how much more the machine uses than before."""

    names: list[str]
    peaks: dict[str, int] = field(default_factory=dict)  # name -> bytes; pages that students share count for each
    machine: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self.before = _used()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(0.5):
            now = dict.fromkeys(self.names, 0)
            for process in psutil.process_iter(["username", "memory_info"]):
                if process.info["username"] in now and process.info["memory_info"]:
                    now[process.info["username"]] += process.info["memory_info"].rss
            self.peaks = {name: max(self.peaks.get(name, 0), now[name]) for name in now}
            self.machine = max(self.machine, _used() - self.before)


def _used() -> int:
    memory = psutil.virtual_memory()
    return memory.total - memory.available


def trial(count: int, notebook: str, profile: str) -> int:
    """The whole trial; prints what it finds, and returns how many students failed."""
    with students(count) as made, hub(made) as folder, Memory([student.name for student in made]) as memory:
        print(f"{count} students, {notebook} ({profile}), {os.cpu_count()} cores, "
              f"{psutil.virtual_memory().total / 2**30:.0f} GiB", flush=True)  # fmt: skip
        started = _at_once([lambda s=student: _enter(s) for student in made])
        for student, (error, seconds) in zip(made, started, strict=True):
            print(f"{student.name}: {error or 'logged in, server ready'} after {seconds:.0f} s", flush=True)
        inside = [student for student, (error, _) in zip(made, started, strict=True) if not error]
        spied = [spy.name for spy, victim in zip(inside, inside[1:] + inside[:1], strict=True)
                 if spy is not victim and can_read(spy, victim.home / "course" / "work" / f"{notebook}.ipynb")]  # fmt: skip
        print(f"could read a neighbour's notebook: {', '.join(spied) or 'none'}", flush=True)
        ends = _at_once([lambda s=student: s.run_notebook(notebook, profile) for student in inside])
        for student, (error, seconds) in zip(inside, ends, strict=True):
            peak = memory.peaks[student.name] / MIB
            print(f"{student.name}: {error or 'ok'}, {seconds:.0f} s, peak {peak:.0f} MiB with server")
        print(f"the machine, at most, above what it used before the students came: {memory.machine / MIB:.0f} MiB")
        failed = count - len(inside) + sum(error is not None for error, _ in ends) + len(spied)
        print("none failed" if not failed else f"{failed} failed")
        if failed:
            print((folder / "hub.log").read_text()[-3000:], file=sys.stderr)
        signal.alarm(0)  # from here on, everything is only removed
        return failed


def _enter(student: Student) -> None:
    if not student.log_in():
        raise RuntimeError("the hub refused the password")
    student.start_server()


def _at_once(actions: list) -> list[tuple[str | None, float]]:
    pool = ThreadPoolExecutor(max(1, len(actions)))
    try:
        return list(pool.map(_attempt, actions))
    finally:
        pool.shutdown(wait=False)  # out of time, its threads end when the hub does, and that is still to be stopped


def _attempt(action) -> tuple[str | None, float]:
    """The error in one line, or None, and the seconds."""
    begun = time.monotonic()
    try:
        action()
    except Exception as error:
        return re.sub(r"\s+", " ", f"failed: {error}")[:300], time.monotonic() - begun
    return None, time.monotonic() - begun


def _out_of_time(*_):
    raise TimeoutError("the trial took longer than --minutes allows; everything is removed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[2])
    parser.add_argument("students", type=int, nargs="?", default=12)
    parser.add_argument("notebook", nargs="?", default="02_rotation")
    parser.add_argument("profile", nargs="?", default="quick")
    parser.add_argument("--minutes", type=float, default=40, help="give up after this long")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(int(60 * asked.minutes))
    sys.exit(min(1, trial(asked.students, asked.notebook, asked.profile)))


if __name__ == "__main__":
    main()
