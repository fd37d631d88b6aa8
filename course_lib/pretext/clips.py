"""Time in clips: how much moves when, and which frames to look at. Shared by the tasks on clips.

Clips are uint8 N x T x 3 x S x S, 0…255.
"""

import functools

import torch
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.pretext import patches


def motion(clips: Tensor) -> Tensor:
    """How much changes from each frame to the next: the mean difference of brightness, float32 N x T-1, 0…255.

    A camera that moves counts as motion, too: a flow would tell the two apart, at a hundred times the cost.
    """
    return patches.brightness(clips.float()).diff(dim=1).abs().mean((2, 3))


def every_second(clips: Tensor, most: int, rng: torch.Generator) -> Tensor:
    """Up to `most` moments of each clip, evenly spaced as far as they go, beginning at random: int64 N x K, ascending.

    Of 16 frames, every second one, from the first or from the second on.
    """
    length = clips.shape[1]
    count = min(most, length)
    step = length // count
    first = torch.randint(0, length - step * (count - 1), (len(clips), 1), generator=rng, device=clips.device)
    return first + step * torch.arange(count, device=clips.device)


@functools.cache
def quintuples(count: int) -> Tensor:
    """All a < b < c < d < e below `count`: int64 K x 5.

    Raises:
        CourseError: there are none.
    """
    if count < 5:
        raise CourseError(f"Five different frames need a clip of five or more, and this one has {count}: use longer clips.")
    return torch.combinations(torch.arange(count), 5)


def draw_quintuples(
    frames: Tensor, rng: torch.Generator, questions: int, high_motion: bool = True, candidates: int = 8
) -> Tensor:
    """a < b < c < d < e among the K frames of each clip (N x K x 3 x S x S), `questions` times: int64 N x M x 5.

    With `high_motion`, of several that are drawn, the one that changes fastest between b and d (Misra et al. 2016, section
    3.1, who measure it by optical flow): where nothing moves, nothing tells the order.
    """
    count, device = len(frames), frames.device
    table = quintuples(frames.shape[1]).to(device)
    drawn = torch.randint(len(table), (count, questions, candidates if high_motion else 1), generator=rng, device=device)
    if not high_motion:
        return table[drawn[..., 0]]
    so_far = torch.nn.functional.pad(motion(frames).cumsum(1), (1, 0))  # from the first frame until each: N x K
    begin, end = table[:, 1], table[:, 3]
    pace = (so_far[:, end] - so_far[:, begin]) / (end - begin)  # N x K', of every quintuple there is
    fastest = pace.gather(1, drawn.flatten(1)).view_as(drawn).argmax(2, keepdim=True)
    return table[drawn.gather(2, fastest)[..., 0]]


def at(clips: Tensor, moments: Tensor) -> Tensor:
    """The frames of each clip at its own moments (int64 N x K): N x K x 3 x S x S."""
    return clips[torch.arange(len(clips), device=clips.device)[:, None], moments]


def shaken(frames: Tensor, most: int, rng: torch.Generator) -> Tensor:
    """Each frame of N x K x C x S x S moved by up to `most` pixels each way, by itself, edges repeated; same shape."""
    count, each, _, height, width = frames.shape
    move = torch.randint(-most, most + 1, (2, count * each, 1), generator=rng, device=frames.device)
    rows = (torch.arange(height, device=frames.device) + move[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=frames.device) + move[1]).clamp(0, width - 1)
    return patches.picked(frames.flatten(0, 1), rows, columns).unflatten(0, (count, each))


def centroids(frames: Tensor) -> Tensor:
    """Where things move: the centre of what differs from the clip's median picture, float32 N x K x 2, -1…1, x then y.

    All that a network can go by which knows where the moving thing is, and nothing of what it does.
    """
    grey = patches.brightness(frames.float())
    weight = (grey - grey.median(1, keepdim=True).values).abs()
    weight = torch.where(weight > 12, weight, 0.0) + 1e-6  # less is the camera's noise
    line = [torch.linspace(-1, 1, side, device=frames.device) for side in grey.shape[2:]]
    whole = weight.sum((2, 3))
    x, y = (weight.sum(2) * line[1]).sum(2) / whole, (weight.sum(3) * line[0]).sum(2) / whole
    return torch.stack([x, y], dim=2)
