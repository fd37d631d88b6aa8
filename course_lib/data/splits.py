"""What `open_dataset` returns: a data set, its splits, and batches of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil
import torch
from torch import Tensor

from course_lib.data import cache

CONTENT = ("images", "clips", "sounds")  # what a sample may be made of; other arrays but `labels` are annotations


@dataclass
class Batch:
    """Some samples, raw as they are stored; what the data set lacks is None.

    Attributes:
        index: int64, n: the samples' places in their split.
        images: uint8, n x 3 x H x W, 0…255.
        clips: uint8, n x T x 3 x H x W, 0…255.
        sounds: int16, n x S.
        labels: int64, n; None unless asked for.
    """

    index: Tensor
    images: Tensor | None = None
    clips: Tensor | None = None
    sounds: Tensor | None = None
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.index)

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return Batch(**{name: None if value is None else value.to(device) for name, value in values.items()})


class Annotations(Mapping):
    """The annotations of some samples, each taken out when it is asked for: masks and depth weigh more than pictures.

    Args:
        whole: name -> tensor (N x …) or list (N).
        index: which of the N.
    """

    def __init__(self, whole: Mapping[str, Tensor | list], index):
        self._whole, self._index = whole, index

    def __getitem__(self, name: str) -> Tensor | list:
        return _rows(self._whole[name], self._index)

    def __iter__(self):
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


@dataclass
class Split:
    """One split of a data set. What it lacks is None.

    Attributes:
        labels: int64, N, on `device`.
        classes: names, in the order of the labels.
        images: uint8, N x 3 x H x W; on `device`, or memory-mapped on the CPU where that is too small. Writing into a
            memory-mapped tensor changes this process's copy only.
        clips: uint8, N x T x 3 x H x W.
        sounds: int16, N x S, `rate` samples a second.
        annotations: name -> tensor (N x …) or list (N), such as masks and boxes.
        device: where `batch` puts its result.
    """

    labels: Tensor
    classes: list[str]
    images: Tensor | None = None
    clips: Tensor | None = None
    sounds: Tensor | None = None
    rate: int | None = None
    annotations: Mapping[str, Tensor | list] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index, labels: bool = False) -> Batch:
        """The samples at `index` (int64 tensor on any device, or a list), on `self.device`, with labels if asked."""
        index = torch.as_tensor(index, dtype=torch.int64)
        names = [*CONTENT, "labels"] if labels else CONTENT
        values = {name: getattr(self, name) for name in names}
        return Batch(
            index.to(self.device),
            **{name: _rows(value, index).to(self.device) for name, value in values.items() if value is not None},
        )

    def subset(self, index) -> "Split":
        """A split of the samples at `index`: a slice (which copies nothing), an int64 tensor, a list, or a mask (bool N)."""
        values = {name: getattr(self, name) for name in [*CONTENT, "labels"]}
        return dataclasses.replace(
            self,
            **{name: _rows(value, index) for name, value in values.items() if value is not None},
            annotations=Annotations(self.annotations, index),
        )


def _rows(values: Tensor | list, index):
    if isinstance(index, slice):
        return values[index]
    index = torch.as_tensor(index)
    index = index.nonzero().flatten() if index.dtype == torch.bool else index.to(torch.int64)
    if not isinstance(values, Tensor):
        return [values[i] for i in index.tolist()]
    if index.dim() != 1:
        return values[index.to(values.device)]
    # Copies a sample at a time, where indexing copies its bytes one by one: nine times as fast for clips.
    return values.index_select(0, torch.where(index < 0, index + len(values), index).to(values.device))


@dataclass
class Dataset:
    """A data set, ready to train on.

    Attributes:
        name: what it was opened by, a path in it made absolute.
        train, val, test: its splits, disjoint.
        classes: names, in the order of the labels.
        fingerprint: 12 hexadecimal digits that identify the content: pixels, labels, classes and splits.
        size: the images' side in pixels; None without images.
        skipped: names of the files that could not be decoded.
    """

    name: str
    train: Split
    val: Split
    test: Split
    classes: list[str]
    fingerprint: str
    size: int | None
    skipped: list[str]


def assemble(manifest: dict, arrays: dict, device: torch.device | str) -> Dataset:
    """A `Dataset` over the arrays of a cache, which store train, val and test one behind the other."""
    device = torch.device(device)
    texts = {name: array for name, array in arrays.items() if array.dtype.kind == "S"}
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items() if name not in texts}
    if device.type != "cpu" and sum(tensor.nbytes for tensor in tensors.values()) < free_memory(device) / 4:
        tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    else:
        for array in arrays.values():
            cache.read_in_any_order(array)
    tensors["labels"] = tensors["labels"].to(device)
    splits, start = {}, 0
    for split, size in manifest["splits"].items():
        rows = {name: tensor[start : start + size] for name, tensor in tensors.items()}
        splits[split] = Split(
            labels=rows.pop("labels"),
            classes=manifest["classes"],
            **{name: rows.pop(name) for name in CONTENT if name in rows},
            annotations=rows | {name: _texts(array[start : start + size]) for name, array in texts.items()},
            rate=manifest["rate"],
            device=device,
        )
        start += size
    return Dataset(
        name=manifest["name"],
        **splits,
        classes=manifest["classes"],
        fingerprint=manifest["fingerprint"],
        size=tensors["images"].shape[-1] if "images" in tensors else None,
        skipped=manifest["skipped"],
    )


def _texts(array) -> list[str]:
    return [text.decode() for text in array.tolist()]


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available  # the CPU, and mps, which shares its memory
