"""Memory that is free goes back to the system: several kernels often share one machine.

glibc keeps what a program has freed, and grows its heap by large blocks that it can rarely give up by itself.
"""

import ctypes
import functools
import gc
import sys


@functools.cache
def _trim():
    if sys.platform.startswith("linux"):
        try:
            return ctypes.CDLL("libc.so.6").malloc_trim
        except (OSError, AttributeError):  # another C library
            pass
    return lambda _: None


def trim() -> None:
    """Return freed memory to the system, where that can be asked for."""
    _trim()(0)


def give_back(*_) -> None:
    """Collect the garbage and return freed memory to the system; where that cannot be asked for, only the first."""
    gc.collect()
    trim()


def give_back_after_each_cell() -> None:
    """In a notebook's kernel: `give_back` whenever a cell has ended. Elsewhere nothing.

    What has been imported so far stays; the collector need not look through it each time, which took a quarter of a second.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and give_back not in shell.events.callbacks["post_run_cell"]:
        gc.collect()
        gc.freeze()
        shell.events.register("post_run_cell", give_back)
