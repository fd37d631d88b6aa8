"""Notebooks as jobs on the workers of Dask, on this machine or on many that share a file system.

A worker executes as many notebooks at a time as it has threads. Rows come back to the client, which alone merges them.
"""

import contextlib
import logging
import os
import platform
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.run import notebooks

try:
    import dask
    import distributed
    from distributed.scheduler import KilledWorker
except ModuleNotFoundError as error:
    raise CourseError("--dask needs Dask, which is not here; install it with pip install -e '.[scale]'.") from error

CONNECT_SECONDS, WORKER_SECONDS = 10, 60
SAME = ("torch", "torchvision", "numpy", "distributed")
# Ctrl-C reaches every process of a terminal; it is for the client, which then stops the jobs in order.
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def run(
    jobs: list[notebooks.Job],
    out: Path,
    address: str,
    *,
    timeout: float | None = None,
    claims: Sequence[str] = (),
    widgets: bool = False,
    say: Callable[[str], None] = print,
) -> list[dict]:
    """As `notebooks.run`, on the workers of the scheduler at `address` (see `connected`); `out` must be theirs as well.

    The job of a worker that dies is executed by another, until the scheduler's `allowed-failures` are used up.
    A notebook that fails by itself is not repeated. If the client dies, the workers stop what it had sent. No job waits for
    another's checkpoints: a notebook that finds none trains those networks itself.

    Raises `CourseError` as `notebooks.run` does, when there is no scheduler or no worker, and when a worker has other
    versions, other code or another `out` than this computer: its rows would be filed under figures that are not theirs.
    """
    if not jobs:
        return []
    with notebooks.reserved(jobs, out), connected(address) as client, _mark(out) as mark:
        codes = {job.notebook: notebooks.code_version(job.notebook) for job in jobs}
        wanted = _versions(codes)
        _refuse_at_once(client, wanted, mark)
        stop = distributed.Event(uuid.uuid4().hex, client)
        started, rows = time.monotonic(), []
        sent = {client.submit(_work, job, out, mark, wanted, stop, timeout, claims, widgets, pure=False): job for job in jobs}
        say(f"Sent {len(jobs)} jobs to {client.scheduler.address}.")

        def receive(future: distributed.Future) -> None:
            job = sent.pop(future)
            try:
                row = future.result()
            except KilledWorker as error:
                ending = notebooks.failure(f"the worker died, {error.allowed_failures + 1} times: was its memory too small?")
                row = notebooks.row_of(job, out, codes[job.notebook], time.monotonic() - started, ending)
            if row is not None:
                rows.append(notebooks.keep(row, out, say))

        try:
            for future in distributed.as_completed(sent):
                receive(future)
        except BaseException as error:
            if isinstance(error, distributed.client.FutureCancelledError):
                raise CourseError(f"The scheduler at {address} is gone; what had finished is kept.") from error
            stop.set()
            with contextlib.suppress(TimeoutError):
                for future in distributed.as_completed(sent, timeout=60):
                    with contextlib.suppress(CourseError):
                        receive(future)
            raise
    return rows


@contextlib.contextmanager
def connected(address: str) -> Iterator[distributed.Client]:
    """A client of the scheduler at `address`: `tcp://…`, `tls://…`, a scheduler file, `local` or `local:4`.

    `local` starts workers on this machine, one a core unless told how many; they listen to this machine only and share
    its cores out among them (OMP_NUM_THREADS, if that is not set already). The workers of another scheduler have what
    they were started with.

    Raises `CourseError` when nothing answers there within ten seconds, or has no worker within a minute.
    """
    if local := re.fullmatch(r"local(?::([1-9]\d*))?", address):
        cores = os.cpu_count() or 1
        workers = int(local[1] or cores)
        with (
            # Dask's own choice is one thread a process, whatever the machine.
            dask.config.set({"distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": max(1, cores // workers)}}),
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                preload=[*dask.config.get("distributed.worker.preload"), DEAF],
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # it shows a traceback when the scheduler goes away
    where = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        client = distributed.Client(**where, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:  # nothing there; no address; tls:// without certificates
        raise CourseError(
            f"No scheduler of Dask answers at {address} ({error}); "
            "give one's address (tcp://127.0.0.1:8786), its scheduler file, or `local`."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise CourseError(f"The scheduler at {address} has no worker; start some with `dask worker {address}`.") from None
        yield client


@contextlib.contextmanager
def _mark(out: Path) -> Iterator[Path]:
    """A file in `out` that nobody else can have: who sees it sees the same folder."""
    mark = out / f".dask-{uuid.uuid4().hex}"
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _refuse_at_once(client: distributed.Client, wanted: dict[str, str], mark: Path) -> None:
    """Ask every worker that is there before anything is sent; who comes later is asked with its first job."""
    try:
        client.run(_refuse, wanted, mark)
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            f"A worker cannot run the course ({type(error).__name__}: {error}); install the same copy of it there."
        ) from error


def _versions(names) -> dict[str, str]:
    """What a row depends on beside its parameters."""
    sources = notebooks.sources()
    codes = {f"the code of {name}": notebooks.code_version(name) if name in sources else "missing" for name in names}
    return {"Python": platform.python_version()} | {name: metadata.version(name) for name in SAME} | codes


# --- on the worker


def _refuse(wanted: dict[str, str], mark: Path) -> None:
    """Raise `CourseError` when this worker is not what the client takes it for."""
    here = _versions([what.removeprefix("the code of ") for what in wanted if " " in what])
    for what, version in wanted.items():
        if here[what] != version:
            raise CourseError(
                f"A worker on {platform.node()} has {what} {here[what]} where this computer has {version}; "
                "give both the same copy of the course and the same environment."
            )
    if not mark.exists():
        raise CourseError(f"A worker on {platform.node()} does not see {mark.parent}; choose an --out that all machines share.")


def _work(job, out, mark, wanted, stop, timeout, claims, widgets) -> dict | None:
    """Execute one notebook; its row, or None when the client had said to stop before it began."""
    _refuse(wanted, mark)
    worker = distributed.get_worker()
    key = worker.get_current_task()

    def unwanted() -> bool:  # the client says to stop, or it is gone and its jobs are cancelled
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled" or stop.is_set()

    if unwanted():
        return None
    # The client holds the job's own lock. If one died, its worker may still be stopping the same notebook.
    with notebooks.lock(job, out, ".worker.lock", wait=60):
        execution = notebooks.Execution(job, out, timeout, claims, widgets, worker.state.nthreads)
        while not execution.ended():
            if execution.stopped_at is None and unwanted():
                execution.stop("interrupted")
            time.sleep(0.2)
        return execution.row()
