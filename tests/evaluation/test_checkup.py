"""The check-up: good tasks pass, and each bad one is caught by the audit that is there for it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.data import Dataset, Split
from course_lib.errors import CourseError
from course_lib.evaluation import checkup
from course_lib.evaluation.checkup import Finding
from course_lib.evaluation.pretext import pretext_scores
from course_lib.models import build_backbone, initialise
from course_lib.pretext import PretextTask, normalise
from course_lib.pretext.rotation import Rotation
from course_lib.training import fit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def photos(count, seed, side=32):
    """A bright bar on dark noise, its upper half brighter: what is up can be seen."""
    rng = seeded(seed)
    images = torch.randint(0, 60, (count, 3, side, side), generator=rng)
    left = torch.randint(0, side - 8, (count,), generator=rng)
    for image, x in zip(images, left.tolist(), strict=True):
        image[:, 4 : side // 2, x : x + 8] += 180
        image[:, side // 2 : -4, x : x + 8] += 80
    return Split(labels=torch.arange(count) % 2, classes=["a", "b"], images=images.to(torch.uint8))


DATA = Dataset("bars", photos(400, 1), photos(60, 2), photos(200, 3), ["a", "b"], "0" * 12, 32, [])


class Upright(PretextTask):
    """Does the picture stand on its head? The good one; the bad ones change a line of it."""

    chance = 0.5

    def __init__(self, backbone, rng):
        super().__init__()
        self.head = initialise(nn.Linear(backbone.widths["conv5"], 2), rng)

    def answers(self, count, rng):
        return torch.randint(0, 2, (count,), generator=rng)

    def hide(self, batch, rng):
        hidden = self.answers(len(batch), rng)
        return normalise(torch.where(hidden[:, None, None, None] == 1, batch.images.flip(2), batch.images)), hidden

    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction, hidden)

    def score(self, prediction, hidden):
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean().item()}


class Brightness(Upright):
    """Nothing to count: what is hidden is how bright the picture was."""

    chance = None

    def hide(self, batch, rng):
        visible = normalise(batch.images)
        hidden = visible.mean((1, 2, 3))
        return visible - hidden[:, None, None, None], hidden

    def loss(self, prediction, hidden):
        return F.mse_loss(prediction[:, 0], hidden)

    def score(self, prediction, hidden):
        return {}


def make(kind):
    def fresh():
        backbone = build_backbone("small", rng=seeded(1), width=8, image_size=32)
        return backbone, kind(backbone, seeded(2))

    return fresh


def trained(kind, steps=60):
    backbone, task = make(kind)()
    fit(backbone, task, DATA.train, steps=steps, seed=3)
    return task, backbone, pretext_scores(backbone, task, DATA.test, seeded(4))["accuracy"]


# --- good tasks


@pytest.mark.parametrize("kind", [Upright, Rotation])
def test_good_tasks_keep_the_contract_and_learn_by_heart(kind):
    first, second = checkup.before_training(make(kind), DATA.train, seeded())
    assert first.passed and "answers" in first.found, first
    assert second.passed and second.value > 0.8, second


def test_a_task_whose_answer_is_no_number_is_asked_what_it_can_be():
    first, second = checkup.before_training(make(Brightness), DATA.train, seeded())
    assert first.passed and "not counted" in first.found, first
    assert second.passed is not None and "loss goes from" in second.found
    backbone, task = make(Brightness)()
    rest = checkup.after_training(task, backbone, DATA, seeded(), None)
    assert [finding.passed for finding in rest] == [None, None] and "Not asked" in rest[0].found


# --- bad ones, each caught by the contract


class Global(Upright):
    def answers(self, count, rng):
        return torch.randint(0, 2, (count,))


class Nondeterministic(Upright):
    calls = 0

    def answers(self, count, rng):
        self.calls += 1
        return super().answers(count, rng) ^ (self.calls % 2)


class Constant(Upright):
    def answers(self, count, rng):
        return torch.ones(count, dtype=torch.int64)


class Lopsided(Upright):
    def answers(self, count, rng):
        return (torch.rand(count, generator=rng) < 0.8).long()


class Overrated(Upright):
    chance = 0.9


class NoChance(Upright):
    chance = None


class Careless(Upright):
    def hide(self, batch, rng):
        batch.images[:, :, 0] = 0
        return super().hide(batch, rng)


class Inverting(Upright):
    """Undoes its mischief when it is called again."""

    def hide(self, batch, rng):
        batch.images.copy_(255 - batch.images)
        return super().hide(batch, rng)


class Single(Upright):
    def hide(self, batch, rng):
        return normalise(batch.images)


class Infinite(Upright):
    def hide(self, batch, rng):
        visible, hidden = super().hide(batch, rng)
        return visible / 0, hidden


class Unaveraged(Upright):
    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction, hidden, reduction="none")


class Detached(Upright):
    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((2, 3)).detach())


class Tensors(Upright):
    def score(self, prediction, hidden):
        return {"accuracy": (prediction.argmax(1) == hidden).float().mean()}


class TooFewOutputs(Upright):
    def answers(self, count, rng):
        return torch.randint(0, 5, (count,), generator=rng)


class Unwritten(Upright):
    def hide(self, batch, rng):
        raise NotImplementedError


@pytest.mark.parametrize(("kind", "words"), [
    (Global, "global generator"), (Nondeterministic, "two different answers"), (Constant, "nothing to learn"),
    (Lopsided, "comes too often"), (Overrated, "`chance` says"), (NoChance, "what guessing scores"),
    (Careless, "changes the images"), (Inverting, "changes the images"), (Single, "one Tensor"),
    (Infinite, "not finite"), (Unaveraged, "one number"),
    (Detached, "does not reach the backbone"), (Tensors, "dictionary of numbers"), (TooFewOutputs, "raised IndexError"),
    (Unwritten, "not written"),
])  # fmt: skip
def test_the_contract_catches(kind, words):
    first, second = checkup.before_training(make(kind), DATA.train, seeded())
    assert first.passed is False and words in first.found and first.advice.endswith("."), first
    assert second.passed is None


# --- caught by memory


class Blind(Upright):
    """Gives every picture of a batch the same answer."""

    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((0, 2, 3), keepdim=True).flatten(1)).expand(len(visible), -1)


def test_memory_catches_a_network_that_does_not_look():
    first, second = checkup.before_training(make(Blind), DATA.train, seeded())
    assert first.passed
    assert second.passed is False and "predict" in second.advice


# --- caught by cheap readers


class Marked(Upright):
    def hide(self, batch, rng):
        visible, hidden = super().hide(batch, rng)
        visible[:, :, 0, 0] = 2.0 * hidden[:, None] - 1
        return visible, hidden


class Tinted(Upright):
    def hide(self, batch, rng):
        hidden = self.answers(len(batch), rng)
        return normalise(torch.where(hidden[:, None, None, None] == 1, batch.images.flip(1) // 2, batch.images)), hidden


class Blurred(Upright):
    def hide(self, batch, rng):
        visible, hidden = normalise(batch.images), self.answers(len(batch), rng)
        smooth = F.avg_pool2d(visible, 3, 1, 1)
        return torch.where(hidden[:, None, None, None] == 1, smooth, visible), hidden


class Pasted(Upright):
    """Left halves of other pictures: a line runs down the middle."""

    def hide(self, batch, rng):
        hidden, other = self.answers(len(batch), rng), batch.images.roll(1, 0) // 2 + 100
        half = torch.arange(batch.images.shape[-1]) < batch.images.shape[-1] // 2
        return normalise(torch.where((hidden[:, None, None, None] == 1) & half, other, batch.images)), hidden


@pytest.mark.parametrize(
    ("kind", "reader"), [(Marked, "corners"), (Tinted, "colours"), (Blurred, "frequencies"), (Pasted, "seams")]
)
def test_cheap_readers_catch(kind, reader):
    task = make(kind)()[1]
    readers = checkup.read_cheaply(task, DATA, seeded(), 300, 200)
    assert readers[reader] > 0.9, readers
    finding = checkup.cheap(readers, 1.0, 0.5)
    assert finding.passed is False and finding.advice in checkup.ADVICE.values()


def test_cheap_readers_leave_a_task_alone_that_needs_comparing():
    readers = {"colours": 0.52, "layout": 0.55, "frequencies": 0.5, "seams": 0.49, "corners": 0.5}
    assert checkup.cheap(readers, 0.9, 0.5).passed
    assert not checkup.cheap(readers | {"layout": 0.8}, 0.9, 0.5).passed
    assert checkup.cheap(readers, 0.5, 0.5).passed is False, "a network that knows nothing is not ahead of anyone"


def test_cheap_readers_refuse_what_is_no_picture():
    with pytest.raises(CourseError, match="one picture and one whole number"):
        checkup.read_cheaply(make(Brightness)()[1], DATA, seeded(), 40, 40)


# --- caught without content


def test_a_network_that_lives_on_blur_is_caught_and_one_that_looks_is_not():
    for kind, caught in ((Blurred, True), (Upright, False)):
        task, backbone, accuracy = trained(kind)
        assert accuracy > 0.9
        empty = checkup.score_without_content(task, backbone, DATA.test, seeded(), 200)
        finding = checkup.without_content(empty, accuracy, task.chance)
        assert finding.passed is not caught, (kind, empty)
        assert all(f"{name} {score:.0%}" in finding.found for name, score in empty.items()), finding.found
        assert ("%" in finding.found) and bool(finding.advice) is caught


def test_all_of_them_after_training():
    task, backbone, accuracy = trained(Marked)
    third, fourth = checkup.after_training(task, backbone, DATA, seeded(), accuracy, 300)
    assert (third.audit, third.passed, fourth.audit) == ("cheap readers", False, "without content")
    assert "corner" in third.advice
    assert checkup.after_training(task, backbone, DATA, seeded(), accuracy, 300) == [third, fourth]


# --- the parts


@pytest.mark.parametrize("shape", [(3, 3, 32, 32), (2, 1, 16, 16), (4, 3, 20, 20), (1, 3, 7, 7)])
def test_scattered_keeps_every_pixel_of_whole_tiles(shape):
    images = torch.randint(0, 256, shape, generator=seeded(), dtype=torch.uint8)
    result = checkup.scattered(images, seeded(1))
    side = max(1, shape[-1] // 8)
    whole = shape[-1] // side * side
    assert result.shape == (*shape[:2], whole, whole) and result.dtype == torch.uint8
    assert torch.equal(result.flatten(2).sort().values, images[..., :whole, :whole].flatten(2).sort().values)
    assert not torch.equal(result, images[..., :whole, :whole])
    assert torch.equal(result, checkup.scattered(images, seeded(1)))


def test_noise_keeps_the_spectrum_and_the_mean():
    images = torch.randint(100, 156, (4, 3, 32, 32), generator=seeded(), dtype=torch.uint8)
    noise = checkup.noise_like(images, seeded(1))
    assert noise.shape == images.shape and noise.dtype == torch.uint8
    assert (noise.float().mean((2, 3)) - images.float().mean((2, 3))).abs().max() < 1
    strength, original = (torch.fft.fft2(part.float()).abs()[..., 1:, 1:] for part in (noise, images))
    assert (strength - original).abs().mean() < 0.05 * original.mean()
    assert (noise.float() - images.float()).abs().mean() > 5


def test_seams_see_the_half_in_which_a_border_runs():
    pictures = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    pictures[:, :, :8, :8] = 200
    upper, lower, left, right = checkup.seams(pictures)[0].chunk(4)
    assert upper.argmax() == 7 and left.argmax() == 7
    assert upper[7] > lower[7] and left[7] > right[7]


def test_the_report_card_is_a_table():
    rows = [("contract", True, "Kept."), ("memory", False, "a | b", "Look."), ("cheap readers", None, "Not.")]
    findings = [Finding(*row) for row in rows]
    lines = checkup.report_card(findings).splitlines()
    assert len(lines) == 5 and all(line.replace("\\|", "").count("|") == 5 for line in lines)
    assert "✓ passed" in lines[2] and "✗ **failed**" in lines[3] and "○ not asked" in lines[4]


def test_draw_visible_names_what_is_hidden():
    task = make(Upright)()[1]
    figure = checkup.draw_visible(task, DATA.test.batch(range(3)), seeded())
    assert len(figure.axes) == 3 and all(axis.get_title() in ("hidden: 0", "hidden: 1") for axis in figure.axes)
