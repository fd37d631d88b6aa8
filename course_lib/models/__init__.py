"""Backbones: one file each, found by name and imported on demand.

A file `course_lib/models/X.py` that defines `build(width, image_size) -> Backbone` is the backbone `X`. Any
classification network of torchvision that is a chain of children is `torchvision:NAME`.
"""

import importlib
import pkgutil

import torch

from course_lib.errors import CourseError
from course_lib.models.backbone import Backbone, initialise

_NOT_BACKBONES = {"backbone", "torchvision_networks"}


def names() -> list[str]:
    """The names that `build_backbone` knows, beside `torchvision:NAME`."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_BACKBONES)


def build_backbone(
    name: str = "small", *, rng: torch.Generator, width: int = 16, image_size: int = 32, **options
) -> Backbone:
    """A freshly initialised backbone on the CPU.

    Args:
        name: one of `names()`, or `torchvision:NAME`.
        rng: a CPU generator; the same state gives the same weights, bit for bit.
        width: channels of the first stage (torchvision networks have widths of their own).
        image_size: the side of the images in pixels; above 48 the first stage halves the resolution.
        options: of this backbone alone, such as `blocks=4` of rotnet_nin.

    Raises:
        CourseError: the name is unknown, or the width is not a positive multiple of 8.
    """
    if width < 8 or width % 8:
        raise CourseError(f"A width of {width} channels was asked for; choose a multiple of 8, such as 16.")
    if name.startswith("torchvision:"):
        from course_lib.models import torchvision_networks

        backbone = torchvision_networks.build(name.removeprefix("torchvision:"))
    elif name in names():
        backbone = importlib.import_module(f"course_lib.models.{name}").build(width, image_size, **options)
    else:
        raise CourseError(f"There is no backbone called '{name}'; choose one of {', '.join(names())}, torchvision:NAME.")
    return initialise(backbone, rng)


__all__ = ["Backbone", "build_backbone", "initialise", "names"]
