"""Where things are, and how small files are written so that a crash never leaves half of one."""

import contextlib
import os
import tempfile
from pathlib import Path

from course_lib.errors import CourseError


def project() -> Path:
    """The root of the repository: the folder that holds `course_lib` and `notebooks`."""
    return Path(__file__).resolve().parents[1]


def data_directory() -> Path:
    """Downloads and caches: `$COURSE_DATA`, or `data` in the project."""
    return Path(os.environ.get("COURSE_DATA") or project() / "data").expanduser().absolute()


def output_directory() -> Path:
    """Executed notebooks, results and checkpoints: `$COURSE_OUT`, or `build` in the project."""
    return Path(os.environ.get("COURSE_OUT") or project() / "build").expanduser().absolute()


@contextlib.contextmanager
def replacing(path: Path):
    """Yield a temporary path beside `path`; on success it replaces `path` in one step, on failure it vanishes.

    Raises `CourseError` when the disk is full or the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes it private; a report may be meant for a web server
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CourseError(
            f"{path} could not be written ({error.strerror or error}); "
            "free some space or choose a folder that you may write to, then run again."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    umask = os.umask(0o022)  # there is no way to ask without setting
    os.umask(umask)
    return umask


def write_atomically(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` so that a reader sees the old file or the new one, never a part."""
    with replacing(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
