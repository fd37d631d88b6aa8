"""The exercises of 02_rotation."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from course_lib.exercises import Exercise, Trial
from course_lib.features import frozen
from course_lib.models import Backbone, initialise
from course_lib.pretext.rotation import four_rotations, rotate
from course_lib.shortcuts import scramble_then_save

# --- the references -------------------------------------------------------------------------------------------------


def build_batch(images: Tensor, rotate: Callable[[Tensor, int], Tensor]) -> tuple[Tensor, Tensor]:
    """Every image at all four angles: N x C x S x S to images 4N x C x S x S and labels 4N (quarter turns, int64).

    `rotate(images, quarter_turns)` does the turning. The labels stand on the images' device. The order is rotation by
    rotation here; the check takes any order whose labels fit.
    """
    return four_rotations(images, rotate)


def hide(images: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each image mirrored half of the time, as `rng` draws, and *then* turned to all four angles; as `build_batch`."""
    mirror = torch.randint(0, 2, (len(images), 1, 1, 1), generator=rng, device=images.device).bool()
    return four_rotations(torch.where(mirror, images.flip(-1), images))


def probe_features(backbone: nn.Module, images: Tensor) -> Tensor:
    """The last stage's feature map averaged over the image: N x D without a gradient; the network stays as it is.

    `images` are normalised floats, N x C x H x W. The network works in evaluation mode meanwhile, so that the features
    of an image do not depend on the others in the batch.
    """
    with frozen(backbone):
        return backbone(images).mean((2, 3))


# --- the cases ------------------------------------------------------------------------------------------------------


def _pictures(shape: tuple[int, ...], dtype: torch.dtype, rng: torch.Generator) -> Tensor:
    """Random pictures; those of a floating type have fractions and negative numbers, as normalised pictures do."""
    if dtype.is_floating_point:
        return torch.randn(shape, generator=rng, dtype=dtype)
    return torch.randint(0, 256, shape, generator=rng).to(dtype)


def _described(images: Tensor) -> str:
    return f"images {tuple(images.shape)} {str(images.dtype)[6:]}"


def _batches(rng: torch.Generator, smallest_side: int = 1) -> Iterator[tuple[str, Tensor]]:
    """Square pictures of many shapes, types and layouts in memory, each batch with words that describe it."""
    shapes = [
        (2, 3, 4, 4), (1, 3, 5, 5), (3, 1, 8, 8), (3, 3, 3, 3), (4, 2, 6, 6), (1, 1, 1, 1), (17, 3, 9, 9), (1, 1, 2, 2),
        (2, 3, 32, 32), *((n, c, s, s) for n, c, s in torch.randint(1, 8, (10, 3), generator=rng).tolist()),
    ]  # fmt: skip
    types = torch.uint8, torch.float32, torch.uint8, torch.float64, torch.int64
    for k, shape in enumerate(shapes):
        images = _pictures(shape, types[k % len(types)], rng)
        if k % 2:  # pictures come out of the augmentation like this, and `view` does not work on them
            images = images.contiguous(memory_format=torch.channels_last)
        if shape[-1] >= smallest_side:
            yield _described(images) + (", channels last in memory" if k % 2 else ""), images


def _turns(count: int) -> str:
    return f"{count} quarter turn{'s' * (count != 1)}"


# --- the checks -----------------------------------------------------------------------------------------------------


def check_rotate(function: Callable) -> None:
    """Random images of many shapes and types, each turned by 0 to 3 quarter turns, against the definition."""
    trial = Trial(function)
    for words, images in _batches(torch.Generator().manual_seed(7)):
        for turns in (1, 2, 3, 0):
            trial.case(f"{words}, {_turns(turns)}")
            turned = trial.call(images, turns)
            corner = "One anticlockwise turn takes the top right pixel to the top left."
            trial.same("the turned images", turned, rotate(images, turns), corner)


def _recognised(trial: Trial, images: Tensor, answer, turn: Callable = rotate, mirror: bool = False) -> Tensor:
    """Find each picture of an `answer` (pictures, labels) among `images`: each once at every label, in any order.

    Returns, for `mirror`, whether the image came as its mirror image: bool, 4 labels x N images.
    """
    trial.pair(answer, "the pictures and their labels")
    pictures, labels = answer
    trial.tensor("the pictures", pictures, (4 * len(images), *images.shape[1:]), images.dtype)
    trial.tensor("the labels", labels, (4 * len(images),), torch.int64)
    looks = {  # how each image looks at each label, as bytes -> which image it is, and whether mirrored
        (label, look.numpy().tobytes()): (image, mirrored)
        for mirrored, originals in ((False, images), (True, images.flip(-1)))[: 1 + mirror]
        for label in range(4)
        for image, look in enumerate(turn(originals, label).contiguous())
    }
    states = torch.full((4, len(images)), -1)
    for place, (label, picture) in enumerate(zip(labels.tolist(), pictures.contiguous(), strict=True)):
        look = picture.numpy().tobytes()
        if (label, look) not in looks:
            handed_in = "image that was handed in" + ", or its mirror image" * mirror
            truth = f"it is no {handed_in}, at any of the four angles"
            for true_label in range(4):
                if (true_label, look) in looks:
                    image, mirrored = looks[true_label, look]
                    truth = f"it is {'the mirror image of ' * mirrored}image {image} after {_turns(true_label)}"
            trial.expect(False, f"picture {place}: expected what its label {label} says, but {truth}.")
        image, mirrored = looks[label, look]
        trial.expect(states[label, image] < 0, f"expected image {image} with the label {label} once, got it twice.")
        states[label, image] = mirrored
    return states.bool()


def check_build_batch(function: Callable) -> None:
    """Random images of many shapes and types; every image must come at all four labels, in any order."""

    def clockwise(images: Tensor, quarter_turns: int) -> Tensor:
        return rotate(images, -quarter_turns)

    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    for words, images in _batches(rng):
        trial.case(words)
        _recognised(trial, images, trial.call(images, rotate))
    for words, images in _batches(rng, smallest_side=3):
        trial.case(f"{words}, and a `rotate` that turns clockwise (use the one handed in)")
        _recognised(trial, images, trial.call(images, clockwise), turn=clockwise)
    trial.case(f"{words}, on a device that is not torch's default")
    try:  # what is made without a word about its device now lands on one that holds no numbers, away from the images
        with torch.device("meta"):
            _, labels = function(images, rotate)
    except Exception:  # made there and brought over, which only this device forbids: cannot be tried here
        return
    there = labels.device == images.device
    trial.expect(there, "expected the labels on the images' device, got them on torch's default one.")


def _expect_draws(trial: Trial, ask: Callable[[torch.Generator], Tensor]) -> None:
    """Expect that the pictures of `ask(rng)` follow from the state of `rng`, and differ with it."""
    first, again, other = (ask(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    trial.expect(torch.equal(first, again), "expected the same pictures from `rng` in the same state, got others.")
    trial.expect(not torch.equal(first, other), "expected other draws from `rng` in another state, got the same ones.")


def check_find_flip_bug(function: Callable) -> None:
    """Every picture, turned back by its label, is an image or its mirror image; chance, by `rng` alone, says which."""
    trial, rng, draws = Trial(function), torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)
    for words, images in _batches(rng, smallest_side=2):
        trial.case(words)
        _recognised(trial, images, trial.call(images, draws), mirror=True)
    for count in (1, 2, 5):
        images = _pictures((count, 2, 3, 3), torch.uint8, rng)
        trial.case(f"{_described(images)}, asked 40 times with the same `rng`")
        asked = [_recognised(trial, images, trial.call(images, draws), mirror=True) for _ in range(40)]
        for image, share in enumerate(torch.cat(asked).float().mean(0)):
            often = "always" if share else "never"
            trial.expect(0 < share < 1, f"expected image {image} mirrored half of the time, got it {often} mirrored.")
    images = _pictures((800, 1, 3, 3), torch.uint8, rng)
    trial.case(_described(images))
    mirrored = round(_recognised(trial, images, trial.call(images, draws), mirror=True).float().mean().item() * 800)
    # Right answers leave 330…470 (five standard deviations) once in a million times.
    trial.expect(330 <= mirrored <= 470, f"expected about 400 of the 800 images mirrored, got {mirrored}.")
    _expect_draws(trial, lambda rng: trial.call(images, rng)[0])


def _tiny_backbone(channels: int, widths: list[int], dropout: float, rng: torch.Generator) -> Backbone:
    """Stages of `widths` channels in which training mode shows: BatchNorm with averages of its own, and dropout."""
    blocks = {}
    with torch.random.fork_rng(devices=[]):  # torch's constructors draw from the global generator; put it back
        for k, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False), start=1):
            convolution = nn.Conv2d(inputs, outputs, 3, stride=1 + k % 2, padding=1)
            rest = nn.BatchNorm2d(outputs), nn.Dropout(dropout), nn.LeakyReLU(0.5, inplace=True)
            blocks[f"conv{k}"] = nn.Sequential(convolution, *rest)
        backbone = Backbone(blocks, widths)
    initialise(backbone, rng)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(generator=rng)
            module.running_var.uniform_(0.5, 2, generator=rng)
    return backbone


def check_freeze_and_probe(function: Callable) -> None:
    """Tiny networks in either mode: the right features, no gradient, and a network that is bit for bit what it was."""
    trial, rng = Trial(function), torch.Generator().manual_seed(7)
    shapes = [
        (4, 3, 8, 8), (1, 3, 8, 8), (3, 1, 7, 7), (5, 3, 6, 10), (33, 3, 6, 6), (2, 4, 5, 5), (1, 1, 1, 4),
        (2, 3, 12, 9), *torch.randint(1, 9, (5, 4), generator=rng).tolist(),
    ]  # fmt: skip
    for k, shape in enumerate(shapes):
        widths, training = torch.randint(2, 9, (1 + k % 3,), generator=rng).tolist(), k % 4 != 2
        dtype, mode = torch.float64 if k % 5 == 3 else torch.float32, "training" if training else "evaluation"
        layout = torch.channels_last if k % 2 else torch.contiguous_format
        images = _pictures(shape, dtype, rng).contiguous(memory_format=layout)
        backbone = _tiny_backbone(shape[1], widths, 0.3 * (k % 2), rng).to(dtype).train(training)
        stages = f"{len(widths)} stage{'s' * (len(widths) > 1)}"
        trial.case(f"{_described(images)}, a network of {stages} in {mode} mode")
        expected = probe_features(backbone, images)
        before = {name: value.clone() for name, value in backbone.state_dict().items()}
        features = trial.call(backbone, images)
        for name, value in backbone.state_dict().items():
            same = value.dtype == before[name].dtype and torch.equal(value, before[name])
            trial.expect(same, f"expected the network unchanged, but `{name}` is not what it was.")
        back = all(module.training == training for module in backbone.modules())
        trial.expect(back, f"expected the network in {mode} mode afterwards, as it was before; got the other mode.")
        asks = all(parameter.requires_grad for parameter in backbone.parameters())
        trial.expect(asks, "expected parameters that can still be trained, got some with requires_grad False.")
        trial.expect(torch.is_grad_enabled(), "expected gradients switched on again afterwards, got them off.")
        trial.tensor("the features", features, expected.shape, dtype)
        trial.expect(not features.requires_grad, "expected features without a gradient, got some that carry a graph.")
        mean = "Each is the mean of one channel over the last stage's map, in evaluation mode."
        trial.same("the features", features, expected, mean, close=True)


class _Mark:
    """What stands in for `save`: it adds to each pixel a number that depends on its place, and counts its calls."""

    def __init__(self, strength: int):
        self.strength, self.calls = strength, 0

    def __call__(self, images: Tensor) -> Tensor:
        if images.dim() != 4:
            raise ValueError(f"`save` takes a batch N x C x S x S, and was given the shape {tuple(images.shape)}")
        self.calls += 1
        places = torch.arange(images.shape[1:].numel()).reshape(images.shape[1:])
        return images + (places * self.strength + 1).to(images.dtype)


def _orientations(trial: Trial, images: Tensor, save: _Mark, rng: torch.Generator) -> Tensor:
    """At which orientation (0…3, int64 N) each image was saved; raises `Wrong` where it was not, or not then."""
    save.calls = 0
    saved = trial.call(images, save, rng)
    called, save = save.calls, _Mark(save.strength)
    trial.tensor("the saved pictures", saved, images.shape, images.dtype)
    trial.expect(called > 0, "expected a call of `save`, got none.")

    def comes_from(candidates: Tensor) -> Tensor:
        return (saved == candidates).flatten(1).all(1)

    found = torch.stack([comes_from(save(rotate(images, turns))) for turns in range(4)])
    if not found.any(0).all():
        stray = int((~found.any(0)).nonzero()[0])
        truth = "something else"
        for turned in (rotate(images, turns) for turns in range(4)):
            if comes_from(turned)[stray]:
                truth = "one that was turned but not saved"
            if comes_from(save(save(turned)))[stray]:
                truth = "one that was saved twice"
            if any(comes_from(rotate(save(turned), turns))[stray] for turns in (1, 2, 3)):
                truth = "one that was turned after it had been saved"
        trial.expect(False, f"picture {stray}: expected image {stray}, turned and then saved; got {truth}.")
    return found.int().argmax(0)


def check_spot_the_leak(function: Callable) -> None:
    """`save` leaves a mark; each image must carry it as only one that was turned before, and never after, does."""
    trial, rng, draws = Trial(function), torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)
    for strength, (words, images) in enumerate(_batches(rng, smallest_side=2), start=3):
        trial.case(words)
        _orientations(trial, images, _Mark(strength), draws)
    for count in (1, 2, 5):
        images = _pictures((count, 2, 3, 3), torch.uint8, rng)
        trial.case(f"{_described(images)}, asked 80 times with the same `rng`")
        asked = torch.stack([_orientations(trial, images, _Mark(5), draws) for _ in range(80)])
        for image, turns in enumerate(asked.T):
            seen = sorted(set(turns.tolist()))
            trial.expect(len(seen) == 4, f"expected image {image} at 0, 1, 2 and 3 quarter turns, got only {seen}.")
    images = _pictures((800, 1, 3, 3), torch.uint8, rng)
    trial.case(_described(images))
    counts = _orientations(trial, images, _Mark(5), draws).bincount(minlength=4).tolist()
    # Right answers leave 140…260 (five standard deviations) a few times in a million.
    even = all(140 <= count <= 260 for count in counts)
    trial.expect(even, f"expected about 200 of the 800 images at each orientation, one draw an image; got {counts}.")
    _expect_draws(trial, lambda rng: trial.call(images, _Mark(5), rng))


EXERCISES = {
    "rotate": Exercise(
        check=check_rotate,
        reference=rotate,
        hints=(
            "Turn a small square of paper by hand. Where does its top row go?",
            "A quarter turn is two moves that you know: exchanging rows with columns, and reversing one of them.",
            "Height is axis 2 and width is axis 3 of a batch N x C x H x W; torch has a function that turns two axes.",
        ),
        difficulty=1,
        importance=4,
        minutes=3,
    ),
    "build_batch": Exercise(
        check=check_build_batch,
        reference=build_batch,
        hints=(
            "Take two pictures and write down by hand which eight come out, and beside each its label.",
            "Turn the whole batch once for each of the four labels, and put the four results one behind the other.",
            "The labels must stand in the order of the pictures: if the first N pictures are unturned, the first N "
            "labels are 0. They are whole numbers of 64 bits, on the device on which the images are.",
        ),
        difficulty=2,
        importance=4,
        minutes=6,
    ),
    "find_flip_bug": Exercise(
        check=check_find_flip_bug,
        reference=hide,
        hints=(
            "Draw the letter R, turn it by 90 degrees, mirror it. Which other way leads to the same drawing?",
            "The label says how often a picture was turned. What happens to it after that must not look like a turn; "
            "what happens before may.",
            "First draw, for each of the N images, a 0 or a 1 with `rng`, and mirror (left and right change places) "
            "where it is 1. Only then make the four turned copies with their labels.",
        ),
        difficulty=2,
        importance=5,
        minutes=8,
    ),
    "freeze_and_probe": Exercise(
        check=check_freeze_and_probe,
        reference=probe_features,
        hints=(
            "A network changes in other ways than by gradients. Which numbers move when pictures run through it?",
            "BatchNorm moves its averages, and dropout draws, whenever the network is in training mode. Note the mode, "
            "leave it for the time of the measurement, and put it back.",
            "In evaluation mode, with gradients switched off for these lines only, run the images through the network, "
            "and average its N x D x h x w answer over the last two axes.",
        ),
        difficulty=3,
        importance=5,
        minutes=8,
    ),
    "spot_the_leak": Exercise(
        check=check_spot_the_leak,
        reference=scramble_then_save,
        hints=(
            "The trace of the file must be as upright as the file. Which of the two steps must nothing come after?",
            "One draw for all images leaves them standing alike, and then the pictures still tell which way is up. "
            "Each image needs its own number of quarter turns.",
            "Draw N whole numbers from 0 to 3 with `rng`; turn image i by the i-th; put the images together again as a "
            "batch; hand the batch to `save`; return what comes back, untouched.",
        ),
        difficulty=3,
        importance=4,
        minutes=8,
    ),
}
