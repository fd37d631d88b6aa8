"""The relative position task, by its properties."""

import pytest
import torch

from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext.patches import Grid, grid_for
from course_lib.pretext.relative_position import ANCHOR, DIRECTIONS, QUERIES, RelativePosition
from course_lib.training import fit

PLAIN = {"rescale": False, "colours": None}


def made(rng, **options):
    backbone = build_backbone(rng=rng, width=8, image_size=16)
    return backbone, RelativePosition(backbone, rng, **options)


def coordinates(side=64):
    """One picture whose red is the row and whose green is the column."""
    places = torch.arange(side, dtype=torch.uint8)
    return torch.stack([places[:, None].expand(side, side), places.expand(side, side), torch.zeros(side, side).byte()])[None]


def batch_of(images):
    return Batch(index=torch.arange(len(images)), images=images)


def test_queries_lie_where_their_directions_say(rng):
    task = made(rng, **PLAIN)[1]
    for _ in range(5):
        corner = task.cut(coordinates(), rng)[0, :, :2, 0, 0].int()  # row and column of each patch's first pixel
        for query, words in zip(QUERIES, DIRECTIONS, strict=True):
            down, across = (corner[query] - corner[ANCHOR]).tolist()
            said = [word for word, there in (("above", down < -9), ("below", down > 9)) if there]
            said += [word for word, there in (("left", across < -9), ("right", across > 9)) if there]
            assert " ".join(said) == words


def test_rescaled_windows_keep_the_directions(rng):
    task = made(rng, colours=None)[1]
    middle = task.cut(coordinates(), rng).float()[:, :, :2].mean((-2, -1))[0]
    assert middle[QUERIES[1], 0] < middle[ANCHOR, 0] < middle[QUERIES[6], 0]
    assert middle[QUERIES[3], 1] < middle[ANCHOR, 1] < middle[QUERIES[4], 1]
    assert (middle[QUERIES[6], 0] - middle[QUERIES[1], 0]) < 2 * grid_for(64).stride * 0.95  # the window is stretched


def test_training_asks_about_every_patch_and_scoring_about_the_middle(rng):
    backbone, task = made(rng)
    images = torch.randint(0, 256, (3, 3, 32, 32), generator=rng, dtype=torch.uint8)
    (seen, questions), hidden = task.train().hide(batch_of(images), rng)
    assert seen.shape == (3, 9, 3, 9, 9) and seen.dtype == torch.float32
    assert hidden.view(3, 32).sort(1).values.tolist() == [[direction for direction in range(8) for _ in range(4)]] * 3
    assert task.predict(backbone, (seen, questions)).shape == (96, 8)
    for (anchor, query), direction in zip(questions.tolist(), hidden.tolist(), strict=False):
        middle = QUERIES[direction]  # where a query in this direction lies if the anchor is the middle
        assert (query // 3 - anchor // 3, query % 3 - anchor % 3) == (middle // 3 - 1, middle % 3 - 1)
    (_, questions), hidden = task.eval().hide(batch_of(images), rng)
    assert questions.tolist() == [[ANCHOR, query] for query in QUERIES] and hidden.tolist() == list(range(8)) * 3


def test_the_audit_trains_on_the_questions_that_it_is_scored_on(rng):
    task = made(rng, sees="query")[1].train()
    images = torch.randint(0, 256, (2, 3, 32, 32), generator=rng, dtype=torch.uint8)
    (_, questions), _ = task.hide(batch_of(images), rng)
    assert questions.tolist() == [[ANCHOR, query] for query in QUERIES]


def test_the_audit_does_not_see_the_anchor_and_the_pair_does(rng):
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=rng, dtype=torch.uint8)
    for sees, changes in (("query", False), ("pair", True)):
        backbone, task = made(rng, sees=sees)
        task.eval(), backbone.eval()
        (seen, questions), _ = task.hide(batch_of(images), rng)
        other = seen.clone()
        other[:, ANCHOR] = other[:, ANCHOR].flip(-1) + 1
        same = torch.allclose(task.predict(backbone, (seen, questions)), task.predict(backbone, (other, questions)), atol=1e-5)
        assert same is not changes


def test_the_tower_sees_each_patch_alone(rng):
    backbone, task = made(rng)
    backbone.eval()
    seen = torch.randn(2, 9, 3, 9, 9, generator=rng)
    whole, one = task.vectors(backbone, seen), task.vectors(backbone, seen[1:, 3:4])
    torch.testing.assert_close(whole[1:, 3:4], one)


def test_patches_tell_neither_light_nor_contrast(rng):
    task = made(rng, **PLAIN)[1]
    patches = torch.randint(60, 120, (2, 9, 3, 9, 9), generator=rng, dtype=torch.uint8)
    torch.testing.assert_close(task.seen(patches, rng), task.seen(patches * 2 + 10, rng), atol=1e-5, rtol=1e-4)


def test_equal_generators_ask_equal_questions(rng):
    task = made(rng)[1]
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=rng, dtype=torch.uint8)
    first, again, other = (task.hide(batch_of(images), torch.Generator().manual_seed(seed))[0][0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_it_learns_a_few_pictures_by_heart(rng):
    images = torch.nn.functional.interpolate(torch.rand(8, 3, 6, 6, generator=rng), 32, mode="bicubic").clamp(0, 1)
    data = Split(torch.zeros(8, dtype=torch.int64), ["one"], (255 * images).byte())
    backbone, task = made(rng, **PLAIN, grid=grid_for(32, random_origin=False, jitter=0))
    history = fit(backbone, task, data, steps=60, batch_size=8, learning_rate=1e-2)
    assert history.scores[-1][1]["accuracy"] > 0.9


def test_features_of_whole_pictures_do_not_depend_on_light_or_contrast(rng):
    backbone, task = made(rng)
    backbone.eval()
    images = torch.randint(60, 120, (2, 3, 32, 32), generator=rng, dtype=torch.uint8)
    first, second = (task.represent(backbone, batch_of(some), "conv2") for some in (images, images * 2 + 10))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("size", [1, 14])
def test_pictures_too_small_for_a_grid_are_refused(rng, size):
    with pytest.raises(CourseError, match="too small to cut nine patches"):
        made(rng)[1].hide(batch_of(torch.zeros(2, 3, size, size, dtype=torch.uint8)), rng)
    with pytest.raises(CourseError, match="pictures of at least 63 pixels"):
        made(rng, grid=Grid())[1].hide(batch_of(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)), rng)


def test_a_network_that_sees_something_else_is_refused(rng):
    with pytest.raises(CourseError, match="pair or the query"):
        made(rng, sees="anchor")


def test_the_drawing_has_nine_patches_a_row(rng):
    images = torch.randint(0, 256, (2, 3, 32, 32), generator=rng, dtype=torch.uint8)
    figure = made(rng)[1].draw(batch_of(images), rng)
    assert len(figure.axes) == 18 and figure.axes[0].get_title() == "anchor"
