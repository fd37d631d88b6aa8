"""Data sets by name: `open_dataset("world")`, `open_dataset("folder:my-photos.zip")`.

A file in `course_lib/data/sources` is a source of data sets, found by its name and imported on demand:

    NAMES = ["cifar10"]                                     "folder:PATH" stands for any existing path
    def key(argument) -> str                                identifies the content, cheaply: a cache is found by it
    def collect(argument, scratch, progress) -> Samples     every sample; called when there is no cache yet, with an
                                                            open temporary file for what must be put by

Importing this package is cheap: torch is imported with the first data set, batch or split.
"""

import importlib
import pkgutil
import re
from functools import partial
from pathlib import Path

from course_lib.data import sources
from course_lib.errors import CourseError


def __getattr__(name: str):
    # `from course_lib.data import Batch` imports torch; `import course_lib.data` does not.
    if name in ("Batch", "Dataset", "Split"):
        return getattr(importlib.import_module("course_lib.data.splits"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _sources() -> dict:
    return {source.name: source for source in pkgutil.iter_modules(sources.__path__)}


def names() -> list[str]:
    """The names that `open_dataset` knows; in `folder:PATH`, PATH stands for a folder or an archive."""
    modules = [importlib.import_module(f"{sources.__name__}.{source}") for source in sorted(_sources())]
    return sorted(name for module in modules for name in module.NAMES)


def check_name(name: str) -> str:
    """The name in full: a path in it made absolute. Opens and builds nothing.

    Raises:
        CourseError: there is no such data set, or the path in its name does not exist.
    """
    source, _, argument = str(name).partition(":")
    if source in _sources():
        module = importlib.import_module(f"{sources.__name__}.{source}")
        if name in module.NAMES:
            return name
        if f"{source}:PATH" in module.NAMES and argument:
            path = Path(argument).expanduser().absolute()
            if not path.exists():
                raise CourseError(f"There is no folder or archive {path}: give the path of your own data in {name!r}.")
            return f"{source}:{path}"
    raise CourseError(f"There is no data set called {name!r}: choose one of {', '.join(names())}.")


def open_dataset(name: str, device="cpu", progress: bool = True):
    """Open a data set: from its cache, which the first call builds (and downloads the data where it must).

    Args:
        name: one of `names()`, such as `"world"`, `"cifar10"` or `"folder:PATH"`.
        device: where batches go, a `torch.device` or its name. The whole data set moves there when it takes less than
            a quarter of the free memory; else it stays memory-mapped and each batch is moved.
        progress: show a progress bar while the cache is built.

    Returns:
        A `course_lib.data.splits.Dataset`: `.train`, `.val`, `.test`, `.classes`, `.fingerprint`, `.size`, `.skipped`.
        Val is 10 % of train, chosen by a hash of each sample, so that a sample stays put when others are added.

    Raises:
        CourseError: an unknown name, unreadable data, no network for a download, no room for the cache.
    """
    from course_lib.data import cache, splits

    name = check_name(name)
    source, _, argument = name.partition(":")
    module = importlib.import_module(f"{sources.__name__}.{source}")
    slug = re.sub(r"[^a-z0-9]+", "-", f"{source}-{Path(argument).name}".lower()).strip("-")[:48]
    manifest, arrays = cache.open_cache(
        name, slug, module.key(argument), partial(module.collect, argument), progress=progress
    )
    if skipped := manifest["skipped"]:
        shown = ", ".join(skipped[:5]) + (", …" if len(skipped) > 5 else "")
        things = "images" if "images" in arrays else "samples"
        print(f"{len(skipped)} of {sum(manifest['splits'].values()) + len(skipped)} {things} in {name} "
              f"could not be decoded and were skipped: {shown}")
    return splits.assemble(manifest, arrays, device)


__all__ = ["Batch", "Dataset", "Split", "check_name", "names", "open_dataset"]
