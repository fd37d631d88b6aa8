"""What the programs beside this one share: they train one network on batches that are made in several ways, and time it.

All ways train the network of the task, with its loss, by the same optimiser: only how a batch comes about differs.

- bare: one batch, ready-made, again and again: what the network alone takes.
- DataLoader: a Dataset of PIL images with torchvision's transforms, image by image; in this process or in two workers.
- v2: torchvision.transforms.v2 on tensors; a draw an image, or one draw for the whole batch, which is how v2 treats a batch:
  faster, and a poorer augmentation.
- ours: `course_lib.training.fit`, with all that it does besides.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import course_lib  # noqa: F401 (before torchvision: it mends the import of a CUDA build beside a CPU torch)

# isort: split
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision import transforms
from torchvision.transforms import v2

from course_lib import pretext
from course_lib.data import Split
from course_lib.models import build_backbone
from course_lib.pretext import PretextTask
from course_lib.run.bench import SIDE, pictures
from course_lib.start import default_precision
from course_lib.training import REPORT_EVERY, fit

BATCH = 64  # images
Batches = Iterator[tuple]  # visible and hidden, as the task's `predict` and `loss` take them


@dataclass(frozen=True)
class Ways:
    """A task as one would write it by hand.

    Attributes:
        task: its name in `course_lib.pretext`.
        of_pil: torchvision's transforms of a PIL image, to float 3 x S x S.
        of_tensors: the same by v2, of uint8 … x 3 x S x S.
        hide: what the network sees of such pictures (float … x 3 x S x S), and what it is to say; one draw for all of them.
        draws: whether `hide` draws anything, so that it must be asked for each image by itself.
        joined: of what `hide` gives for N pictures, `visible` and `hidden` of the task.
    """

    task: str
    of_pil: transforms.Compose
    of_tensors: v2.Compose
    hide: Callable[[Tensor], tuple[Tensor, ...]]
    draws: bool
    joined: Callable[..., tuple]


class Samples(Dataset):
    """Images (uint8 N x 3 x S x S), each transformed and hidden by itself."""

    def __init__(self, ways: Ways, images: Tensor):
        self.ways, self.photos = ways, images.permute(0, 2, 3, 1).cpu().numpy()

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, k: int) -> tuple[Tensor, ...]:
        return self.ways.hide(self.ways.of_pil(Image.fromarray(self.photos[k])))


# --- batches


def dataloader(ways: Ways, images: Tensor, workers: int) -> Batches:
    loader = DataLoader(
        Samples(ways, images), BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=images.is_cuda,
    )  # fmt: skip
    while True:
        for samples in loader:
            yield ways.joined(*(part.to(images.device, non_blocking=True) for part in samples))


def transforms_v2(ways: Ways, images: Tensor, each: bool) -> Batches:
    while True:
        chosen = images[torch.randint(len(images), (BATCH,), device=images.device)]
        if each and ways.draws:
            yield ways.joined(*default_collate([ways.hide(ways.of_tensors(image)) for image in chosen]))
        else:
            seen = torch.stack([ways.of_tensors(image) for image in chosen]) if each else ways.of_tensors(chosen)
            yield ways.joined(*ways.hide(seen))


def ready_made(ways: Ways, images: Tensor) -> Batches:
    batch = next(transforms_v2(ways, images, each=False))
    while True:
        yield batch


# --- the training


def network(ways: Ways, images: Tensor, width: int) -> tuple[nn.Module, PretextTask]:
    """The course's: `small`, and the task's head."""
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=width, image_size=images.shape[-1])
    task = pretext.load(ways.task)(backbone, torch.Generator().manual_seed(0))
    task.setup(backbone, split(images))
    return tuple(module.to(images.device, memory_format=torch.channels_last).train() for module in (backbone, task))


def split(images: Tensor) -> Split:
    return Split(torch.zeros(len(images), dtype=torch.int64), ["photo"], images, device=images.device)


def by_hand(ways: Ways, batches: Batches, images: Tensor, width: int) -> Callable[[], Tensor]:
    """A function that takes one training step on the next batch and returns its loss."""
    backbone, task = network(ways, images, width)
    parameters = [*backbone.parameters(), *task.parameters()]
    optimiser = torch.optim.AdamW(parameters, 3e-3, weight_decay=0.05, fused=images.device.type != "mps")
    autocast = torch.autocast(images.device.type, torch.bfloat16, default_precision(str(images.device)) == torch.bfloat16)

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


def seconds_of_fit(ways: Ways, images: Tensor, width: int, steps: int) -> float:
    """The same of a training by the course; the first report comes after the steps that are not counted."""
    backbone, task = network(ways, images, width)
    marks: list[float] = []
    fit(
        backbone, task, split(images), steps=REPORT_EVERY + steps, batch_size=BATCH,
        precision=default_precision(str(images.device)), on_report=lambda history: marks.append(time.perf_counter()),
    )  # fmt: skip
    return marks[-1] - marks[0]


def measure(ways: Ways, images: Tensor, width: int, steps: int, rounds: int) -> dict[str, float]:
    """Pictures a second by way, the best of `rounds` rounds in which all take turns."""
    batches = {
        "bare": ready_made(ways, images),
        "DataLoader": dataloader(ways, images, 0),
        "DataLoader, 2 workers": dataloader(ways, images, 2),
        "v2, a draw an image": transforms_v2(ways, images, each=True),
        "v2, a draw a batch": transforms_v2(ways, images, each=False),
    }
    by_hands = {way: by_hand(ways, each, images, width) for way, each in batches.items()}
    seconds: dict[str, list[float]] = {way: [] for way in [*by_hands, "ours"]}
    for _ in range(rounds):
        for way, step in by_hands.items():
            seconds[way].append(seconds_by_hand(step, steps))
        seconds["ours"].append(seconds_of_fit(ways, images, width, steps))
    seen = pictures(next(batches["bare"])[0])
    return {way: round(seen * steps / min(each), 1) for way, each in seconds.items()}


def main(ways: Ways, description: str) -> None:
    """Measure on noise, as the command line says, and print it."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print pictures a second by way, and nothing else")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=50_000, help="as many as CIFAR-10 has")
    parser.add_argument("--width", type=int, default=16, help="channels of the network's first stage")
    parser.add_argument("--steps", type=int, default=20, help="that are timed in a round")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.manual_seed(0)
    noise = torch.randint(0, 256, (asked.images, 3, SIDE, SIDE), dtype=torch.uint8).to(asked.device)
    found = measure(ways, noise, asked.width, asked.steps, asked.rounds)
    if asked.json:
        print(json.dumps(found))
    else:
        for way, rate in found.items():
            print(f"{way:24}{rate:8.0f} pictures/s    ours is {found['ours'] / rate:.2f} x as fast")
