"""What a camera and its file do to a picture: effects that leave traces, each off unless asked for.

They work on any batch of pictures (uint8, N x 3 x H x W), rendered or photographed, so that an audit can put a leak in.
"""

import io
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.errors import CourseError

SUBSAMPLINGS = ("4:2:0", "4:4:4")


def chromatic_aberration(images: Tensor, pixels: float, outward: tuple[float, float, float] = (1.0, 0.0, -1.0)) -> Tensor:
    """Colours focused at different sizes: at the corners red, green and blue lie `pixels` times `outward` further out.

    The lateral aberration of a lens, to first order: each channel is the picture scaled about its centre, the ends
    interpolated. A simple lens moves red out and blue in; one corrected for these two leaves green apart, `(0, -1, 0)`.
    A patch then tells where in the picture it was (Doersch et al. 2015, arXiv:1505.05192, 3.1: lenses of the second kind).
    """
    n, _, height, width = images.shape
    radius = (height**2 + width**2) ** 0.5 / 2
    channels = []
    for channel, share in enumerate(outward):
        picture = images[:, channel : channel + 1].float()
        if share:
            scale = 1 / (1 + pixels * share / radius)
            across, down = ((torch.arange(side, device=images.device) * 2 + 1) / side - 1 for side in (width, height))
            places = torch.stack(torch.meshgrid(across * scale, down * scale, indexing="xy"), dim=-1)
            picture = F.grid_sample(picture, places.expand(n, -1, -1, -1), padding_mode="border", align_corners=False)
        channels.append(picture)
    return torch.cat(channels, dim=1).round_().to(torch.uint8)


def vignetting(images: Tensor, strength: float) -> Tensor:
    """Darker towards the corners, where a share `strength` (0…1) of the light is lost; the centre keeps all."""
    height, width = images.shape[2:]
    down, across = ((torch.arange(side, device=images.device) * 2 + 1) / side - 1 for side in (height, width))
    falloff = 1 - strength * (down[:, None] ** 2 + across**2) / 2
    return (images * falloff).round_().to(torch.uint8)


def sensor_noise(images: Tensor, level: float, keys: Tensor) -> Tensor:
    """Gaussian noise of standard deviation `level` (in steps of 0…255); picture i's is drawn from `keys[i]` alone."""
    noise = torch.stack([torch.randn(images.shape[1:], generator=torch.Generator().manual_seed(k)) for k in keys.tolist()])
    return (images + noise.to(images.device) * level).round_().clamp_(0, 255).to(torch.uint8)


def jpeg(images: Tensor, quality: int = 75, subsampling: str = "4:2:0") -> Tensor:
    """Each picture compressed to JPEG at `quality` (1…95) and read back; colour kept at half resolution by 4:2:0."""
    import numpy as np
    from PIL import Image

    saved = torch.empty(images.shape, dtype=torch.uint8)
    for i, image in enumerate(images.cpu()):
        buffer = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(
            buffer, "JPEG", quality=quality, subsampling=subsampling
        )
        saved[i] = torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)
    return saved.to(images.device)


@dataclass(frozen=True)
class Camera:
    """A camera's effects in the order in which light meets them: lens, sensor, file. All are off by default.

    Attributes:
        aberration: pixels by which red and blue lie apart from green in the corners, either way.
        vignetting: share of the light lost in the corners, 0…1.
        noise: standard deviation of the sensor's noise, in steps of 0…255.
        jpeg: quality of the file, 1…95; None saves nothing.
        subsampling: of the file's colours, "4:2:0" or "4:4:4".

    Raises:
        CourseError: one of them is out of range.
    """

    aberration: float = 0.0
    vignetting: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    subsampling: str = "4:2:0"

    def __post_init__(self):
        for name, value, low, high in (
            ("aberration", self.aberration, -16, 16), ("vignetting", self.vignetting, 0, 1),
            ("noise", self.noise, 0, 128), ("jpeg", 75 if self.jpeg is None else self.jpeg, 1, 95),
        ):  # fmt: skip
            if not low <= value <= high:
                raise CourseError(f"A camera's {name} must lie between {low} and {high}, and {value} does not.")
        if self.subsampling not in SUBSAMPLINGS:
            raise CourseError(f"There is no subsampling '{self.subsampling}'; choose {' or '.join(SUBSAMPLINGS)}.")

    def photograph(self, images: Tensor, keys: Tensor | None = None) -> Tensor:
        """The pictures (uint8 N x 3 x H x W) as this camera saves them.

        keys: int64 N, from which each picture's noise is drawn; by default its place in the batch.
        """
        if self.aberration:
            images = chromatic_aberration(images, self.aberration)
        if self.vignetting:
            images = vignetting(images, self.vignetting)
        if self.noise:
            images = sensor_noise(images, self.noise, torch.arange(len(images)) if keys is None else keys)
        if self.jpeg is not None:
            images = jpeg(images, self.jpeg, self.subsampling)
        return images
