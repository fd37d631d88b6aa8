"""One photo of the user's own, by path or by its bytes."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data.sources.folder import SMALLEST, decode
from course_lib.errors import CourseError

BYTES_LIMIT = 32 * 10**6


def read_photo(source: str | Path | bytes, size: int, name: str = "the upload") -> Tensor:
    """The centre square of a photo, upright, `size` pixels a side: uint8 3 x size x size.

    Args:
        source: a path, or the file's content.
        size: in pixels; a smaller photo is enlarged.
        name: of an upload, for messages.

    Raises:
        CourseError: there is no such file; it is no image, too large, or has fewer than 16 pixels a side.
    """
    if not isinstance(source, bytes):
        path = Path(source).expanduser()
        name = path.name or str(source)
        try:
            with open(path, "rb") as file:
                source = file.read(BYTES_LIMIT + 1)
        except (OSError, ValueError) as error:
            raise CourseError(f"There is no photo to read at {path}; give the path of an image file.") from error
    if len(source) > BYTES_LIMIT:
        raise CourseError(f"{name} has more than {BYTES_LIMIT // 10**6} MB; save the photo smaller and try again.")
    pixels = decode(name, source)
    if pixels is None:
        raise CourseError(f"{name} is not an image that can be read; give a JPEG, PNG, WebP, GIF, BMP or TIFF file.")
    side = round((len(pixels) / 3) ** 0.5)
    if side < SMALLEST:
        raise CourseError(f"{name} has {side} pixels along its short side, and at least {SMALLEST} are needed.")
    photo = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(side, side, 3).permute(2, 0, 1)
    if side != size:
        photo = F.interpolate(photo[None].float(), (size, size), mode="bicubic", antialias=True, align_corners=False)
        photo = photo[0].round().clamp(0, 255).to(torch.uint8)
    return photo.contiguous()
