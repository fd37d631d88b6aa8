"""Read a network's features over a data set without changing the network."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib import memory
from course_lib.data import Batch, Split

Represent = Callable[[nn.Module, Batch, str], Tensor]  # PretextTask.represent


def fingerprint(network: nn.Module) -> str:
    """A hash of every parameter and every buffer, bit for bit."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if value.dim() else
                      str(value.item()).encode())  # fmt: skip
    return digest.hexdigest()


@contextlib.contextmanager
def frozen(network: nn.Module):
    """Evaluation mode without gradients, and proof that nothing moved: parameters *and* BatchNorm buffers.

    Raises:
        AssertionError: the network is not bit for bit what it was. "Linear" results whose backbone quietly trained on
            are the commonest published error of this field.
    """
    before, was_training = fingerprint(network), network.training
    network.eval()
    try:
        with torch.no_grad():
            yield network
    finally:
        network.train(was_training)
    assert fingerprint(network) == before, "the frozen network has changed: a parameter or a buffer is not what it was"


def extract(
    represent: Represent, backbone: nn.Module, data: Split, stages: Sequence[str], batch_size: int = 64
) -> dict[str, Tensor]:
    """Features of every sample after each of `stages`: stage -> float32 N x D on the CPU. The backbone stays frozen."""
    features: dict[str, Tensor] = {}
    with frozen(backbone):
        for start in range(0, len(data), batch_size):
            batch = data.batch(torch.arange(start, min(start + batch_size, len(data)), device=data.device))
            for stage in stages:
                some = represent(backbone, batch, stage).float().cpu()
                if stage not in features:  # one block, filled row by row: thousands of small ones would scatter the heap
                    features[stage] = torch.empty(len(data), some.shape[1])
                features[stage][start : start + len(some)] = some
    memory.give_back()
    return features


def random_subset(data: Split, size: int, rng: torch.Generator) -> Split:
    """`size` samples of a split without repetition (all of them where there are fewer), in the split's order."""
    chosen = torch.randperm(len(data), generator=rng)[:size].sort().values
    return data.subset(chosen)
