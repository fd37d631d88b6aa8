"""The exercises of the capstone: right answers of every kind pass, wrong ones and mutants never do."""

import pytest
import torch
import torch.nn.functional as F
from mutants import mutants, task_mutants
from refusals import answers, asked, has_hints_without_code, is_refused_in_words

from course_lib.evaluation.checkup import draw_visible
from course_lib.exercises import check, your_own_task
from course_lib.exercises.your_own_task import guessing, seam_steps
from course_lib.models import initialise
from course_lib.pretext import PretextTask, normalise
from course_lib.pretext.odd_quarter import OddQuarter, exchange
from course_lib.pretext.rotation import Rotation

# --- right answers --------------------------------------------------------------------------------------------------


def exchanged_in_a_loop(images, others, quarter):
    result, side = images.clone(), images.shape[-1] // 2
    for n, q in enumerate(quarter.tolist()):
        top, left = q // 2 * side, q % 2 * side
        result[n, :, top : top + side, left : left + side] = others[n, :, top : top + side, left : left + side]
    return result


def exchanged_by_a_mask(images, others, quarter):
    mask = torch.nn.functional.one_hot(quarter, 4).view(-1, 1, 2, 2).bool()
    side = images.shape[-1] // 2
    return torch.where(mask.repeat_interleave(side, 2).repeat_interleave(side, 3), others, images)


def counted(hidden):
    values = hidden.tolist()
    return max(values.count(value) for value in values) / len(values)


def stepped_in_parts(images):
    s = images.shape[-1] // 2
    parts = [
        images[:, :, :s, s] - images[:, :, :s, s - 1], images[:, :, s:, s] - images[:, :, s:, s - 1],
        images[:, :, s, :s] - images[:, :, s - 1, :s], images[:, :, s, s:] - images[:, :, s - 1, s:],
    ]  # fmt: skip
    return torch.stack([part.abs().mean((1, 2)) for part in parts], 1)


def stepped_by_diff(images):
    s = images.shape[-1] // 2
    across = images.diff(dim=3)[..., s - 1].abs().mean(1).unflatten(1, (2, s)).mean(2)
    down = images.diff(dim=2)[:, :, s - 1].abs().mean(1).unflatten(1, (2, s)).mean(2)
    return torch.cat([across, down], 1)


class Upright(PretextTask):
    """The task of the notebook's solution; the wrong ones change a line of it."""

    answers = 2
    chance = 0.5

    def __init__(self, backbone, rng):
        super().__init__()
        self.head = initialise(torch.nn.Linear(backbone.widths[backbone.stage_names[-1]], self.answers), rng)

    def drawn(self, batch, rng):
        return torch.randint(0, self.answers, (len(batch),), generator=rng)

    def hide(self, batch, rng):
        hidden = self.drawn(batch, rng)
        return normalise(torch.where(hidden[:, None, None, None] == 1, batch.images.flip(2), batch.images)), hidden

    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction, hidden):
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}

    draw = draw_visible


RIGHT = {
    "exchange": [exchanged_in_a_loop, exchanged_by_a_mask, exchange],
    "guessing": [
        counted, lambda hidden: hidden.unique(return_counts=True)[1].max() / len(hidden),
        lambda hidden: max((hidden == value).float().mean().item() for value in hidden.unique()),
    ],
    "seam_steps": [stepped_in_parts, stepped_by_diff, seam_steps],
    "my_task": [Upright, OddQuarter, Rotation],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"your_own_task.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def task(**changes):
    return type("MyTask", (Upright,), changes)


def in_place(self, batch, rng):
    visible, hidden = Upright.hide(self, batch, rng)
    batch.images.zero_()
    return visible, hidden


def raises(self, batch, rng):
    return [][1]


WRONG = {
    "exchange": {
        "nothing": lambda images, others, quarter: images.clone(),
        "all of it": lambda images, others, quarter: others.clone(),
        "the three others": lambda images, others, quarter: exchange(others, images, quarter),
        "columns before rows": lambda images, others, quarter: exchange(images, others, quarter % 2 * 2 + quarter // 2),
        "counted from the end": lambda images, others, quarter: exchange(images, others, 3 - quarter),
        "the first one's quarter": lambda images, others, quarter: exchange(images, others, quarter[:1].expand(len(quarter))),
        "always the upper left": lambda images, others, quarter: exchange(images, others, quarter * 0),
        "the next one's partner": lambda images, others, quarter: exchange(images, others.roll(1, 0), quarter),
        "half a picture": lambda images, others, quarter: exchange(exchange(images, others, quarter), others, quarter ^ 1),
        "in place": lambda images, others, quarter: images.copy_(exchange(images, others, quarter)),
        "a list": lambda images, others, quarter: list(exchange(images, others, quarter)),
        "floats": lambda images, others, quarter: exchange(images, others, quarter).float(),
    },
    "guessing": {
        "one over the answers": lambda hidden: 1 / len(hidden.unique()),
        "one over the largest": lambda hidden: 1 / (hidden.max().item() + 1),
        "the rarest": lambda hidden: hidden.unique(return_counts=True)[1].min().item() / len(hidden),
        "the answer itself": lambda hidden: hidden.mode().values.item(),
        "a count": lambda hidden: hidden.unique(return_counts=True)[1].max().item(),
        "the first one's share": lambda hidden: (hidden == hidden[0]).float().mean().item(),
        "the share of zeros": lambda hidden: (hidden == 0).float().mean().item(),
        "a list": lambda hidden: [guessing(hidden)],
        "by chance": lambda hidden: 0.25,
        "in percent": lambda hidden: 100 * guessing(hidden),
    },
    "seam_steps": {
        "with its sign": lambda images: torch.stack([part.mean(1) for part in (
            (images[..., images.shape[-1] // 2] - images[..., images.shape[-1] // 2 - 1]).mean(1).chunk(2, 1)
            + (images[..., images.shape[-1] // 2, :] - images[..., images.shape[-1] // 2 - 1, :]).mean(1).chunk(2, 1))], 1),
        "squared": lambda images: seam_steps(images).square(),
        "down before across": lambda images: seam_steps(images)[:, [2, 3, 0, 1]],
        "halves exchanged": lambda images: seam_steps(images)[:, [1, 0, 3, 2]],
        "the whole border": lambda images: seam_steps(images).unflatten(1, (2, 2)).mean(2),
        "the border twice": lambda images: seam_steps(images).unflatten(1, (2, 2)).mean(2).repeat_interleave(2, 1),
        "one pixel off": lambda images: seam_steps(images.roll(1, (2, 3))),
        "the sum": lambda images: seam_steps(images) * images.shape[1],
        "the outer edges": lambda images: seam_steps(images.roll(images.shape[-1] // 2, (2, 3))),
        "over the batch": lambda images: seam_steps(images).mean(0, keepdim=True).expand(len(images), 4),
        "the first channel": lambda images: seam_steps(images[:, :1]),
        "single precision": lambda images: seam_steps(images.double()).float(),
    },
    "my_task": {
        "no task": lambda backbone, rng: "rotation",
        "a module": lambda backbone, rng: torch.nn.Linear(2, 2),
        "one thing": task(hide=lambda self, batch, rng: normalise(batch.images)),
        "always the same": task(drawn=lambda self, batch, rng: torch.zeros(len(batch), dtype=torch.int64)),
        "the global generator": task(drawn=lambda self, batch, rng: torch.randint(0, 2, (len(batch),))),
        "in place": task(hide=in_place),
        "bytes for floats": task(hide=lambda self, batch, rng: (batch.images, self.drawn(batch, rng))),
        "too many answers": task(drawn=lambda self, batch, rng: torch.randint(0, 3, (len(batch),), generator=rng)),
        "lopsided": task(drawn=lambda self, batch, rng: torch.randint(0, 3, (len(batch),), generator=rng) // 2),
        "a wrong chance": task(chance=0.1),
        "raises": task(hide=raises),
        "never looks": task(predict=lambda self, backbone, visible: self.head(torch.zeros(len(visible), 32))),
        "labels too few": task(hide=lambda self, batch, rng: (normalise(batch.images), self.drawn(batch, rng)[:-1])),
        "draw raises": task(draw=raises),
        "no loss": task(loss=lambda self, prediction, hidden: None),
    },
}  # fmt: skip

# Right answers that `mutants` makes, and why.
EVEN = {"right only for an even side": "pictures of four quarters have an even side"}
EQUAL = {
    "exchange": EVEN | {"change 8: 1 made 2": "pictures are square"},
    "guessing": {"right only for all but double precision": "answers are whole numbers"},
    "seam_steps": EVEN | {"change 13: 1 made 2": "pictures are square"},
}
MUTANTS = {name: mutants(f"your_own_task.{name}") for name in WRONG if name != "my_task"}
MUTANTS["my_task"] = task_mutants("your_own_task.my_task", Upright)
ANSWERS = answers("your_own_task", WRONG, MUTANTS, EQUAL)


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(answer, r"(images|hidden|pictures) \([\d, ]+\) \w+\d")


@pytest.mark.parametrize("name", your_own_task.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(your_own_task.EXERCISES[name], r"torch\.|\w\(|arange|unique|clone|chunk|argmax|randint")


def test_a_task_without_hide_is_unsolved():
    def unwritten(self, batch, rng):
        raise NotImplementedError

    checked = check("your_own_task.my_task", task(hide=unwritten))
    assert not checked.passed and not checked.solved


def test_messages_say_what_went_wrong():
    said = {
        name: {answer: asked(f"your_own_task.{name}", function).message for answer, function in made.items()}
        for name, made in WRONG.items()
    }
    assert "2 the lower left" in said["exchange"]["columns before rows"]
    assert "share of the commonest" in said["guessing"]["one over the answers"]
    assert "upper and lower half" in said["seam_steps"]["halves exchanged"]
    assert "begins with (PretextTask)" in said["my_task"]["a module"]
    assert "global generator" in said["my_task"]["the global generator"]
    assert "nothing to learn" in said["my_task"]["always the same"]
    assert "comes too often" in said["my_task"]["lopsided"]
    assert "IndexError" in said["my_task"]["raises"]
