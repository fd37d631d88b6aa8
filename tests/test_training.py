"""The training loop, checkpoints, and the promise that a seed means the same numbers."""

import threading

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext.rotation import Rotation
from course_lib.training import Step, fit, load_network, read_checkpoint, schedule


def network(width=8):
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(1), width=width, image_size=16)
    return backbone, Rotation(backbone, torch.Generator().manual_seed(2))


def test_same_seed_same_numbers_whatever_else_draws(dataset):
    losses = []
    for disturbed in (False, True):
        done = threading.Event()

        def draw(done=done):
            while not done.is_set():
                torch.rand(100)

        other = threading.Thread(target=draw, daemon=True)
        if disturbed:
            torch.manual_seed(123)
            other.start()
        backbone, task = network()
        losses.append(fit(backbone, task, dataset.train, steps=12, batch_size=16, seed=4).losses)
        done.set()
    assert losses[0] == losses[1]


def test_another_seed_other_numbers(dataset):
    first, second = (fit(*network(), dataset.train, steps=3, batch_size=16, seed=seed).losses for seed in (0, 1))
    assert first != second


def test_learns(dataset):
    history = fit(*network(), dataset.train, steps=60, batch_size=32)
    assert history.scores[-1][1]["accuracy"] > 0.8


def test_stop_saves_and_the_next_call_continues(dataset, tmp_path):
    path, stop = tmp_path / "c.safetensors", threading.Event()
    uninterrupted = fit(*network(), dataset.train, steps=40, batch_size=16)

    def press(history):
        if history.step >= 10:
            stop.set()

    first = fit(*network(), dataset.train, steps=40, batch_size=16, checkpoint=path, on_report=press, stop=stop)
    assert first.stopped and 10 <= first.step < 40
    second = fit(*network(), dataset.train, steps=40, batch_size=16, checkpoint=path)
    assert second.resumed_from == first.step
    assert second.losses == uninterrupted.losses


def test_stop_saves_the_momentum_and_the_seconds(dataset, tmp_path):
    options = {"steps": 24, "batch_size": 16, "optimiser": "sgd", "learning_rate": 0.05}
    path, stop = tmp_path / "c.safetensors", threading.Event()
    uninterrupted = fit(*network(), dataset.train, **options)
    stop.set()
    first = fit(*network(), dataset.train, checkpoint=path, stop=stop, **options)
    second = fit(*network(), dataset.train, checkpoint=path, **options)
    assert second.losses == uninterrupted.losses and second.resumed_from == first.step == 1
    assert second.seconds_before == first.seconds > 0
    assert float(read_checkpoint(path)[1]["seconds"]) == second.seconds_before + second.seconds


def test_sgd_has_nesterovs_momentum():
    """Sutskever et al. 2013, as torch writes it: the momentum starts as the gradient, and the step looks ahead by 0.9 of it."""
    from course_lib.training import OPTIMISERS

    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = OPTIMISERS["sgd"]([weight], 0.1, weight_decay=0.5)
    momentum, expected = 0.0, 1.0
    for _ in range(3):
        weight.grad = torch.tensor([2.0])
        optimiser.step()
        gradient = 2.0 + 0.5 * expected
        momentum = 0.9 * momentum + gradient
        expected -= 0.1 * (gradient + 0.9 * momentum)
    assert weight.item() == pytest.approx(expected)


def test_a_checkpoint_of_another_optimiser_is_not_taken_up(dataset, tmp_path):
    path = interrupted(dataset, tmp_path)
    assert fit(*network(), dataset.train, steps=30, batch_size=16, checkpoint=path, optimiser="sgd").resumed_from == 0


def test_a_finished_checkpoint_never_replaces_training(dataset, tmp_path):
    path = tmp_path / "c.safetensors"
    fit(*network(), dataset.train, steps=5, batch_size=16, checkpoint=path)
    again = fit(*network(), dataset.train, steps=5, batch_size=16, checkpoint=path)
    assert again.resumed_from == 0 and again.step == 5


def test_other_settings_start_afresh(dataset, tmp_path):
    path = interrupted(dataset, tmp_path)
    assert fit(*network(), dataset.train, steps=30, batch_size=8, checkpoint=path).resumed_from == 0


def interrupted(dataset, tmp_path):
    path, stop = tmp_path / "c.safetensors", threading.Event()
    stop.set()
    fit(*network(), dataset.train, steps=30, batch_size=16, checkpoint=path, stop=stop)
    return path


def test_a_checkpoint_of_another_network_is_refused(dataset, tmp_path):
    path = interrupted(dataset, tmp_path)
    with pytest.raises(CourseError, match=f"{path.name}.*another network"):
        fit(*network(width=16), dataset.train, steps=30, batch_size=16, checkpoint=path)
    backbone, task = network(width=16)
    before = {name: value.clone() for name, value in Step(backbone, task).state_dict().items()}
    with pytest.raises(CourseError, match="another network"):
        load_network(path, Step(backbone, task))
    assert all(torch.equal(value, before[name]) for name, value in Step(backbone, task).state_dict().items())


@pytest.mark.parametrize("damage", ["truncated", "not a checkpoint", "empty"])
def test_a_damaged_checkpoint_is_refused(dataset, tmp_path, damage):
    path = interrupted(dataset, tmp_path)
    contents = {"truncated": path.read_bytes()[:-100], "not a checkpoint": b"hello" * 99, "empty": b""}
    path.write_bytes(contents[damage])
    with pytest.raises(CourseError, match=f"{path.name} is damaged"):
        fit(*network(), dataset.train, steps=30, batch_size=16, checkpoint=path)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"no checkpoint at .*gone\.safetensors"):
        read_checkpoint(tmp_path / "gone.safetensors")


def test_weights_come_back(dataset, tmp_path):
    path, (backbone, task) = tmp_path / "c.safetensors", network()
    fit(backbone, task, dataset.train, steps=5, batch_size=16, checkpoint=path)
    other = Step(*network())
    load_network(path, other)
    for name, value in Step(backbone, task).state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_a_full_disk_is_a_sentence_and_keeps_the_old_checkpoint(dataset, tmp_path):
    import resource

    path = interrupted(dataset, tmp_path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(CourseError, match=r"could not be written"):
            fit(*network(), dataset.train, steps=30, batch_size=16, checkpoint=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_one_network_is_trained_once_at_a_time(dataset):
    backbone, task = network()
    refused = []

    def again(history):
        with pytest.raises(CourseError, match="being trained already") as error:
            fit(backbone, task, dataset.train, steps=1)
        refused.append(error)

    fit(backbone, task, dataset.train, steps=1, batch_size=8, on_report=again)
    assert refused
    fit(backbone, task, dataset.train, steps=1, batch_size=8)  # and free again afterwards


def test_a_diverging_loss_is_a_sentence(dataset):
    with pytest.raises(CourseError, match="smaller learning rate"):
        fit(*network(), dataset.train, steps=60, batch_size=16, learning_rate=1e30)


def test_the_schedule_rises_and_falls():
    rates = [schedule(step, 100) for step in range(100)]
    assert max(rates) == pytest.approx(1.0) and rates[0] < 0.2 and rates[-1] < 0.01
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_step_is_the_three_lines(dataset):
    step = Step(*network())
    outcome = step(dataset.train.batch([0, 1]))
    assert outcome.loss.dim() == 0 and outcome.prediction.shape == (8, 4) and outcome.hidden.shape == (8,)
