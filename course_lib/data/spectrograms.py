"""Sounds as pictures: how much of which pitch is heard when.

A log-mel spectrogram has a row for each of 64 bands of pitch, spaced as the ear spaces them, and a column for each
hundredth of a second. It is made of a sound once; after that, it is a grey picture like others.
"""

import dataclasses
import functools

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from course_lib.data.splits import Dataset, Split
from course_lib.errors import CourseError

BANDS = 64  # from LOWEST Hz to half the rate
LOWEST = 60
WINDOW, HOP = 0.032, 0.01  # seconds
RANGE = 80.0  # decibels below the loudest of a sound: what is fainter is black

_known: WeakIdKeyDictionary = WeakIdKeyDictionary()  # sounds -> their spectrograms


def log_mel(sounds: Tensor, rate: int = 16_000) -> Tensor:
    """Log-mel spectrograms of sounds (int16 N x S, `rate` samples a second): uint8 N x 64 x 100·S/rate.

    The first row is the highest band. 255 is the loudest of a sound, 0 is 80 decibels below it or fainter; a sound of
    zeros is black.

    Raises:
        CourseError: these are no sounds in whole numbers of 16 bits, or they are shorter than a window of 32 ms.
    """
    if sounds.dtype != torch.int16 or sounds.dim() != 2:
        raise CourseError(
            f"A spectrogram is made of int16 sounds N x S, and these are {str(sounds.dtype)[6:]} of shape {tuple(sounds.shape)}; "
            "hand in the sounds as a data set stores them."
        )
    length, hop = round(WINDOW * rate), round(HOP * rate)
    if sounds.shape[1] < length:
        raise CourseError(f"A spectrogram needs {length} samples or more, and these sounds have {sounds.shape[1]}.")
    bands, window = _bands(length, rate, sounds.device)
    # No more than a window's half is added to the ends: the columns stand at 0, 10, 20 … ms.
    waves = torch.stft(sounds.float() / 32768, length, hop, window=window, pad_mode="constant", return_complex=True)
    power = bands @ (waves.real.square() + waves.imag.square())[..., : sounds.shape[1] // hop]
    loudest = power.amax((1, 2), keepdim=True)
    decibels = 10 * (power / loudest.clamp_min(1e-10)).clamp_min(1e-10).log10()
    heard = (255 * (1 + decibels / RANGE)).round().clamp_(0, 255) * (loudest > 0)
    return heard.to(torch.uint8).flip(1)


@functools.cache
def _bands(length: int, rate: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """librosa's mel filters (Slaney 1998), float32 64 x length/2+1, and the Hann window."""
    from librosa.filters import mel

    filters = mel(sr=rate, n_fft=length, n_mels=BANDS, fmin=LOWEST, fmax=rate / 2)
    return torch.from_numpy(filters).to(device), torch.hann_window(length, device=device)


def spectrograms_of(split: Split) -> Tensor:
    """The spectrograms of a split's sounds, as `log_mel` makes them: made once, kept as long as the sounds are.

    Raises:
        CourseError: the split has no sounds.
    """
    if split.sounds is None:
        raise CourseError("These samples have no sounds: choose 'world:sounds', or 'clips:PATH' with videos that have some.")
    if split.sounds not in _known:
        parts = [log_mel(some.to(split.device), split.rate) for some in split.sounds.split(256)]
        _known[split.sounds] = torch.cat(parts)
    return _known[split.sounds]


def spectrograms(dataset: Dataset) -> Dataset:
    """A data set's sounds as pictures, `images` uint8 N x 3 x 64 x T with three equal channels; labels and annotations stay.

    Whatever looks at pictures can then look at sounds: probes, neighbours, controls.
    """

    def pictures(split: Split) -> Split:
        grey = spectrograms_of(split)
        return dataclasses.replace(split, images=grey[:, None].expand(-1, 3, -1, -1), clips=None, sounds=None, rate=None)

    parts = {name: pictures(getattr(dataset, name)) for name in ("train", "val", "test")}
    return dataclasses.replace(dataset, **parts, size=BANDS)
