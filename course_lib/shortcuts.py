"""Audits: could the network do its pretext task without looking at the picture?

An audit changes the data, never the augmentation: it injects one leak, or takes one away, and asks again.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.data.camera import jpeg
from course_lib.features import random_subset
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
    red, green, blue = images[..., :height, :width].float().cpu().unbind(1)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    blocks = brightness.reshape(-1, height // 8, 8, width // 8, 8).permute(0, 1, 3, 2, 4)
    strength = torch.from_numpy(dctn(blocks.numpy(), axes=(-2, -1), norm="ortho")).abs()
    features = torch.cat([(strength + 0.5).log().mean((1, 2)), (strength < 1.5).float().mean((1, 2))], dim=1)
    return features.flatten(1)


def read_rotation_from_frequencies(train: Tensor, test: Tensor) -> float:
    """How often (0…1) a linear reader of `block_frequencies` names the angle of `test` images, each at all four.

    It is fitted to all four rotations of the `train` images; guessing gives 0.25.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    def seen(images: Tensor):  # rotation by rotation, so that only one turned copy exists at a time
        features = torch.cat([block_frequencies(rotate(images, turns)) for turns in range(4)])
        return features.numpy(), torch.arange(4).repeat_interleave(len(images)).numpy()

    reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, tol=1e-3))
    with threadpool_limits(1, user_api="blas"):  # small matrices: threads would only wait for one another
        return float(reader.fit(*seen(train)).score(*seen(test)))
