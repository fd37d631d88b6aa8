"""Shuffle and learn, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/shuffle_and_learn.py            --json for a program: `course bench` reads it

Of each clip every second frame is taken, all of them mirrored or none, each moved by up to two pixels (edges repeated).
Eight times five of them are chosen, those of eight draws between which most changes, and asked about as six triples. The
ways are told in `ways.py`.
"""

from ways import HALF, SIDE, Ways, main  # before torchvision, as it says itself

# isort: split
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as v2_functional

from course_lib.pretext.shuffle_and_learn import FRAMES, IN_ORDER, TRIPLES

QUESTIONS, CANDIDATES = 8, 8
FIVE = torch.combinations(torch.arange(FRAMES), 5)  # all a < b < c < d < e
BEGIN, END = FIVE[:, 1], FIVE[:, 3]
OF_A_FRAME = transforms.Compose([
    transforms.RandomCrop(SIDE, padding=2, padding_mode="edge"), transforms.ToTensor(), transforms.Normalize(HALF, HALF)
])  # fmt: skip
MOVED = v2.RandomCrop(SIDE, padding=2, padding_mode="edge")
TO_FLOAT = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF)])


def of_pil(clip: np.ndarray) -> tuple[Tensor, Tensor]:
    """Frames of a clip (uint8 16 x S x S x 3) as floats, 8 x 3 x S x S, and how much changes from each to the next, 7."""
    frames = [Image.fromarray(frame) for frame in clip[torch.randint(2, ()) :: 2]]
    grey = np.stack([np.asarray(frame.convert("L"), dtype=np.float32) for frame in frames])
    changes = np.abs(np.diff(grey, axis=0)).mean((1, 2))
    if torch.rand(()) < 0.5:
        frames = [frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for frame in frames]
    return torch.stack([OF_A_FRAME(frame) for frame in frames]), torch.from_numpy(changes)


def of_tensors(clips: Tensor) -> tuple[Tensor, Tensor]:
    """The same of clips uint8 … x 16 x 3 x S x S."""
    frames = clips[..., int(torch.randint(2, ())) :: 2, :, :, :]
    grey = v2_functional.rgb_to_grayscale(frames)[..., 0, :, :].float()
    changes = grey.diff(dim=-3).abs().mean((-2, -1))
    if torch.rand(()) < 0.5:
        frames = frames.flip(-1)
    return TO_FLOAT(torch.stack([MOVED(frame) for frame in frames.unbind(-4)], dim=-4)), changes


def hide(frames: Tensor, changes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames as they are, the triples asked about, … x 48 x 3, and whether each is in order, … x 48."""
    so_far = F.pad(changes.cumsum(-1), (1, 0))  # from the first frame until each
    pace = (so_far[..., END] - so_far[..., BEGIN]) / (END - BEGIN).to(changes.device)  # of every five there are
    drawn = torch.randint(len(FIVE), (QUESTIONS, CANDIDATES))
    fastest = pace[..., drawn].argmax(-1).cpu()
    triples = FIVE[drawn[torch.arange(QUESTIONS), fastest]][..., torch.tensor(TRIPLES)].flatten(-3, -2).to(frames.device)
    return frames, triples, torch.tensor(IN_ORDER, device=frames.device).repeat(QUESTIONS).expand(triples.shape[:-1])


WAYS = Ways(
    task="shuffle_and_learn",
    of_pil=of_pil,
    of_tensors=of_tensors,
    hide=hide,
    draws=True,
    joined=lambda frames, triples, hidden: ((frames, triples), hidden.flatten()),
    made_of=lambda clips: (clips.clips,),
    batch=16,
)

if __name__ == "__main__":
    main(WAYS, __doc__)
