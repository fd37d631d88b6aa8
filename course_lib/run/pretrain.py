"""`course pretrain`: one pretext task on much data, in as many processes and on as many machines as there are.

The work is cut into `parts` once, when a run begins. In each step, part k draws its share of the batch from the k-th block
of the samples, with a generator that depends on the seed, the step and k alone; the gradient is the mean over the parts. So
the parts decide what is learnt, and who computes them does not: one process takes all of them one after the other, which
accumulates gradients, two take half each. A process reads its own blocks only, memory-mapped: the data may exceed the memory.

Lightning Fabric brings the processes together, those that it starts itself as well as those of torchrun, `fabric run` or
SLURM. Gradients are averaged as in Li et al. 2020, arXiv:2006.15704.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib import memory, pretext
from course_lib.data import Dataset, Split, open_dataset
from course_lib.errors import CourseError
from course_lib.evaluation.pretext import pretext_scores
from course_lib.models import build_backbone
from course_lib.start import default_precision
from course_lib.training import (
    REPORT_EVERY,
    History,
    Step,
    load_network,
    read_checkpoint,
    require_content,
    resume,
    save_checkpoint,
    schedule,
    settings_of,
)  # fmt: skip

STOPPED = 128 + signal.SIGTERM  # the exit code of a run that was asked to stop: not done, so not zero


@dataclass(frozen=True)
class Plan:
    """What is trained, and how; equal plans give equal networks, whatever the number of processes.

    Attributes:
        batch_size: samples a step, over all parts.
        parts: of a batch. A loss that couples the samples of a batch couples those of a part.
        learning_rate: at its peak; the schedule is that of `training.fit`.
        checkpoint_every: steps.
    """

    task: str
    data: str
    steps: int
    batch_size: int = 256
    parts: int = 1
    network: str = "small_groupnorm"
    width: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    seed: int = 0
    checkpoint_every: int = 200


def connect(device: str, devices: int, nodes: int):
    """A `Fabric` over `devices` processes on each of `nodes` machines, or over those that a launcher has started.

    Raises:
        CourseError: Fabric is not installed, there are not so many devices, or the launcher started another number.
    """
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise CourseError(
            "Training in several processes needs Lightning Fabric; install it with `pip install -e '.[scale]'`."
        ) from None
    if device == "cuda" and devices > torch.cuda.device_count():
        raise CourseError(f"{devices} devices were asked for and this computer has {torch.cuda.device_count()}; lower --devices.")
    precision = "bf16-mixed" if default_precision(device) == torch.bfloat16 else "32-true"
    if os.environ.get("LT_CLI_USED") == "1":  # `fabric run` has its own options for all the rest
        return Fabric(precision=precision)
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun knows how many there are
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", devices * nodes))  # srun has started these already
    if tasks != devices * nodes:
        raise CourseError(
            f"srun started {tasks} processes, and --devices {devices} times --nodes {nodes} are "
            f"{devices * nodes}; make them agree."
        )
    strategy = "ddp" if devices * nodes > 1 else "auto"
    try:
        fabric = Fabric(accelerator=device, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
        fabric.launch()
    except ValueError as error:  # SLURM's --ntasks-per-node or --nodes is another
        raise CourseError(f"The processes do not fit together: {error}") from error
    return fabric


def checkpoint_of(plan: Plan, dataset: Dataset, out: Path) -> Path:
    """Where a plan's network is kept."""
    network = plan.network.replace(":", "-")
    return out / "checkpoints" / f"pretrain-{plan.task}-{dataset.fingerprint}-{network}{plan.width}-{plan.seed}.safetensors"


def parts_of(checkpoint: Path, otherwise: int) -> int:
    """The number of parts of the run that a checkpoint holds, or `otherwise`, if there is none."""
    return json.loads(read_checkpoint(checkpoint)[1]["settings"]).get("parts", otherwise) if checkpoint.exists() else otherwise


def train(fabric, plan: Plan, dataset: Dataset, checkpoint: Path, say: Callable[[str], None]) -> tuple[History, Step]:
    """Train as planned, or go on where the checkpoint ends; SIGTERM or Ctrl-C saves, and `history.stopped` is True then.

    Every process calls this. A finished run is not repeated.

    Raises:
        CourseError: see `network_of` and `blocks_of`; the checkpoint is of a run with other settings; the loss is no number.
    """
    step, settings = network_of(plan, dataset)
    blocks = blocks_of(plan, dataset.train)
    step.task.setup(step.backbone, dataset.train)
    step.to(fabric.device, memory_format=torch.channels_last).train()
    step.rng = torch.Generator(fabric.device)
    optimiser = torch.optim.AdamW(step.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    history = History(plan.steps)
    if checkpoint.exists():
        resume_run(checkpoint, step, optimiser, history, settings)
        say(f"goes on after step {history.step} of {plan.steps}, from {checkpoint}")
    if history.step == plan.steps:
        return history, step
    module = fabric.setup_module(step)
    with _asked_to_stop() as asked:
        _repeat(fabric, plan, module, step, optimiser, dataset.train, blocks, history, asked, checkpoint, settings, say)
    return history, step


def network_of(plan: Plan, dataset: Dataset) -> tuple[Step, dict]:
    """A fresh backbone with the task's head, on the CPU, and the settings that its checkpoints carry.

    Raises:
        CourseError: there is no such task or network, the samples lack what the task learns from, or the task cannot be cut
            into parts.
    """
    kind = pretext.load(plan.task)
    between = [name for name in ("start_epoch", "after_step") if getattr(kind, name) is not getattr(pretext.PretextTask, name)]
    if between and plan.parts > 1:
        raise CourseError(
            f"{plan.task} keeps something from step to step ({between[0]}), which would differ from part to part; "
            "use one process and do not accumulate."
        )
    size = dataset.size or dataset.train.clips.shape[-1]
    rng = torch.Generator().manual_seed(plan.seed)
    backbone = build_backbone(plan.network, rng=rng, width=plan.width, image_size=size)
    task = kind(backbone, rng)
    require_content(task, dataset.train)
    settings = settings_of(
        torch.device("cpu"), dataset.train, task, plan.steps, plan.batch_size, plan.learning_rate, plan.weight_decay, plan.seed
    ) | {"parts": plan.parts, "network": plan.network, "width": plan.width}
    for by_machine in ("device", "precision"):  # another machine may take the run up
        del settings[by_machine]
    return Step(backbone, task), settings


def blocks_of(plan: Plan, data: Split) -> list[Split]:
    """Part k's samples: the k-th of `plan.parts` blocks of neighbours, so that each disk and each memory sees few of them.

    Raises:
        CourseError: the batch, or the data, cannot be cut into so many parts.
    """
    if plan.batch_size % plan.parts:
        raise CourseError(
            f"A batch of {plan.batch_size} cannot be cut into {plan.parts} equal parts, one for each process and each time "
            "that gradients are accumulated; choose a multiple."
        )
    if len(data) < plan.parts:
        raise CourseError(f"{len(data)} samples cannot be cut into {plan.parts} parts; use fewer processes.")
    bounds = [k * len(data) // plan.parts for k in range(plan.parts + 1)]
    return [data.subset(slice(start, end)) for start, end in itertools.pairwise(bounds)]


def resume_run(checkpoint: Path, step: Step, optimiser: torch.optim.Optimizer, history: History, settings: dict) -> None:
    """Take up what a checkpoint holds: network, optimiser and history.

    Raises:
        CourseError: it is damaged, or of a run with other settings, the first of which is named.
    """
    metadata = read_checkpoint(checkpoint)[1]
    saved = json.loads(metadata["settings"])
    for name in sorted(saved.keys() | settings.keys()):
        if saved.get(name) != settings.get(name):
            raise CourseError(
                f"{checkpoint} is of another run: there `{name}` is {saved.get(name)}, and here {settings.get(name)}. Make them "
                "equal, choose another --out, or move that file away."
            )
    resume(checkpoint, step, optimiser, history, settings)
    if not history.losses:  # it was finished, which `resume` does not take up
        load_network(checkpoint, step)
        history.losses = json.loads(metadata["losses"])


def _repeat(fabric, plan, module, step, optimiser, data, blocks, history, asked, checkpoint, settings, say) -> None:
    """The loop. A process without a part of its own computes part 0 for nothing: the others wait for its word each step."""
    mine = list(range(fabric.global_rank, plan.parts, fabric.world_size))
    weight = fabric.world_size / plan.parts if mine else 0.0  # Fabric averages over processes, we over parts
    mine = mine or [0]
    size, every = plan.batch_size // plan.parts, 1 if fabric.device.type == "cpu" else REPORT_EVERY
    losses = torch.zeros(plan.steps, device=fabric.device)
    began, first = time.perf_counter(), history.step
    for number in range(first, plan.steps):
        if number % max(1, len(data) // plan.batch_size) == 0:
            for parameter in step.task.start_epoch(step.backbone, data):
                optimiser.state.pop(parameter, None)
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * schedule(number, plan.steps)
        optimiser.zero_grad(set_to_none=True)
        for part in mine:
            step.rng.manual_seed(seed_of(plan.seed, number, part))
            batch = step.task.sample(blocks[part], size, step.rng)
            with fabric.no_backward_sync(module, enabled=part != mine[-1]):
                outcome = module(batch)
                fabric.backward(outcome.loss * weight)
            losses[number] += outcome.loss.detach() * weight / fabric.world_size
        optimiser.step()
        step.task.after_step(step.backbone, outcome.prediction)

        done = number + 1
        ends = done == plan.steps
        if not ends and done % every == 0:  # all stop if one is asked to
            history.stopped = fabric.all_reduce(torch.tensor(float(asked()), device=fabric.device), reduce_op="sum").item() > 0
        ends = ends or history.stopped
        saves = ends or done % plan.checkpoint_every == 0
        if not (saves or done % REPORT_EVERY == 0):
            continue
        history.losses += fabric.all_reduce(losses[history.step : done], reduce_op="sum").tolist()
        if not math.isfinite(history.losses[-1]):
            raise CourseError(f"The loss is no longer a number at step {done}; try a smaller --learning-rate.")
        history.seconds = time.perf_counter() - began
        with torch.no_grad(), fabric.autocast():
            history.scores.append((done, step.task.score(outcome.prediction, outcome.hidden)))
        if saves and fabric.global_rank == 0:
            save_checkpoint(checkpoint, step, optimiser, history, settings)
        if saves or done % max(REPORT_EVERY, plan.steps // 50) == 0:
            shown = "".join(f", {name} {value:.3f}" for name, value in history.scores[-1][1].items())
            rate = plan.batch_size * (done - first) / history.seconds
            say(f"step {done} of {plan.steps}: loss {history.losses[-1]:.4f}{shown}, {rate:.0f} samples a second")
        if ends:
            break
    fabric.barrier()  # nobody leaves before the checkpoint is whole


def seed_of(seed: int, number: int, part: int) -> int:
    """The seed of the generator that part `part` of step `number` draws from."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}/{part}".encode()).digest()[:7], "big")


@contextlib.contextmanager
def _asked_to_stop():
    """Yield a function that says whether SIGTERM, as a cluster sends it, or Ctrl-C has come since."""
    came: list[int] = []
    before = {which: signal.signal(which, lambda number, frame: came.append(number)) for which in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: bool(came)
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)


def run(plan: Plan, device: str, devices: int, nodes: int, accumulate: int, out: Path, say: Callable[[str], None]) -> History:
    """Connect, train, and say how well the network does its pretext task on the validation split.

    `plan.parts` is set here: one for each process and each time that gradients are accumulated, or as the run began.
    """
    pretext.load(plan.task)  # a typo is found before any process is started
    memory.keep()
    fabric = connect(device, devices, nodes)
    if fabric.global_rank:
        def say(sentence): ...
    dataset = open_dataset(plan.data, device=fabric.device)
    checkpoint = checkpoint_of(plan, dataset, out)
    plan = dataclasses.replace(plan, parts=parts_of(checkpoint, fabric.world_size * accumulate))
    say(f"{plan.task} on {plan.data}: {len(dataset.train)} samples, {plan.parts} parts on {fabric.world_size} processes")
    history, step = train(fabric, plan, dataset, checkpoint, say)
    if history.stopped:
        say(f"asked to stop: {history.step} of {plan.steps} steps are in {checkpoint}; the same command goes on from there")
    elif fabric.global_rank == 0:
        rng = torch.Generator(fabric.device).manual_seed(plan.seed)
        scores = pretext_scores(step.backbone, step.task, dataset.val, rng)
        say("finished; on the validation split " + ", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
        say(f"the network is in {checkpoint}")
    return history
