"""The exercises of the jigsaw notebook: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
from mutants import mutants
from refusals import answers, asked, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, jigsaw
from course_lib.exercises.jigsaw import cut_tiles, farthest, standardise
from course_lib.pretext.jigsaw import scramble

# --- right answers --------------------------------------------------------------------------------------------------


def cut_in_a_loop(images):
    side = images.shape[2] // 3
    corners = [(row * side, column * side) for row in range(3) for column in range(3)]
    return torch.stack([images[:, :, top : top + side, left : left + side] for top, left in corners], dim=1)


def cut_by_unfold(images):
    side = images.shape[2] // 3
    return images.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def scrambled_in_a_loop(tiles, index, permutations):
    result = torch.empty_like(tiles)
    for sample in range(len(tiles)):
        for place in range(9):
            result[sample, place] = tiles[sample, permutations[index[sample], place]]
    return result


def scrambled_by_gather(tiles, index, permutations):
    order = permutations[index].reshape(len(tiles), 9, *[1] * (tiles.dim() - 2))
    return tiles.gather(1, order.expand_as(tiles))


def with_torchs_std(tiles):
    flat = tiles.flatten(2)
    result = (flat - flat.mean(2, keepdim=True)) / (flat.std(2, keepdim=True) + 1e-6)
    return result.reshape(tiles.shape)


def flat_ones_left_alone(tiles):
    spread, mean = torch.std_mean(tiles, (2, 3, 4), correction=0, keepdim=True)
    return (tiles - mean) / torch.where(spread > 0, spread, 1)


def searched(candidates, chosen):
    best, index = -1, None
    for k, candidate in enumerate(candidates.tolist()):
        distances = [sum(a != b for a, b in zip(candidate, other, strict=True)) for other in chosen.tolist()]
        if min(distances) > best:
            best, index = min(distances), k
    return index


RIGHT = {
    "cut_tiles": [
        cut_in_a_loop, cut_by_unfold,
        lambda images: torch.cat([torch.stack(row.chunk(3, 3), 1) for row in images.chunk(3, 2)], 1),
    ],
    "scramble": [
        scrambled_in_a_loop, scrambled_by_gather,
        lambda tiles, index, permutations: torch.stack(
            [some[permutations[k]] for some, k in zip(tiles, index.tolist(), strict=True)]),
    ],
    "standardise": [
        with_torchs_std, flat_ones_left_alone,
        lambda tiles: torch.nn.functional.layer_norm(tiles, tiles.shape[2:], eps=1e-12),
    ],
    "farthest": [
        searched, lambda candidates, chosen: torch.tensor(searched(candidates, chosen)),
        lambda candidates, chosen: (9 - (candidates[:, None] == chosen).sum(2)).min(1).values.argmax(),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"jigsaw.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def inverse(tiles, index, permutations):
    return scramble(tiles, index, permutations.argsort(1))


def shifted(tiles, dims):
    return (tiles - tiles.mean(dims, keepdim=True)) / tiles.std(dims, keepdim=True, correction=0).clamp_min(1e-6)


def distances(candidates, chosen):
    return (candidates[:, None] != chosen).sum(2)


WRONG = {
    "cut_tiles": {
        "a plain reshape": lambda images: images.reshape(len(images), 9, images.shape[1], images.shape[2] // 3, -1),
        "column by column": lambda images: cut_tiles(images).unflatten(1, (3, 3)).transpose(1, 2).flatten(1, 2),
        "tiles last": lambda images: cut_tiles(images).movedim(1, 2),
        "every third pixel": lambda images: torch.stack([images[:, :, r::3, c::3] for r in range(3) for c in range(3)], 1),
        "nine strips": lambda images: torch.stack(images.repeat(1, 1, 3, 1).chunk(9, 2), 1),
        "the first tile nine times": lambda images: cut_tiles(images)[:, :1].repeat(1, 9, 1, 1, 1),
        "tiles transposed": lambda images: cut_tiles(images.transpose(2, 3)),
        "a list": lambda images: list(cut_tiles(images).unbind(1)),
        "floats": lambda images: cut_tiles(images.float()),
        "without batch": lambda images: cut_tiles(images)[0],
        "view": lambda images: images.view(len(images), images.shape[1], 3, -1, 3, images.shape[3] // 3)
            .permute(0, 2, 4, 1, 3, 5).flatten(1, 2)[:, :8],
    },
    "scramble": {
        "the inverse": inverse,
        "not at all": lambda tiles, index, permutations: tiles,
        "one permutation for all": lambda tiles, index, permutations: tiles[:, permutations[index[0]]],
        "the first permutation": lambda tiles, index, permutations: tiles[:, permutations[0]],
        "the next permutation": lambda tiles, index, permutations: scramble(
            tiles, (index + 1) % len(permutations), permutations),
        "samples mixed too": lambda tiles, index, permutations: scramble(tiles, index, permutations).flip(0),
        "every permutation": lambda tiles, index, permutations: tiles[:, permutations],
        "the index as the tile": lambda tiles, index, permutations: tiles[:, index],
        "channels scrambled": lambda tiles, index, permutations: tiles.flip(2) if tiles.shape[2] > 1 else tiles,
        "in place": lambda tiles, index, permutations: tiles.copy_(scramble(tiles, index, permutations)),
        "twice": lambda tiles, index, permutations: scramble(
            scramble(tiles, index, permutations), index, permutations),
    },
    "standardise": {
        "nothing": lambda tiles: tiles,
        "only the mean": lambda tiles: tiles - tiles.mean((2, 3, 4), keepdim=True),
        "only the spread": lambda tiles: tiles / tiles.std((2, 3, 4), keepdim=True).clamp_min(1e-6),
        "per channel": lambda tiles: shifted(tiles, (3, 4)),
        "per sample": lambda tiles: shifted(tiles, (1, 2, 3, 4)),
        "per batch": lambda tiles: shifted(tiles, (0, 1, 2, 3, 4)),
        "per place": lambda tiles: shifted(tiles, (0, 2, 3, 4)),
        "by the variance": lambda tiles: standardise(tiles) / tiles.var((2, 3, 4), keepdim=True).clamp_min(1e-6).sqrt(),
        "flat tiles divide by zero": lambda tiles: (tiles - tiles.mean((2, 3, 4), keepdim=True))
            / tiles.std((2, 3, 4), keepdim=True),
        "to between 0 and 1": lambda tiles: (tiles - tiles.amin((2, 3, 4), keepdim=True))
            / (tiles.amax((2, 3, 4), keepdim=True) - tiles.amin((2, 3, 4), keepdim=True)).clamp_min(1e-6),
        "in place": lambda tiles: tiles.copy_(standardise(tiles)),
        "single precision": lambda tiles: standardise(tiles.float()),
        "by the median": lambda tiles: (tiles - tiles.flatten(2).median(2).values[..., None, None, None])
            / tiles.std((2, 3, 4), keepdim=True).clamp_min(1e-6),
    },
    "farthest": {
        "the nearest": lambda candidates, chosen: distances(candidates, chosen).amin(1).argmin(),
        "the largest distance": lambda candidates, chosen: distances(candidates, chosen).amax(1).argmax(),
        "the mean distance": lambda candidates, chosen: distances(candidates, chosen).float().mean(1).argmax(),
        "from the last chosen": lambda candidates, chosen: distances(candidates, chosen[-1:]).amin(1).argmax(),
        "from the first chosen": lambda candidates, chosen: distances(candidates, chosen[:1]).amin(1).argmax(),
        "places that agree": lambda candidates, chosen: (9 - distances(candidates, chosen)).amin(1).argmax(),
        "by how far tiles moved": lambda candidates, chosen: (candidates[:, None] - chosen).abs().sum(2).amin(1).argmax(),
        "the last of equals": lambda candidates, chosen: len(candidates) - 1 - int(
            distances(candidates, chosen).amin(1).flip(0).argmax()),
        "the distance itself": lambda candidates, chosen: distances(candidates, chosen).amin(1).max(),
        "the permutation itself": lambda candidates, chosen: candidates[farthest(candidates, chosen)],
        "one too many": lambda candidates, chosen: farthest(candidates, chosen) + 1,
        "from the end": lambda candidates, chosen: farthest(candidates, chosen) - len(candidates),
        "a float": lambda candidates, chosen: float(farthest(candidates, chosen)),
        "always the first": lambda candidates, chosen: 0,
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
TINY = "whatever is spread so little is flat but for rounding"
EQUAL = {
    "cut_tiles": {"right only for more than two rows": "nine tiles need three rows"},
    "scramble": {"right only for several channels": "the second axis holds nine tiles"},
    "standardise": {
        "right only for several channels": "the second axis holds nine tiles",
        "change 4: 1e-06 made 5e-07": TINY,
        "change 5: 1e-06 made 2e-06": TINY,
    },
    "farthest": {
        "right only for several samples": "of one candidate, number 0 is the answer",
        "right only for several channels": "a permutation has nine numbers",
        "right only for all but double precision": "permutations are whole numbers",
    },
}
MUTANTS = {name: mutants(f"jigsaw.{name}") for name in WRONG}
ANSWERS = answers("jigsaw", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"(images|tiles|candidates) \([\d, ]+\) \w+\d",
        "unflatten|permute|argsort|clamp|amin",
    )


@pytest.mark.parametrize("name", jigsaw.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(jigsaw.EXERCISES[name], r"unflatten|permute|gather|arange|torch\.|\w\(|amin|argmax|clamp")


def test_messages_say_what_went_wrong():
    said = {
        name: {answer: asked(f"jigsaw.{name}", function).message for answer, function in made.items()}
        for name, made in WRONG.items()
    }
    assert "tile 3 below it" in said["cut_tiles"]["column by column"]
    assert "Place k of a sample holds" in said["scramble"]["the inverse"]
    assert "the spread of a flat tile" in said["standardise"]["flat tiles divide by zero"]
    assert "all its channels together" in said["standardise"]["per sample"]
    assert "by one number" in said["standardise"]["per channel"]
    assert "the first of those that are equally far" in said["farthest"]["the last of equals"]
    assert "differs from its nearest in" in said["farthest"]["the largest distance"]
