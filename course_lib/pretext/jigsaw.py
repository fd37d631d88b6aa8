"""Jigsaw: nine tiles of a picture in disorder; which of K permutations was it? (Noroozi & Favaro 2016, arXiv:1603.09246)

One tower looks at each tile alone; a head sees all nine and names the permutation (section 3.1). Guessing gives 1/K, and
a network often stays there for a while, at a loss of ln K, before it finds out what to look for. Since the tower sees
tiles alone, one run of it serves several puzzles of the same tiles: only the head is asked anew.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.errors import CourseError
from course_lib.models import Backbone, initialise
from course_lib.plots.images import drawable
from course_lib.pretext import PretextTask, normalise, patches
from course_lib.pretext.patches import Grid

TILES = 9  # three by three, counted row by row from 0
MIDDLE = 4
SEES = ("all", "one")


def scramble(tiles: Tensor, index: Tensor, permutations: Tensor) -> Tensor:
    """Tiles N x 9 x …, each sample's by its own permutation (`index`, int64 N, of `permutations`, int64 K x 9).

    Place k of a sample then holds tile permutation[k]: the permutation says what lies where, not what goes where.
    """
    samples = torch.arange(len(tiles), device=tiles.device)[:, None]
    return tiles[samples, permutations[index]]


def unscramble(tiles: Tensor, index: Tensor, permutations: Tensor) -> Tensor:
    """Undo `scramble`: sorting a permutation gives its inverse."""
    return scramble(tiles, index, permutations.argsort(1))


def compose(tiles: Tensor, gap: int = 2, columns: int = 3) -> Tensor:
    """Tiles uint8 N x K x C x p x p laid out in rows of `columns`, `gap` white pixels between: uint8 N x C x H x W; of nine,
    H = W = 3p + 2 gap."""
    padded = F.pad(tiles, (0, gap, 0, gap), value=255).unflatten(1, (-1, columns))  # N x row x column x C x y x x
    whole = padded.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
    return whole[..., : whole.shape[-2] - gap, : whole.shape[-1] - gap]


class Jigsaw(PretextTask):
    """Classification of the permutation by which nine tiles were scrambled.

    Args:
        backbone: the tower; built for images of a tile's size, so that it does not shrink them away.
        rng: a CPU generator for the first weights of the head, and of the other towers if there are any.
        permutations: those that can occur, int64 K x 9; 24 that differ in as many places as possible unless given.
        grid: where tiles may lie, three by three; `patches.grid_for` the pictures unless given.
        rescale: cut from a random window of the picture, stretched to full size: no block of a JPEG file then lies where
            a tile begins.
        colours: what becomes of the colours of float tiles N x 9 x 3 x p x p, given a generator; None leaves them.
        standardise: each tile by itself at mean 0 and spread 1, so that light and contrast do not tell its neighbours
            (section 3.2).
        shared: one tower for all tiles; False gives each place one of its own, `backbone` being that of the first.
        puzzles: permutations asked about each window (at most as many as there are); more teach more in the same time.
        sees: "all", or "one": the audit, whose head gets the tile in the middle and zeros for the others. What it scores
            above 1/K, one tile tells alone.

    Raises:
        CourseError: what `permutations` holds are none, `grid` is not 3 x 3, or `sees` is unknown or needs one tower, or
            `puzzles` is none, or more than one where each place has a tower of its own.
    """

    def __init__(
        self,
        backbone: Backbone,
        rng: torch.Generator,
        permutations: Tensor | None = None,
        grid: Grid | None = None,
        rescale: bool = True,
        colours: Callable[[Tensor, torch.Generator], Tensor] | None = patches.projected_and_greyscaled,
        standardise: bool = True,
        shared: bool = True,
        puzzles: int = 8,
        sees: str = "all",
    ):
        super().__init__()
        permutations = patches.permutations(24) if permutations is None else permutations
        if permutations.shape[1:] != (TILES,) or (permutations.sort(1).values.cpu() != torch.arange(TILES)).any():
            raise CourseError(f"A permutation of nine tiles holds 0 to 8, each once; these are {permutations.tolist()[:3]} …")
        if grid is not None and grid.side != 3:
            raise CourseError(f"A jigsaw has 3 x 3 tiles, and this grid {grid.side} x {grid.side}; leave `side` at 3.")
        if sees not in SEES:
            raise CourseError(f"The head sees {' or '.join(SEES)} of the tiles, not {sees!r}; choose one of the two.")
        if sees == "one" and not shared:
            raise CourseError("One tile needs one tower; leave `shared` at True where the head sees one tile.")
        if puzzles < 1:
            raise CourseError(f"Each window makes one puzzle or more, not {puzzles}.")
        if puzzles > 1 and not shared:
            raise CourseError("A tower for each place sees other tiles in each puzzle: leave `puzzles` at 1 there.")
        self.register_buffer("permutations", permutations)
        self.grid, self.rescale, self.colours, self.standardise, self.sees = grid, rescale, colours, standardise, sees
        self.questions = min(puzzles, len(permutations))
        self.chance = 1 / len(permutations)
        towers = 1 if shared else TILES
        self.others = nn.ModuleList(initialise(copy.deepcopy(backbone), rng) for _ in range(towers - 1))
        last = backbone.widths[backbone.stage_names[-1]]
        self.fc6 = nn.ModuleList(nn.Linear(4 * last, 64) for _ in range(towers))  # the paper's name; of a map of 2 x 2
        self.head = nn.Sequential(
            nn.Linear(TILES * 64, 256), nn.BatchNorm1d(256), nn.ReLU(inplace=True), nn.Linear(256, len(permutations))
        )
        initialise(self.fc6, rng)
        initialise(self.head, rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """`visible`: scrambled tiles, N x 9 x 3 x p x p floats, and for each of M puzzles which of them lies at which place,
        int64 N x M x 9 (the first as they lie); `hidden`: N·M permutations, 0…K - 1, different ones for one window."""
        images = batch.images
        drawn = torch.rand(len(images), len(self.permutations), generator=rng, device=images.device)
        hidden = drawn.topk(self.questions, dim=1).indices
        orders = self.permutations.to(images.device)[hidden]
        first = orders[:, 0]
        tiles = scramble(self.cut(images, rng), hidden[:, 0], self.permutations.to(images.device))
        # Place k of a puzzle holds tile orders[k], and that tile lies where the first puzzle's order names it.
        places = first.argsort(1)[:, None].expand_as(orders).gather(2, orders)
        return (self.seen(tiles, rng), places), hidden.flatten()

    def puzzles(self, images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """One puzzle an image (uint8 N x 3 x S x S): scrambled tiles, uint8 N x 9 x 3 x p x p, and permutations, N."""
        hidden = torch.randint(0, len(self.permutations), (len(images),), generator=rng, device=images.device)
        return scramble(self.cut(images, rng), hidden, self.permutations.to(images.device)), hidden

    def cut(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """The tiles of one window of each image (uint8 N x 3 x S x S), in order: uint8 N x 9 x 3 x p x p."""
        return patches.window(images, rng, self.grid, self.rescale)

    def seen(self, tiles: Tensor, rng: torch.Generator) -> Tensor:
        """What the towers see of tiles uint8 N x 9 x 3 x p x p: float, same shape."""
        seen = normalise(tiles)
        if self.colours is not None:
            seen = self.colours(seen, rng)
        return patches.standardised(seen) if self.standardise else seen

    def predict(self, backbone: nn.Module, visible: tuple[Tensor, Tensor]) -> Tensor:
        """Logits, N·M x K: each tile alone through a tower and fc6, all nine of a puzzle side by side, then the head."""
        tiles, places = visible
        if self.others:
            each = zip([backbone, *self.others], self.fc6, tiles.split(1, dim=1), strict=True)
            vectors = torch.cat([self._vectors(*tower) for tower in each], dim=1)
        else:
            vectors = self._vectors(backbone, self.fc6[0], tiles)
        asked = vectors[torch.arange(len(tiles), device=tiles.device)[:, None, None], places]  # N x M x 9 x 64
        if self.sees == "one":
            middle = asked[:, :, MIDDLE : MIDDLE + 1]
            asked = F.pad(middle, (0, 0, MIDDLE, MIDDLE))
        return self.head(asked.flatten(0, 1).flatten(1))

    def name(self, backbone: nn.Module, tiles: Tensor, rng: torch.Generator) -> Tensor:
        """What a network says of scrambled tiles, uint8 N x 9 x 3 x p x p: logits N x K, one puzzle each."""
        as_they_lie = torch.arange(TILES, device=tiles.device).expand(len(tiles), 1, -1)
        return self.predict(backbone, (self.seen(tiles, rng), as_they_lie))

    def _vectors(self, tower: nn.Module, fc6: nn.Module, tiles: Tensor) -> Tensor:
        """Tiles N x P x 3 x p x p, each alone through one tower: N x P x 64."""
        return fc6(patches.vectors(tower, tiles))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy over the K permutations (section 3.2, eq. 2)."""
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: the share of permutations named correctly; guessing gives 1/K."""
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}

    def draw(self, batch: Batch, rng: torch.Generator):
        """A row an image: the picture, its tiles scrambled, and these as the network sees them."""
        from matplotlib.figure import Figure

        tiles, hidden = self.puzzles(batch.images, rng)
        shown = compose(tiles), compose(drawable(self.seen(tiles, rng)))
        figure = Figure(figsize=(5.4, 1.8 * len(tiles) + 0.3), layout="constrained")
        for row, answer, *pictures in zip(
            figure.subplots(len(tiles), 3, squeeze=False), hidden.tolist(), batch.images, *shown, strict=True
        ):
            titles = ("the picture", f"hidden: permutation {answer}", "what the network sees")
            for axis, picture, title in zip(row, pictures, titles, strict=True):
                axis.imshow(picture.permute(1, 2, 0).cpu().numpy())
                axis.set_axis_off()
                axis.set_title(title, fontsize=9, fontweight="normal", loc="center")
        return figure
