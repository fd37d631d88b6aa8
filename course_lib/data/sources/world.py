"""The embedded world: rendered by rule, the same for everyone, without a download."""

import hashlib
import importlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from course_lib.data.samples import Samples, digest

_HOME = Path(__file__).resolve().parents[1] / "world"  # importing it would import torch

# What follows "world:" -> the module in course_lib/data/world, its renderer and classes; samples to train on (val
# included) and to test on; how many are rendered at a time.
_PARTS = {
    "": ("scene", "render", "CLASSES", 10_000, 2_000, 1_024),
    "cells": ("cells", "render_cells", "CELL_CLASSES", 5_000, 1_000, 2_048),
    "clips": ("clips", "render_clips", "ACTIONS", 2_000, 400, 512),
    "sounds": ("sounds", "render_sounds", "INSTRUMENTS", 2_000, 400, 512),
}
_OWN = {"cells": ["cells"], "clips": ["clips", "figure"], "sounds": ["sounds", "instruments"]}  # files of one part alone
NAMES = ["world", *(f"world:{part}" for part in _PARTS if part)]
SEED = 0  # of the data set, not of a run: everyone sees the same world


def key(argument: str) -> str:
    """A change to the program that draws this part of the world is another world."""
    foreign = {name for part, names in _OWN.items() if part != argument for name in names}
    files = [file for file in sorted(_HOME.glob("*.py")) if file.stem not in foreign]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest() + f" {SEED} {_PARTS[argument]}"


def collect(argument: str, scratch: BinaryIO, progress: bool) -> Samples:
    """Sample i depends on (SEED, i) only, so each is drawn at the moment when it is written.

    Of the factors of a sample, those that every sample has become annotations, `factor.NAME`; `index` is i, by which a
    sample can be rendered again, changed.
    """
    import torch

    name, renderer, classes, train, test, rows = _PARTS[argument]
    module = importlib.import_module(f"course_lib.data.world.{name}")

    def everywhere(values: torch.Tensor) -> bool:
        return not (values.isnan() if values.is_floating_point() else values == -1).any()

    factors = []

    def fetch(rows: np.ndarray) -> dict[str, np.ndarray]:
        drawn = getattr(module, renderer)(SEED, torch.from_numpy(rows))
        values = drawn.pop("factors")
        if not factors:
            factors.extend(name for name in values if everywhere(values[name]))
        drawn |= {f"factor.{name}": values[name] for name in factors} | {"index": rows}
        return {name: _array(values) for name, values in drawn.items()}

    return Samples(
        classes=list(getattr(module, classes)),
        digests=np.array([digest(f"world {SEED} {i}".encode()) for i in range(train + test)], dtype=np.uint64),
        splits=["train"] * train + ["test"] * test,
        fetch=fetch,
        rows=rows,
        rate=getattr(module, "RATE", None),
    )


def _array(values) -> np.ndarray:
    """A tensor, or a list of sentences, as an array."""
    return np.array([text.encode() for text in values], dtype="S256") if isinstance(values, list) else np.asarray(values)
