"""`course bench`: what the library adds to a training step that somebody had written by hand.

Two steps take turns: ours, from drawing the batch to the optimiser, and a bare one that finds its visible and hidden
parts ready-made and does the rest alike: same network, head, loss, precision, batch and optimiser. The fastest of many
repetitions counts: whatever else the computer does can only make a step slower.
"""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from course_lib import pretext
from course_lib.data.splits import Split
from course_lib.models import build_backbone
from course_lib.paths import write_atomically
from course_lib.start import default_precision
from course_lib.training import Step

VISIBLE = 256  # pictures, or as many pixels, that the network sees in a step: rotation makes them of 64 images
SIDE = 32  # pixels
FRAMES = 16  # of a clip
RATE = 16_000  # of its sound, which lasts a second
WIDTH = 16


def measure(device: str, out: Path, repetitions: int = 40, say: Callable[[str], None] = print) -> dict:
    """Measure every pretext task on `device` and write `out`/bench.json: `overhead` is ours over bare, task by task."""
    steps = {}
    for name in pretext.names():
        ours, bare = _steps(name, device)
        fastest = _fastest([ours, bare], device, repetitions)
        steps[name] = {"ours_ms": round(1e3 * fastest[0], 3), "bare_ms": round(1e3 * fastest[1], 3)}
        ratio = fastest[0] / fastest[1]
        say(f"{name}: {ratio:.3f} ({steps[name]['ours_ms']:.1f} ms, bare {steps[name]['bare_ms']:.1f} ms)")
        steps[name]["overhead"] = round(ratio, 4)
    result = {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{device} ({platform.machine()})",
        "overhead": {name: step.pop("overhead") for name, step in steps.items()},
        "steps": steps,
        "precision": str(default_precision(device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "network": f"small, {WIDTH} channels, {SIDE} x {SIDE} pixels, {VISIBLE} images a step",
        "repetitions": repetitions,
    }
    write_atomically(out / "bench.json", json.dumps(result, indent=1) + "\n")
    return result


def _steps(name: str, device: str) -> tuple[Callable[[], None], Callable[[], None]]:
    rng = torch.Generator().manual_seed(0)
    kind = pretext.load(name)
    count = 4096 if kind.content == ("images",) else 512
    drawn = {
        "images": (256, (count, 3, SIDE, SIDE), torch.uint8), "clips": (256, (count, FRAMES, 3, SIDE, SIDE), torch.uint8),
        "sounds": (2**15, (count, RATE), torch.int16),
    }  # fmt: skip
    content = {
        of: torch.randint(0, most, shape, generator=rng, dtype=kept).to(device)
        for of, (most, shape, kept) in drawn.items() if of in kind.content
    }  # fmt: skip
    labels = torch.randint(0, 10, (count,), generator=rng).to(device)
    data = Split(labels, [str(k) for k in range(10)], **content, rate=RATE, device=torch.device(device))
    precision, draw = default_precision(device), torch.Generator(device).manual_seed(0)

    def network():
        backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=WIDTH, image_size=SIDE)
        task = kind(backbone, torch.Generator().manual_seed(0))
        step = Step(backbone, task, draw).to(device, memory_format=torch.channels_last).train()
        task.setup(backbone, data)
        return step, torch.optim.AdamW(step.parameters(), 4e-3, weight_decay=0.05)

    def autocast():
        return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == torch.bfloat16)

    step, optimiser = network()
    visible, hidden = step.task.hide(step.task.sample(data, 8, draw), draw)
    first = visible if isinstance(visible, torch.Tensor) else visible[0]
    size = VISIBLE // max(1, round(first.numel() / (8 * 3 * SIDE * SIDE)))  # rotation makes four pictures of one

    def ours():
        batch = step.task.sample(data, size, draw)
        with autocast():
            outcome = step(batch)
        optimiser.zero_grad(set_to_none=True)
        outcome.loss.backward()
        optimiser.step()
        step.task.after_step(step.backbone, outcome.prediction)

    twin, twin_optimiser = network()
    visible, hidden = twin.task.hide(twin.task.sample(data, size, draw), draw)

    def bare():
        with autocast():
            loss = twin.task.loss(twin.task.predict(twin.backbone, visible), hidden)
        twin_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        twin_optimiser.step()

    return ours, bare


def _fastest(actions: list[Callable[[], None]], device: str, repetitions: int) -> list[float]:
    """The shortest time, in seconds, of each action, all taking turns; five rounds to warm up are not counted."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repetitions + 5):
        for action, its in zip(actions, times, strict=True):
            _wait(device)
            began = time.perf_counter()
            action()
            _wait(device)
            its.append(time.perf_counter() - began)
    return [min(its[5:]) for its in times]


def _wait(device: str) -> None:
    if device != "cpu":
        (torch.cuda if device == "cuda" else torch.mps).synchronize()
