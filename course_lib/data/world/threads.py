"""Work spread over the processor's cores."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import torch


def in_threads(work, jobs, device):
    """Yield `work(job)` of each job in turn. A thread a core, each with one-threaded arithmetic: cores that share every
    small operation spend their time waiting for one another, the more so on a busy machine."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(jobs) == 1:
        yield from map(work, jobs)
        return
    torch.set_num_threads(1)  # new threads take it over
    try:
        with ThreadPoolExecutor(threads) as pool:
            waiting = deque()
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > threads:  # no further ahead, to keep memory small
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)
    finally:
        torch.set_num_threads(threads)
