"""A check-up for any pretext task, before its features are trusted: four audits, each of which says what it found.

    findings = before_training(make, photos.train, rng)                       # the contract, memory
    findings += after_training(task, backbone, photos, rng, accuracy)         # cheap readers, pictures without content
    show_markdown(report_card(findings))

An audit that cannot be asked of a task (there is no accuracy without one whole number to name a sample) says so.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import memory
from course_lib.data import Batch, Dataset, Split
from course_lib.errors import CourseError
from course_lib.evaluation.pretext import pretext_scores
from course_lib.evaluation.triviality import histogram
from course_lib.features import random_subset
from course_lib.pretext import PretextTask
from course_lib.shortcuts import block_frequencies, linear_reader
from course_lib.training import fit

Make = Callable[[], tuple[nn.Module, PretextTask]]  # a fresh backbone and a fresh task with its head

NEAR = 2 / 3  # of what the network tells beyond guessing: a cheap reader that tells as much has found a shortcut
ASKED = 600  # pictures over which labels are counted
MEMORISED = 0.8  # of its few samples a network must name, to count as able to learn


@dataclass(frozen=True)
class Finding:
    """What one audit found.

    Attributes:
        audit: its name.
        passed: None where it could not be asked.
        found: a sentence.
        advice: what to do about it; empty where nothing is.
        value: what was measured, an accuracy in 0…1, if anything was.
    """

    audit: str
    passed: bool | None
    found: str
    advice: str = ""
    value: float | None = None


class Broken(Exception):
    """The task breaks the contract: the first words say how, the second what to do."""


# --- 1: the contract -------------------------------------------------------------------------------------------------


def contract(make: Make, data: Split, rng: torch.Generator) -> Finding:
    """Does the task do what `PretextTask` promises, on samples of `data`?

    `hide` leaves the batch alone and draws from the generator that it is handed and from no other; shapes fit together;
    everything is finite; the loss reaches the backbone; labels differ, and guessing gets what `chance` says; a few steps of
    training run through. `rng` (on the CPU) draws the samples.
    """
    try:
        found = _kept(make, data, rng)
    except Broken as broken:
        return Finding("contract", False, broken.args[0], broken.args[1])
    except NotImplementedError:
        return Finding("contract", False, "A part of the task is not written yet.", "Write hide, predict, loss and score.")
    except Exception as error:
        words = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        return Finding("contract", False, f"The task raised {words}.", "Run the three lines on one batch in a cell of their own.")
    return Finding("contract", True, found)


def _kept(make: Make, data: Split, rng: torch.Generator) -> str:
    with torch.random.fork_rng(devices=[]):  # torch's layers draw weights when they are made, which `initialise` replaces
        backbone, task = make()
    device = next(backbone.parameters()).device
    task.setup(backbone, data)
    batch = data.batch(torch.randint(len(data), (8,), generator=rng), labels=task.uses_labels)
    visible, hidden = hidden_twice(task, batch, device)
    backbone.train()
    task.train()
    prediction = task.predict(backbone, visible)
    for what, value in (("visible", visible), ("prediction", prediction)):
        for tensor in tensors(value):
            if not tensor.isfinite().all():
                raise Broken(f"`{what}` holds numbers that are not finite.", "Look for a division by zero.")
    loss = task.loss(prediction, hidden)
    if not (isinstance(loss, Tensor) and loss.dim() == 0 and loss.is_floating_point()):
        raise Broken("`loss` does not return one number.", "Return a tensor without axes: the mean over the batch.")
    if not loss.isfinite():
        raise Broken(f"The loss is {loss.item()}.", "Look for a logarithm of zero, or for scores that are too large.")
    if loss.requires_grad:
        loss.backward()
    if not any(p.grad is not None and p.grad.abs().sum() > 0 for p in backbone.parameters()):
        raise Broken("The loss does not reach the backbone: nothing there would learn.", "Let `predict` call backbone(visible).")
    scores = task.score(prediction, hidden)
    if not isinstance(scores, dict) or not all(isinstance(value, (int, float)) for value in scores.values()):
        raise Broken("`score` does not return a dictionary of numbers.", 'Return {"accuracy": …}, with .item() at the end.')
    if not 0 <= scores.get("accuracy", 0) <= 1:
        raise Broken(f"`score` says {scores['accuracy']:g} for the accuracy.", "Give the share that is right, from 0 to 1.")
    words = labels_counted(task, data, device)
    fit(backbone, task, data, steps=3, batch_size=8)
    return words


def hidden_twice(task: PretextTask, batch: Batch, device: torch.device | str = "cpu") -> tuple:
    """`task.hide(batch, rng)`, having seen that it changes nothing and depends on its generator alone.

    Raises:
        Broken: it does not.
    """
    before = {name: value.clone() for name, value in vars(batch).items() if value is not None}
    state, answers = torch.get_rng_state(), []
    for _ in range(2):
        answer = task.hide(batch, torch.Generator(device).manual_seed(3))
        if not (isinstance(answer, (tuple, list)) and len(answer) == 2):
            raise Broken(f"`hide` returns one {type(answer).__name__}.", "Return two things, `visible` and `hidden`.")
        answers.append(answer)
        for name, value in before.items():  # after each call: a second one may undo what the first has done
            if not torch.equal(value, getattr(batch, name)):
                raise Broken(f"`hide` changes the {name} of the batch.", "Work on a copy: images.clone().")
    if not torch.equal(torch.get_rng_state(), state):
        raise Broken("`hide` draws from torch's global generator.", "Give every torch.rand… the argument generator=rng.")
    pairs = zip(tensors(answers[0]), tensors(answers[1]), strict=True)
    if not all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs):
        raise Broken(
            "`hide`, handed the same generator twice, gives two different answers.", "Draw every random number from `rng`."
        )
    return tuple(answers[0])


def labels_counted(task: PretextTask, data: Split, device: torch.device | str = "cpu") -> str:
    """How often the commonest of the hidden labels comes, in words; where hidden is no whole number, that it is not.

    Raises:
        Broken: all labels are equal, or the commonest is likelier than `task.chance` says.
    """
    if not len(tensors(task.hide(_some(task, data, 0, 2), torch.Generator(device).manual_seed(4))[1])):
        return "It keeps the contract; nothing is hidden that could be counted."
    chunks = [_some(task, data, start, 60) for start in range(0, min(ASKED, len(data)), 60)]
    rng = torch.Generator(device).manual_seed(4)
    hidden = [task.hide(batch, rng)[1] for batch in chunks]
    if not is_label(hidden[0]):
        return "It keeps the contract; what is hidden is no single whole number a sample, so guessing was not counted."
    hidden = torch.cat(hidden).cpu()
    counts = hidden.unique(return_counts=True)[1]
    share, expected = counts.max().item() / len(hidden), task.chance
    if len(counts) == 1:
        raise Broken(f"Every label is {hidden[0].item()}: there is nothing to learn.", "Draw the answer anew for each picture.")
    if expected is None:
        raise Broken("The task does not say what guessing scores.", "Set `chance`, for K answers equally often 1 / K.")
    luck = 4 * (expected * (1 - expected) / len(hidden)) ** 0.5
    if share > expected + luck:
        raise Broken(
            f"Guessing is right for {share:.0%}, not for {expected:.0%}: one label comes too often.",
            "Draw all answers equally often, or correct `chance`.",
        )
    if len(counts) > round(1 / expected) and share < expected - luck:
        raise Broken(
            f"`chance` says {expected:.0%}, but {len(counts)} answers occur, the commonest for {share:.0%}.", "Correct `chance`."
        )
    return f"It keeps the contract; {len(counts)} answers, the commonest {share:.0%} of the time."


# --- 2: can it learn at all? -----------------------------------------------------------------------------------------


def memorises(make: Make, data: Split, rng: torch.Generator, samples: int = 12, steps: int = 80) -> Finding:
    """Can a fresh network learn a few questions by heart, always the same? If not, no amount of data will help.

    A mistake in `predict`, in `loss`, or labels that do not belong to their pictures' copies show here, within seconds.
    """
    backbone, task = make()
    device = next(backbone.parameters()).device
    task.setup(backbone, data)
    batch = random_subset(data, samples, rng)
    visible, hidden = task.hide(_some(task, batch, 0, samples), torch.Generator(device).manual_seed(5))
    backbone.train()
    task.train()
    optimiser = torch.optim.AdamW([*backbone.parameters(), *task.parameters()], lr=3e-3)
    losses = []
    for _ in range(steps):
        prediction = task.predict(backbone, visible)
        loss = task.loss(prediction, hidden)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    advice = "Look at `predict` and `loss`: does the answer depend on `visible`, and does each label stand by its picture?"
    accuracy = task.score(prediction, hidden).get("accuracy")
    if accuracy is None:
        passed = losses[-1] < 0.7 * losses[0]
        return Finding("memory", passed, f"On a dozen samples the loss goes from {losses[0]:.2f} to {losses[-1]:.2f}.",
                       "" if passed else advice)  # fmt: skip
    passed = accuracy >= MEMORISED
    return Finding("memory", passed, f"A fresh network learns {accuracy:.0%} of a dozen pictures' questions by heart.",
                   "" if passed else advice, accuracy)  # fmt: skip


# --- 3: cheap readers ------------------------------------------------------------------------------------------------


def layout(pictures: Tensor) -> Tensor:
    """The picture averaged down to 8 x 8 pixels: N x 192, 0…1."""
    return F.adaptive_avg_pool2d(pictures.float() / 255, 8).flatten(1)


def seams(pictures: Tensor) -> Tensor:
    """How large the steps from pixel to pixel are: between each two columns, upper and lower half apart, and likewise rows.

    uint8 N x 3 x H x W to the mean logarithm of the steps: N x 2 (W - 1) + 2 (H - 1). What was pasted shows here.
    """
    across, down = ((pictures.float().mean(1).diff(dim=axis).abs() + 0.5).log() for axis in (2, 1))
    halves = [part.mean(1) for part in across.chunk(2, 1)] + [part.mean(2) for part in down.chunk(2, 2)]
    return torch.cat(halves, dim=1)


def corners(pictures: Tensor) -> Tensor:
    """The pixels in the four corners, in which a mark may hide: N x 12, 0…1."""
    return (pictures[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].float() / 255).flatten(1)


READERS: dict[str, Callable[[Tensor], Tensor]] = {
    "corners": corners, "seams": seams, "frequencies": block_frequencies, "colours": histogram, "layout": layout,
}  # fmt: skip
"""What each cheap reader sees of pictures uint8 N x 3 x H x W, the narrowest first. None of them can recognise a thing."""


def read_cheaply(
    task: PretextTask, dataset: Dataset, rng: torch.Generator, train_size: int = 1200, test_size: int = 800
) -> dict[str, float]:
    """How often (0…1) each of `READERS`, with a linear classifier, names what is hidden, on test pictures.

    Raises:
        CourseError: `visible` is not one picture a sample, or `hidden` not one whole number.
    """
    parts = []
    for split, size in ((dataset.train, train_size), (dataset.test, test_size)):
        pictures, hidden = questions(task, random_subset(split, size, rng))
        if not (is_label(hidden) and isinstance(pictures, Tensor) and pictures.dim() == 4 and pictures.shape[1] == 3
                and len(pictures) == len(hidden)):  # fmt: skip
            raise CourseError("Cheap readers need one picture and one whole number a sample, and this task hides something else.")
        some = torch.randperm(len(pictures), generator=rng)[:size]  # a task may ask several questions of a picture
        parts.append((as_bytes(pictures[some]), hidden[some].numpy()))
    found = {}
    for name, see in READERS.items():
        found[name] = linear_reader(*((see(pictures).numpy(), hidden) for pictures, hidden in parts), C=0.1, max_iter=200)
    memory.give_back()
    return found


def cheap(readers: dict[str, float], accuracy: float, chance: float) -> Finding:
    """Is what the network knows there for the taking? `readers` from `read_cheaply`, `accuracy` the trained network's."""
    name, best = max(readers.items(), key=lambda pair: pair[1])
    limit = chance + max(NEAR * (accuracy - chance), 0.05)
    words = f"Blind to things, a reader of {name} names {best:.0%}; the network names {accuracy:.0%}, guessing {chance:.0%}."
    if best < limit:
        return Finding("cheap readers", True, words, value=best)
    return Finding("cheap readers", False, words, ADVICE[name], best)


ADVICE = {
    "colours": "Colours alone answer: take them away, or make all answers share them.",
    "layout": "Where it is light and dark answers alone: move the window, or bring each part to the same light.",
    "frequencies": "Something resized or compressed some answers and not others: treat all answers alike.",
    "seams": "A border shows: leave a gap, or cut so that no two parts touch.",
    "corners": "A mark stands in a corner: find the line of `hide` that writes it.",
}


# --- 4: without content ----------------------------------------------------------------------------------------------


def scattered(images: Tensor, rng: torch.Generator, side: int | None = None) -> Tensor:
    """Each picture cut into square tiles (an eighth of its side, unless given), which are laid out anew at random.

    Every pixel stays, every thing is gone. uint8 N x C x H x W; `rng` on the CPU. Pixels beyond whole tiles are dropped.
    """
    count, _, height, width = images.shape
    side = side or max(1, min(height, width) // 8)
    rows, columns = height // side, width // side
    tiles = images[:, :, : rows * side, : columns * side].unflatten(3, (columns, side)).unflatten(2, (rows, side))
    tiles = tiles.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # N x tile x C x row x column
    order = torch.rand(count, rows * columns, generator=rng).argsort(1).to(images.device)
    tiles = tiles[torch.arange(count, device=images.device)[:, None], order].unflatten(1, (rows, columns))
    return tiles.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3).contiguous()


def noise_like(images: Tensor, rng: torch.Generator) -> Tensor:
    """Noise with each picture's own spectrum: how strong every frequency is stays, where its waves stand is drawn.

    All three channels are moved alike, so that colours go together as they did. uint8 N x C x H x W; `rng` on the CPU.
    """
    spectrum = torch.fft.fft2(images.cpu().float())
    phase = torch.fft.fft2(torch.rand(len(images), 1, *images.shape[2:], generator=rng)).angle()
    phase[..., 0, 0] = 0  # the mean stays
    noise = torch.fft.ifft2(spectrum * torch.exp(1j * phase)).real
    return noise.round().clamp(0, 255).to(torch.uint8).to(images.device)


EMPTY: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {"tiles scattered": scattered, "noise": noise_like}


def score_without_content(
    task: PretextTask, backbone: nn.Module, data: Split, rng: torch.Generator, size: int = 500
) -> dict[str, float]:
    """The accuracy of a trained network on pictures in which nothing can be recognised, by the way they were emptied."""
    some, device = random_subset(data, size, rng), next(backbone.parameters()).device
    found = {}
    for name, empty in EMPTY.items():
        pictures = torch.cat([empty(part, rng) for part in some.images.split(250)])
        emptied = dataclasses.replace(some, images=pictures)
        found[name] = pretext_scores(backbone, task, emptied, torch.Generator(device).manual_seed(6))["accuracy"]
    memory.give_back()
    return found


def without_content(empty: dict[str, float], accuracy: float, chance: float) -> Finding:
    """Does the network need to see anything? `empty` from `score_without_content`, `accuracy` that on real pictures."""
    best, ways = max(empty.values()), ", ".join(f"{name} {score:.0%}" for name, score in empty.items())
    passed = best < chance + max(NEAR * (accuracy - chance), 0.05)
    words = f"On pictures emptied of things ({ways}) the network is right for up to {best:.0%}, on real ones for {accuracy:.0%}."
    advice = "The task can be done without recognising a thing. Find out what such pictures still hold; may it stay?"
    return Finding("without content", passed, words, "" if passed else advice, best)


# --- all of them -----------------------------------------------------------------------------------------------------


def before_training(make: Make, data: Split, rng: torch.Generator, steps: int = 80) -> list[Finding]:
    """The audits that need no trained network: the contract, and, where it is kept, whether a few samples can be learnt.

    steps: in which a fresh network may learn them.
    """
    first = contract(make, data, rng)
    if not first.passed:
        return [first, Finding("memory", None, "Not asked: the contract comes first.")]
    return [first, memorises(make, data, rng, steps=steps)]


def after_training(
    task: PretextTask, backbone: nn.Module, dataset: Dataset, rng: torch.Generator, accuracy: float | None, size: int = 1200
) -> list[Finding]:
    """The audits of a trained network: cheap readers beside it, and its answers about pictures without content.

    accuracy: the network's, on unseen pictures; None where the task has none. size: pictures that a reader learns from.
    """
    why = "Not asked: the task has no accuracy, or does not say what guessing scores."
    if accuracy is None or task.chance is None:
        return [Finding(name, None, why) for name in ("cheap readers", "without content")]
    try:
        third = cheap(read_cheaply(task, dataset, rng, size, size * 2 // 3), accuracy, task.chance)
    except CourseError as error:
        third = Finding("cheap readers", None, f"Not asked: {error}")
    empty = score_without_content(task, backbone, dataset.test, rng, size // 2)
    return [third, without_content(empty, accuracy, task.chance)]


def report_card(findings: Iterable[Finding]) -> str:
    """A table in Markdown: each audit, its verdict in a word, what it found, and what to do."""
    verdicts = {True: "✓ passed", False: "✗ **failed**", None: "○ not asked"}
    lines = ["| audit | verdict | found | what to do |", "|---|---|---|---|"]
    lines += [f"| {f.audit} | {verdicts[f.passed]} | {_cell(f.found)} | {_cell(f.advice) or '-'} |" for f in findings]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def draw_visible(task: PretextTask, batch: Batch, rng: torch.Generator):
    """A `draw` for tasks that hide one whole number of each picture: a figure of what is visible, titled with what is hidden."""
    from course_lib.plots.images import image_row

    visible, hidden = task.hide(batch, rng)
    return image_row(as_bytes(visible).cpu(), [f"hidden: {answer}" for answer in hidden.tolist()])


# --- what tasks hand about -------------------------------------------------------------------------------------------


def questions(task: PretextTask, data: Split) -> tuple:
    """What the task asks about `data`, as it does when it is scored: `visible` and `hidden`, on the CPU."""
    was, rng = task.training, torch.Generator(data.device).manual_seed(7)
    task.eval()
    parts = [task.hide(_some(task, data, start, 100), rng) for start in range(0, len(data), 100)]
    task.train(was)
    if not all(isinstance(value, Tensor) for value in parts[0]):
        return None, None
    return tuple(torch.cat([part[k] for part in parts]).cpu() for k in (0, 1))


def as_bytes(visible: Tensor) -> Tensor:
    """What a network sees, floats of which -1…1 are black and white, as pictures uint8."""
    return ((visible + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def is_label(hidden) -> bool:
    """Whether what is hidden is one whole number a question."""
    return isinstance(hidden, Tensor) and hidden.dim() == 1 and not hidden.is_floating_point()


def tensors(value) -> list[Tensor]:
    """The tensors in a tensor, a tuple or a list; none in anything else."""
    if isinstance(value, Tensor):
        return [value]
    return [one for part in value for one in tensors(part)] if isinstance(value, (tuple, list)) else []


def _some(task: PretextTask, data: Split, start: int, count: int) -> Batch:
    index = torch.arange(start, min(start + count, len(data)), device=data.device)
    return data.batch(index, labels=task.uses_labels)
