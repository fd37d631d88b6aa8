"""The notebooks opened where the course is not installed, such as in Colab: links that do so, and the cell that installs it.

This module is imported there before anything is installed, so it imports only the standard library at the top.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.paths import project

# What Colab runs on, and what is large: left as it is, even where that is not what the course was tested with.
KEPT = ("ipykernel", "ipython", "jupyter-client", "numpy", "pyzmq", "torch", "torchvision", "tornado")
CELL = '''\
# Where the course is installed, this does nothing. Where it is not, as in Colab, this fetches it, once a session.
import importlib.util
import os
import subprocess
import sys

ADDRESS = "{address}"
if importlib.util.find_spec("course_lib") is None:
    if not ADDRESS:
        raise RuntimeError("The course is not installed here: put the address of its repository into ADDRESS, above.")
    folder = os.path.abspath("course-pretext-tasks")
    if not os.path.exists(folder):
        print(f"Installing the course from {{ADDRESS}} into {{folder}}; this takes a minute or two.")
        subprocess.run(["git", "clone", "--quiet", "--depth=1", ADDRESS, folder], check=True)
    sys.path.insert(0, folder)
    from course_lib.run import elsewhere

    elsewhere.install()'''


def address() -> str:
    """Where the repository lives: `Repository` in [project.urls] of pyproject.toml; "" as long as it has no public address."""
    return _project().get("urls", {}).get("Repository", "")


def cell() -> str:
    """The source of the cell that a notebook begins with."""
    return CELL.format(address=address())


def links(names: list[str]) -> str:
    """A table in Markdown that opens each notebook in Colab and Binder.

    Raises `CourseError` while the repository has no address on GitHub, from where these two read.
    """
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", address())
    if not found:
        raise CourseError(
            "Colab and Binder read from GitHub: add the line `urls.Repository = \"https://github.com/OWNER/NAME\"` below "
            "[project] in pyproject.toml, run `course generate`, then this again."
        )
    colab = f"https://colab.research.google.com/github/{found[1]}/blob/HEAD/notebooks"
    binder = f"https://mybinder.org/v2/gh/{found[1]}/HEAD?urlpath=lab/tree/notebooks"
    rows = [f"| `{name}` | [Colab]({colab}/{name}.ipynb) | [Binder]({binder}/{name}.ipynb) |" for name in names]
    return "\n".join(["| notebook | | |", "|---|---|---|", *rows])


def install() -> None:
    """Install with pip what the course needs and this Python lacks, and say so; what is there already stays as it is.

    The extra `lab` is left out: its ipykernel would replace the kernel that this runs in.
    """
    from packaging.requirements import Requirement

    lacking, kept = [], []
    for requirement in map(Requirement, _project()["dependencies"]):
        version = _version(requirement.name)
        if version is None:
            lacking.append(str(requirement))
        elif not requirement.specifier.contains(version, prereleases=True):
            kept.append(f"{requirement.name} {version} instead of {requirement.specifier}")
    if lacking:
        print("Installing what is not here yet: " + ", ".join(lacking) + ".")
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "kept.txt"
            constraints.write_text("".join(f"{name}=={_version(name)}\n" for name in KEPT if _version(name)))
            command = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(constraints), *lacking]
            if subprocess.run(command).returncode != 0:
                raise CourseError("pip could not install what the course needs, for the reason above; run this cell again.")
    if kept:
        print("Left as they are, though the course was tested with others: " + ", ".join(kept) + ".")
    print("The course is ready.")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _project() -> dict:
    return tomllib.loads((project() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
