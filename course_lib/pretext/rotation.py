"""Rotation: turn an image by 0, 90, 180 or 270 degrees and ask which (Gidaris et al. 2018, arXiv:1803.07728).

All four rotations of each image stand in one batch (section 3.1). The image is cropped and mirrored before it is
turned: a mirror image of a picture turned by 90 degrees is one turned by 270, so mirroring afterwards would make the
two indistinguishable and cap the accuracy near 75 %.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.data import Batch
from course_lib.models import Backbone, initialise
from course_lib.pretext import PretextTask, normalise
from course_lib.pretext.patches import picked

ANGLES = (0, 90, 180, 270)


def rotate(images: Tensor, quarter_turns: int) -> Tensor:
    """Turn square images (… x H x W) anticlockwise by a number of quarter turns, moving pixels and inventing none.

    Interpolation would leave traces that a network reads instead of the picture; a quarter turn needs none.
    """
    return torch.rot90(images, quarter_turns, (-2, -1))


def rotate_by_eighths(images: Tensor, eighths: int) -> Tensor:
    """The inscribed disc of square images (uint8 N x C x S x S), turned anticlockwise by 22.5 + 45 times `eighths`
    degrees; grey around it.

    Angles between the quarter turns cannot do without interpolation. The offset makes all eight go through the same
    amount of it, and the disc hides the corners, so that neither tells the angle.
    """
    size = images.shape[-1]
    angle = math.radians(22.5 + 45 * eighths)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])
    grid = F.affine_grid(turn[None], [1, 1, size, size], align_corners=False).to(images.device)
    turned = F.grid_sample(images.float(), grid.expand(len(images), -1, -1, -1), align_corners=False)
    line = (torch.arange(size, device=images.device) + 0.5) / size * 2 - 1
    disc = line[:, None] ** 2 + line**2 < (1 - 1 / size) ** 2
    return torch.where(disc, turned.round(), 128.0).to(torch.uint8)


def rotate_each(images: Tensor, quarter_turns: Tensor) -> Tensor:
    """Images (N x C x S x S), each turned anticlockwise by its own number of quarter turns (int64 N)."""
    return torch.stack([rotate(image, turns) for image, turns in zip(images, quarter_turns.tolist(), strict=True)])


def all_rotations(images: Tensor, rotate: Callable[[Tensor, int], Tensor], turns: Sequence[int]) -> tuple[Tensor, Tensor]:
    """N images at each of K `turns`: images KN x 3 x S x S and labels KN (places in `turns`), rotation by rotation."""
    turned = torch.cat([rotate(images, turn) for turn in turns])
    return turned, torch.arange(len(turns), device=images.device).repeat_interleave(len(images))


def four_rotations(images: Tensor, rotate: Callable[[Tensor, int], Tensor] = rotate) -> tuple[Tensor, Tensor]:
    """All four rotations of N images: images 4N x 3 x S x S and labels 4N (quarter turns, 0…3), rotation by rotation."""
    return all_rotations(images, rotate, range(4))


def shifted_and_mirrored(images: Tensor, rng: torch.Generator, most: int = 3) -> Tensor:
    """Each image moved by up to `most` pixels each way (edges reflected) and mirrored half of the time; same shape."""
    count, _, height, width = images.shape
    draws = torch.randint(0, 2 * most + 1, (2, count), generator=rng, device=images.device)
    mirror = torch.randint(0, 2, (count, 1), generator=rng, device=images.device).bool()
    rows = _reflected(torch.arange(height, device=images.device) + draws[0, :, None] - most, height)
    columns = torch.arange(width, device=images.device).expand(count, width)
    columns = torch.where(mirror, columns.flip(1), columns)
    columns = _reflected(columns + draws[1, :, None] - most, width)
    return picked(images, rows, columns)


def _reflected(position: Tensor, size: int) -> Tensor:
    return (size - 1) - ((size - 1) - position.abs()).abs()


class Rotation(PretextTask):
    """Classification of the angle by which an image was turned: four quarter turns, or as many as you name.

    Args:
        backbone: its last stage feeds the head.
        rng: a CPU generator for the head's first weights.
        rotate: turns N x 3 x S x S images by a number of quarter turns; a student's own function, say.
        augment: moves and mirrors the images *before* they are turned; `patches.rescaled_window` is the JPEG-proof choice,
            since stretching smears the 8 x 8 grid of compression blocks that can give the angle away.
        turns: what `rotate` is asked for, K numbers; (0, 2) tells upright from upside down.
    """

    def __init__(
        self,
        backbone: Backbone,
        rng: torch.Generator,
        rotate: Callable[[Tensor, int], Tensor] = rotate,
        augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        turns: Sequence[int] = (0, 1, 2, 3),
    ):
        super().__init__()
        self.rotate, self.turns, self.chance = rotate, turns, 1 / len(turns)
        self.augment = augment or shifted_and_mirrored
        self.head = initialise(nn.Linear(backbone.widths[backbone.stage_names[-1]], len(turns)), rng)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """`visible`: KN x 3 x S x S float images, every image at every angle; `hidden`: KN places in `turns`, 0…K - 1."""
        images = self.augment(batch.images, rng) if self.training else batch.images
        turned, hidden = all_rotations(images, self.rotate, self.turns)
        return normalise(turned), hidden

    def predict(self, backbone: nn.Module, visible: Tensor) -> Tensor:
        """Logits, KN x K: average the last feature map over the image, then one linear layer."""
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction: Tensor, hidden: Tensor) -> Tensor:
        """Cross-entropy (section 3.1, eq. 2), averaged over the images and their rotations."""
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction: Tensor, hidden: Tensor) -> dict[str, float]:
        """`accuracy`: the share of angles named correctly; guessing gives 1/K."""
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}

    def draw(self, batch: Batch, rng: torch.Generator):
        """One row an image, one column an angle: what the network sees, titled with what it must say."""
        from matplotlib.figure import Figure

        count, columns = len(batch.index), len(self.turns)
        turned, hidden = all_rotations(batch.images, self.rotate, self.turns)
        figure = Figure(figsize=(1.6 * columns, 1.6 * count + 0.3), layout="constrained")
        axes = figure.subplots(count, columns, squeeze=False)
        for k, (image, answer) in enumerate(zip(turned.cpu(), hidden.tolist(), strict=True)):
            axis = axes[k % count, k // count]
            axis.imshow(image.permute(1, 2, 0))
            axis.set_axis_off()
            if k % count == 0:
                axis.set_title(f"hidden: {ANGLES[answer]}°" if columns == len(ANGLES) else f"hidden: {answer}", fontsize=10)
        return figure
