"""The exercises of the rotation notebook: right answers of every kind pass, wrong ones and mutants never do."""

import random

import pytest
import torch
from mutants import mutants
from refusals import answers, asked, has_hints_without_code, is_refused_in_words

from course_lib.exercises import check, rotation
from course_lib.exercises.rotation import hide, probe_features, scramble_then_save
from course_lib.pretext.rotation import four_rotations, rotate
from course_lib.shortcuts import randomly_turned


def turned_to_all(images, turn=rotate):
    return torch.cat([turn(images, k) for k in range(4)]), torch.arange(4).repeat_interleave(len(images))


def coins(count, rng, *shape):
    return torch.randint(0, 2, (count, *shape), generator=rng).bool()


def chosen(condition, images, others):
    return torch.where(condition[:, None, None, None], images, others)


# --- right answers --------------------------------------------------------------------------------------------------


def by_loops(images, turns):
    result = images.clone()
    for _ in range(turns):
        result = torch.stack([result[:, :, :, -1 - row] for row in range(result.shape[2])], dim=2)
    return result


def image_by_image(images, rotate):
    pictures = torch.stack([rotate(image[None], k)[0] for image in images for k in range(4)])
    return pictures, torch.tensor([0, 1, 2, 3] * len(images), device=images.device)


def filled_in(images, rotate):
    count = len(images)
    pictures = images.new_empty(4 * count, *images.shape[1:])
    labels = torch.zeros(4 * count, dtype=torch.int64, device=images.device)
    for k in (3, 1, 0, 2):
        pictures[k * count : (k + 1) * count] = rotate(images, k)
        labels[k * count : (k + 1) * count] = k
    return [pictures, labels]


def labels_brought_over(images, rotate):
    pictures, labels = turned_to_all(images, rotate)
    return pictures, labels.to(images.device)


def mirrored_by_index(images, rng):
    mirrored = images.clone()
    those = torch.rand(len(images), generator=rng) < 0.5
    mirrored[those] = images[those].flip(3)
    return four_rotations(mirrored)


def mirrored_in_a_loop(images, rng):
    pictures, labels = [], []
    for image in images:
        if torch.randint(2, (1,), generator=rng).item():
            image = image[:, :, torch.arange(image.shape[2] - 1, -1, -1)]
        pictures += [torch.rot90(image, k, (1, 2)) for k in range(4)]
        labels += range(4)
    return torch.stack(pictures), torch.tensor(labels)


def a_coin_for_each_angle(images, rng):
    copies = [rotate(chosen(coins(len(images), rng), images.flip(-1), images), k) for k in range(4)]
    return torch.cat(copies), torch.arange(4).repeat_interleave(len(images))


def mirrored_after_but_relabelled(images, rng):
    pictures, labels = turned_to_all(images)
    mirror = coins(len(images), rng).repeat(4)
    return chosen(mirror, pictures.flip(-1), pictures), torch.where(mirror, -labels % 4, labels)


def mode_by_hand(backbone, images):
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        features = backbone(images).flatten(2).mean(-1)
    backbone.train(training)
    return features


@torch.no_grad()
def by_stages(backbone, images):
    modes = [module.training for module in backbone.modules()]
    for module in backbone.modules():
        module.training = False
    maps = backbone.stages(images)[backbone.stage_names[-1]]
    for module, mode in zip(backbone.modules(), modes, strict=True):
        module.training = mode
    return torch.nn.functional.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0]


def detached_in_pieces(backbone, images):
    training = backbone.training
    features = torch.cat([backbone.eval()(some).mean(dim=[-1, -2]).detach() for some in images.split(2)])
    backbone.train(training)
    return features


def on_a_copy(backbone, images):
    import copy

    with torch.inference_mode():
        return copy.deepcopy(backbone).eval()(images).sum((2, 3)) / backbone(images[:0]).shape[2:].numel()


def one_after_another(images, save, rng):
    saved = [save(torch.rot90(image, int(torch.randint(4, (), generator=rng)), (1, 2))[None]) for image in images]
    return torch.cat(saved)


def group_by_group(images, save, rng):
    turns, saved = torch.randint(4, (len(images),), generator=rng), torch.empty_like(images)
    for k in range(4):
        saved[turns == k] = save(rotate(images[turns == k], k))
    return saved


def by_coins(images, save, rng):
    half, quarter = (torch.rand(len(images), generator=rng) < 0.5 for _ in range(2))
    images = chosen(half, rotate(images, 2), images)
    return save(chosen(quarter, rotate(images, 1), images))


RIGHT = {
    "rotate": [
        by_loops,
        lambda images, turns: torch.rot90(images, turns, (2, 3)),
        lambda images, turns: torch.rot90(images, -turns, (3, 2)),
        lambda images, turns: torch.stack([torch.rot90(image, turns, (1, 2)) for image in images]),
        lambda images, turns: {0: images, 1: images.transpose(2, 3).flip(2), 2: images.flip((2, 3)),
                               3: images.transpose(2, 3).flip(3)}[turns],
    ],
    "build_batch": [
        image_by_image, filled_in, labels_brought_over,
        lambda images, rotate: four_rotations(images, rotate),
        lambda images, rotate: tuple(part.flip(0) for part in four_rotations(images, rotate)),
    ],
    "find_flip_bug": [
        mirrored_by_index, mirrored_in_a_loop, a_coin_for_each_angle, mirrored_after_but_relabelled,
        lambda images, rng: four_rotations(chosen(coins(len(images), rng), images, images.flip(-1))),
    ],
    "freeze_and_probe": [mode_by_hand, by_stages, detached_in_pieces],
    "spot_the_leak": [
        one_after_another, group_by_group, by_coins,
        lambda images, save, rng: torch.cat([save(some) for some in randomly_turned(images, rng).split(3)]),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in RIGHT for answer in RIGHT[name]])
def test_right_answers_pass(name, answer):
    checked = check(f"rotation.{name}", answer)
    assert checked.passed, checked.message


# --- wrong answers --------------------------------------------------------------------------------------------------


def mirrors_last(images, rng):
    pictures, labels = turned_to_all(images)
    return chosen(coins(len(pictures), rng), pictures.flip(-1), pictures), labels


def one_coin_for_all(images, rng):
    return four_rotations(images.flip(-1) if torch.rand((), generator=rng) < 0.5 else images)


def mirrored_with(draw):
    return lambda images, rng: four_rotations(chosen(draw(images, rng), images.flip(-1), images))


def alike(images, rng):
    return torch.Generator().manual_seed(rng.initial_seed())


def frozen_for_good(backbone, images):
    backbone.requires_grad_(False)
    return mode_by_hand(backbone, images)


def gradients_off_for_good(backbone, images):
    torch.set_grad_enabled(False)
    return mode_by_hand(backbone, images)


def left_in_evaluation_mode(backbone, images):
    with torch.no_grad():
        return backbone.eval()(images).mean((2, 3))


def left_in_training_mode(backbone, images):
    features = left_in_evaluation_mode(backbone, images)
    backbone.train()
    return features


def in_training_mode(backbone, images):
    with torch.no_grad():
        return backbone(images).mean((2, 3))


def put_back_after_training_mode(backbone, images):
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    features = in_training_mode(backbone, images)
    backbone.load_state_dict(before)
    return features


def with_a_graph(backbone, images):
    training = backbone.training
    features = backbone.eval()(images).mean((2, 3))
    backbone.train(training)
    return features


def first_stage(backbone, images):
    training = backbone.training
    with torch.no_grad():
        features = backbone.eval().stages(images)["conv1"].mean((2, 3))
    backbone.train(training)
    return features


def averages_reset(backbone, images):
    features = mode_by_hand(backbone, images)
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
    return features


def half_network(backbone, images):
    features = mode_by_hand(backbone, images)
    backbone.half()
    return features


def turns_of(count, rng):
    return torch.randint(4, (count,), generator=rng)


def turned(images, turns):
    return torch.stack([rotate(image, k) for image, k in zip(images, turns.tolist(), strict=True)])


def saves_each_alone_without_a_batch(images, save, rng):
    return torch.stack([save(image) for image in randomly_turned(images, rng)])


def saves_for_nothing(images, save, rng):
    scrambled = randomly_turned(images, rng)
    save(scrambled)
    return scrambled


WRONG = {
    "rotate": {
        "clockwise": lambda images, turns: torch.rot90(images, -turns, (2, 3)),
        "the wrong axes": lambda images, turns: torch.rot90(images, turns, (0, 1)),
        "a mirror for a turn": lambda images, turns: images.flip(3) if turns else images,
        "rows and columns exchanged": lambda images, turns: images.transpose(2, 3) if turns % 2 else images,
        "always one turn": lambda images, turns: torch.rot90(images, 1, (2, 3)),
        "nothing": lambda images, turns: images,
        "floats": lambda images, turns: torch.rot90(images.float() / 255, turns, (2, 3)),
        "through bytes": lambda images, turns: torch.rot90(images.byte(), turns, (2, 3)).to(images.dtype),
        "through single precision": lambda images, turns: torch.rot90(images.float(), turns, (2, 3)).to(images.dtype),
        "a list": lambda images, turns: list(images),
        "flat": lambda images, turns: torch.rot90(images, turns, (2, 3)).flatten(1),
        "in place": lambda images, turns: images.copy_(torch.rot90(images, turns, (2, 3))),
        "view instead of reshape": lambda images, turns: torch.rot90(images.view(-1, *images.shape[2:]), turns, (1, 2))
            .reshape(images.shape),
        "one argument": lambda images: images,
        "raises": lambda images, turns: 1 / 0,
    },
    "build_batch": {
        "three angles": lambda images, rotate: (torch.cat([rotate(images, k) for k in range(3)]),
                                                torch.arange(3).repeat_interleave(len(images))),
        "orders mixed": lambda images, rotate: (turned_to_all(images)[0], torch.arange(4).repeat(len(images))),
        "angles 1 to 4": lambda images, rotate: (torch.cat([rotate(images, k) for k in (1, 2, 3, 4)]),
                                                 torch.arange(1, 5).repeat_interleave(len(images))),
        "turns the turned": lambda images, rotate: (torch.cat([rotate(rotate(images, k), k) for k in range(4)]),
                                                    torch.arange(4).repeat_interleave(len(images))),
        "one image four times": lambda images, rotate: image_by_image(images[:1].expand_as(images), rotate),
        "no turning": lambda images, rotate: turned_to_all(images, lambda images, turns: images),
        "its own rotate": lambda images, rotate: turned_to_all(images),
        "rotate ignored, device minded": lambda images, rotate: four_rotations(images),
        "labels on the default device": lambda images, rotate: turned_to_all(images, rotate),
        "only pictures": lambda images, rotate: four_rotations(images, rotate)[0],
        "labels first": lambda images, rotate: four_rotations(images, rotate)[::-1],
        "a list of batches": lambda images, rotate: ([rotate(images, k) for k in range(4)], [0, 1, 2, 3]),
        "a stack": lambda images, rotate: (torch.stack([rotate(images, k) for k in range(4)]), torch.arange(4)),
    },
    "find_flip_bug": {
        "the notebook's": mirrors_last,
        "never": lambda images, rng: four_rotations(images),
        "always": lambda images, rng: four_rotations(images.flip(-1)),
        "one coin for all": one_coin_for_all,
        "three in four": mirrored_with(lambda images, rng: torch.rand(len(images), generator=rng) < 0.75),
        "every second": mirrored_with(lambda images, rng: torch.arange(len(images)) % 2 == 0),
        "every second, drawing for show": mirrored_with(
            lambda images, rng: (coins(len(images), rng), torch.arange(len(images)) % 2 == 0)[1]),
        "the first never": mirrored_with(lambda images, rng: coins(len(images), rng) & (torch.arange(len(images)) > 0)),
        "a lone image never": mirrored_with(lambda images, rng: coins(len(images), rng) & (len(images) > 1)),
        "global coins": mirrored_with(lambda images, rng: torch.rand(len(images)) < 0.5),
        "Python's coins": mirrored_with(lambda images, rng: torch.tensor([random.random() < 0.5 for _ in images])),
        "a seed of its own": mirrored_with(lambda images, rng: coins(len(images), torch.Generator().manual_seed(3))),
        "the seed of rng": mirrored_with(lambda images, rng: coins(len(images), alike(images, rng))),
        "upside down": lambda images, rng: four_rotations(chosen(coins(len(images), rng), images.flip(-2), images)),
        "colours reversed too": lambda images, rng: four_rotations(
            chosen(coins(len(images), rng), images.flip((1, 3)), images)),
        "no labels": lambda images, rng: hide(images, rng)[0],
        "in place": lambda images, rng: hide(images.copy_(images.flip(-1)), rng),
    },
    "freeze_and_probe": {
        "training mode": in_training_mode,
        "training mode, put back": put_back_after_training_mode,
        "left in evaluation mode": left_in_evaluation_mode,
        "left in training mode": left_in_training_mode,
        "a graph": with_a_graph,
        "frozen for good": frozen_for_good,
        "gradients off for good": gradients_off_for_good,
        "the first stage": first_stage,
        "averages reset": averages_reset,
        "half the precision": half_network,
        "the largest": lambda backbone, images: mode_by_hand(pooled_otherwise(backbone, "amax"), images),
        "the whole map": lambda backbone, images: mode_by_hand(pooled_otherwise(backbone, None), images),
        "over the batch": lambda backbone, images: probe_features(backbone, images).mean(0, keepdim=True)
            .expand(len(images), -1),
        "standardised": lambda backbone, images: probe_features(backbone, images) - 1,
        "nothing about the network": lambda backbone, images: images.mean((2, 3)),
    },
    "spot_the_leak": {
        "saved, then scrambled": lambda images, save, rng: randomly_turned(save(images), rng),
        "one orientation for all": lambda images, save, rng: save(rotate(images, int(turns_of(1, rng)))),
        "saved ones turned again": lambda images, save, rng: randomly_turned(save(randomly_turned(images, rng)), rng),
        "turned back after saving": lambda images, save, rng: rotate(save(rotate(images, 1)), 3),
        "saved twice": lambda images, save, rng: save(save(randomly_turned(images, rng))),
        "not saved": lambda images, save, rng: randomly_turned(images, rng),
        "saved for nothing": saves_for_nothing,
        "not scrambled": lambda images, save, rng: save(images),
        "no half turns": lambda images, save, rng: save(turned(images, turns_of(len(images), rng) % 2)),
        "mostly upright": lambda images, save, rng: save(turned(
            images, turns_of(len(images), rng) * (torch.rand(len(images), generator=rng) < 0.5))),
        "one after the other": lambda images, save, rng: save(turned(images, torch.arange(len(images)) % 4)),
        "mirrored instead": lambda images, save, rng: save(chosen(coins(len(images), rng), images.flip(-1), images)),
        "shuffled": lambda images, save, rng: save(randomly_turned(
            images[torch.randperm(len(images), generator=rng)], rng)),
        "global draws": lambda images, save, rng: save(turned(images, torch.randint(4, (len(images),)))),
        "Python's draws": lambda images, save, rng: save(turned(
            images, torch.tensor([random.randrange(4) for _ in images]))),
        "a seed of its own": lambda images, save, rng: scramble_then_save(
            images, save, torch.Generator().manual_seed(1)),
        "the seed of rng": lambda images, save, rng: scramble_then_save(images, save, alike(images, rng)),
        "no batches": saves_each_alone_without_a_batch,
        "saves the scrambled's float": lambda images, save, rng: save(randomly_turned(images, rng).float()),
    },
}  # fmt: skip


def pooled_otherwise(backbone, reduction):
    """A stand-in for a network whose map has been pooled otherwise, and looks like a map of one place."""

    class Pooled:
        training = property(lambda self: backbone.training)

        def eval(self):
            backbone.eval()

        def train(self, mode):
            backbone.train(mode)

        def __call__(self, images):
            maps = backbone(images)
            return maps.amax((2, 3), keepdim=True) if reduction else maps.flatten(1)[:, :, None, None]

    return Pooled()

MUTANTS = {
    "rotate": mutants("rotation.rotate"),
    "build_batch": mutants("rotation.build_batch", four_rotations, labels=True),
    "find_flip_bug": mutants("rotation.find_flip_bug", labels=True),
    "freeze_and_probe": mutants("rotation.freeze_and_probe"),
    "spot_the_leak": mutants("rotation.spot_the_leak", source=randomly_turned),
}
ANSWERS = answers("rotation", WRONG, MUTANTS, {})


@pytest.mark.parametrize("answer", ANSWERS)
def test_wrong_answers_are_refused_in_words(answer):
    is_refused_in_words(
        answer, r"images \([\d, ]+\) \w+\d",
        "rot90|four_rotations|frozen|randomly_turned|no_grad|NameError", raised_too=True,
    )


def test_pictures_of_the_cases_tell_their_turns_and_each_other():
    rng = torch.Generator().manual_seed(7)
    for words, images in rotation._batches(rng, smallest_side=2):
        looks = [rotate(look, k) for look in (images, images.flip(-1)) for k in range(4)]
        distinct = {picture.contiguous().numpy().tobytes() for look in looks for picture in look}
        assert len(distinct) == 8 * len(images), words


@pytest.mark.parametrize("name", rotation.EXERCISES)
def test_hints_show_no_code(name):
    has_hints_without_code(rotation.EXERCISES[name], r"rot90|transpose|torch\.|\w\(|no_grad|flip")


def test_messages_say_what_went_wrong():
    said = {
        name: {answer: asked(f"rotation.{name}", function).message for answer, function in made.items()}
        for name, made in WRONG.items()
    }
    bug = "expected what its label 1 says, but it is the mirror image of image 0 after 3 quarter turns"
    assert bug in said["find_flip_bug"]["the notebook's"]
    assert "turned after it had been saved" in said["spot_the_leak"]["saved, then scrambled"]
    assert "turned after it had been saved" in said["spot_the_leak"]["saved ones turned again"]
    assert "saved twice" in said["spot_the_leak"]["saved twice"]
    assert "a call of `save`, got none" in said["spot_the_leak"]["not saved"]
    assert "turned but not saved" in said["spot_the_leak"]["saved for nothing"]
    assert "one draw an image" in said["spot_the_leak"]["one orientation for all"]
    assert "running_mean" in said["freeze_and_probe"]["training mode"]
    assert "the other mode" in said["freeze_and_probe"]["left in evaluation mode"]
    assert "labels on the images' device" in said["build_batch"]["labels on the default device"]
    assert "top right pixel" in said["rotate"]["clockwise"]
