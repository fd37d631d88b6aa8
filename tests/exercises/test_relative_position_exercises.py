"""The exercises of the relative position notebook: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
from mutants import mutants
from refusals import answers, asked, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, relative_position
from course_lib.exercises.relative_position import block_borders
from course_lib.pretext.patches import colour_dropped, cut

# --- right answers --------------------------------------------------------------------------------------------------


def cut_by_slices(images, top, left, size):
    return torch.stack([
        torch.stack([image[:, t : t + size, e : e + size] for t, e in zip(tops, edges, strict=True)])
        for image, tops, edges in zip(images, top, left, strict=True)
    ])  # fmt: skip


def cut_by_unfold(images, top, left, size):
    windows = images.unfold(2, size, 1).unfold(3, size, 1)
    return windows.permute(0, 2, 3, 1, 4, 5)[torch.arange(len(images))[:, None], top, left]


def cut_by_filling(images, top, left, size):
    n, p = top.shape
    patches = images.new_empty(n, p, images.shape[1], size, size)
    for i in range(n):
        for j in range(p):
            patches[i, j] = images[i, :, top[i, j] : top[i, j] + size, left[i, j] : left[i, j] + size]
    return patches


def window_by_loops(count, height, width, patch, stride, rng):
    down = torch.randint(height - 2 * stride - patch + 1, (count,), generator=rng)
    across = torch.randint(width - 2 * stride - patch + 1, (count,), generator=rng)
    top = torch.stack([down + row * stride for row in range(3) for _ in range(3)], dim=1)
    left = torch.stack([across + column * stride for _ in range(3) for column in range(3)], dim=1)
    return top, left


def window_by_shares(count, height, width, patch, stride, rng):
    span, cells = 2 * stride + patch, torch.arange(9)
    shares = torch.rand(2, count, 1, generator=rng, dtype=torch.float64)
    down, across = ((share * (side - span + 1)).long() for share, side in zip(shares, (height, width), strict=True))
    return [down + cells // 3 * stride, across + cells % 3 * stride]


def window_one_by_one(count, height, width, patch, stride, rng):
    windows = []
    for _ in range(count):
        down, across = (int(torch.randint(side - 2 * stride - patch + 1, (), generator=rng)) for side in (height, width))
        windows.append([(down + row * stride, across + column * stride) for row in range(3) for column in range(3)])
    return torch.tensor(windows).unbind(-1)


def dropped_to_zero(patches, rng):
    kept = torch.randint(3, patches.shape[:2], generator=rng)
    return patches * (torch.arange(3) == kept[..., None])[..., None, None]


def dropped_one_by_one(patches, rng):
    result = torch.zeros_like(patches)
    for n in range(patches.shape[0]):
        for p in range(patches.shape[1]):
            channel = int(torch.randint(3, (), generator=rng))
            result[n, p, channel] = patches[n, p, channel]
    return result


def dropped_by_one_hot(patches, rng):
    hot = torch.nn.functional.one_hot((torch.rand(patches.shape[:2], generator=rng) * 3).long(), 3)[..., None, None].bool()
    return torch.where(hot, patches, patches / 1000)


def borders_by_blocks(edges, size, block):
    pixels = (edges[..., None] + torch.arange(size)) // block
    return pixels[..., 1:] != pixels[..., :-1]


def borders_by_lists(edges, size, block):
    rows = [[[(edge + k) % block == block - 1 for k in range(size - 1)] for edge in row] for row in edges.tolist()]
    return torch.tensor(rows, dtype=torch.bool).reshape(*edges.shape, size - 1)


def borders_by_filling(edges, size, block):
    borders = torch.zeros(*edges.shape, size - 1, dtype=torch.bool)
    for k in range(size - 1):
        borders[..., k] = (edges + k + 1).remainder(block).eq(0)
    return borders


RIGHT = {
    "cut_patches": [cut_by_slices, cut_by_unfold, cut_by_filling],
    "random_window": [window_by_loops, window_by_shares, window_one_by_one],
    "drop_colours": [dropped_to_zero, dropped_one_by_one, dropped_by_one_hot],
    "block_borders": [borders_by_blocks, borders_by_lists, borders_by_filling],
}


@pytest.mark.parametrize(("name", "function"), [(name, function) for name in RIGHT for function in RIGHT[name]])
def test_right_answers_pass(name, function):
    checked = check(f"relative_position.{name}", function)
    assert checked.passed, checked


# --- wrong answers --------------------------------------------------------------------------------------------------


ACROSS = [0, 3, 6, 1, 4, 7, 2, 5, 8]  # cells column by column
ROW = [0, 1, 2, 0, 1, 2, 0, 1, 2]


def window(change):
    """A right window, spoilt by `change(top, left, rng, arguments)`."""

    def function(count, height, width, patch, stride, rng):
        top, left = window_by_loops(count, height, width, patch, stride, rng)
        return change(top, left, rng, (count, height, width, patch, stride))

    return function


def one_draw_for_both(count, height, width, patch, stride, rng):
    share = torch.rand(count, 1, generator=rng)
    edges = [(share * (side - 2 * stride - patch + 1)).long() for side in (height, width)]
    return edges[0] + torch.arange(9) // 3 * stride, edges[1] + torch.arange(9) % 3 * stride


def free(side, stride, patch):
    return side - 2 * stride - patch


def drawn_up_to(more):
    def function(count, height, width, patch, stride, rng):
        edges = [torch.randint(max(1, free(side, stride, patch) + more), (count, 1), generator=rng) for side in (height, width)]
        return edges[0] + torch.arange(9) // 3 * stride, edges[1] + torch.arange(9) % 3 * stride

    return function


def one_for_all(count, height, width, patch, stride, rng):
    top, left = window_by_loops(1, height, width, patch, stride, rng)
    return top.expand(count, 9), left.expand(count, 9)


def global_window(count, height, width, patch, stride, rng):
    return window_by_loops(count, height, width, patch, stride, None)


def one_channel_an_image(patches, rng):
    kept = torch.randint(3, (len(patches), 1), generator=rng).expand(patches.shape[:2])
    return patches * (torch.arange(3) == kept[..., None])[..., None, None]


def always(channel):
    return lambda patches, rng: patches * (torch.arange(3) == channel)[:, None, None] + torch.rand(1, generator=rng) * 0


def one_dropped(patches, rng):
    gone = torch.randint(3, patches.shape[:2], generator=rng)
    return patches * (torch.arange(3) != gone[..., None])[..., None, None]


def loud_noise(patches, rng):
    kept = (torch.arange(3) == torch.randint(3, patches.shape[:2], generator=rng)[..., None])[..., None, None]
    noise = torch.randn(patches.shape, generator=rng, dtype=patches.dtype)
    return torch.where(kept, patches, noise)


def copied(patches, rng):
    kept = torch.randint(3, patches.shape[:2], generator=rng)
    index = kept[..., None, None, None].expand(*patches.shape[:2], 1, *patches.shape[3:])
    return patches.gather(2, index).expand_as(patches)


def never_blue(patches, rng):
    kept = torch.randint(2, patches.shape[:2], generator=rng)
    return patches * (torch.arange(3) == kept[..., None])[..., None, None]


WRONG = {
    "cut_patches": {
        "rows and columns exchanged": lambda images, top, left, size: cut(images, left, top, size),
        "the first image's": lambda images, top, left, size: cut(images[:1].expand_as(images), top, left, size),
        "one patch each": lambda images, top, left, size: cut(images, top[:, :1], left[:, :1], size),
        "one pixel further": lambda images, top, left, size: cut(torch.roll(images, -1, 3), top, left, size),
        "patches first": lambda images, top, left, size: cut(images, top, left, size).transpose(0, 1),
        "channels last": lambda images, top, left, size: cut(images, top, left, size).movedim(2, -1),
        "as floats": lambda images, top, left, size: cut(images.float(), top, left, size),
        "a row too high": lambda images, top, left, size: cut(images, (top - 1).clamp_min(0), left, size),
        "one place for all": lambda images, top, left, size: cut(images, top[:1].expand_as(top), left[:1].expand_as(left), size),
    },
    "random_window": {
        "never at the far edge": drawn_up_to(0),
        "off the picture": drawn_up_to(2),
        "span of nine strides": drawn_up_to(-1),
        "one draw for both": one_draw_for_both,
        "one window for all": one_for_all,
        "in the middle": lambda *a: window_by_loops(a[0], *[2 * a[4] + a[3]] * 2, *a[3:]),
        "column by column": window(lambda top, left, rng, a: (top[:, ACROSS], left[:, ACROSS])),
        "left edge first": window(lambda top, left, rng, a: (left, top)),
        "torch's own generator": global_window,
        "floats": window(lambda top, left, rng, a: (top.float(), left.float())),
        "patches in one row": window(lambda top, left, rng, a: (top[:, :1].expand(-1, 9), left[:, ROW])),
        "only the upper edges": window(lambda top, left, rng, a: top),
        "eight patches": window(lambda top, left, rng, a: (top[:, :8], left[:, :8])),
        "32 bits": window(lambda top, left, rng, a: (top.int(), left.int())),
        "the first window moved": window(lambda top, left, rng, a: (top + 1, left)),
    },
    "drop_colours": {
        "one channel an image": one_channel_an_image,
        "always green": always(1),
        "one dropped": one_dropped,
        "loud noise": loud_noise,
        "the channel copied to all": copied,
        "never blue": never_blue,
        "grey": lambda patches, rng: patches.mean(2, keepdim=True).expand_as(patches),
        "nothing done": lambda patches, rng: patches.clone(),
    },
    "block_borders": {
        "where a block begins": lambda edges, size, block: (edges[..., None] + torch.arange(size - 1)) % block == 0,
        "counted from the patch": lambda edges, size, block: (torch.arange(1, size) % block == 0).expand(*edges.shape, size - 1),
        "one too many": lambda edges, size, block: (edges[..., None] + torch.arange(size)) % block == 0,
        "minus the edge": lambda edges, size, block: (torch.arange(1, size) - edges[..., None]) % block == 0,
        "always eight": lambda edges, size, block: block_borders(edges, size, 8),
        "the rest": lambda edges, size, block: (edges[..., None] + torch.arange(1, size)) % block,
        "as numbers": lambda edges, size, block: block_borders(edges, size, block).long(),
        "everywhere else": lambda edges, size, block: ~block_borders(edges, size, block),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
CHANCE = "windows are drawn alike and independently, so that any order of them is as likely"
CHANNELS = "the third axis of patches holds their three channels"
SHUFFLED = ("upside down", "samples in reverse", "samples moved on by one")
EQUAL = {
    "random_window": {f"{words}{part}": CHANCE for words in SHUFFLED for part in ("", ", in the second part")},
    "drop_colours": dict.fromkeys(
        ["right only for an odd side", "right only for more than two rows", "right only for at most nine rows"], CHANNELS
    ),
    "block_borders": {"right only for all but double precision": "edges are whole numbers"},
}
MUTANTS = {name: mutants(f"relative_position.{name}") for name in WRONG}
MUTANTS["drop_colours"] = mutants("relative_position.drop_colours", colour_dropped)
ANSWERS = answers("relative_position", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"images ",
        r"movedim|randint|gather|% block|NameError", raised_too=True,
    )


@pytest.mark.parametrize("name", relative_position.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(relative_position.EXERCISES[name], r"torch\.|\w\(|permute|randint|gather|arange")


def test_messages_say_what_went_wrong():
    said = {
        name: {answer: asked(f"relative_position.{name}", function).message for answer, function in made.items()}
        for name, made in WRONG.items()
    }
    assert "row top[n, p] and column left[n, p]" in said["cut_patches"]["rows and columns exchanged"]
    assert "drawn independently" in said["random_window"]["one draw for both"]
    assert "row by row" in said["random_window"]["column by column"]
    assert "global generator" in said["random_window"]["torch's own generator"]
    assert "a draw for each patch" in said["drop_colours"]["one channel an image"]
    assert "all but gone" in said["drop_colours"]["loud noise"]
    assert "a block ends there" in said["block_borders"]["where a block begins"]
