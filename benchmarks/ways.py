"""What the programs beside this one share: they train one network on batches that are made in several ways, and time it.

All ways train the network of the task, with its loss, by the same optimiser: only how a batch comes about differs.

- bare: one batch, ready-made, again and again: what the network alone takes.
- DataLoader: a Dataset of PIL images with torchvision's transforms, sample by sample; in this process or in two workers.
- v2: torchvision.transforms.v2 on tensors; a draw a sample, or one draw for the whole batch, which is how v2 treats a batch:
  faster, and a poorer augmentation.
- ours: `course_lib.training.fit`, with all that it does besides.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import course_lib  # noqa: F401 (before torchvision: it mends the import of a CUDA build beside a CPU torch)

# isort: split
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate

from course_lib import pretext
from course_lib.data import Split
from course_lib.models import build_backbone
from course_lib.pretext import PretextTask
from course_lib.run.bench import SIDE as SIDE  # for the programs
from course_lib.run.bench import noise, pictures
from course_lib.start import default_precision
from course_lib.training import REPORT_EVERY, fit

HALF = [0.5] * 3  # normalises pixels from 0…1 to -1…1
LUMA = torch.tensor([0.299, 0.587, 0.114])
Batches = Iterator[tuple]  # visible and hidden, as the task's `predict` and `loss` take them


def images(data: Split) -> tuple[Tensor, ...]:
    return (data.images,)


@dataclass(frozen=True)
class Ways:
    """A task as one would write it by hand. A sample is an image, or all that `made_of` says.

    Attributes:
        task: its name in `course_lib.pretext`.
        of_pil: by torchvision's transforms, from a sample's PIL image (NumPy arrays where it is a clip or a sound) to what
            `hide` takes: float tensors, one or several.
        of_tensors: the same by v2, of a sample or a batch of them: uint8 … x 3 x S x S.
        hide: what the network sees of that, and what it is to say, as tensors; one draw for all samples.
        draws: whether `hide` draws anything, so that it must be asked for each sample by itself.
        joined: of what `hide` gives for N samples, `visible` and `hidden` of the task.
        made_of: the data as tensors, a row a sample.
        batch: samples a step.
    """

    task: str
    of_pil: Callable[..., Any]
    of_tensors: Callable[..., Any]
    hide: Callable[..., tuple[Tensor, ...]]
    draws: bool
    joined: Callable[..., tuple]
    made_of: Callable[[Split], tuple[Tensor, ...]] = images
    batch: int = 64


class Samples(Dataset):
    """The samples of a split, each transformed and hidden by itself."""

    def __init__(self, ways: Ways, data: Split):
        self.ways = ways
        # Channels last where there are any, as PIL has them; a sound's spectrogram has none.
        self.arrays = [(of.movedim(-3, -1).contiguous() if of.ndim > 3 else of).cpu().numpy() for of in ways.made_of(data)]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, k: int) -> tuple[Tensor, ...]:
        sample = (Image.fromarray(of[k]) if of.ndim == 4 else of[k] for of in self.arrays)
        return self.ways.hide(*_several(self.ways.of_pil(*sample)))


def _several(seen: Tensor | tuple) -> tuple[Tensor, ...]:
    return seen if isinstance(seen, tuple) else (seen,)


# --- batches


def dataloader(ways: Ways, data: Split, workers: int) -> Batches:
    loader = DataLoader(
        Samples(ways, data), ways.batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=data.device.type == "cuda",
    )  # fmt: skip
    while True:
        for samples in loader:
            yield ways.joined(*(part.to(data.device, non_blocking=True) for part in samples))


def transforms_v2(ways: Ways, data: Split, each: bool) -> Batches:
    whole = ways.made_of(data)
    while True:
        rows = torch.randperm(len(data), device=data.device)[: ways.batch]
        chosen = [part[rows] for part in whole]
        samples = [_several(ways.of_tensors(*sample)) for sample in zip(*chosen, strict=True)] if each else []
        if each and ways.draws:
            yield ways.joined(*default_collate([ways.hide(*sample) for sample in samples]))
        else:
            yield ways.joined(*ways.hide(*(default_collate(samples) if each else _several(ways.of_tensors(*chosen)))))


def ready_made(ways: Ways, data: Split) -> Batches:
    batch = next(transforms_v2(ways, data, each=False))
    while True:
        yield batch


# --- the training


def network(ways: Ways, data: Split, width: int) -> tuple[nn.Module, PretextTask]:
    """The course's: `small`, and the task's head."""
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=width, image_size=SIDE)
    task = pretext.load(ways.task)(backbone, torch.Generator().manual_seed(0))
    task.setup(backbone, data)
    return tuple(module.to(data.device, memory_format=torch.channels_last).train() for module in (backbone, task))


def by_hand(ways: Ways, batches: Batches, data: Split, width: int) -> Callable[[], Tensor]:
    """A function that takes one training step on the next batch and returns its loss."""
    backbone, task = network(ways, data, width)
    parameters = [*backbone.parameters(), *task.parameters()]
    optimiser = torch.optim.AdamW(parameters, 3e-3, weight_decay=0.05, fused=data.device.type != "mps")
    autocast = torch.autocast(data.device.type, torch.bfloat16, default_precision(str(data.device)) == torch.bfloat16)

    def step() -> Tensor:
        visible, hidden = next(batches)
        with autocast:
            loss = task.loss(task.predict(backbone, visible), hidden)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def seconds_by_hand(step: Callable[[], Tensor], steps: int) -> float:
    """Of `steps` steps, after some that are not counted, in which workers run out of what they have prepared meanwhile."""
    for _ in range(REPORT_EVERY):
        loss = step()
    loss.item()  # waits for the device
    began = time.perf_counter()
    for _ in range(steps):
        loss = step()
    loss.item()
    return time.perf_counter() - began


def seconds_of_fit(ways: Ways, data: Split, width: int, steps: int) -> float:
    """The same of a training by the course; the first report comes after the steps that are not counted."""
    backbone, task = network(ways, data, width)
    marks: list[float] = []
    fit(
        backbone, task, data, steps=REPORT_EVERY + steps, batch_size=ways.batch,
        precision=default_precision(str(data.device)), on_report=lambda history: marks.append(time.perf_counter()),
    )  # fmt: skip
    return marks[-1] - marks[0]


def measure(ways: Ways, data: Split, width: int, steps: int, rounds: int) -> dict[str, float]:
    """Pictures a second by way, the best of `rounds` rounds in which all take turns."""
    batches = {
        "bare": ready_made(ways, data),
        "DataLoader": dataloader(ways, data, 0),
        "DataLoader, 2 workers": dataloader(ways, data, 2),
        "v2, a draw a sample": transforms_v2(ways, data, each=True),
        "v2, a draw a batch": transforms_v2(ways, data, each=False),
    }
    by_hands = {way: by_hand(ways, each, data, width) for way, each in batches.items()}
    seconds: dict[str, list[float]] = {way: [] for way in [*by_hands, "ours"]}
    for _ in range(rounds):
        for way, step in by_hands.items():
            seconds[way].append(seconds_by_hand(step, steps))
        seconds["ours"].append(seconds_of_fit(ways, data, width, steps))
    seen = pictures(next(batches["bare"])[0])
    return {way: round(seen * steps / min(each), 1) for way, each in seconds.items()}


def main(ways: Ways, description: str) -> None:
    """Measure on noise, as the command line says, and print it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print pictures a second by way, and nothing else")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--samples", type=int, help="50 000 images, as many as CIFAR-10 has, or 2 000 clips, unless given")
    parser.add_argument("--width", type=int, default=16, help="channels of the network's first stage")
    parser.add_argument("--steps", type=int, default=20, help="that are timed in a round")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.manual_seed(0)
    data = noise(ways.task, asked.device, asked.samples or (50_000 if ways.made_of is images else 2_000))
    found = measure(ways, data, asked.width, asked.steps, asked.rounds)
    if asked.json:
        print(json.dumps(found))
    else:
        for way, rate in found.items():
            print(f"{way:24}{rate:8.0f} pictures/s    ours is {found['ours'] / rate:.2f} x as fast")
