"""What every renderer of samples does: like ones in chunks, chunks spread over the cores, results put in their places."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from course_lib.data.world.draws import collect


def pieces(where: torch.Tensor, limit: int) -> tuple[torch.Tensor, ...]:
    """Positions in pieces of equal length, as near to `limit` as may be; none of nothing."""
    return where.tensor_split(max(1, round(len(where) / limit))) if len(where) else ()


def gather(work: Callable, jobs: list, count: int, device: torch.device) -> dict:
    """Render `count` samples, some a job, and put each where it belongs.

    work: from a job to the samples' positions (int64), their tensors by name, and their factors, which come together
    under "factors".
    """
    result, factors = {}, []
    for where, part, drawn in _in_threads(work, jobs, device):
        for name, values in part.items():
            if name not in result:
                result[name] = torch.empty(count, *values.shape[1:], dtype=values.dtype, device=device)
            result[name].index_copy_(0, where, values)
        factors.append((where, drawn))
    return result | {"factors": collect(factors, count)}


def none_of(rendered: dict) -> dict:
    """No samples at all, in the shapes of those rendered."""
    return {name: none_of(values) if isinstance(values, dict) else values[:0] for name, values in rendered.items()}


def _in_threads(work: Callable, jobs: list, device: torch.device) -> Iterator:
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
