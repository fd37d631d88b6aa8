"""Which pixels are being painted, and where they lie in the world that the camera sees."""

import math

import torch


class Window:
    """A rectangle of pixels in each of n pictures of size x size: the whole picture, or a part about a point.

    roll: cosine and sine (n x 1 x 1 each) of the camera's roll. centre: world coordinates of the part's middle,
    n x 1 x 1 each; extent: its width and height; it is moved inside the picture. Lengths are shares of the picture's
    side and y is up, from the picture's centre: `x` (n x 1 x W) and `y` (n x H x 1) in the picture's own frame,
    `world_x` and `world_y` (n x H x W) in the frame that stands upright.
    """

    def __init__(self, size, roll, centre=None, extent=(1.0, 1.0)):
        cos, sin = roll
        width, height = (min(size, math.ceil(length * size) + 2) for length in extent)
        if centre is None:
            width = height = size
            left = top = torch.zeros_like(cos, dtype=torch.int64)
        else:
            x, y = centre[0] * cos - centre[1] * sin, centre[1] * cos + centre[0] * sin
            left = torch.floor((x + 0.5) * size - width / 2).to(torch.int64).clamp(0, size - width)
            top = torch.floor((0.5 - y) * size - height / 2).to(torch.int64).clamp(0, size - height)
        self.size, self._left, self._top, self.roll = size, left, top, roll
        columns = torch.arange(width, device=cos.device) + left
        rows = torch.arange(height, device=cos.device)[:, None] + top
        self.x, self.y = (columns + 0.5) * (1 / size) - 0.5, 0.5 - (rows + 0.5) * (1 / size)
        self.world_x, self.world_y = self.x * cos + self.y * sin, self.y * cos - self.x * sin
        self._pixels = None if width == height == size else (rows * size + columns)[:, None]

    def cut(self, picture: torch.Tensor) -> torch.Tensor:
        """The window's part of a picture: n x C x S x S to n x C x H x W."""
        if self._pixels is None:
            return picture
        pixels = self._pixels.expand(-1, picture.shape[1], -1, -1)
        return picture.flatten(2).gather(2, pixels.flatten(2)).view(pixels.shape)

    def paste(self, part: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
        """The picture (changed in place) with the window's part put back."""
        if self._pixels is None:
            return picture.copy_(part)
        pixels = self._pixels.expand(-1, picture.shape[1], -1, -1)
        picture.view(*picture.shape[:2], -1).scatter_(2, pixels.flatten(2), part.flatten(2))
        return picture

    def look_up(self, part: torch.Tensor, world_x, world_y, outside: float) -> torch.Tensor:
        """What a map of this window (n x H x W) holds at the points given (n x S x S each), nearest pixel."""
        cos, sin = self.roll
        height, width = part.shape[1:]
        column = torch.floor((world_x * cos - world_y * sin + 0.5) * self.size).to(torch.int64) - self._left
        row = torch.floor((0.5 - world_y * cos - world_x * sin) * self.size).to(torch.int64) - self._top
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        pixels = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        return torch.where(inside, part.flatten(1).gather(1, pixels.flatten(1)).view(pixels.shape), outside)
