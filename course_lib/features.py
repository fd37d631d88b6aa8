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
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes() if value.dim() else
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


class _Once:
    """A frozen backbone for one batch: `represent` is asked for one stage after another, and the convolutions that all
    of them need run once (a probe's features in a third of the time)."""

    def __init__(self, backbone: nn.Module, stages: Sequence[str]):
        self._backbone, self._seen = backbone, []
        self._deepest = max(stages, key=list(backbone.stage_names).index)

    def __getattr__(self, name: str):
        return getattr(self._backbone, name)

    def __call__(self, *inputs):
        return self._backbone(*inputs)

    def stages(self, images: Tensor, last: str | None = None) -> dict[str, Tensor]:
        if last is None:
            return self._backbone.stages(images)
        for known, maps in self._seen:
            if torch.equal(known, images):
                return maps
        self._seen.append((images, self._backbone.stages(images, last=self._deepest)))
        return self._seen[-1][1]


def extract(
    represent: Represent, backbone: nn.Module, data: Split, stages: Sequence[str], batch_size: int = 64
) -> dict[str, Tensor]:
    """Features of every sample after each of `stages`: stage -> float32 N x D on the CPU. The backbone stays frozen."""
    features: dict[str, Tensor] = {}
    with frozen(backbone):
        for start in range(0, len(data), batch_size):
            batch = data.batch(torch.arange(start, min(start + batch_size, len(data)), device=data.device))
            if batch.images is not None:  # once, not at every stage
                batch.images = batch.images.contiguous(memory_format=torch.channels_last)
            once = _Once(backbone, stages)
            for stage in stages:
                some = represent(once, batch, stage).float().cpu()
                if stage not in features:  # one block, filled row by row: thousands of small ones would scatter the heap
                    features[stage] = torch.empty(len(data), some.shape[1])
                features[stage][start : start + len(some)] = some
    memory.trim()
    return features


def some_of_each(labels: Tensor, count: int, rng: torch.Generator) -> list[Tensor]:
    """Rows (int64) of up to `count` samples of every label that occurs (int64 N, on the CPU), drawn by `rng`; by label."""
    order = torch.randperm(len(labels), generator=rng)
    return [order[labels[order] == label][:count] for label in labels.unique()]


def random_subset(data: Split, size: int, rng: torch.Generator) -> Split:
    """`size` samples of a split without repetition (all of them where there are fewer), in the split's order."""
    chosen = torch.randperm(len(data), generator=rng)[:size].sort().values
    return data.subset(chosen)
