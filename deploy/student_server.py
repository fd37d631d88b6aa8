"""What the hub starts as a student: folders of their own in a home that nobody else may enter, then their JupyterLab.

The course's notebooks are copied to ~/course/work; results go to ~/course/build. In ~/course/data the rendered pictures are
links to those that all share, so a student's own photos still have a place for their cache.
"""

import os
import sys
from pathlib import Path

from course_lib.paths import project
from course_lib.run import lab


def prepare(home: Path, shared: Path) -> Path:
    """Make the student's folders, link the shared caches, copy the notebooks; returns the folder of the work."""
    if home.stat().st_uid == os.getuid():  # the volume of a cluster belongs to root, and is mounted for one student only
        home.chmod(0o700)  # many systems make homes that everyone may read
    course = home / "course"
    work, caches = course / "work", course / "data" / "cache"
    for folder in (work, course / "build", caches):
        folder.mkdir(parents=True, exist_ok=True)
    for link in caches.iterdir():
        if link.is_symlink() and not link.exists():  # of an earlier version of the course
            link.unlink()
    for cache in shared.glob("cache/*/manifest.json"):
        link = caches / cache.parent.name
        if not link.exists():
            link.symlink_to(cache.parent)
    lab.copy_notebooks(project() / "notebooks", work)
    return course


def main() -> None:
    os.umask(0o077)
    course = prepare(Path.home(), Path(os.environ["COURSE_SHARED"]))
    os.environ |= {
        "COURSE_OUT": str(course / "build"),
        "COURSE_DATA": str(course / "data"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    os.chdir(course / "work")
    command = [
        *(sys.executable, "-m", "jupyterhub.singleuser"),
        f"--ServerApp.root_dir={course / 'work'}",
        # Else a kernel listens on ports of the machine, where whoever knows how can read along what it prints.
        "--KernelManager.transport=ipc",
        *lab.PLAIN,
        *sys.argv[1:],
    ]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
