"""CIFAR-10: 60 000 photos of 32 x 32 pixels in ten classes (Krizhevsky 2009).

The binary version: the Python version is pickled, and unpickling a download runs whatever it contains.
"""

import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from course_lib.data.downloads import download
from course_lib.data.samples import Samples, digest

NAMES = ["cifar10"]
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
MEGABYTES = 170
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def key(argument: str) -> str:
    return SHA256


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    return read(download("CIFAR-10", URL, SHA256, MEGABYTES, progress))


def read(archive: Path) -> Samples:
    """Read the archive: five `data_batch_N.bin` and a `test_batch.bin`, each a row of 1 + 3072 bytes a sample."""
    samples, splits = [], []
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            if member.name.endswith("_batch.bin") or "/data_batch_" in member.name:
                rows = np.frombuffer(tar.extractfile(member).read(), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
                samples += list(rows)  # views: one array of all samples would be a copy
                splits += ["test" if member.name.endswith("test_batch.bin") else "train"] * len(rows)

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        chosen = np.stack([samples[row] for row in rows])
        return {"images": chosen[:, 1:].reshape(-1, 3, 32, 32), "labels": chosen[:, 0].astype(np.int64)}

    digests = np.array([digest(sample[1:].tobytes()) for sample in samples], dtype=np.uint64)
    return Samples(CLASSES, digests, splits, fetch)
