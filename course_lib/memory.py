"""Memory is kept while a cell computes, and what is free goes back to the system after it: kernels share one machine.

By its own rules glibc returns a large block when it is freed, and asks for it again in the next step of a training; the
system then empties each page anew. That took a tenth of a small network's step.
"""

import contextlib
import ctypes
import functools
import gc
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's <malloc.h>


@functools.cache
def _glibc():
    """The C library, if it is glibc; else None."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL("libc.so.6")
            if library.malloc_trim and library.mallopt:
                return library
    return None


def keep() -> None:
    """From now on keep what is freed for the next step, until `trim`; elsewhere than on glibc nothing changes."""
    if _glibc():
        _glibc().mallopt(MMAP_THRESHOLD, 2**25)  # bytes; a thread's heap holds twice as many
        _glibc().mallopt(TRIM_THRESHOLD, 2**30)


def trim() -> None:
    """Return freed memory to the system, where that can be asked for."""
    if _glibc():
        _glibc().malloc_trim(0)


def give_back(*_) -> None:
    """Collect the garbage and return freed memory to the system; where that cannot be asked for, only the first."""
    gc.collect()
    trim()


def give_back_after_each_cell() -> None:
    """In a notebook's kernel: `keep`, and `give_back` whenever a cell has ended. Elsewhere nothing.

    What has been imported so far stays; the collector need not look through it each time, which took a quarter of a second.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and give_back not in shell.events.callbacks["post_run_cell"]:
        keep()
        gc.collect()
        gc.freeze()
        shell.events.register("post_run_cell", give_back)
