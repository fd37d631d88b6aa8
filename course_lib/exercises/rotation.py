"""The exercises of 02_rotation."""

import torch

from course_lib.exercises import Exercise, Unsolved, Wrong
from course_lib.pretext.rotation import rotate


def check_rotate(function) -> None:
    """Random images of many shapes and types, each turned by 0 to 3 quarter turns, against the definition."""
    rng = torch.Generator().manual_seed(7)
    cases = [
        ((1, 3, 4, 4), torch.uint8), ((2, 3, 5, 5), torch.uint8), ((3, 1, 8, 8), torch.float32),
        ((3, 3, 3, 3), torch.float32), ((4, 2, 6, 6), torch.uint8), ((1, 1, 1, 1), torch.uint8),
    ]  # fmt: skip
    for number, (shape, dtype) in enumerate(cases, start=1):
        images = torch.randint(0, 256, shape, generator=rng).to(dtype)
        before = images.clone()
        for turns in (1, 2, 3, 0):
            turned = function(images, turns)
            where = f"case {number}, images {tuple(shape)} {str(dtype)[6:]}, {turns} quarter turns:"
            if turned is None or turned is Ellipsis:
                raise Unsolved
            if not isinstance(turned, torch.Tensor):
                raise Wrong(f"{where} expected a tensor, got {type(turned).__name__}.")
            if not torch.equal(images, before):
                raise Wrong(f"{where} the images that were handed in have changed; return new ones.")
            if turned.shape != images.shape:
                raise Wrong(f"{where} expected shape {tuple(shape)}, got {tuple(turned.shape)}.")
            if turned.dtype != dtype:
                raise Wrong(f"{where} expected {str(dtype)[6:]}, got {str(turned.dtype)[6:]}.")
            if not torch.equal(turned, rotate(images, turns)):
                corner = images[0, 0, 0, -1].item()
                raise Wrong(
                    f"{where} pixels are not where they belong. One anticlockwise turn takes the top right pixel "
                    f"(here {corner:g}) to the top left."
                )


EXERCISES = {
    "rotate": Exercise(
        check=check_rotate,
        reference=rotate,
        hints=(
            "Turn a small square of paper by hand. Where does its top row go?",
            "A quarter turn is two moves that you know: exchanging rows with columns, and reversing one of them.",
            "Height is axis 2 and width is axis 3 of a batch N x C x H x W; torch has a function that turns two given axes.",
        ),
        difficulty=1,
        importance=4,
        minutes=3,
    ),
}
