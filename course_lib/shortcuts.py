"""Audits: could the network do its pretext task without looking at the picture?

An audit changes the data, never the augmentation: it injects one leak, or takes one away, and trains again.
"""

import dataclasses
import io

import torch
from torch import Tensor

from course_lib.data import Split
from course_lib.features import random_subset
from course_lib.pretext.rotation import rotate


def randomly_turned(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image (N x 3 x S x S) turned by a random number of quarter turns: afterwards nothing in it says what is up."""
    turns = torch.randint(0, 4, (len(images),), generator=rng)
    turned = images.clone()
    for quarter_turns in (1, 2, 3):
        chosen = (turns == quarter_turns).to(images.device)
        turned[chosen] = rotate(images[chosen], quarter_turns)
    return turned


def saved_as_jpeg(images: Tensor, quality: int = 75) -> Tensor:
    """Each image (uint8 N x 3 x H x W) compressed to JPEG (4:2:0, the usual colour subsampling) and read back."""
    import numpy as np
    from PIL import Image

    saved = torch.empty(images.shape, dtype=torch.uint8)
    for i, pixels in enumerate(images.permute(0, 2, 3, 1).contiguous().cpu().numpy()):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
        saved[i] = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)
    return saved.to(images.device)


def jpeg_audit(data: Split, rng: torch.Generator, size: int, quality: int = 75) -> dict[str, Split]:
    """Two copies of a sample of `data` in which the picture no longer says what is up.

    Every image is put at a random orientation first. `turned` stops there: a network that asks "by how much was this
    file turned?" can only guess. `turned and saved` compresses each to JPEG in its new orientation: whatever a network
    finds there beyond chance comes from the compression, not from the picture. `rng` is a CPU generator.
    """
    chosen = random_subset(data, size, rng)
    turned = randomly_turned(chosen.images, rng)
    return {
        "turned": dataclasses.replace(chosen, images=turned),
        "turned and saved": dataclasses.replace(chosen, images=saved_as_jpeg(turned, quality)),
    }
