"""The ways of training in `benchmarks/`: all show a network the same as the course does, and it learns from that."""

import dataclasses
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
from course_lib.data import Batch, Split
from course_lib.paths import project
from course_lib.pretext.audio_visual import around
from course_lib.pretext.odd_quarter import exchange, standardised_quarters, with_gap
from course_lib.pretext.patches import brightness
from course_lib.run.bench import SIDE, noise
from course_lib.training import Step

PROGRAMS = sorted(path.stem for path in (project() / "benchmarks").glob("*.py") if path.stem in pretext.names())
BY_HAND = ("DataLoader", "v2, a draw a sample", "v2, a draw a batch")


@pytest.fixture
def load(monkeypatch):
    """A module of `benchmarks/` by its name, found as by a program that lies beside it."""
    monkeypatch.syspath_prepend(str(project() / "benchmarks"))
    for name in ("ways", "nine_patches", *PROGRAMS):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module


def batches(load, program, way, data, ways=None):
    """What the network sees in one of the ways: an iterator of (visible, hidden)."""
    shared, ways = load("ways"), ways or load(program).WAYS
    if way == "DataLoader":
        return shared.dataloader(ways, data, 0)
    if way != "ours":
        return shared.transforms_v2(ways, data, each=way.endswith("sample"))
    _, task = shared.network(ways, data, width=8)
    rng = torch.Generator().manual_seed(0)
    return iter(lambda: task.hide(task.sample(data, ways.batch, rng), rng), None)


def split(**content):
    """A split of images or clips, in one class."""
    (values,) = content.values()
    return Split(torch.zeros(len(values), dtype=torch.int64), ["all"], **content)


def films(greys):
    """64 clips whose frames are of one grey each (N numbers, 0…255), which tells the frame."""
    return split(clips=greys.to(torch.uint8)[:, None, None, None].expand(64, -1, 3, SIDE, SIDE).contiguous())


@pytest.mark.parametrize("way", [*BY_HAND, "ours"])
def test_every_way_shows_the_same_rotated_pictures(load, way):
    """Of one image all that may come of it: 7 x 7 places, mirrored or not, at four angles; each about equally often."""
    torch.manual_seed(0)
    image = noise("rotation", "cpu", 1).images[0]
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
    seen, several = [], batches(load, "rotation", way, split(images=image.expand(64, -1, -1, -1)))
    for (visible, hidden), _ in zip(several, range(30), strict=False):
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
    ((patches, _), _), grey = next(batches(load, program, way, noise(program, "cpu", 64))), []
    assert patches.mean((2, 3, 4)).abs().max() < 1e-4
    torch.testing.assert_close(patches.square().mean((2, 3, 4)), torch.ones(64, 9), rtol=1e-2, atol=1e-2)
    several = batches(load, program, way, noise(program, "cpu", 64))
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
    half = noise("colourisation", "cpu", 1).images[0, :, :, : SIDE // 2]
    image = torch.cat([half, half.flip(-1)], -1)
    visible, hidden = next(batches(load, "colourisation", way, split(images=image.expand(64, -1, -1, -1))))
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
    (mine, my_hidden), (its, its_hidden) = (next(batches(load, program, by, noise(program, "cpu", 300))) for by in (way, "ours"))
    for a, b in zip(*(part if isinstance(part, tuple) else (part,) for part in (mine, its)), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
    assert my_hidden.shape == its_hidden.shape and my_hidden.dtype == its_hidden.dtype
    if not my_hidden.is_floating_point():
        assert set(my_hidden.unique().tolist()) <= set(its_hidden.unique().tolist())


@pytest.mark.parametrize("way", BY_HAND)
def test_questions_by_hand_have_the_right_answers(load, way):
    (_, questions), directions = next(batches(load, "relative_position", way, noise("jigsaw", "cpu", 64)))
    (anchor, query), directions = questions.T, directions.reshape(64, -1)
    down, across = query // 3 - anchor // 3, query % 3 - anchor % 3
    place = 3 * (down + 1) + across + 1  # of the query, in the window about the anchor
    assert torch.equal(directions, (place - (place > 4).long()).expand(64, -1)), "the middle is none of the eight"

    (_, orders), permutations = next(batches(load, "jigsaw", way, noise("jigsaw", "cpu", 64)))
    _, task = load("ways").network(load("jigsaw").WAYS, noise("jigsaw", "cpu", 8), width=8)
    assert torch.equal(task.permutations[permutations.reshape(64, -1)], orders)
    assert all(len(set(asked)) == len(asked) for asked in permutations.reshape(64, -1).tolist())


@pytest.mark.parametrize("way", BY_HAND)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_batch_gives_the_same_steps_as_ours(load, program, way):
    torch.manual_seed(0)
    shared, ways, data = load("ways"), load(program).WAYS, noise(program, "cpu", 64)
    batch = next(batches(load, program, way, data))
    by_hand = shared.by_hand(ways, itertools.repeat(batch), data, width=8)
    ours = Step(*shared.network(ways, data, width=8))
    ours.task.hide = lambda given, rng: batch
    optimiser = torch.optim.AdamW(ours.parameters(), 3e-3, weight_decay=0.05, fused=True)
    for _ in range(3):  # after the first, the loss depends on every gradient
        loss = ours(None).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert by_hand().item() == pytest.approx(loss.item(), rel=1e-4)


@pytest.mark.parametrize("way", BY_HAND)
def test_every_way_draws_films_alike(load, way):
    """Every second frame of sixteen; questions with the right answers, and about that part of a film in which much changes."""
    torch.manual_seed(0)
    frame = 10 + 4 * torch.arange(16) + 150 * (torch.arange(16) >= 10)  # its grey tells which it is; most changes before 10
    film, over = films(frame), {}
    for by in (way, "ours"):
        first, crossed = set(), []
        for ((frames, triples), hidden), _ in zip(batches(load, "shuffle_and_learn", by, film), range(30), strict=False):
            assert frames.shape == (16, 8, 3, SIDE, SIDE) and triples.shape == (16, 48, 3)
            grey = ((frames + 1) * 127.5).round().long()
            assert (grey == grey[..., :1, :1, :1]).all()
            moments = (grey[:, :, 0, 0, 0, None] == frame).long().argmax(2)
            assert torch.equal(moments - moments[:, :1], 2 * torch.arange(8).expand(16, 8))
            first |= set(moments[:, 0].tolist())
            begin, middle, end = triples.flatten(0, 1).T
            assert torch.equal(hidden == 1, (middle > torch.minimum(begin, end)) & (middle < torch.maximum(begin, end)))
            assert hidden.float().mean() == 1 / 3
            jump = (10 - moments[:, :1] + 1) // 2  # the first of the eight that is behind it
            low, high = triples[:, ::6, 0], triples[:, ::6, 2]
            crossed.append(((low < jump) & (high >= jump)).float().mean().item())
        assert first == {0, 1}
        over[by] = np.mean(crossed)
    assert over[way] == pytest.approx(over["ours"], abs=0.02) and over["ours"] > 0.95


@pytest.mark.parametrize("way", [*BY_HAND, "ours"])
def test_every_way_hears_what_belongs_to_a_frame(load, way):
    torch.manual_seed(0)
    frame, column = 10 + 4 * torch.arange(16), torch.arange(1, 101)
    data = films(frame)
    spectra = column.to(torch.uint8).expand(64, 64, -1).contiguous()
    ways, heard = load("audio_visual").WAYS, set()
    if way == "ours":
        _, task = load("ways").network(ways, noise("audio_visual", "cpu", 4), width=8)
        rng = torch.Generator().manual_seed(0)
        several = iter(lambda: task.hide(Batch(torch.arange(64), clips=data.clips, sounds=spectra), rng), None)
    else:
        ways = dataclasses.replace(ways, made_of=lambda given: (given.clips, spectra))
        several = batches(load, "audio_visual", way, data, ways)
    for ((frames, sounds), hidden), _ in zip(several, range(40), strict=False):
        grey, heights = (((part + 1) * 127.5).round().long() for part in (frames, sounds))
        assert (grey == grey[..., :1, :1, :1]).all() and frames.shape == (64, 3, SIDE, SIDE)
        apart, moments = (grey[:, 0, 0, 0, None] - frame).abs().min(1)
        assert apart.max() <= 1, "v2 rounds down when it makes a picture grey"
        expected = around(spectra, moments[:, None], 16).long()[:, None].expand(-1, 3, -1, -1)
        assert torch.equal(heights, expected) and torch.equal(hidden, torch.eye(64, dtype=torch.int64))
        heard |= set(moments.tolist())
    assert heard == set(range(16)) if way != "v2, a draw a batch" else len(heard) > 8


@pytest.mark.parametrize("way", BY_HAND)
def test_every_way_shows_the_same_odd_quarters(load, way):
    torch.manual_seed(0)
    module, images = load("odd_quarter"), noise("odd_quarter", "cpu", 64).images
    seen, which = next(batches(load, "odd_quarter", way, split(images=images)))
    assert set(which.tolist()) == {0, 1, 2, 3} and seen.shape == images.shape
    seen, which = module.pasted(images / 127.5 - 1)
    coloured = exchange(images, images.roll(1, 0), which).float() / 127.5 - 1
    grey = brightness(coloured)[:, None].expand_as(coloured)
    apart = torch.stack([
        (seen - with_gap(standardised_quarters(may_be) / 2, module.GAP)).abs().amax((1, 2, 3)) for may_be in (coloured, grey)
    ])  # fmt: skip
    assert apart.min(0).values.max() < 1e-4 and 20 < (apart[1] < apart[0]).sum() < 44


@pytest.mark.parametrize("way", BY_HAND)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_way_learns(load, dataset, program, way):
    torch.manual_seed(0)
    images = dataset.train.images.repeat_interleave(2, 2).repeat_interleave(2, 3)
    data = split(images=images)
    if program == "shuffle_and_learn":  # it grows lighter and lighter
        data = split(clips=(images[:64, None] // 4 + 12 * torch.arange(16)[:, None, None, None]).to(torch.uint8))
    if program == "audio_visual":  # learnt by heart
        data = noise(program, "cpu", 64)
    ways = load(program).WAYS
    step = load("ways").by_hand(ways, batches(load, program, way, data), data, width=8)
    losses = [step().item() for _ in range(25)]
    if program == "rotation":
        assert np.mean(losses[-5:]) < 0.7 * losses[0]
    else:
        assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:2])


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_measures_every_way(program):
    tiny = ["--samples", "100", "--width", "8", "--steps", "1", "--rounds", "1"]
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
