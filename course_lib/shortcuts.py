"""Audits: could the network do its pretext task without looking at the picture?

An audit changes the data, never the augmentation: it injects one leak, or takes one away, and asks again.
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch, Dataset, Split
from course_lib.data.camera import jpeg
from course_lib.data.spectrograms import BANDS, LOWEST
from course_lib.features import random_subset
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, normalise, patches
from course_lib.pretext.relative_position import QUERIES
from course_lib.pretext.rotation import rotate, rotate_each


def randomly_turned(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image (N x 3 x S x S) turned by a random number of quarter turns: afterwards nothing in it says what is up."""
    turns = torch.randint(0, 4, (len(images),), generator=rng)
    return rotate_each(images, turns)


def scramble_then_save(images: Tensor, save: Callable[[Tensor], Tensor], rng: torch.Generator) -> Tensor:
    """What `save` makes of the images, each first put at an orientation of its own that `rng` (on the CPU) draws.

    `save` takes a batch N x C x S x S and returns one; the order of the images stays.
    """
    return save(randomly_turned(images, rng))


def jpeg_audit(
    data: Split, rng: torch.Generator, size: int, quality: int = 75, scramble_then_save: Callable = scramble_then_save
) -> dict[str, Tensor]:
    """Two copies of `size` images of `data` in which the picture no longer says what is up: uint8 N x 3 x S x S.

    Every image is put at a random orientation first, the same in both copies. `scrambled` stops there: whoever is asked
    "by how much was this file turned?" can only guess. `scrambled and saved` compresses each to JPEG in its new
    orientation: whatever a reader finds there beyond chance comes from the compression, not from the picture.

    rng: a CPU generator. scramble_then_save: as the function here; a student's own, say.
    """
    images, copies = random_subset(data, size, rng).images, {}
    state = rng.get_state()
    for name, save in {"scrambled": lambda images: images, "scrambled and saved": partial(jpeg, quality=quality)}.items():
        rng.set_state(state)
        copies[name] = scramble_then_save(images, save, rng)
    return copies


def as_by_telephone(spectra: Tensor, rate: int = 16_000, highest: float = 4000.0) -> Tensor:
    """Spectrograms (uint8 N x 64 x T, the highest band first) without the bands above `highest` Hz: as of sounds that came
    from another source, saved at half the rate: duller, and otherwise the same."""
    from librosa import mel_frequencies

    centres = torch.from_numpy(mel_frequencies(n_mels=BANDS + 2, fmin=LOWEST, fmax=rate / 2)[1:-1]).flip(0)
    return torch.where((centres <= highest).to(spectra.device)[:, None], spectra, 0)


def block_frequencies(images: Tensor) -> Tensor:
    """What a reader sees who is blind to pictures: N x 128 numbers about the 8 x 8 blocks of brightness, over all blocks.

    For each of the 64 frequencies of the discrete cosine transform that JPEG uses (ITU-T T.81, annex A.3.3): the mean
    logarithm of its strength, and the share of blocks in which it has all but vanished, as rounding makes it. Images
    (uint8 N x 3 x H x W) are cut to a multiple of eight pixels from the top left, as a file's blocks are.
    """
    return torch.cat([_block_frequencies(some) for some in images.split(250)])  # a few at a time: each takes 40 x its bytes


def _block_frequencies(images: Tensor) -> Tensor:
    from scipy.fft import dctn

    height, width = (side // 8 * 8 for side in images.shape[-2:])
    brightness = patches.brightness(images[..., :height, :width].float().cpu())
    blocks = brightness.reshape(-1, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
    strength = torch.from_numpy(dctn(blocks.numpy(), axes=(-2, -1), norm="ortho")).abs()
    features = torch.cat([(strength + 0.5).log().mean((1, 2)), (strength < 1.5).float().mean((1, 2))], dim=1)
    return features.flatten(1)


def read_rotation_from_frequencies(train: Tensor, test: Tensor) -> float:
    """How often (0…1) a linear reader of `block_frequencies` names the angle of `test` images, each at all four.

    It is fitted to all four rotations of the `train` images; guessing gives 0.25.
    """
    def seen(images: Tensor):  # rotation by rotation, so that only one turned copy exists at a time
        features = torch.cat([block_frequencies(rotate(images, turns)) for turns in range(4)])
        return features.numpy(), torch.arange(4).repeat_interleave(len(images)).numpy()

    return linear_reader(seen(train), seen(test), max_iter=1000)


def linear_reader(train: tuple, test: tuple, **options) -> float:
    """The accuracy (0…1) on `test` of a logistic regression fitted to `train`; each is (features N x D, labels N)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    reader = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, **options))
    with threadpool_limits(1, user_api="blas"):  # small matrices: threads would only wait for one another
        return float(reader.fit(*train).score(*test))


def leaking(dataset: Dataset, leak: Callable[[Tensor], Tensor]) -> Dataset:
    """The same data set with `leak` in every picture: what a lens or a file does to images uint8 N x 3 x S x S.

    Labels and annotations stay. Whatever is trained and asked on both differs by the leak alone.
    """

    def changed(split: Split) -> Split:
        return dataclasses.replace(split, images=torch.cat([leak(some) for some in split.images.split(500)]))

    return dataclasses.replace(dataset, **{name: changed(getattr(dataset, name)) for name in ("train", "val", "test")})


# --- where in its picture does a patch lie? ---------------------------------------------------------------------------


def profiles(cut: Tensor) -> Tensor:
    """What a reader sees who is blind to what a patch shows: how large the steps are from each pixel to the next.

    For brightness, blue-luma and red-luma apart: the mean logarithm of the steps at each of the p - 1 column borders,
    and at each row border, their own mean taken off. JPEG keeps its blocks' borders as larger steps, 8 pixels apart in
    brightness and 16 in colours; where they fall inside a patch is the patch's place in that grid, and nothing else.

    cut: uint8 N x 3 x p x p, p two or more. Returns float32 N x 6 (p - 1).
    """
    cut = cut.float()
    brightness = patches.brightness(cut)
    planes = torch.stack([brightness, cut[:, 2] - brightness, cut[:, 0] - brightness], dim=1)
    steps = [(planes.diff(dim=axis).abs() + 0.5).log().mean(other) for axis, other in ((-1, -2), (-2, -1))]
    return torch.cat([step - step.mean(-1, keepdim=True) for step in steps], dim=-1).flatten(1)


def read_place_from_profiles(
    train: Tensor, test: Tensor, grid: patches.Grid, rng: torch.Generator, rescale: bool = False, questions: int = 6000
) -> float:
    """How often (0…1) a linear reader of `profiles` names which of eight cells one patch of a test picture comes from.

    It sees one patch, never a pair; guessing gives 1/8.

    Args:
        train, test: uint8 N x 3 x S x S.
        grid: where the cells lie.
        rng: a CPU generator.
        rescale: cut from a random window of each picture, stretched to full size.
        questions: how many patches of each it is asked about, at most.
    """
    def asked(images: Tensor):
        cut = patches.window(images.cpu(), rng, grid, rescale)
        cut, cell = cut[:, list(QUERIES)].flatten(0, 1), torch.arange(8).repeat(len(cut))
        chosen = torch.randperm(len(cut), generator=rng)[:questions]
        return profiles(cut[chosen]).numpy(), cell[chosen].numpy()

    return linear_reader(asked(train), asked(test), C=0.1, max_iter=200)


class AbsolutePosition(PretextTask):
    """Regression of a patch's place in its picture, from that patch alone: an audit, not a lesson.

    What it knows beyond the subject of the picture, a lens or a file has told it (Doersch et al. 2015, section 3.1).

    Args:
        backbone: built for images of the patch's size.
        rng: a CPU generator for the head's first weights.
        patch: its side, in pixels.
        colours: what becomes of the colours of float patches N x 1 x 3 x p x p, given a generator; None leaves them.
        lens: what a camera does to the pictures (uint8 N x 3 x S x S) before they are cut; None does nothing.
    """

    def __init__(
        self,
        backbone: Backbone,
        rng: torch.Generator,
        patch: int = 18,
        colours: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        lens: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.patch, self.colours, self.lens = patch, colours, lens
        numbers = 4 * backbone.widths[backbone.stage_names[-1]]
        self.head = nn.Sequential(nn.Linear(numbers, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True), nn.Linear(256, 2))
        initialise(self.head, rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: 4N x 3 x p x p floats, four patches an image at random places; `hidden`: 4N x 2, down and across,
        from -1 (upper, left edge) to 1."""
        images = batch.images if self.lens is None else self.lens(batch.images)
        free = torch.tensor([side - self.patch for side in images.shape[2:]], device=images.device)
        hidden = torch.rand(len(images), 4, 2, generator=rng, device=images.device)
        places = (hidden * (free + 1)).long().minimum(free)
        cut = normalise(patches.cut(images, places[..., 0], places[..., 1], self.patch))
        seen = patches.standardised(cut if self.colours is None else self.colours(cut, rng))
        return seen.flatten(0, 1).contiguous(memory_format=torch.channels_last), (2 * places / free - 1).flatten(0, 1)

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Places, 4N x 2."""
        return self.head(F.adaptive_avg_pool2d(backbone(visible), 2).flatten(1))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """The mean squared distance along each axis."""
        return F.mse_loss(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`r2`: the share of the places' variance that is explained; 0 for naming the middle every time, at most 1."""
        spread = hidden.var(0, unbiased=False).sum()
        return {"r2": 1 - ((prediction - hidden).square().mean(0).sum() / spread).item()}
