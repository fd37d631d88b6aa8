"""The exercises of 03_relative_position."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.exercises import Exercise, Trial
from course_lib.pretext import patches

# --- the references -------------------------------------------------------------------------------------------------


def random_window(count: int, height: int, width: int, patch: int, stride: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """The upper and the left edges of nine patches, row by row, of a window that lies anywhere: int64, count x 9 each."""
    grid = patches.Grid(patch, stride, jitter=0)
    return grid.places(count, height, width, rng)


def drop_colours(cut: Tensor, rng: torch.Generator) -> Tensor:
    """Each patch (float N x P x 3 x p x p) with one channel left, which `rng` draws; the others become 0."""
    return patches.colour_dropped(cut, rng)


def block_borders(edges: Tensor, size: int, block: int) -> Tensor:
    """Where borders of a file's blocks fall inside patches: bool N x P x (size - 1).

    `edges` (int64 N x P) are the left edges of patches of `size` pixels; entry k says whether a block of the picture
    ends between the patch's pixels k and k + 1. Blocks are `block` pixels wide and the first begins at pixel 0.
    """
    return (edges[..., None] + torch.arange(1, size, device=edges.device)) % block == 0


# --- the checks -----------------------------------------------------------------------------------------------------


def _small(rows: int, columns: int, rng: torch.Generator) -> list[list[int]]:
    """Rows of random numbers from 1 to 6."""
    return torch.randint(1, 7, (rows, columns), generator=rng).tolist()


def _pictures(rng: torch.Generator) -> Iterator[tuple[str, Tensor, Tensor, Tensor, int]]:
    """Pictures of many shapes and types, with edges of patches and their size, and words that describe them."""
    shapes = [
        (2, 3, 8, 8, 5, 4), (1, 1, 5, 7, 1, 2), (3, 3, 9, 6, 9, 4), (4, 2, 6, 6, 2, 6), (1, 3, 4, 4, 3, 1),
        (2, 3, 64, 48, 9, 18), (10, 1, 6, 6, 2, 3), (2, 2, 2, 5, 3, 2),
        (5, 1, 3, 11, 2, 3), *((n, c, h + 4, w + 4, p, 3) for n, c, h, w, p in _small(8, 5, rng)),
    ]  # fmt: skip
    types = torch.uint8, torch.float32, torch.uint8, torch.float64
    for k, (n, c, height, width, p, size) in enumerate(shapes):
        images = torch.randint(0, 256, (n, c, height, width), generator=rng).to(types[k % 4])
        if k % 2:
            images = images.contiguous(memory_format=torch.channels_last)
        top = torch.randint(0, height - size + 1, (n, p), generator=rng)
        left = torch.randint(0, width - size + 1, (n, p), generator=rng)
        words = f"images {tuple(images.shape)} {str(images.dtype)[6:]}, {p} patch{'es' * (p > 1)} of {size} x {size} from each"
        yield words, images, top, left, size


def check_cut_patches(function: Callable) -> None:
    """Pictures of many shapes, patches at random places, against slices."""
    trial = Trial(function)
    for words, images, top, left, size in _pictures(torch.Generator().manual_seed(7)):
        trial.case(words)
        expected = torch.stack([
            torch.stack([image[:, t : t + size, e : e + size] for t, e in zip(tops.tolist(), edges.tolist(), strict=True)])
            for image, tops, edges in zip(images, top, left, strict=True)
        ])  # fmt: skip
        got = trial.call(images, top, left, size)
        trial.same("the patches", got, expected, "Patch p of image n begins at row top[n, p] and column left[n, p].")


def check_random_window(function: Callable) -> None:
    """Windows in pictures of many shapes: inside, row by row, everywhere equally often, and drawn by `rng` alone."""
    trial, rng = Trial(function), torch.Generator().manual_seed(8)
    for count, height, width, patch, stride in (
        (3, 20, 20, 5, 6), (2, 16, 30, 4, 4), (1, 64, 64, 18, 21), (4, 12, 12, 2, 5), (5, 9, 40, 3, 3), (2, 33, 17, 5, 5),
    ):  # fmt: skip
        span = 2 * stride + patch
        trial.case(f"images of {height} x {width}, patches of {patch} every {stride} pixels, {count} windows")
        answer = trial.call(count, height, width, patch, stride, rng)
        trial.pair(answer, "the upper and the left edges")
        for what, edges, side in zip(("the upper edges", "the left edges"), answer, (height, width), strict=True):
            trial.tensor(what, edges, (count, 9), torch.int64)
            inside = bool((edges >= 0).all() and (edges + patch <= side).all())
            trial.expect(inside, f"expected {what} so that all patches lie inside, got {edges.min()} to {edges.max()}.")
        steps = torch.arange(3) * stride
        down, across = steps.repeat_interleave(3), steps.repeat(3)
        for what, edges, step in (("the upper edges", answer[0], down), ("the left edges", answer[1], across)):
            got, expected = (edges[0] - edges[0, 0]).tolist(), step.tolist()
            right = bool((edges - edges[:, :1] == step).all())
            trial.expect(right, f"expected {what}, counted from the window's, to be {expected}, row by row; got {got}.")
        many = trial.call(1500, height, width, patch, stride, rng)
        places = [
            (what, edges[:, 0], side - span + 1) for what, edges, side in (("upper", many[0], height), ("left", many[1], width))
        ]
        for what, edge, choices in places:
            seen = edge.bincount(minlength=choices)
            often = f"from {seen.min()} to {seen.max()} times"
            expected = 1500 / choices
            # Five standard deviations and a half: right answers leave it about once in a million edges.
            even = bool(((seen - expected).abs() <= 5.5 * expected**0.5 + 1).all()) and len(seen) == choices
            trial.expect(even, f"expected each of the {choices} {what} edges about {expected:.0f} times in 1500, got {often}.")
        few = [trial.call(3, height, width, patch, stride, rng) for _ in range(30)]
        for what, edges, choices in zip(("upper", "left"), zip(*few, strict=True), (places[0][2], places[1][2]), strict=True):
            own = choices == 1 or any(int(some[0, 0]) != int(some[-1, 0]) for some in edges)
            trial.expect(own, f"expected a draw for each window, got the same {what} edge for the first and the last.")
        if min(places[0][2], places[1][2]) > 2:
            down, across = places[0][1].double(), places[1][1].double()
            together = torch.corrcoef(torch.stack([down, across]))[0, 1].abs().item()
            trial.expect(together < 0.1, "expected rows and columns drawn independently, got one draw for both.")
        first, again, other = (trial.call(50, height, width, patch, stride, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
        same = torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
        trial.expect(same, "expected the same windows from `rng` in the same state, got others.")
        differ = not (torch.equal(first[0], other[0]) and torch.equal(first[1], other[1])) or choices == 1
        trial.expect(differ, "expected other windows from `rng` in another state, got the same ones.")


def check_drop_colours(function: Callable) -> None:
    """Patches of many shapes: one channel as it was, the others all but gone; each patch by its own draw."""
    trial, rng = Trial(function), torch.Generator().manual_seed(9)
    shapes = [(2, 2, 3, 4, 4), (1, 1, 3, 5, 5), (3, 9, 3, 6, 6), (4, 1, 3, 3, 3), (1, 3, 3, 2, 2), (2, 4, 3, 9, 9)]
    for k, shape in enumerate(shapes):
        cut = torch.randn(shape, generator=rng, dtype=torch.float64 if k % 3 == 2 else torch.float32)
        if k % 2:
            cut = cut.transpose(-2, -1)
        trial.case(f"images {shape} {str(cut.dtype)[6:]}")
        _kept(trial, cut, trial.call(cut, rng))
    cut = torch.randn(300, 3, 3, 3, 3, generator=rng)
    trial.case("images (300, 3, 3, 3, 3) float32")
    kept = _kept(trial, cut, trial.call(cut, rng))
    counts = kept.flatten().bincount(minlength=3).tolist()
    # 900 draws, 300 of each expected: five standard deviations are 71.
    even = all(229 <= count <= 371 for count in counts)
    trial.expect(even, f"expected each channel kept in about 300 of the 900 patches, got {counts}.")
    alone = bool((kept != kept[:, :1]).any())
    trial.expect(alone, "expected a draw for each patch, got one channel for all patches of an image.")
    first, again, other = (trial.call(cut, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    trial.expect(torch.equal(first, again), "expected the same patches from `rng` in the same state, got others.")
    trial.expect(not torch.equal(first, other), "expected other draws from `rng` in another state, got the same ones.")


def _kept(trial: Trial, cut: Tensor, got) -> Tensor:
    """Which channel of each patch is as it was: int64 N x P; raises `Wrong` where not exactly one is."""
    trial.tensor("the patches", got, cut.shape, cut.dtype)
    same = (got == cut).flatten(3).all(-1)
    for n, p in (same.sum(-1) != 1).nonzero().tolist():
        trial.expect(False, f"expected one channel of patch {p} of image {n} as it was, got {int(same[n, p].sum())}.")
    loud = got.flatten(3).abs().amax(-1).masked_fill(same, 0).amax(-1)
    for n, p in (loud > 0.1 * cut.flatten(2).std(-1)).nonzero().tolist():
        gone = f"expected the other channels of patch {p} of image {n} all but gone"
        trial.expect(False, f"{gone}, got numbers up to {loud[n, p]:.3g}.")
    return same.int().argmax(-1)


def check_block_borders(function: Callable) -> None:
    """Edges, sizes and blocks of many kinds, against the definition, pixel by pixel."""
    trial, rng = Trial(function), torch.Generator().manual_seed(10)
    cases = [
        ((2, 3), 8, 4),
        ((1, 9), 18, 16),
        ((3, 9), 18, 8),
        ((4, 1), 2, 3),
        ((1, 1), 5, 1),
        ((2, 2), 30, 7),
        ((5, 4), 12, 16),
        ((10, 2), 9, 8),
    ]
    cases += [
        ((n, p), size + 1, block) for n, p, size, block in _small(8, 4, rng)
    ]  # fmt: skip
    for shape, size, block in cases:
        edges = torch.randint(0, 50, shape[::-1], generator=rng).T
        trial.case(f"images {shape} int64, patches of {size} pixels, blocks of {block}")
        expected = torch.tensor([
            [[(edge + k + 1) // block != (edge + k) // block for k in range(size - 1)] for edge in row] for row in edges.tolist()
        ]).reshape(*shape, size - 1)  # fmt: skip
        got = trial.call(edges, size, block)
        why = "Pixel k of a patch is pixel edge + k of the picture; a block ends there if the next pixel lies in another one."
        trial.same("the borders", got, expected, why)


EXERCISES = {
    "cut_patches": Exercise(
        check=check_cut_patches,
        reference=patches.cut,
        hints=(
            "Begin with one patch of one picture: which rows, which columns, of which picture?",
            "A loop over pictures and patches with two slices is right; put the patches together again in their order.",
            "Indexing with several tensors of whole numbers at once takes one pixel for each place where they meet; give "
            "sample, row and column shapes that stretch to N x P x size x size.",
        ),
        difficulty=3,
        importance=4,
        minutes=8,
    ),
    "random_window": Exercise(
        check=check_random_window,
        reference=random_window,
        hints=(
            "Draw the window on squared paper: how many pixels from the first patch's edge to the last patch's end?",
            "What is left over after the window's side is how far its corner may move; zero is a choice, too.",
            "Draw one number for the rows and one for the columns of each window. Add 0, one and two strides: for the "
            "upper edges each three times in a row, for the left edges one after another, three times.",
        ),
        difficulty=3,
        importance=4,
        minutes=8,
    ),
    "drop_colours": Exercise(
        check=check_drop_colours,
        reference=drop_colours,
        hints=(
            "How many draws does a batch of N pictures with P patches need?",
            "Draw a whole number from 0 to 2 for each patch, and compare it with 0, 1, 2 along the axis of the channels.",
            "That comparison, stretched over the pixels, says where to keep what there is; elsewhere put zeros or a noise "
            "that is a hundredth as large.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "block_borders": Exercise(
        check=check_block_borders,
        reference=block_borders,
        hints=(
            "A patch begins at pixel 5 of the picture, blocks are 8 wide. After which of the patch's pixels does one end?",
            "Pixel k of the patch is pixel edge + k of the picture. When is the one after it the first of a block?",
            "Add 1, 2, … size - 1 to every edge, as a new last axis, and ask which sums the block divides without a rest.",
        ),
        difficulty=2,
        importance=3,
        minutes=5,
    ),
}
