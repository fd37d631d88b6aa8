"""Waiting in tests for what another process does."""

import time


def wait_for(condition, seconds=60):
    """What `condition()` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found
