"""What a source of data hands over, and which split each sample falls into."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

SPLITS = ("train", "val", "test")
VAL_SHARE = 0.1  # of train
TEST_SHARE = 0.2  # of everything, where the data set has no test split of its own


@dataclass
class Samples:
    """All samples of a data set, before they are split and written to a cache.

    Attributes:
        classes: names, in the order of the labels.
        digests: uint64, N: `digest` of each sample's content.
        splits: N times "train", "val" or "test", or "" where the hash decides.
        fetch: rows (int64) -> dict of arrays whose first axis is those rows: `images` (uint8, n x 3 x S x S), `labels`
            (int64, n); any other name becomes an annotation, texts (bytes, UTF-8) a list.
        skipped: names of the files that could not be decoded.
        rows: how many samples to fetch at a time.
        rate: of the sounds, samples a second.
    """

    classes: list[str]
    digests: np.ndarray
    splits: Sequence[str]
    fetch: Callable[[np.ndarray], dict[str, np.ndarray]]
    skipped: list[str] = field(default_factory=list)
    rows: int = 512
    rate: int | None = None


def digest(content: bytes) -> int:
    """A hash of a sample, uniform in 0…2^64-1: its place in the split, the same whatever else the data set holds."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big")


def divide(digests: np.ndarray, given: Sequence[str]) -> np.ndarray:
    """The split of each sample: the one given, else one chosen by the sample's hash.

    A missing test split takes the fifth of all samples with the smallest hashes, a missing val split the tenth of the
    remaining train samples with the smallest hashes. "Smallest" is a fixed threshold, so a sample's split does not
    depend on the others and copies of one file fall together. (Only where that would leave a split empty, in a data
    set of a few dozen samples, the smallest hash of all goes there.)

    Args:
        digests: uint64, N.
        given: N times "train", "val", "test" or "".

    Returns:
        N strings.
    """
    splits = np.array(given, dtype="U5")
    splits[splits == ""] = "train"
    lower = 0.0
    for split, share in (("test", TEST_SHARE), ("val", VAL_SHARE)):
        if split not in splits:
            train = splits == "train"
            upper = lower + share * (1 - lower)
            chosen = train & (digests < np.uint64(upper * 2**64))
            if train.any() and not chosen.any():
                chosen = train & (digests == digests[train].min())
            splits[chosen] = split
            lower = upper
    return splits


def arrangement(samples: Samples) -> tuple[np.ndarray, dict[str, int]]:
    """The order in which samples are stored, and the size of each split.

    Train, then val, then test; within a split by hash, which mixes the classes and gives the same photos the same
    order whether they come as a folder, a .zip or a .tar.
    """
    splits = divide(samples.digests, samples.splits)
    rank = np.select([splits == split for split in SPLITS], range(len(SPLITS)))
    order = np.lexsort((samples.digests, rank))
    return order, {split: int((splits == split).sum()) for split in SPLITS}
