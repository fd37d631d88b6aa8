"""What a network that looks and listens knows: where the sound comes from, which sound goes with which picture.

Where an instrument sounds beside a silent one is known in the sounding clips of the world only.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data import Split
from course_lib.data.spectrograms import spectrograms_of
from course_lib.errors import CourseError
from course_lib.features import frozen
from course_lib.models import Backbone
from course_lib.pretext import normalise
from course_lib.pretext.audio_visual import AudioVisual, around, three_channels


def class_ceiling(split: Split) -> float:
    """The balanced accuracy of correspondence for one who knows which instruments are seen and which is heard, and nothing else.

    Such a reader says yes whenever what is heard is among what is seen. Pairs from one clip all get their yes; of the pairs
    from two clips some do, too, because both hold the same instrument.

    Raises:
        CourseError: nobody knows what is seen in these clips.
    """
    fooled = fits(split)
    return 1 - fooled[~torch.eye(len(split), dtype=torch.bool)].mean().item() / 2


def fits(split: Split) -> Tensor:
    """Whether the instrument that is heard in clip j is seen in clip i, and be it silent there: float32 N x N, 0 or 1.

    Raises:
        CourseError: nobody knows what is seen in these clips.
    """
    return _known(split, "present").cpu()[:, split.labels.cpu()].float()


def choices(asked: Tensor, among: Tensor, kinds: Tensor, rng: torch.Generator, count: int = 4) -> Tensor:
    """For a game: each clip of `asked` and, from `among`, others of other kinds, all of different ones, in a random order.

    Args:
        asked, among: numbers of clips, int64.
        kinds: what each clip is taken to be, int64 N; its own number where nobody knows.
        rng: a CPU generator.

    Returns:
        int64 len(asked) x `count`, or less where there are fewer kinds.
    """
    rows = []
    for clip in asked.tolist():
        row = [clip]
        for other in among[torch.randperm(len(among), generator=rng)].tolist():
            if len(row) < count and kinds[other] not in kinds[row]:
                row.append(other)
        rows.append(row)
    fewest = min(map(len, rows))
    return torch.stack([torch.tensor(row[:fewest])[torch.randperm(fewest, generator=rng)] for row in rows])


def pairs(split: Split) -> Split:
    """The clips with two instruments.

    Raises:
        CourseError: nobody knows what is seen in these clips.
    """
    return split.subset(_known(split, "present").sum(1) == 2)


def motion(films: Tensor) -> Tensor:
    """How much each spot changes from frame to frame: of uint8 N x T x 3 x S x S, float32 N x T-1 x S x S, 0…255."""
    return films.float().diff(dim=1).abs().mean(2)


def hits(values: Tensor, split: Split) -> Tensor:
    """In which clips (bool N) the instrument that is heard has a higher mean of `values` than the silent one.

    Args:
        values: N x K x h x w, for K frames or steps between frames; averaged over time.
        split: N clips with two instruments each. An instrument is wherever it ever is in its clip.
    """
    over_time = values.mean(1).float().cpu()
    heard, silent = (
        _inside(over_time, _known(split, name).any(1).float().cpu()) for name in ("masks", "silent_masks")
    )
    return heard > silent


def _inside(values: Tensor, masks: Tensor) -> Tensor:
    """The mean of each of N maps (h x w) inside its mask (S x S, 0…1): N."""
    values = F.interpolate(values[:, None], size=masks.shape[-2:], mode="bilinear")[:, 0]
    return (values * masks).sum((1, 2)) / masks.sum((1, 2)).clamp(min=1)


def heat(backbone: Backbone, task: AudioVisual, split: Split, batch_size: int = 32) -> Tensor:
    """`task.heat` of every clip, on the CPU: float32 N x T x h x w, 0…1. The network stays frozen."""
    spectra = spectrograms_of(split)
    with frozen(backbone), frozen(task):
        return torch.cat([
            task.heat(backbone, split.batch(some).clips, spectra[some].to(split.device)).cpu()
            for some in torch.arange(len(split)).split(batch_size)
        ])  # fmt: skip


def embedded(backbone: Backbone, task: AudioVisual, split: Split, moment: int | None = None) -> tuple[Tensor, Tensor]:
    """The vectors of each clip's frame at `moment` (the middle one unless given) and of the sound about it: N x 128 twice, on
    the CPU. The network stays frozen."""
    length, spectra = split.clips.shape[1], spectrograms_of(split)
    moment = length // 2 if moment is None else moment
    rows = []
    with frozen(backbone), frozen(task):
        for some in torch.arange(len(split)).split(64):
            at = torch.full((len(some), 1), moment, device=split.device)
            heard = around(spectra[some].to(split.device), at, length)
            seen = task.seen(backbone, normalise(split.batch(some).clips[:, moment]))
            rows.append((seen.cpu(), task.heard(three_channels(heard)).cpu()))
    seen, heard = (torch.cat(part) for part in zip(*rows, strict=True))
    return seen, heard


def _known(split: Split, name: str) -> Tensor:
    if name not in split.annotations:
        raise CourseError(
            f"Which instruments are seen is known in the data set 'world:sounds' only; these clips have no '{name}'."
        )
    return split.annotations[name]
