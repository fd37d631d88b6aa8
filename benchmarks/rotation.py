"""Rotation, trained in the ways in which one would write it: how many pictures a second does the network see?

    python benchmarks/rotation.py            --json for a program: `course bench` reads it

All train the same network with the same loss and optimiser. An image is moved by up to three pixels each way (edges
reflected), mirrored half of the time and shown at all four angles; 64 images make a batch of 256 pictures.

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

import course_lib  # noqa: F401 (before torchvision: it mends the import of a CUDA build beside a CPU torch)

# isort: split
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from course_lib.data import Split
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation
from course_lib.start import default_precision
from course_lib.training import REPORT_EVERY, fit

BATCH = 64  # images; the network sees each at four angles
SIDE = 32  # pixels
HALF = [0.5] * 3  # brings pixels from 0…1 to -1…1

Batches = Iterator[tuple[Tensor, Tensor]]  # visible, float 4N x 3 x S x S in -1…1; hidden, int64 4N, quarter turns


# --- the ways


class RotatedPhotos(Dataset):
    """Of each image (uint8 N x 3 x S x S) its four rotations, float 4 x 3 x S x S, and their labels."""

    def __init__(self, images: Tensor):
        self.photos = images.permute(0, 2, 3, 1).cpu().numpy()
        self.augment = transforms.Compose([
            transforms.RandomCrop(images.shape[-1], padding=3, padding_mode="reflect"),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(HALF, HALF),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        image = self.augment(Image.fromarray(self.photos[k]))
        return torch.stack([torch.rot90(image, turns, (1, 2)) for turns in range(4)]), torch.arange(4)


def dataloader(images: Tensor, workers: int) -> Batches:
    loader = DataLoader(
        RotatedPhotos(images), BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0,
        pin_memory=images.is_cuda,
    )  # fmt: skip
    while True:
        for visible, hidden in loader:
            yield visible.flatten(0, 1).to(images.device, non_blocking=True), hidden.flatten().to(images.device)


def transforms_v2(images: Tensor, each: bool) -> Batches:
    augment = v2.Compose([
        v2.RandomCrop(images.shape[-1], padding=3, padding_mode="reflect"),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(HALF, HALF),
    ])  # fmt: skip
    hidden = torch.arange(4, device=images.device).repeat_interleave(BATCH)
    while True:
        chosen = images[torch.randint(len(images), (BATCH,), device=images.device)]
        seen = torch.stack([augment(image) for image in chosen]) if each else augment(chosen)
        yield torch.cat([torch.rot90(seen, turns, (2, 3)) for turns in range(4)]), hidden


def ready_made(images: Tensor) -> Batches:
    visible, hidden = next(transforms_v2(images, each=False))
    visible = visible.contiguous(memory_format=torch.channels_last)
    while True:
        yield visible, hidden


# --- the training


class Network(nn.Module):
    """The network of the course: `small`, the mean over its last map, one linear layer."""

    def __init__(self, width: int, side: int):
        super().__init__()
        self.backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=width, image_size=side)
        self.head = nn.Linear(self.backbone.widths[self.backbone.stage_names[-1]], 4)

    def forward(self, visible: Tensor) -> Tensor:
        return self.head(self.backbone(visible).mean((2, 3)))


def by_hand(batches: Batches, images: Tensor, width: int) -> Callable[[], Tensor]:
    """A function that takes one training step on the next batch and returns its loss."""
    network = Network(width, images.shape[-1]).to(images.device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.05, fused=images.device.type != "mps")
    autocast = torch.autocast(images.device.type, torch.bfloat16, default_precision(str(images.device)) == torch.bfloat16)

    def step() -> Tensor:
        visible, hidden = next(batches)
        with autocast:
            loss = F.cross_entropy(network(visible.contiguous(memory_format=torch.channels_last)), hidden)
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


def seconds_of_fit(images: Tensor, width: int, steps: int) -> float:
    """The same of a training by the course; the first report comes after the steps that are not counted."""
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(0), width=width, image_size=images.shape[-1])
    task = Rotation(backbone, torch.Generator().manual_seed(0))
    data = Split(torch.zeros(len(images), dtype=torch.int64), ["photo"], images, device=images.device)
    marks: list[float] = []
    fit(
        backbone.to(images.device), task.to(images.device), data, steps=REPORT_EVERY + steps, batch_size=BATCH,
        precision=default_precision(str(images.device)), on_report=lambda history: marks.append(time.perf_counter()),
    )  # fmt: skip
    return marks[-1] - marks[0]


def measure(images: Tensor, width: int, steps: int, rounds: int) -> dict[str, float]:
    """Pictures a second by way, the best of `rounds` rounds in which all take turns."""
    batches = {
        "bare": ready_made(images),
        "DataLoader": dataloader(images, 0),
        "DataLoader, 2 workers": dataloader(images, 2),
        "v2, a draw an image": transforms_v2(images, each=True),
        "v2, a draw a batch": transforms_v2(images, each=False),
    }
    by_hands = {way: by_hand(each, images, width) for way, each in batches.items()}
    seconds: dict[str, list[float]] = {way: [] for way in [*by_hands, "ours"]}
    for _ in range(rounds):
        for way, step in by_hands.items():
            seconds[way].append(seconds_by_hand(step, steps))
        seconds["ours"].append(seconds_of_fit(images, width, steps))
    return {way: round(4 * BATCH * steps / min(each), 1) for way, each in seconds.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print pictures a second by way, and nothing else")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=50_000, help="as many as CIFAR-10 has")
    parser.add_argument("--width", type=int, default=16, help="channels of the network's first stage")
    parser.add_argument("--steps", type=int, default=20, help="that are timed in a round")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.manual_seed(0)
    noise = torch.randint(0, 256, (asked.images, 3, SIDE, SIDE), dtype=torch.uint8).to(asked.device)
    found = measure(noise, asked.width, asked.steps, asked.rounds)
    if asked.json:
        print(json.dumps(found))
    else:
        for way, rate in found.items():
            print(f"{way:24}{rate:8.0f} pictures/s    ours is {found['ours'] / rate:.2f} x as fast")
