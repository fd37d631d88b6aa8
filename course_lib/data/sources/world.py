"""The embedded world: drawn scenes, the same for everyone, without a download."""

import hashlib
import importlib.util
from pathlib import Path
from typing import BinaryIO

import numpy as np

from course_lib.data.samples import Samples, digest

NAMES = ["world"]
LATER = ["world:cells", "world:clips", "world:sounds"]

SEED = 0  # of the data set, not of a run: everyone sees the same world
TRAIN, TEST = 10_000, 2_000  # samples, val included in train


def key(argument: str) -> str:
    """A change to the program that draws the world is another world."""
    origin = Path(importlib.util.find_spec("course_lib.data.world").origin)
    files = sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest() + f" {SEED} {TRAIN} {TEST}"


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    """Sample i depends on (SEED, i) only, so each is drawn at the moment when it is written.

    Of the factors of a scene, those that every scene has become annotations, `factor.NAME`.
    """
    import torch

    from course_lib.data import world

    def everywhere(values: torch.Tensor) -> bool:
        return not (values.isnan() if values.is_floating_point() else values == -1).any()

    factors = []

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        drawn = world.render(SEED, torch.from_numpy(rows))
        values = drawn.pop("factors", {})
        if not factors:
            factors.extend(name for name in values if everywhere(values[name]))
        drawn |= {f"factor.{name}": values[name] for name in factors}
        return {name: np.asarray(tensor) for name, tensor in drawn.items()}

    return Samples(
        classes=list(world.CLASSES),
        digests=np.array([digest(f"world {SEED} {i}".encode()) for i in range(TRAIN + TEST)], dtype=np.uint64),
        splits=["train"] * TRAIN + ["test"] * TEST,
        fetch=fetch,
    )
