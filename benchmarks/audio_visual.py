"""Audio-visual correspondence, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/audio_visual.py            --json for a program: `course bench` reads it

Of each clip one frame is taken, mirrored half of the time, moved by up to two pixels (edges repeated), in grey two times of
three; and of the spectrogram, which is made beforehand, half a second about it. In a batch each frame is asked about the
sounds of all. The ways are told in `ways.py`.
"""

from ways import HALF, SIDE, Ways, main  # before torchvision, as it says itself

# isort: split
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2

from course_lib.data.spectrograms import spectrograms_of
from course_lib.pretext.audio_visual import LISTEN

OF_PIL = transforms.Compose([
    transforms.RandomHorizontalFlip(), transforms.RandomCrop(SIDE, padding=2, padding_mode="edge"),
    transforms.RandomGrayscale(2 / 3), transforms.ToTensor(), transforms.Normalize(HALF, HALF),
])  # fmt: skip
OF_TENSORS = v2.Compose([
    v2.RandomHorizontalFlip(), v2.RandomCrop(SIDE, padding=2, padding_mode="edge"), v2.RandomGrayscale(2 / 3),
    v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF),
])  # fmt: skip


def of_pil(clip: np.ndarray, spectrum: np.ndarray) -> tuple[Tensor, Tensor]:
    """A frame of a clip (uint8 T x S x S x 3), 3 x S x S, and what is heard about it (uint8 64 x columns), 64 x 50; floats."""
    moment = int(torch.randint(len(clip), ()))
    return OF_PIL(Image.fromarray(clip[moment])), heard(torch.from_numpy(spectrum), moment, len(clip))


def of_tensors(clips: Tensor, spectra: Tensor) -> tuple[Tensor, Tensor]:
    """The same of clips uint8 … x T x 3 x S x S and their spectrograms."""
    length = clips.shape[-4]
    moment = int(torch.randint(length, ()))
    return OF_TENSORS(clips[..., moment, :, :, :]), heard(spectra, moment, length)


def heard(spectra: Tensor, moment: int, length: int) -> Tensor:
    """Half a second about the moment of one of `length` frames, floats in -1…1."""
    total = spectra.shape[-1]
    begin = min(max(round((moment + 0.5) / length * total) - LISTEN // 2, 0), total - LISTEN)
    return spectra[..., begin : begin + LISTEN].float() / 127.5 - 1


def joined(frames: Tensor, spectra: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Frames and spectrograms, each N x 3 x height x width, and which belong together: N x N, 1 or 0."""
    pictures = spectra[:, None].expand(-1, 3, -1, -1)
    seen = tuple(part.contiguous(memory_format=torch.channels_last) for part in (frames, pictures))
    return seen, torch.eye(len(frames), dtype=torch.int64, device=frames.device)


WAYS = Ways(
    task="audio_visual",
    of_pil=of_pil,
    of_tensors=of_tensors,
    hide=lambda frame, sound: (frame, sound),  # which sound belongs to which frame is known once there are several
    draws=False,
    joined=joined,
    made_of=lambda clips: (clips.clips, spectrograms_of(clips)),
)

if __name__ == "__main__":
    main(WAYS, __doc__)
