"""The exercises of 07_jigsaw."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.exercises import TYPES, Exercise, Trial, random_numbers
from course_lib.pretext.jigsaw import scramble

# --- the references -------------------------------------------------------------------------------------------------


def cut_tiles(images: Tensor) -> Tensor:
    """Pictures N x C x 3s x 3s as nine tiles each, row by row: N x 9 x C x s x s."""
    parts = images.unflatten(-1, (3, -1)).unflatten(-3, (3, -1))  # N x C x row x s x column x s
    return parts.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def standardise(tiles: Tensor) -> Tensor:
    """Each tile of N x 9 x C x s x s floats shifted to mean 0 and stretched to spread 1; flat tiles become zeros.

    The spread is the standard deviation over the tile's own channels and pixels. The type stays.
    """
    centred = tiles - tiles.mean((-3, -2, -1), keepdim=True)
    spread = centred.square().mean((-3, -2, -1), keepdim=True).sqrt()
    return centred / spread.clamp_min(1e-6)


def farthest(candidates: Tensor, chosen: Tensor) -> int:
    """The candidate (M x 9) whose distance to the nearest of the `chosen` (k x 9) is largest; the first of equals.

    The distance is Hamming's: the number of places in which two permutations differ.
    """
    distances = (candidates[:, None] != chosen).sum(2)  # M x k
    return int(distances.amin(1).argmax())


# --- the cases ------------------------------------------------------------------------------------------------------

def _described(what: str, values: Tensor) -> str:
    return f"{what} {tuple(values.shape)} {str(values.dtype)[6:]}"


def _pictures(rng: torch.Generator) -> Iterator[Tensor]:
    """Square pictures whose side three divides, of many shapes, types and layouts in memory."""
    shapes = [(2, 3, 2), (1, 3, 4), (4, 1, 3), (3, 3, 1), (9, 2, 5), (1, 1, 1), (3, 9, 3), (2, 3, 20)]
    for k, (count, channels, side) in enumerate([*shapes, *torch.randint(1, 8, (12, 3), generator=rng).tolist()]):
        pictures = random_numbers((count, channels, 3 * side, 3 * side), TYPES[k % 4], rng)
        yield pictures.contiguous(memory_format=torch.channels_last) if k % 2 else pictures


def _tiles(rng: torch.Generator, types: tuple[torch.dtype, ...] = TYPES) -> Iterator[Tensor]:
    """Tiles N x 9 x C x s x s of many shapes, types and layouts in memory."""
    shapes = [(2, 3, 4), (1, 3, 5), (4, 1, 3), (9, 3, 2), (17, 2, 3), (3, 9, 2), (2, 10, 3)]
    for k, (count, channels, side) in enumerate([*shapes, *torch.randint(1, 8, (12, 3), generator=rng).tolist()]):
        tiles = random_numbers((count, 9, channels, side + 1, side + 1), types[k % len(types)], rng)
        yield tiles.transpose(0, 1).contiguous().transpose(0, 1) if k % 3 == 1 else tiles


def _permutations(count: int, rng: torch.Generator) -> Tensor:
    return torch.rand(count, 9, generator=rng).argsort(1)


# --- the checks -----------------------------------------------------------------------------------------------------


def check_cut_tiles(function: Callable) -> None:
    """Random pictures of many shapes and types, against the definition."""
    trial = Trial(function)
    for pictures in _pictures(torch.Generator().manual_seed(7)):
        trial.case(_described("images", pictures))
        why = "Tile 0 is the upper left one, tile 1 stands right of it, tile 3 below it."
        trial.same("the tiles", trial.call(pictures), cut_tiles(pictures), why)


def check_scramble(function: Callable) -> None:
    """Random tiles of many shapes and types, numbers of permutations, and indices that repeat."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, tiles in enumerate(_tiles(rng)):
        permutations = _permutations(2 + 3 * (k % 5), rng)
        index = torch.randint(0, len(permutations), (len(tiles),), generator=rng)
        trial.case(f"{_described('tiles', tiles)}, {len(permutations)} permutations")
        scrambled = trial.call(tiles, index, permutations)
        why = "Place k of a sample holds the tile whose number stands at place k of its permutation."
        trial.same("the scrambled tiles", scrambled, scramble(tiles, index, permutations), why)


def check_standardise(function: Callable) -> None:
    """Random tiles of different light and contrast, some of them flat, against mean, spread and the tiles themselves."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, tiles in enumerate(_tiles(rng, (torch.float32, torch.float64))):
        each, colour = (len(tiles), 9, 1, 1, 1), (len(tiles), 9, tiles.shape[2], 1, 1)
        contrast = 0.2 + 2 * torch.rand(each, generator=rng, dtype=tiles.dtype)
        tiles = tiles * contrast + torch.randn(colour, generator=rng, dtype=tiles.dtype)
        varied = torch.ones(len(tiles), 9, dtype=tiles.dtype)
        if k % 2:
            tiles[:, k % 9], varied[:, k % 9] = 0.5, 0
        trial.case(_described("tiles", tiles) + f", tile {k % 9} of each sample flat" * (k % 2))
        result = trial.call(tiles)
        trial.tensor("the tiles", result, tiles.shape, tiles.dtype)
        finite = bool(result.isfinite().all())
        trial.expect(finite, "expected finite numbers, got some that are not; what is the spread of a flat tile?")
        # torch's own std divides by one number less, and some add a little to the spread: as good, but a little off 1.
        spread, margin = result.std((2, 3, 4), correction=0), 0.01 + 1 / tiles[0, 0].numel()
        for name, got, wanted, most in ("mean", result.mean((2, 3, 4)), 0 * varied, 1e-3), ("spread", spread, varied, margin):
            off = ((got - wanted).abs() > most).nonzero()
            if len(off):
                sample, tile = off[0].tolist()
                numbers = f"expected {wanted[sample, tile]:.0f}, got {got[sample, tile]:.4g}"
                trial.expect(False, f"{numbers} as the {name} of tile {tile} of sample {sample}, all its channels together.")
        expected, own = standardise(tiles), result / spread[:, :, None, None, None].clamp_min(1e-6)
        off = (~torch.isclose(own, expected, rtol=1e-4, atol=1e-4) & (varied[:, :, None, None, None] > 0)).nonzero()
        if len(off):
            place = tuple(off[0].tolist())
            numbers = f"expected about {expected[place].item():.4g} at {list(place)}, got {result[place].item():.4g}"
            trial.expect(False, f"{numbers}. A tile is shifted by one number and stretched by one number.")


def _choices(rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Candidates and chosen permutations: random ones, with ties, one of each, and chosen ones among the candidates."""
    sizes = [(5, 1), (1, 1), (40, 3), (200, 12), (9, 9), (3, 30)]
    for many, few in [*sizes, *torch.randint(1, 40, (20, 2), generator=rng).tolist()]:
        yield _permutations(many, rng), _permutations(few, rng)
    for many in (6, 15, 50):
        chosen = _permutations(4, rng)
        candidates = torch.cat([chosen, _permutations(many, rng)])
        yield candidates[torch.randperm(len(candidates), generator=rng)].T.contiguous().T, chosen
        yield chosen.roll(1, 0), chosen  # all at distance 0: the first
        yield candidates.repeat(2, 1), chosen  # each twice: the first


def check_farthest(function: Callable) -> None:
    """Random permutations, many and few, with ties."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for candidates, chosen in _choices(rng):
        trial.case(f"candidates {tuple(candidates.shape)} int64, chosen {tuple(chosen.shape)}")
        answer = trial.call(candidates, chosen)
        number = isinstance(answer, int) and not isinstance(answer, bool)
        if isinstance(answer, Tensor):
            number = answer.dim() == 0 and answer.dtype == torch.int64
        trial.expect(number, f"expected one whole number, got {type(answer).__name__}: {answer}.")
        nearest = (candidates[:, None] != chosen).sum(2).amin(1).tolist()
        best, answer = farthest(candidates, chosen), int(answer)
        trial.expect(0 <= answer < len(nearest), f"expected an index from 0 to {len(nearest) - 1}, got {answer}.")
        trial.expect(
            nearest[answer] == nearest[best],
            f"expected a candidate that differs from the nearest of the chosen in {nearest[best]} places, got number "
            f"{answer}, which differs from its nearest in {nearest[answer]}.",
        )
        trial.expect(answer == best, f"expected {best}, the first of those that are equally far, got {answer}.")


EXERCISES = {
    "cut_tiles": Exercise(
        check=check_cut_tiles,
        reference=cut_tiles,
        hints=(
            "Number the nine tiles on paper, row by row. Which rows and columns of the picture make up tile 5?",
            "A side of 3s pixels is three pieces of s pixels one behind the other: split the axis of rows into two axes, "
            "and that of columns likewise. You then have six axes.",
            "Put the six axes into the order N, piece of rows, piece of columns, C, row, column; then make one axis of nine "
            "out of the two that say which piece.",
        ),
        difficulty=3,
        importance=3,
        minutes=8,
    ),
    "scramble": Exercise(
        check=check_scramble,
        reference=scramble,
        hints=(
            "Take three tiles A, B, C and the permutation 2, 0, 1 by hand: place 0 gets the tile number 2. What lies where?",
            "The index picks a row of the permutations for each sample: N rows of nine numbers. Each number says which "
            "tile of the same sample is taken.",
            "Index two axes at once: the samples, as a column of N numbers, and the tiles, as N rows of nine.",
        ),
        difficulty=3,
        importance=4,
        minutes=6,
    ),
    "standardise": Exercise(
        check=check_standardise,
        reference=standardise,
        hints=(
            "Two tiles of a bright sky share their brightness, and would betray that they lay side by side. Which numbers "
            "may be computed from a tile without a look at the others?",
            "Mean and standard deviation of each tile are taken over three axes: channels, rows, columns. Keep these axes, "
            "with one entry each, so that they fit the tiles again.",
            "A flat tile has a spread of zero. Before you divide, make sure that no spread is smaller than some tiny number.",
        ),
        difficulty=2,
        importance=5,
        minutes=6,
    ),
    "farthest": Exercise(
        check=check_farthest,
        reference=farthest,
        hints=(
            "Write down two permutations of four tiles and count the places in which they differ. How far is a permutation "
            "from a set of several?",
            "Compare every candidate with every chosen one: a table of M rows and k columns of distances.",
            "In each row of the table the smallest distance counts. Then take the row in which that is largest; the first, "
            "if there are several.",
        ),
        difficulty=3,
        importance=3,
        minutes=8,
    ),
}
