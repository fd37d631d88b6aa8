"""Single frames of clips, as pictures: what probes, neighbours and supervised controls are asked about."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from course_lib.data.splits import Dataset, Split
from course_lib.errors import CourseError


def frames(dataset: Dataset, count: int, label: str | None = None) -> Dataset:
    """A data set of `count` frames of each clip, spread evenly over it, one behind the other.

    Annotations N x T x …, with an entry a frame, give that of the frame, others that of its clip; `clip` is its number in the
    split. With `label`, the annotation of that name (whole numbers from 0) takes the classes' place.

    Raises:
        CourseError: the data has no clips, fewer frames than asked for, or no such annotation.
    """
    if dataset.train.clips is None:
        raise CourseError(f"{dataset.name} has no clips; choose a data set that has, such as 'world:clips'.")
    length = dataset.train.clips.shape[1]
    if not 1 <= count <= length:
        raise CourseError(f"A clip has {length} frames, and {count} of each were asked for: ask for 1 to {length}.")
    if label is not None and label not in dataset.train.annotations:
        raise CourseError(f"{dataset.name} does not know the {label} of its clips; leave `label` out.")
    moments = ((torch.arange(count) + 0.5) * length / count).long()
    splits = {name: _frames(getattr(dataset, name), moments, label) for name in ("train", "val", "test")}
    classes = dataset.classes
    if label is not None:
        classes = [str(k) for k in range(int(max(split.labels.max() for split in splits.values())) + 1)]
        splits = {name: dataclasses.replace(split, classes=classes) for name, split in splits.items()}
    return dataclasses.replace(dataset, **splits, classes=classes, size=dataset.train.clips.shape[-1])


class _OfFrames(Mapping):
    """The annotations of chosen frames, each taken out when it is asked for: masks weigh more than pictures."""

    def __init__(self, split: Split, moments: Tensor):
        self._split, self._moments, self._length = split, moments, split.clips.shape[1]
        self._names = [name for name in split.annotations if name != "flow"] + ["clip"]  # flow lies between frames

    def __getitem__(self, name: str) -> Tensor | list:
        if name not in self._names:
            raise KeyError(name)
        return self.each(torch.arange(len(self._split)) if name == "clip" else self._split.annotations[name])

    def __iter__(self):
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def each(self, values: Tensor | list) -> Tensor | list:
        """Of values for every frame those of the chosen ones, of values for every clip one for each chosen frame."""
        if isinstance(values, list):
            return [value for value in values for _ in self._moments]
        if values.dim() > 2 and values.shape[1] == self._length:  # N x T x …; N x 8 may be eight classes
            return values[:, self._moments.to(values.device)].flatten(0, 1)
        return values.repeat_interleave(len(self._moments), 0)


def _frames(split: Split, moments: Tensor, label: str | None) -> Split:
    found = _OfFrames(split, moments)
    labels = found.each(split.labels) if label is None else found[label].long().to(split.labels.device)
    return dataclasses.replace(
        split, labels=labels, images=found.each(split.clips), clips=None, sounds=None, rate=None, annotations=found
    )
