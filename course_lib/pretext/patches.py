"""Cutting pictures into patches, hiding what would betray a patch's place, and choosing permutations.

Shared by the tasks that ask where a patch belongs (relative position, jigsaw) and by their audits. Patches are uint8 or
float tensors N x P x C x p x p: N samples, P patches each.
"""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.errors import CourseError

# The direction in which lateral chromatic aberration moves colours: green against magenta (Doersch et al. 2015, 3.1).
GREEN_MAGENTA = (-1.0, 2.0, -1.0)


@dataclass(frozen=True)
class Grid:
    """Where patches lie: `side` x `side` of them, row by row, in a window that may lie anywhere in the picture.

    Attributes:
        patch: a patch's side, in pixels.
        stride: from one cell's corner to the next one's; `stride` - `patch` pixels are the gap, so that lines do not
            simply run on from patch to patch.
        jitter: each patch is moved right and down by 0 to this many pixels, so that the grid cannot be counted out.
        random_origin: False puts the window into the middle of the picture. A patch's place in the window is then its
            place in the picture, and whoever sees one patch alone can tell much of it.
        align: cells begin at multiples of this many pixels of the picture; 8 and 16 are those of JPEG's blocks.
        side: cells along each axis.

    Raises:
        CourseError: the patches would have no pixels, overlap, or lie off the alignment.
    """

    patch: int = 18
    stride: int = 21
    jitter: int = 3
    random_origin: bool = True
    align: int = 1
    side: int = 3

    def __post_init__(self):
        if min(self.patch, self.side, self.align) < 1 or self.jitter < 0:
            raise CourseError(
                f"A grid needs patches, sides and alignments of one or more and no negative jitter; this is {self}."
            )
        if self.stride < self.patch:
            raise CourseError(f"Patches of {self.patch} pixels every {self.stride} pixels overlap; choose a larger stride.")
        if self.align > 1 and (self.stride % self.align or self.jitter):
            raise CourseError(
                f"Cells every {self.stride} pixels with {self.jitter} of jitter do not all begin at multiples of "
                f"{self.align}; choose a multiple for the stride, and no jitter."
            )

    @property
    def span(self) -> int:
        """The window's side, in pixels."""
        return (self.side - 1) * self.stride + self.patch + self.jitter

    def places(self, count: int, height: int, width: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """The upper and left edges of the patches of `count` pictures: int64, count x side².

        Raises:
            CourseError: the pictures are smaller than the window.
        """
        if min(height, width) < self.span:
            raise CourseError(
                f"A grid of {self.side} x {self.side} patches needs pictures of at least {self.span} pixels a side, and "
                f"these have {height} x {width}; choose smaller patches or larger pictures."
            )
        device, cells = rng.device, torch.arange(self.side, device=rng.device) * self.stride
        edges = []
        for side in (height, width):
            free = side - self.span
            origin = torch.full((count, 1), free // 2 // self.align * self.align, device=device)
            if self.random_origin:
                origin = torch.randint(0, free // self.align + 1, (count, 1), generator=rng, device=device) * self.align
            edges.append(origin + cells)
        down, across = edges
        top = down.repeat_interleave(self.side, dim=1)
        left = across.repeat(1, self.side)
        if self.jitter:
            moves = torch.randint(0, self.jitter + 1, (2, *top.shape), generator=rng, device=device)
            top, left = top + moves[0], left + moves[1]
        return top, left


def grid_for(size: int, **changes) -> Grid:
    """The course's grid for pictures of `size` x `size` pixels: 18 pixels every 21 on 64, and in proportion elsewhere.

    Raises:
        CourseError: the pictures are too small to hold nine patches of three pixels.
    """
    if size < 15:
        raise CourseError(f"Pictures of {size} pixels are too small to cut nine patches from; use pictures of 15 or more.")
    standard = {"patch": max(3, size * 18 // 64), "stride": max(4, size * 21 // 64), "jitter": size * 3 // 64}
    return Grid(**standard | changes)


def picked(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The pixels of each image (N x C x H x W) in its own rows and columns (int64 N x … x h, N x … x w): N x C x … x h x w.

    One place in the picture serves all its channels; an index for each of rows, columns and samples takes four times as long.
    """
    places = rows[..., :, None] * images.shape[-1] + columns[..., None, :]
    found = images.flatten(2).gather(2, places.flatten(1)[:, None].expand(-1, images.shape[1], -1))
    return found.unflatten(2, places.shape[1:])


def cut(images: Tensor, top: Tensor, left: Tensor, size: int) -> Tensor:
    """Patches of `size` x `size` pixels with the given corners (N x P): N x P x C x size x size, by one indexing call."""
    step = torch.arange(size, device=images.device)
    return picked(images, top[..., None] + step, left[..., None] + step).movedim(1, 2)


def cut_rescaled(images: Tensor, grid: Grid, rng: torch.Generator, smallest: float = 0.65, largest: float = 0.9) -> Tensor:
    """Random rescale-and-crop and cutting in one: the grid's patches of a random window of each image, stretched to full size.

    The window takes `smallest` to `largest` of the image's side. Stretching smears JPEG's blocks, whose phase would tell a
    patch's place. Only the pixels of the patches are computed. uint8 N x C x S x S in, N x P x C x p x p out.
    """
    count, _, height, width = images.shape
    top, left = grid.places(count, height, width, rng)
    scale, x, y = torch.rand(3, count, 1, generator=rng, device=images.device)
    scale = smallest + (largest - smallest) * scale
    step = torch.arange(grid.patch, device=images.device)

    def positions(edge: Tensor, side: int, shift: Tensor) -> Tensor:
        """Where the patches' rows or columns lie in the image, in grid_sample's -1…1: N x P x p."""
        places = (2 * (edge[..., None] + step) + 1) / side - 1
        return places * scale[..., None] + ((2 * shift - 1) * (1 - scale))[..., None]

    rows, columns = positions(top, height, y), positions(left, width, x)
    shape = (count, top.shape[1], grid.patch, grid.patch)
    where = torch.stack([columns[..., None, :].expand(shape), rows[..., None].expand(shape)], dim=-1)
    taken = F.grid_sample(images.float(), where.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=False)
    return taken.round_().to(torch.uint8).unflatten(2, (-1, grid.patch)).movedim(2, 1)


def window(images: Tensor, rng: torch.Generator, grid: Grid | None = None, rescale: bool = True) -> Tensor:
    """The patches of one window of each image (uint8 N x C x S x S): uint8 N x P x C x p x p; `grid_for` them unless given.

    rescale: from a random part of the image, stretched to full size; see `cut_rescaled`.
    """
    grid = grid or grid_for(min(images.shape[2:]))
    if rescale:
        return cut_rescaled(images, grid, rng)
    return cut(images, *grid.places(len(images), *images.shape[2:], rng), grid.patch)


def vectors(tower: nn.Module, patches: Tensor) -> Tensor:
    """Each patch (float N x P x C x p x p) through a tower, alone; its last map on a grid of 2 x 2: N x P x 4 width."""
    maps = tower(patches.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    return F.adaptive_avg_pool2d(maps, 2).flatten(1).unflatten(0, patches.shape[:2])


def brightness(images: Tensor) -> Tensor:
    """Luma of colour pictures, … x 3 x H x W to … x H x W, in their own unit (ITU-R BT.601, the one of JPEG)."""
    red, green, blue = images.unbind(-3)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def rescaled_window(images: Tensor, rng: torch.Generator) -> Tensor:
    """A random window of each image (65 to 90 % of its side) stretched to full size, mirrored half of the time.

    Bilinear, one draw of the window a sample. uint8 N x 3 x S x S in and out.
    """
    count = len(images)
    scale, x, y = torch.rand(3, count, generator=rng, device=images.device)
    scale = 0.65 + 0.25 * scale
    mirror = torch.randint(0, 2, (count,), generator=rng, device=images.device) * 2 - 1
    window = torch.zeros(count, 2, 3, device=images.device)
    window[:, 0, 0], window[:, 1, 1] = scale * mirror, scale
    window[:, 0, 2], window[:, 1, 2] = (2 * x - 1) * (1 - scale), (2 * y - 1) * (1 - scale)
    pieces = []
    for some, windows in zip(images.split(250), window.split(250), strict=True):  # a grid weighs more than its pictures
        grid = F.affine_grid(windows, list(some.shape), align_corners=False)
        stretched = F.grid_sample(some.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        pieces.append(stretched.round_().to(torch.uint8))
    return torch.cat(pieces)


def standardised(patches: Tensor, smallest_spread: float = 0.02) -> Tensor:
    """Each patch shifted and stretched to mean 0 and spread 1 over its channels and pixels: float, same shape.

    Light and contrast then no longer tell which patches lay side by side (Noroozi & Favaro 2016, section 3.2). A
    flat patch stays flat: a spread below `smallest_spread` (in the unit of the patches) counts as that much.
    """
    patches = patches.float()
    centred = patches - patches.mean((-3, -2, -1), keepdim=True)
    spread = centred.square().mean((-3, -2, -1), keepdim=True).sqrt()
    return centred / spread.clamp_min(smallest_spread)


def colour_dropped(patches: Tensor, rng: torch.Generator) -> Tensor:
    """Each patch (float N x P x 3 x p x p) with one channel left, chosen at random; the others become 0.

    With one channel nothing can be read from how far the colours lie apart (Doersch et al. 2015, section 3.1, "color
    dropping"; the paper puts a noise of a hundredth of the channel's spread where we put 0).
    """
    kept = torch.randint(0, 3, patches.shape[:2], generator=rng, device=patches.device)
    stays = torch.arange(3, device=patches.device) == kept[..., None]
    return patches * stays[..., None, None]


def projected(patches: Tensor) -> Tensor:
    """Colours without their green-magenta part: I - aᵀa / (a aᵀ) with a = (-1, 2, -1), on float … x 3 x p x p.

    The other remedy of Doersch et al. (2015, section 3.1): it costs a third of the colour, at every pixel the same third.
    """
    a = torch.tensor(GREEN_MAGENTA, device=patches.device)
    keep = torch.eye(3, device=patches.device) - torch.outer(a, a) / (a @ a)
    return torch.einsum("dc,...chw->...dhw", keep, patches)


def greyscaled(patches: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """A `share` (0…1) of the samples shown in grey, all patches of a sample alike: float N x P x 3 x p x p."""
    grey = brightness(patches)[:, :, None]
    chosen = torch.rand(len(patches), 1, 1, 1, 1, generator=rng, device=patches.device) < share
    return torch.where(chosen, grey, patches)


def projected_and_greyscaled(patches: Tensor, rng: torch.Generator) -> Tensor:
    """Colours without their green-magenta part, and two samples of three in grey: float N x P x 3 x p x p.

    The projection closes the leak of a lens at the price of a third of the colour; grey keeps one patch from betraying its
    place by its colour alone (Noroozi & Favaro 2016 show 30 % of their puzzles in grey, later code two thirds).
    """
    return greyscaled(projected(patches), 2 / 3, rng)


def permutations(count: int, tiles: int = 9, seed: int = 0) -> Tensor:
    """`count` permutations of `tiles` that differ in as many places as possible: int64, count x tiles.

    Greedy, as Noroozi & Favaro (2016, algorithm 1) choose them: each next one has the largest minimum Hamming distance
    from those chosen before (the first of equals, in an order that `seed` draws). With up to nine tiles all of the
    permutations are candidates; with more, a hundred thousand random ones.

    Raises:
        CourseError: fewer than two are asked for, or more than there are.
    """
    most = math.factorial(tiles)
    if not 2 <= count <= most:
        raise CourseError(
            f"{tiles} tiles have {most} permutations, and {count} were asked for; choose a number from 2 to {most}."
        )
    return torch.from_numpy(_farthest_first(count, tiles, seed).copy())


@functools.cache
def _farthest_first(count: int, tiles: int, seed: int) -> np.ndarray:
    """The permutations, once a process: every network that plays with them asks for the same."""
    draw = np.random.default_rng(seed)
    if tiles <= 9:
        candidates = np.array(list(itertools.permutations(range(tiles))), dtype=np.uint8)
        candidates = candidates[draw.permutation(len(candidates))].T.copy()  # a column a candidate: one place at a time
    else:
        candidates = draw.permuted(np.tile(np.arange(tiles, dtype=np.uint8)[:, None], (1, max(100_000, 4 * count))), axis=0)
    distance = np.full(candidates.shape[1], tiles + 1, dtype=np.uint8)  # from the nearest that is chosen
    chosen = np.empty((count, tiles), dtype=np.int64)
    for k in range(count):
        chosen[k] = candidates[:, distance.argmax()]
        differs = np.zeros_like(distance)
        for place, tile in enumerate(chosen[k]):
            differs += candidates[place] != tile
        np.minimum(distance, differs, out=distance)
    return chosen
