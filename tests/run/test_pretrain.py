"""Training in several processes: the real command, on photos of noise with a bright side, in real processes on gloo."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("lightning_fabric", reason="training in several processes needs `pip install -e '.[scale]'`")

from course_lib import pretext
from course_lib.data import open_dataset
from course_lib.errors import CourseError
from course_lib.run import command_line, pretrain
from course_lib.training import read_checkpoint, schedule

COURSE = [sys.executable, "-m", "course_lib.run.command_line"]
STEPS = 24
SHARED = ["--steps", str(STEPS), "--batch-size", "16", "--width", "8", "--device", "cpu"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 240 photos that know where up is, and the environment in which its cache is kept."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(240):
        pixels = random.integers(0, 100, (16, 16, 3))
        pixels[:8] += 120
        path = folder / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return f"folder:{folder / 'photos'}", {"COURSE_DATA": str(folder / "cache"), "OMP_NUM_THREADS": "1"}


def start(photos, out, *options, launcher=COURSE, task="rotation"):
    name, environment = photos
    command = [*map(str, launcher), "pretrain", task, "--data", name, *SHARED, "--out", str(out), *options]
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root,
        env=os.environ | environment | {"PYTHONPATH": root, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def finish(process, code=0):
    said = process.communicate(timeout=300)[0]
    assert process.returncode == code, said
    return said


def weights(out):
    (path,) = (out / "checkpoints").glob("*.safetensors")
    tensors, metadata = read_checkpoint(path)
    return {name: value for name, value in tensors.items() if name.startswith("network.")}, json.loads(metadata["losses"])


def assert_same(out, other):
    (ours, our_losses), (theirs, their_losses) = weights(out), weights(other)
    torch.testing.assert_close(our_losses, their_losses, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def two(photos, tmp_path_factory):
    """What two processes made of it."""
    out = tmp_path_factory.mktemp("two")
    said = finish(start(photos, out, "--devices", "2"))
    assert "2 parts on 2 processes" in said and f"step {STEPS} of {STEPS}" in said
    assert said.count("finished; on the validation split") == 1  # one of them speaks
    return out


def plainly(photos) -> dict[str, torch.Tensor]:
    """The same two halves of each batch in one forward pass of twice the size, without Fabric; its weights."""
    name, environment = photos
    before = os.environ | {}
    os.environ |= environment
    try:
        dataset = open_dataset(name)
    finally:
        os.environ.clear()
        os.environ.update(before)
    plan = pretrain.Plan("rotation", name, STEPS, 16, parts=2, width=8)
    step = pretrain.network_of(plan, dataset)[0].to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(step.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    middle, rng = len(dataset.train) // 2, torch.Generator()
    for number in range(STEPS):
        halves = []
        for part, rows in enumerate((slice(0, middle), slice(middle, None))):
            rng.manual_seed(pretrain.seed_of(0, number, part))
            halves.append(step.task.hide(step.task.sample(dataset.train.subset(rows), 8, rng), rng))
        visible, hidden = (torch.cat(both) for both in zip(*halves, strict=True))
        optimiser.param_groups[0]["lr"] = plan.learning_rate * schedule(number, STEPS)
        optimiser.zero_grad()
        step.task.loss(step.task.predict(step.backbone, visible), hidden).backward()
        optimiser.step()
    return {f"network.{name}": value for name, value in step.state_dict().items()}


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(photos, two, tmp_path):
    trained, losses = weights(two)
    torch.testing.assert_close(trained, plainly(photos), rtol=1e-3, atol=1e-4)
    assert losses[-1] < 0.7 * losses[0]  # and it learnt: not all of it is zero
    finish(start(photos, tmp_path, "--accumulate", "2"))
    assert_same(tmp_path, two)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [("2", "1"), ("1", "3")])
def test_asked_to_stop_it_saves_and_any_number_of_processes_goes_on(photos, two, tmp_path, first, then):
    process = start(photos, tmp_path, "--devices", first, *(["--accumulate", "2"] if first == "1" else []))
    for line in process.stdout:
        if line.startswith("step 10 of"):
            process.send_signal(signal.SIGTERM)
            break
    said = finish(process, pretrain.STOPPED)
    done = int(re.search(rf"asked to stop: (\d+) of {STEPS} steps", said)[1])
    assert 10 <= done < STEPS and len(weights(tmp_path)[1]) == done
    assert f"goes on after step {done} of {STEPS}" in finish(start(photos, tmp_path, "--devices", then))
    assert_same(tmp_path, two)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "fabric"])
def test_other_launchers_make_the_same_network(photos, two, tmp_path, launcher):
    scripts = Path(sys.executable).parent
    launchers = {
        "torchrun": [scripts / "torchrun", "--standalone", "--nproc-per-node=2", "--no-python", scripts / "course"],
        "fabric": [scripts / "fabric", "run", "--accelerator=cpu", "--devices=2", "--strategy=ddp", scripts / "course"],
    }
    said = finish(start(photos, tmp_path, launcher=launchers[launcher]))
    assert "2 parts on 2 processes" in said
    assert_same(tmp_path, two)


@pytest.mark.slow
def test_what_is_finished_is_kept_and_what_differs_is_refused(photos, two):
    before = weights(two)[0]
    said = finish(start(photos, two, "--devices", "1"))
    assert f"goes on after step {STEPS} of {STEPS}" in said and "step 10" not in said
    assert all(torch.equal(value, before[name]) for name, value in weights(two)[0].items())
    said = finish(start(photos, two, "--learning-rate", "0.01"), 2)
    assert "`learning_rate` is 0.003, and here 0.01" in said and "Traceback" not in said


def test_parts_share_all_samples_and_none_twice(dataset):
    plan = pretrain.Plan("rotation", "tiny", 1, 21, parts=3)
    blocks = pretrain.blocks_of(plan, dataset.train)
    assert torch.equal(torch.cat([block.images for block in blocks]), dataset.train.images)
    assert all(block.images.data_ptr() >= dataset.train.images.data_ptr() for block in blocks[:1])  # a view: nothing is copied
    with pytest.raises(CourseError, match="A batch of 20 cannot be cut into 3 equal parts"):
        pretrain.blocks_of(pretrain.Plan("rotation", "tiny", 1, 20, parts=3), dataset.train)


def test_a_task_that_keeps_something_between_steps_is_not_cut(dataset, monkeypatch):
    class Queue(pretext.load("rotation")):
        def after_step(self, backbone, prediction): ...

    monkeypatch.setattr(pretext, "load", lambda name: Queue)
    pretrain.network_of(pretrain.Plan("queue", "tiny", 1), dataset)
    with pytest.raises(CourseError, match="keeps something from step to step"):
        pretrain.network_of(pretrain.Plan("queue", "tiny", 1, parts=2), dataset)


def test_processes_of_srun_that_would_each_train_alone_are_refused(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with pytest.raises(CourseError, match="srun started 4 processes, and --devices 1 times --nodes 2 are 2"):
        pretrain.connect("cpu", devices=1, nodes=2)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["rotatoin", "--data", "world", "--steps", "1"], "There is no pretext task called 'rotatoin'"),
    (["rotation", "--data", "wrold", "--steps", "1"], "wrold"),
    (["rotation", "--data", "world", "--steps", "1", "--seed", "x"], "The seed must be a whole number"),
    (["rotation", "--data", "world", "--steps", "1", "--device", "cuda", "--devices", "9"], "no usable 'cuda'|lower"),
])  # fmt: skip
def test_what_cannot_be_is_said(arguments, sentence):
    result = CliRunner().invoke(command_line.main, ["pretrain", *arguments])
    assert result.exit_code == 2 and re.search(sentence, result.output), result.output
