"""Finds the notebooks, generates their .ipynb from the sources, and executes them, each in a process of its own."""

import ast
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from course_lib.errors import CourseError
from course_lib.paths import project, write_atomically
from course_lib.run import elsewhere, results

PARAMETERS = ("profile", "dataset", "seed", "device")
STOPPED = {"timeout": "stopped: it took longer than --timeout allows", "interrupted": "stopped by the user"}


# --- finding and generating


def sources() -> dict[str, Path]:
    """Every notebook: its name (`02_rotation`) and its source, in order."""
    return {path.stem: path for path in sorted((project() / "notebooks" / "source").glob("*.py"))}


def find(query: str) -> str:
    """The name of the one notebook that `query` means: its name, its number (`2`, `02`) or a part (`rotation`).

    Raises `CourseError` when none or several fit.
    """
    names = list(sources())
    if query.isdecimal():
        found = [name for name in names if re.match(r"\d+", name) and int(re.match(r"\d+", name)[0]) == int(query)]
    else:
        found = [name for name in names if name == query] or [name for name in names if query.lower() in name.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise CourseError(f"{query!r} could be {' or '.join(found)}; write the whole name.")
    raise CourseError(f"There is no notebook {query!r}; there are {', '.join(names) or 'none yet in notebooks/source'}.")


def read(source: Path, notes: bool = False):
    """The notebook (nbformat 4.5, no outputs) that a jupytext percent source describes; the same source, the same ids.

    Before its first code stands, folded, the cell that installs the course where it is not (`elsewhere.CELL`).

    notes: with the cells tagged `instructor`, which are for who teaches.
    """
    import jupytext
    import nbformat

    notebook = jupytext.read(source)
    first = next((k for k, cell in enumerate(notebook.cells) if cell.cell_type == "code"), len(notebook.cells))
    folded = {"jupyter": {"source_hidden": True}, "tags": ["install"]}
    notebook.cells.insert(first, nbformat.v4.new_code_cell(elsewhere.cell(), metadata=folded))
    notebook.cells = [cell for cell in notebook.cells if notes or "instructor" not in cell.metadata.get("tags", [])]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.metadata.pop("lines_to_next_cell", None)
        # An id that depends on the cell only: inserting a cell leaves the others' ids, and so the diff, alone.
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def generate(check: bool = False, only: str | None = None) -> list[str]:
    """Write notebooks/X.ipynb for every source (with `check`: write nothing); the names that were not in step.

    An .ipynb without a source is reported too, never deleted. `only`: just this notebook.
    """
    import nbformat

    folder, changed = project() / "notebooks", []
    for name, source in sources().items():
        if only not in (None, name):
            continue
        text = nbformat.writes(read(source)) + "\n"
        path = folder / f"{name}.ipynb"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            changed.append(name)
            if not check:
                write_atomically(path, text)
    return changed + [path.stem for path in sorted(folder.glob("*.ipynb")) if path.stem not in sources()]


# --- executing


@dataclass(frozen=True)
class Job:
    """One notebook to execute, with its parameters, and the file that will hold the executed copy."""

    notebook: str
    profile: str
    dataset: str
    seed: int
    device: str
    executed: Path

    @property
    def parameters(self) -> dict:
        return {name: getattr(self, name) for name in PARAMETERS}

    @property
    def key(self) -> dict:
        return {name: getattr(self, name) for name in results.RUN_KEY}


def check_parameters(name: str) -> None:
    """Papermill only warns about a parameter that the notebook does not have; raises `CourseError` instead."""
    cells = [cell.source for cell in read(sources()[name]).cells if "parameters" in cell.metadata.get("tags", [])]
    assigned = {
        target.id
        for source in cells
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    missing = [parameter for parameter in PARAMETERS if parameter not in assigned]
    if missing:
        raise CourseError(
            f"Notebook {name} has no {', '.join(missing)} in a cell tagged `parameters`; "
            f"that cell must set {', '.join(PARAMETERS)}."
        )


def code_version(name: str) -> str:
    """A hash of the notebook's source and of the library that it runs on: the same hash, the same figures."""
    digest = hashlib.sha256(sources()[name].read_bytes())
    library = Path(__file__).parents[1]
    for path in sorted(library.rglob("*.py")):
        if path.parent != Path(__file__).parent:  # the machinery that runs notebooks changes none of their figures
            digest.update(f"{path.relative_to(library)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def unfinished(jobs: list[Job], out: Path) -> list[Job]:
    """Those of `jobs` whose row in `out`/results.json is missing, not ok, or was made by other code."""
    versions = {name: code_version(name) for name in {job.notebook for job in jobs}}
    done = [
        {field: row[field] for field in results.RUN_KEY}
        for row in results.read(out / "results.json")
        if row.get("status") == "ok" and row.get("code") == versions.get(row["notebook"])
    ]
    return [job for job in jobs if job.key not in done]


def run(
    jobs: list[Job],
    out: Path,
    *,
    parallel: int = 1,
    timeout: float | None = None,
    claims: Sequence[str] = (),
    widgets: bool = False,
    say: Callable[[str], None] = print,
) -> list[dict]:
    """Execute `jobs`, `parallel` at a time, each at most `timeout` seconds; rows go to `out`/results.json as they come.

    claims: ids of the claims to be judged; the notebooks run the sweeps that these compare (`Session.sweep`).
    widgets: run as on a screen, so that the executed copies hold the widgets instead of still pictures of them.

    Returns the rows, each with one extra field that the file lacks: `mendable` (the failure was a `CourseError`).
    On `KeyboardInterrupt` what runs is stopped and recorded as interrupted, then the exception goes on.
    Raises `CourseError` before anything starts when `out` cannot be used or another process executes the same notebook.
    """
    rows, waiting, running = [], list(jobs), {}
    uses = {name: after(name) for name in {job.notebook for job in jobs}}
    with reserved(jobs, out):
        try:
            while waiting or running:
                while len(running) < parallel and (job := _next(waiting, [*running.values()], uses, parallel)):
                    waiting.remove(job)
                    running[Execution(job, out, timeout, claims, widgets, parallel)] = job
                    say(f"{job.notebook}: started ({job.profile}, {job.dataset}, seed {job.seed}, {job.device})")
                time.sleep(0.05)
                for execution in [execution for execution in running if execution.ended()]:
                    del running[execution]
                    rows.append(keep(execution.row(), out, say))
        except BaseException:
            for execution in running:
                execution.stop("interrupted")
            for execution in running:
                while not execution.ended():
                    time.sleep(0.05)
                keep(execution.row(), out, say)
            raise
    return rows


def after(name: str) -> list[str]:
    """The notebooks whose checkpoints this one takes if they are there: `course: after:` in the header of its source."""
    import jupytext

    return jupytext.read(sources()[name]).metadata.get("course", {}).get("after", [])


def _awaits(job: Job, other: Job, uses: dict[str, list[str]]) -> bool:
    """Whether `job` takes checkpoints of `other`, if it finds them."""
    return other.notebook in uses[job.notebook] and other.key == job.key | {"notebook": other.notebook}


def _next(waiting: list[Job], running: list[Job], uses: dict[str, list[str]], parallel: int) -> Job | None:
    """Which job to start now, if any: first one that others wait for, then in order.

    While such a one runs, what nobody waits for starts on an idle core only: it would slow down what all depends on.
    """

    def awaited(job: Job) -> bool:
        return any(_awaits(other, job, uses) for other in waiting)

    ready = [job for job in waiting if not any(_awaits(job, other, uses) for other in [*waiting, *running])]
    first = [job for job in ready if awaited(job)] if parallel > 1 else []
    busy = any(map(awaited, running)) and len(running) >= (os.cpu_count() or 1)
    return next(iter(first or ready * (not busy)), None)


@contextlib.contextmanager
def reserved(jobs: list[Job], out: Path):
    """While this lasts no other `course` executes one of `jobs`.

    Raises `CourseError` at once when `out` cannot be used, a notebook lacks a parameter or another process executes it.
    """
    results.read(out / "results.json")  # a damaged file is found now, not after the work
    for job in jobs:
        check_parameters(job.notebook)
    with contextlib.ExitStack() as locks:
        for job in jobs:
            locks.enter_context(lock(job, out))
        yield


def keep(row: dict, out: Path, say: Callable[[str], None]) -> dict:
    """Merge a finished job's row into `out`/results.json, without `mendable`, and say how it went; the row."""
    results.merge(out / "results.json", [{name: row[name] for name in row if name != "mendable"}])
    say(summary(row))
    return row


def summary(row: dict) -> str:
    """One line about a finished notebook."""
    line = f"{row['notebook']}: {row['status']} in {row['seconds']:.1f} s, peak {row['peak_rss_mb']:.0f} MB"
    return f"{line}: {row['error']}" if row["error"] else line


def lock(job: Job, out: Path, suffix: str = ".lock", wait: float = 0) -> FileLock:
    """A lock on `job`, held until it is released; raises `CourseError` when another has it for `wait` seconds more."""
    try:
        job.executed.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(job.executed.with_name(f".{job.executed.name}{suffix}"), timeout=wait).acquire()
    except Timeout:
        raise CourseError(
            f"Another `course` is executing {job.notebook} into {out}; wait for it, or choose another folder with --out."
        ) from None
    except OSError as error:
        raise CourseError(
            f"{job.executed.parent} cannot be written ({error.strerror or error}); choose another folder with --out."
        ) from error


class Execution:
    """A child process that executes one notebook; it stops its kernel when its standard input says why, or closes."""

    def __init__(self, job: Job, out: Path, timeout: float | None, claims: Sequence[str], widgets: bool, parallel: int):
        for stale in results.record_files(out, **job.key):
            stale.unlink()
        self.job, self.out, self.started = job, out, time.monotonic()
        self.timeout, self.stopped_at = timeout, None
        self.code = code_version(job.notebook)
        library = str(Path(__file__).parents[2])
        environment = os.environ | {
            "COURSE_OUT": str(out),
            "COURSE_HEADLESS": "0" if widgets else "1",
            "COURSE_CLAIMS": " ".join(claims),
            "PYTHONPATH": os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
        }
        if parallel > 1:  # two that each want all cores wait for one another: steps become five times as long
            environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // parallel)))
        # What the kernel prints outside its cells, such as the last words of a crash.
        self.log = job.executed.with_suffix(".log")
        try:
            log = open(self.log, "wb")  # noqa: SIM115 (closed below)
        except OSError as error:
            raise CourseError(
                f"{self.log} cannot be written ({error.strerror or error}); free some space, or choose another --out."
            ) from error
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "course_lib.run.notebooks"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=project() / "notebooks",
                env=environment,
                # Ctrl-C is for the parent, which then stops its children in order.
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        order = {"source": str(sources()[job.notebook]), "executed": str(job.executed), "parameters": job.parameters}
        self._tell(json.dumps(order))

    def _tell(self, line: str) -> None:
        with contextlib.suppress(OSError):  # it has ended already
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def stop(self, why: str) -> None:
        self._tell(why)
        self.stopped_at = time.monotonic()

    def ended(self) -> bool:
        if self.process.poll() is not None:
            return True
        now = time.monotonic()
        if self.stopped_at is None and self.timeout is not None and now - self.started > self.timeout:
            self.stop("timeout")
        elif self.stopped_at is not None and now - self.stopped_at > 30:  # it does not listen
            for process in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                process.kill()
        return False

    def row(self) -> dict:
        """The finished execution's row."""
        seconds, answer = time.monotonic() - self.started, self.process.stdout.read()
        died = failure(f"the executing process died with code {self.process.returncode}")
        ending = json.loads(answer) if answer else died
        if ending["status"] == "failed" and not ending["mendable"]:
            ending["error"] += f" (see {self.job.executed.name} and {self.log.name} in {self.log.parent})"
        else:
            self.log.unlink()
        return row_of(self.job, self.out, self.code, seconds, ending)


def failure(error: str) -> dict:
    """The ending of a job that could not report one itself."""
    return {"status": "failed", "error": error, "peak_rss_mb": 0.0, "mendable": False}


def row_of(job: Job, out: Path, code: str, seconds: float, ending: dict) -> dict:
    """The row of a job that ended so, with what its session has recorded in `out`; `code` as of `code_version`."""
    session = {}
    for path in results.record_files(out, **job.key):
        session = json.loads(path.read_text(encoding="utf-8"))
    return {
        "notebook": job.notebook,
        "status": ending["status"],
        "seconds": round(seconds, 2),
        "train_seconds": session.get("train_seconds"),
        "peak_rss_mb": round(ending["peak_rss_mb"], 1),
        "device": session.get("device") or job.device,
        "profile": job.profile,
        "dataset": job.dataset,
        "seed": job.seed,
        "records": session.get("records", {}),
        "error": ending["error"],
        "code": code,
        "mendable": ending["mendable"],
    }


# --- the child process


def _main() -> None:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the kernel inherits the standard output: whatever it prints goes to the log, not into the answer
    # Unbuffered: a thread that waits in a buffered read would keep Python from exiting.
    with open(0, "rb", buffering=0, closefd=False) as orders, answer:
        order = json.loads(orders.readline())
        stopped: list[str] = []
        threading.Thread(target=_stop_when_told, args=[orders, stopped], daemon=True).start()
        json.dump(_execute(Path(order["source"]), Path(order["executed"]), order["parameters"], stopped), answer)


def _stop_when_told(orders, stopped: list[str]) -> None:
    """Wait for the parent's word, or for its end, which closes the pipe; then kill the kernel and all it started."""
    stopped.append(orders.readline().decode().strip() or "interrupted")
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


def _execute(source: Path, executed: Path, parameters: dict, stopped: list[str]) -> dict:
    """Execute one notebook in a kernel of this process; `stopped` holds the reason once the parent has said to stop.

    Papermill saves after every cell, into a temporary file that takes its place at the end, whatever the end is.
    """
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    class ThisPython(AsyncKernelManager):
        kernel_spec = this_python()

    peaks = [0.0]
    if sys.platform == "win32":
        threading.Thread(target=_sample_peaks, args=[peaks], daemon=True).start()
    error, mendable = None, False
    partial = executed.with_name(f".{executed.stem}.partial.ipynb")
    try:
        papermill.execute_notebook(
            read(source),
            str(partial),
            parameters,
            kernel_name="python3",
            language="python",
            kernel_manager_class=ThisPython,
            progress_bar=False,
            start_timeout=300,
        )
    except PapermillExecutionError as failure:
        mendable = failure.ename == "CourseError"
        error = failure.evalue if mendable else f"{failure.ename}: {failure.evalue}"
    except DeadKernelError:
        error = "the kernel died: it was killed, it crashed or the memory ran out"
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    if partial.exists():
        os.replace(partial, executed)
    status = "failed" if error else "ok"
    if error and stopped:
        status, error, mendable = stopped[0], STOPPED[stopped[0]], False
    return {
        "status": status,
        "error": error and " ".join(error.split())[:1000],
        "peak_rss_mb": max(peaks) if sys.platform == "win32" else _largest_child(),
        "mendable": mendable,
    }


def this_python():
    """The specification of a kernel of this very Python, whatever the user has installed under the name python3."""
    from jupyter_client.kernelspec import KernelSpec

    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return KernelSpec(argv=launch, display_name="Python 3", language="python")


def _largest_child() -> float:
    """The most resident memory, in MB, that an ended child ever had: the kernel's, also when it was killed."""
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20


def _sample_peaks(peaks: list[float]) -> None:
    """Windows forgets the high-water mark of an ended process: read the living kernel's, twice a second."""
    while True:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                peaks.append(process.memory_info().peak_wset / 2**20)
        time.sleep(0.5)


if __name__ == "__main__":
    _main()
