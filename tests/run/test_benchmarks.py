"""The ways of training in `benchmarks/`: all show a network the same as the course does, and it learns from that."""

import importlib
import itertools
import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch

from course_lib import pretext
from course_lib.data import Batch
from course_lib.paths import project
from course_lib.run.bench import SIDE
from course_lib.training import Step

PROGRAMS = sorted(path.stem for path in (project() / "benchmarks").glob("*.py") if path.stem in pretext.names())
BY_HAND = ("DataLoader", "v2, a draw an image", "v2, a draw a batch")


@pytest.fixture
def load(monkeypatch):
    """A module of `benchmarks/` by its name, found as by a program that lies beside it."""
    monkeypatch.syspath_prepend(str(project() / "benchmarks"))
    for name in ("ways", "nine_patches", *PROGRAMS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module


def batches(load, program, way, images):
    """What the network sees in one of the ways: an iterator of (visible, hidden)."""
    shared, ways = load("ways"), load(program).WAYS
    if way == "DataLoader":
        return shared.dataloader(ways, images, 0)
    if way != "ours":
        return shared.transforms_v2(ways, images, each=way.endswith("image"))
    _, task = shared.network(ways, images, width=8)
    data, rng = shared.split(images), torch.Generator().manual_seed(0)
    return iter(lambda: task.hide(task.sample(data, shared.BATCH, rng), rng), None)


def noise(count, seed=0):
    return torch.randint(0, 256, (count, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("way", [*BY_HAND, "ours"])
def test_every_way_shows_the_same_rotated_pictures(load, way):
    """Of one image all that may come of it: 7 x 7 places, mirrored or not, at four angles; each about equally often."""
    torch.manual_seed(0)
    (image,) = noise(1)
    padded = np.pad(image.numpy(), ((0, 0), (3, 3), (3, 3)), mode="reflect")
    may_come = {}
    for down in range(7):
        for across in range(7):
            for mirrored in (False, True):
                moved = padded[:, down : down + SIDE, across : across + SIDE]
                moved = moved[..., ::-1] if mirrored else moved
                for turns in range(4):
                    key = np.ascontiguousarray(np.rot90(moved, turns, (1, 2))).tobytes()
                    may_come[key] = (turns, (down, across, mirrored))
    assert len(may_come) == 4 * 98
    seen = []
    for (visible, hidden), _ in zip(batches(load, "rotation", way, image.expand(64, -1, -1, -1)), range(30), strict=False):
        assert visible.shape == (256, 3, SIDE, SIDE) and visible.dtype == torch.float32
        assert hidden.bincount().tolist() == [64] * 4, "as many of each angle"
        pixels = ((visible + 1) * 127.5).round().to(torch.uint8).contiguous().numpy()
        found = [may_come[picture.tobytes()] for picture in pixels]
        assert [turns for turns, _ in found] == hidden.tolist()
        seen += [drawn for _, drawn in found]
    assert len(set(seen)) == 98 if way != "v2, a draw a batch" else 20 < len(set(seen)) <= 30
    assert abs(np.mean([mirrored for *_, mirrored in seen]) - 0.5) < (0.05 if way != "v2, a draw a batch" else 0.3)


def test_by_hand_the_same_patches_are_cut(load):
    """Each pixel holds its own place; so a patch tells where it was cut, and that must be where a grid's patches may lie."""
    module = load("nine_patches")
    grid, picture = module.GRID, torch.arange(SIDE * SIDE).reshape(1, SIDE, SIDE)
    moves, square = Counter(), picture[0, : grid.patch, : grid.patch]
    for _ in range(300):
        patches = module.cut(picture)
        assert patches.shape == (9, 1, grid.patch, grid.patch)
        corners = patches[:, 0, 0, 0]
        assert torch.equal(patches[:, 0], square + corners[:, None, None]), "a patch is a piece of the picture"
        edges = torch.stack([corners // SIDE, corners % SIDE], 1) - grid.stride * torch.tensor([divmod(k, 3) for k in range(9)])
        assert edges.min() >= 0 and (edges.max(0).values - edges.min(0).values).max() <= grid.jitter
        moves.update(edges.flatten().tolist())
    assert set(moves) == set(range(SIDE - grid.span + grid.jitter + 1)), "every place that there is"


@pytest.mark.parametrize("way", [*BY_HAND, "ours"])
@pytest.mark.parametrize("program", ["jigsaw", "relative_position"])
def test_every_way_shows_patches_alike(load, program, way):
    """Standardised, without green against magenta, in grey two times of three."""
    torch.manual_seed(0)
    ((patches, _), _), grey = next(batches(load, program, way, noise(64))), []
    assert patches.mean((2, 3, 4)).abs().max() < 1e-4
    torch.testing.assert_close(patches.square().mean((2, 3, 4)), torch.ones(64, 9), rtol=1e-2, atol=1e-2)
    several = batches(load, program, way, noise(64))
    for ((patches, _), _), _ in zip(several, range(4 if way != "v2, a draw a batch" else 40), strict=False):
        is_grey = (patches - patches.mean(2, keepdim=True)).abs().amax((1, 2, 3, 4)) < 1e-3
        grey += is_grey.tolist()
        coloured = patches[~is_grey].double()
        if len(coloured):  # up to the constant that standardising subtracts, nothing is left in that direction
            across = coloured @ torch.eye(coloured.shape[-1], dtype=torch.float64)
            leaning = (across * torch.tensor([-1.0, 2.0, -1.0], dtype=torch.float64)[:, None, None]).sum(2)
            assert leaning.std((-2, -1)).max() < 1e-3
    assert 0.5 < np.mean(grey) < 0.8


@pytest.mark.parametrize("way", BY_HAND)
def test_every_way_says_the_same_of_colours(load, way):
    """Of a picture that is its own mirror image; the course's Lab is quick and a little inexact, scikit-image's is not."""
    half = noise(1)[0, :, :, : SIDE // 2]
    image = torch.cat([half, half.flip(-1)], -1)
    visible, hidden = next(batches(load, "colourisation", way, image.expand(64, -1, -1, -1)))
    task = pretext.load("colourisation")(*_backbone())
    its_visible, its_hidden = task.eval().hide(Batch(torch.zeros(1), image[None]), torch.Generator())
    assert (visible - its_visible).abs().max() < 0.02 and (hidden - its_hidden).abs().max() < 1


def _backbone():
    from course_lib.models import build_backbone

    return build_backbone("small", rng=torch.Generator().manual_seed(0), width=8), torch.Generator().manual_seed(0)


@pytest.mark.parametrize("way", BY_HAND)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_way_gives_what_the_task_asks_for(load, program, way):
    torch.manual_seed(0)
    (mine, my_hidden), (its, its_hidden) = (next(batches(load, program, by, noise(300))) for by in (way, "ours"))
    for a, b in zip(*(part if isinstance(part, tuple) else (part,) for part in (mine, its)), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
    assert my_hidden.shape == its_hidden.shape and my_hidden.dtype == its_hidden.dtype
    if not my_hidden.is_floating_point():
        assert set(my_hidden.tolist()) <= set(its_hidden.tolist())


@pytest.mark.parametrize("way", BY_HAND)
def test_questions_by_hand_have_the_right_answers(load, way):
    (_, questions), directions = next(batches(load, "relative_position", way, noise(64)))
    (anchor, query), directions = questions.T, directions.reshape(64, -1)
    down, across = query // 3 - anchor // 3, query % 3 - anchor % 3
    place = 3 * (down + 1) + across + 1  # of the query, in the window about the anchor
    assert torch.equal(directions, (place - (place > 4).long()).expand(64, -1)), "the middle is none of the eight"

    (_, orders), permutations = next(batches(load, "jigsaw", way, noise(64)))
    _, task = load("ways").network(load("jigsaw").WAYS, noise(8), width=8)
    assert torch.equal(task.permutations[permutations.reshape(64, -1)], orders)
    assert all(len(set(asked)) == len(asked) for asked in permutations.reshape(64, -1).tolist())


@pytest.mark.parametrize("way", BY_HAND)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_batch_gives_the_same_steps_as_ours(load, program, way):
    torch.manual_seed(0)
    shared, ways, images = load("ways"), load(program).WAYS, noise(64)
    batch = next(batches(load, program, way, images))
    by_hand = shared.by_hand(ways, itertools.repeat(batch), images, width=8)
    ours = Step(*shared.network(ways, images, width=8))
    ours.task.hide = lambda given, rng: batch
    optimiser = torch.optim.AdamW(ours.parameters(), 3e-3, weight_decay=0.05, fused=True)
    for _ in range(3):  # after the first, the loss depends on every gradient
        loss = ours(None).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert by_hand().item() == pytest.approx(loss.item(), rel=1e-4)


@pytest.mark.parametrize("way", BY_HAND)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_way_learns(load, dataset, program, way):
    torch.manual_seed(0)
    images = dataset.train.images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    ways = load(program).WAYS
    step = load("ways").by_hand(ways, batches(load, program, way, images), images, width=8)
    losses = [step().item() for _ in range(25)]
    if program == "rotation":
        assert np.mean(losses[-5:]) < 0.7 * losses[0]
    else:
        assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:2])


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_measures_every_way(program):
    tiny = ["--images", "300", "--width", "8", "--steps", "1", "--rounds", "1"]
    ended = subprocess.run(
        [sys.executable, project() / "benchmarks" / f"{program}.py", "--json", *tiny], capture_output=True, text=True,
        cwd=project(), timeout=300, env=os.environ | {"PYTHONPATH": str(project())},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    measured = json.loads(ended.stdout)
    assert set(measured) == {"bare", "DataLoader, 2 workers", *BY_HAND, "ours"} and all(rate > 0 for rate in measured.values())


def test_a_program_that_fails_is_one_sentence(tmp_path, monkeypatch):
    from course_lib.errors import CourseError
    from course_lib.run import bench

    monkeypatch.setattr(bench, "project", lambda: tmp_path)
    assert bench.measure_ways("cpu", 1, print) == {}, "no such folder"
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "shared.py").write_text("raise ValueError('no task has this name')")
    program = tmp_path / "benchmarks" / "rotation.py"
    program.write_text("import json, sys; assert sys.argv[1:] == ['--json', '--device', 'cpu']; print('{\"ours\": 6, \"a\": 4}')")
    assert bench.measure_ways("cpu", 2, lambda _: None) == {
        "rotation": {"pictures_per_second": {"ours": 6, "a": 4}, "ours_over": {"a": 1.5}, "runs": [{"ours": 6, "a": 4}] * 2}
    }
    program.write_text("raise ValueError('no card')")
    with pytest.raises(CourseError, match=r"benchmarks/rotation.py failed \(ValueError: no card\)"):
        bench.measure_ways("cpu", 1, print)
