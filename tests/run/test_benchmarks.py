"""The ways of training in `benchmarks/`: all show the same pictures with the same labels, and take the same step."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.data import Split
from course_lib.paths import project
from course_lib.pretext.rotation import Rotation
from course_lib.training import Step

PROGRAM = project() / "benchmarks" / "rotation.py"
WAYS = ("DataLoader", "v2, a draw an image", "v2, a draw a batch", "ours")


@pytest.fixture(scope="module")
def rotation():
    specification = importlib.util.spec_from_file_location("rotation_benchmark", PROGRAM)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def batches(rotation, way, images):
    """What the network sees in one of the ways: an iterator of (visible, hidden)."""
    if way == "DataLoader":
        return rotation.dataloader(images, 0)
    if way != "ours":
        return rotation.transforms_v2(images, each=way.endswith("image"))
    task = ours(rotation, images)[0].task
    data, rng = Split(torch.zeros(len(images), dtype=torch.int64), ["photo"], images), torch.Generator().manual_seed(0)
    return iter(lambda: task.hide(task.sample(data, rotation.BATCH, rng), rng), None)


def ours(rotation, images):
    network = rotation.Network(8, images.shape[-1])
    task = Rotation(network.backbone, torch.Generator().manual_seed(0))
    task.head.load_state_dict(network.head.state_dict())
    return Step(network.backbone, task), network


@pytest.mark.parametrize("way", WAYS)
def test_every_way_shows_the_same_pictures(rotation, way):
    """Of one image all that may come of it: 7 x 7 places, mirrored or not, at four angles; each about equally often."""
    torch.manual_seed(0)
    size = 16
    image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8)
    padded = np.pad(image.numpy(), ((0, 0), (3, 3), (3, 3)), mode="reflect")
    may_come = {}
    for down in range(7):
        for across in range(7):
            for mirrored in (False, True):
                moved = padded[:, down : down + size, across : across + size]
                moved = moved[..., ::-1] if mirrored else moved
                for turns in range(4):
                    key = np.ascontiguousarray(np.rot90(moved, turns, (1, 2))).tobytes()
                    may_come[key] = (turns, down, across, mirrored)
    assert len(may_come) == 4 * 98
    seen = []
    for (visible, hidden), _ in zip(batches(rotation, way, image.expand(64, -1, -1, -1).contiguous()), range(30), strict=False):
        assert visible.shape == (256, 3, size, size) and visible.dtype == torch.float32
        assert hidden.bincount().tolist() == [64] * 4, "as many of each angle"
        pixels = ((visible + 1) * 127.5).round().to(torch.uint8).contiguous().numpy()
        found = [may_come[picture.tobytes()] for picture in pixels]
        assert [turns for turns, *_ in found] == hidden.tolist()
        seen += found
    draws = {drawn for _, *drawn in map(tuple, seen) for drawn in [tuple(drawn)]}
    assert len(draws) == 98 if way != "v2, a draw a batch" else 20 < len(draws) <= 30
    assert abs(np.mean([mirrored for *_, mirrored in seen]) - 0.5) < (0.05 if way != "v2, a draw a batch" else 0.3)


@pytest.mark.parametrize("way", WAYS[:-1])
def test_the_same_batch_gives_the_same_step_as_ours(rotation, way):
    torch.manual_seed(0)
    images = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8)
    visible, hidden = next(batches(rotation, way, images))
    step, network = ours(rotation, images)
    loss = F.cross_entropy(network(visible), hidden)
    loss.backward()
    theirs = [parameter.grad.clone() for parameter in network.backbone.parameters()]
    network.zero_grad()
    step.task.hide = lambda batch, rng: (visible, hidden)
    outcome = step(None)
    outcome.loss.backward()
    assert outcome.loss.item() == pytest.approx(loss.item(), rel=1e-5)
    for mine, its in zip(step.backbone.parameters(), theirs, strict=True):
        torch.testing.assert_close(mine.grad, its, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("way", WAYS[:-1])
def test_every_way_learns(rotation, dataset, way):
    torch.manual_seed(0)
    images = dataset.train.images
    step = rotation.by_hand(batches(rotation, way, images), images, width=8)
    losses = [step().item() for _ in range(25)]
    assert np.mean(losses[-5:]) < 0.7 * losses[0]


@pytest.mark.slow
def test_the_program_measures_every_way():
    tiny = ["--images", "200", "--width", "8", "--steps", "1", "--rounds", "1"]
    ended = subprocess.run(
        [sys.executable, PROGRAM, "--json", *tiny], capture_output=True, text=True, cwd=project(), timeout=300,
        env=os.environ | {"PYTHONPATH": str(project())},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    measured = json.loads(ended.stdout)
    assert set(measured) == {"bare", "DataLoader, 2 workers", *WAYS} and all(rate > 0 for rate in measured.values())


def test_a_program_that_fails_is_one_sentence(tmp_path, monkeypatch):
    from course_lib.errors import CourseError
    from course_lib.run import bench

    monkeypatch.setattr(bench, "project", lambda: tmp_path)
    assert bench.measure_ways("cpu", 1, print) == {}, "no such folder"
    (tmp_path / "benchmarks").mkdir()
    program = tmp_path / "benchmarks" / "stub.py"
    program.write_text("import json, sys; assert sys.argv[1:] == ['--json', '--device', 'cpu']; print('{\"ours\": 6, \"a\": 4}')")
    assert bench.measure_ways("cpu", 2, lambda _: None) == {
        "stub": {"pictures_per_second": {"ours": 6, "a": 4}, "ours_over": {"a": 1.5}, "runs": [{"ours": 6, "a": 4}] * 2}
    }
    program.write_text("raise ValueError('no card')")
    with pytest.raises(CourseError, match=r"benchmarks/stub.py failed \(ValueError: no card\)"):
        bench.measure_ways("cpu", 1, print)
