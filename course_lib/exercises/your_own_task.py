"""The exercises of 09_your_own_task."""

import functools
from collections.abc import Callable, Iterator

import matplotlib.figure  # noqa: F401 (this and the next: not within the ten seconds of a check, but before)
import torch
import torch._dynamo  # which the first optimiser imports
from torch import Tensor

from course_lib.data import Split
from course_lib.evaluation.checkup import contract
from course_lib.exercises import TYPES, Exercise, Trial, Unsolved, random_numbers
from course_lib.models import build_backbone
from course_lib.pretext import PretextTask
from course_lib.pretext.odd_quarter import OddQuarter, exchange

# --- the references -------------------------------------------------------------------------------------------------


def guessing(hidden: Tensor) -> float:
    """How often (0…1) somebody is right who always gives the commonest of the answers `hidden` (N whole numbers)."""
    return hidden.unique(return_counts=True)[1].max().item() / len(hidden)


def seam_steps(images: Tensor) -> Tensor:
    """The mean size of the step across each inner border of images N x C x 2s x 2s: N x 4, in the type of the images.

    In the order upper and lower half of the border between left and right, left and right half of that between top and
    bottom: 0 between quarters 0 and 1, 1 between 2 and 3, 2 between 0 and 2, 3 between 1 and 3.
    """
    side = images.shape[-1] // 2
    across = (images[..., side] - images[..., side - 1]).abs().mean(1)  # N x 2s: a step for each row
    down = (images[..., side, :] - images[..., side - 1, :]).abs().mean(1)
    return torch.stack([half.mean(1) for border in (across, down) for half in border.chunk(2, 1)], dim=1)


# --- the cases ------------------------------------------------------------------------------------------------------

def _pictures(rng: torch.Generator, types: tuple[torch.dtype, ...]) -> Iterator[Tensor]:
    """Square pictures of an even side, of many shapes, types and layouts in memory."""
    shapes = [(5, 3, 4), (1, 3, 5), (4, 1, 3), (3, 3, 1), (9, 2, 5), (2, 4, 2), (13, 3, 16)]
    for k, (count, channels, side) in enumerate([*shapes, *torch.randint(1, 8, (12, 3), generator=rng).tolist()]):
        pictures = random_numbers((count, channels, 2 * side, 2 * side), types[k % len(types)], rng)
        yield pictures.contiguous(memory_format=torch.channels_last) if k % 2 else pictures


def _described(what: str, values: Tensor) -> str:
    return f"{what} {tuple(values.shape)} {str(values.dtype)[6:]}"


def _photos(side: int) -> Split:
    """Pictures with something in them: a bright shape at a random place before a gradient."""
    rng = torch.Generator().manual_seed(side)
    line = torch.linspace(0, 1, side)
    slope, place, colour = torch.rand(3, 240, 3, 1, 1, generator=rng)
    ground = 120 * slope * line[:, None] + 60 * colour * line
    shape = (line[:, None] - place[:, :1]).abs() + (line - place[:, 1:2]).abs() < 0.3
    images = torch.where(shape, ground + 100 * colour, ground) + 20 * torch.rand(240, 3, side, side, generator=rng)
    return Split(labels=torch.arange(240) % 2, classes=["one", "other"], images=images.to(torch.uint8))


# --- the checks -----------------------------------------------------------------------------------------------------


def check_exchange(function: Callable) -> None:
    """Random pictures and partners of many shapes and types; every quarter, one answer for all and mixed ones."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for k, images in enumerate(_pictures(rng, TYPES)):
        others = random_numbers(images.shape, images.dtype, rng)
        quarter = torch.randint(0, 4, (len(images),), generator=rng)
        quarter = quarter if k % 3 else torch.full_like(quarter, k // 3 % 4)
        trial.case(f"{_described('images', images)}, quarter {quarter.tolist()}")
        why = "Quarter 0 is the upper left one, 1 the upper right, 2 the lower left, 3 the lower right; the rest stays."
        trial.same("the pictures", trial.call(images, others, quarter), exchange(images, others, quarter), why)


def check_guessing(function: Callable) -> None:
    """Random answers, few and many, balanced and not, of numbers that do not begin at 0 or leave some out; also a column."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for count, answers in [(7, 3), (1, 1), (200, 4), (12, 12), (30, 2), *torch.randint(1, 40, (14, 2), generator=rng).tolist()]:
        hidden = torch.randint(0, answers, (count,), generator=rng) * 3 + answers % 5 - 2
        hidden = torch.stack([hidden, hidden], dim=1)[:, 0] if count % 2 else hidden
        trial.case(f"hidden {tuple(hidden.shape)} int64, {len(hidden.unique())} different answers")
        share = trial.call(hidden)
        number = isinstance(share, (int, float)) and not isinstance(share, bool)
        if isinstance(share, Tensor):
            number = share.dim() == 0 and share.is_floating_point()
        trial.expect(number, f"expected one number, got {type(share).__name__}.")
        expected = guessing(hidden)
        right = abs(float(share) - expected) < 1e-4
        trial.expect(right, f"expected {expected:.4f}, the share of the commonest answer, got {float(share):.4g}.")


def check_seam_steps(function: Callable) -> None:
    """Random pictures of many shapes, and some that are flat but for one exchanged quarter."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    why = "First the upper and lower half of the border between left and right, then the left and right half of the other."
    for k, images in enumerate(_pictures(rng, (torch.float32, torch.float64))):
        if k % 4 == 3:
            quarter = torch.randint(0, 4, (len(images),), generator=rng)
            images = exchange(torch.zeros_like(images), torch.ones_like(images), quarter)
        trial.case(_described("images", images) + ", a white quarter on black" * (k % 4 == 3))
        trial.same("the steps", trial.call(images), seam_steps(images), why, close=True)


def check_my_task(function: Callable) -> None:
    """A task is made for pictures of two sizes, and asked to keep the contract (see `evaluation.checkup.contract`)."""

    def made(side):
        rng = torch.Generator().manual_seed(1)
        with torch.random.fork_rng(devices=[]):  # layers draw weights when they are made; `initialise` replaces them
            backbone = build_backbone("small", rng=rng, width=8, image_size=side)
            task = function(backbone, rng)
        return None if task is None else task if task in (..., NotImplemented) else (backbone, task)

    trial = Trial(made)
    for side in (64, 32):
        photos = _photos(side)
        trial.case(f"pictures {tuple(photos.images.shape)} uint8")
        _, task = trial.call(side)
        of = type(task).__name__
        trial.expect(isinstance(task, PretextTask), f"expected a task, a class that begins with (PretextTask), got {of}.")
        rng, batch = torch.Generator().manual_seed(1), photos.batch(range(3), labels=task.uses_labels)
        try:
            task.hide(batch, rng)
        except NotImplementedError:
            raise Unsolved from None
        except BaseException:  # the contract, which comes next, puts it into words
            pass
        try:
            finding = contract(functools.partial(made, side), photos, rng)
        except BaseException as error:  # a student's sys.exit() too
            trial.expect(False, f"your function raised {type(error).__name__}: {error}")
        trial.expect(bool(finding.passed), f"expected a task that keeps the contract, but: {finding.found} {finding.advice}")
        try:
            task.draw(batch, rng)
        except Exception as error:
            trial.expect(False, f"expected a figure from `draw`, but it raised {type(error).__name__}: {error}")


EXERCISES = {
    "exchange": Exercise(
        check=check_exchange,
        reference=exchange,
        hints=(
            "Begin with one picture and one quarter, on paper: which rows and which columns does quarter 1 take?",
            "Begin with a copy of the pictures. The rows begin at 0 or at s, by the quarter's number divided by two; the columns "
            "by what is left over.",
            "A loop over the samples will do: for each, copy a square of s x s pixels from its partner, at the same place.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "seam_steps": Exercise(
        check=check_seam_steps,
        reference=seam_steps,
        hints=(
            "A step is the difference of two pixels that lie side by side, without its sign. Which two columns of pixels lie at "
            "the border between left and right?",
            "Those two columns are numbers s - 1 and s. Their difference is N x C x 2s; average over channels, then over the "
            "upper s rows and over the lower s rows apart.",
            "The border between top and bottom works likewise, with rows for columns. Put the four means side by side.",
        ),
        difficulty=3,
        importance=5,
        minutes=8,
    ),
    "guessing": Exercise(
        check=check_guessing,
        reference=guessing,
        hints=(
            "Somebody who cannot see gives the same answer every time. Which answer is then the best?",
            "Count how often each answer occurs; the largest count, divided by how many answers there are.",
            "Answers may be any whole numbers, negative ones too. Torch can list the different values with their counts.",
        ),
        difficulty=1,
        importance=4,
        minutes=3,
    ),
    "my_task": Exercise(
        check=check_my_task,
        reference=OddQuarter,
        hints=(
            "What do you know about a picture because you have just done it to the picture? That becomes `hidden`.",
            "Draw the answers first, one a picture, with `rng`. Then change each picture by its answer, and hand back both.",
            "The same generator must give the same answer twice; `visible` must be floats from about -1 to 1, `hidden` whole "
            "numbers from 0 to one less than `answers`; and the batch itself must stay as it was.",
        ),
        difficulty=4,
        importance=5,
        minutes=25,
    ),
}
