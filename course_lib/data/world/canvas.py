"""The painter: shapes laid over one another, smooth at their edges, each with a relief that light can fall on."""

import torch

_HALO = 0.07  # how far a halo reaches, in the shapes' units


class Canvas:
    """Paints shapes given by their signed distances over n transparent pictures.

    x, y: n x S x S coordinates of the pixels in the units of the shapes. pixel: n x 1 x 1, the size of a pixel in them.
    Pixels nearer to an outline than half a pixel are covered in part: that is all the anti-aliasing there is.
    `points` holds the keypoints that were marked: name -> (x, y), n x 1 x 1 each or numbers.
    """

    def __init__(self, x: torch.Tensor, y: torch.Tensor, pixel: torch.Tensor, texture: torch.Tensor):
        self.x, self.y, self.pixel, self.texture = x, y, pixel, texture
        n, height, width = x.shape
        # Channels, all multiplied by the coverage: red, green, blue, whether the colour is free (see `Palette`); the
        # surface normal to the right and up, the relief's height towards the viewer; coverage.
        self._layers = torch.zeros(n, 8, height, width, device=x.device)
        self.distance = torch.full_like(x, 10.0)
        self.points = {}

    @property
    def coverage(self) -> torch.Tensor:
        return self._layers[:, 7]

    def mark(self, **points) -> None:
        """Note where keypoints lie: name=(x, y)."""
        self.points |= points

    def hide(self, which: torch.Tensor) -> None:
        """Take everything off the pictures where `which` (bool n x 1 x 1) says so."""
        if which.any():
            self._layers *= (~which)[:, None]
            self.distance = torch.where(which, 10.0, self.distance)

    def paint(self, distance, colour, bevel=0.05, halo=0.0, relief=None):
        """Paint a shape over what is there.

        distance: n x S x S. colour: n x 4 x 1 x 1 or n x 4 x S x S (RGB in 0-1 and freedom, see `Palette`). bevel: how
        far from the outline the surface is curved; a disc with its radius as bevel is a ball, a limb likewise a rod;
        None is paint on the surface that is there. halo: strength of the soft dark rim that a part standing out leaves
        on those behind it. relief: the distance whose slope bends the surface, where that is not the outline's.
        """
        torch.minimum(self.distance, distance, out=self.distance)
        # The rest only around what changes in any of the pictures: rows and columns that the shape or its halo touches,
        # and one more on each side for the slopes.
        touched = distance.amin(0) < max(float(self.pixel.max()), _HALO if halo else 0)
        rows, columns = (touched.any(axis).nonzero() for axis in (1, 0))
        if not len(rows):
            return
        part = (..., *(slice(max(int(line[0]) - 1, 0), int(line[-1]) + 2) for line in (rows, columns)))
        layers, distance = self._layers[part], distance[part]
        cover = (0.5 - distance / self.pixel).clamp_(0, 1)
        if halo:
            layers[:, :3] *= (1 - halo * (1 - distance * (1 / _HALO)).clamp_(0, 1))[:, None]
        colour = colour[part] if colour.shape[-1] > 1 else colour
        uncovered = (1 - cover)[:, None]
        if bevel is None:
            layers[:, :4] *= uncovered
            layers[:, 7:] *= uncovered
        else:
            layers *= uncovered
            relief = distance if relief is None else relief[part]
            lean = (1 + relief / bevel).clamp_(0, 1)  # 0 where the surface faces the viewer, 1 where it turns away
            layers[:, 6] += cover * bevel * torch.sqrt(1 - lean * lean)
            tilt = lean * cover * (0.5 / self.pixel)
            layers[:, 4, :, 1:-1] += tilt[:, :, 1:-1] * (relief[:, :, 2:] - relief[:, :, :-2])
            layers[:, 5, 1:-1] += tilt[:, 1:-1] * (relief[:, :-2] - relief[:, 2:])
        layers[:, :4] += cover[:, None] * colour
        layers[:, 7] += cover

    def light(self, direction: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        """The lit colours, times the coverage: n x 3 x S x S.

        direction: n x 3 (right, up, to the viewer), unit length. strength: n x 1 x 1 in 0-1, the share of directed
        light. A surface that faces the viewer keeps its colour.
        """
        right, up, front = direction[:, :, None, None].unbind(1)
        n_right, n_up, n_front = self._normals()
        facing = (n_right * right + n_up * up + n_front * front).clamp_(min=0)
        gloss = (facing - 0.93).clamp_(min=0) * 2.0 * self.coverage
        shade = 1 + strength * (facing / front - 1).clamp_(-1, 0.45)
        return self._layers[:, :3] * shade[:, None] + (gloss * strength)[:, None]

    def _normals(self):
        n_right, n_up = (self._layers[:, channel] / (self.coverage + 1e-3) for channel in (4, 5))
        return n_right, n_up, torch.sqrt((1 - n_right * n_right - n_up * n_up).clamp_(0.02, 1))

    def surface(self) -> torch.Tensor:
        """What the painted surface is like, n x 4 x S x S: normal to the right and up, height towards the viewer in the
        shapes' units, and freedom of its colour."""
        n_right, n_up, _ = self._normals()
        whole = 1 / (self.coverage + 1e-3)
        return torch.stack([n_right, n_up, self._layers[:, 6] * whole, self._layers[:, 3] * whole], dim=1)


def over(below, colour, coverage):
    """Lay colours that are already multiplied by their coverage over a picture: n x 3 x S x S."""
    return below * (1 - coverage)[:, None] + colour
