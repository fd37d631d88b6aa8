"""Shuffle and learn: which triples are asked about, and that a network learns it from poses alone."""

import pytest
import torch

from course_lib.data import Batch
from course_lib.data.splits import Split
from course_lib.errors import CourseError
from course_lib.evaluation.pretext import pretext_scores
from course_lib.models import build_backbone
from course_lib.pretext import normalise
from course_lib.pretext.shuffle_and_learn import FRAMES, IN_ORDER, TRIPLES, ShuffleAndLearn
from course_lib.training import fit


def network(size=16, width=8, **options):
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(1), width=width, image_size=size)
    return backbone, ShuffleAndLearn(backbone, torch.Generator().manual_seed(2), **options)


def numbered(count=6, length=16):
    """Clips whose frames say their moment in every pixel."""
    moments = torch.arange(length, dtype=torch.uint8).view(1, -1, 1, 1, 1).expand(count, -1, 3, 16, 16)
    return Batch(torch.arange(count), clips=moments.contiguous())


def moving(count, seed, length=16):
    """A bar that turns, or grows, at a pace and from a place of its own, before a background of its own."""
    rng = torch.Generator().manual_seed(seed)
    first, pace, shade, back = (torch.rand(count, 1, 1, 1, generator=rng) for _ in range(4))
    time = (first * 6 + (0.25 + 0.5 * pace) * torch.arange(length).view(1, -1, 1, 1)).clamp(max=15)
    columns = torch.arange(16).view(1, 1, 1, -1)
    bar = ((columns - time).abs() < 2).expand(-1, -1, 16, -1)
    picture = torch.where(bar, 120 + 130 * shade, 100 * back)
    clips = picture[:, :, None].expand(-1, -1, 3, -1, -1).to(torch.uint8).contiguous()
    return Split(torch.zeros(count, dtype=torch.int64), ["bar"], clips=clips)


@pytest.mark.parametrize("length", [5, 7, 16, 25])
@pytest.mark.parametrize("high_motion", [True, False])
def test_a_triple_is_in_order_when_its_middle_lies_between_its_ends(length, high_motion):
    _, task = network(high_motion=high_motion, questions=5)
    (frames, triples), hidden = task.hide(numbered(length=length), torch.Generator().manual_seed(0))
    count = min(FRAMES, length)
    assert frames.shape == (6, count, 3, 16, 16) and triples.shape == (6, 30, 3) and hidden.shape == (180,)
    moments = ((frames[..., 0, 0, 0] + 1) * 127.5).round()
    first, middle, last = moments[torch.arange(6)[:, None, None], triples].flatten(0, 1).unbind(1)
    assert torch.equal(hidden == 1, (first < middle) == (middle < last))
    # The same two ends in all six: nothing but the middle can tell.
    ends = torch.stack([first, last], 1).sort(1).values.view(-1, len(TRIPLES), 2)
    assert (ends == ends[:, :1]).all()
    forwards = (first < last).view(-1, len(TRIPLES))
    assert (forwards.sum(1) == 3).all() and (hidden.view(-1, len(TRIPLES)).sum(1) == sum(IN_ORDER)).all()


def test_a_whole_clip_is_mirrored_in_training_and_never_when_scored():
    _, task = network()
    ramp = torch.arange(16, dtype=torch.uint8).expand(40, 16, 3, 16, 16).contiguous()
    for training, turned in ((True, {True, False}), (False, {False})):
        (frames, _), _ = task.train(training).hide(Batch(torch.arange(40), clips=ramp), torch.Generator().manual_seed(0))
        mirrored = frames[:, :, 0, 0, 0] > frames[:, :, 0, 0, -1]
        assert (mirrored == mirrored[:, :1]).all() and set(mirrored[:, 0].tolist()) == turned


def test_frames_are_shaken_in_training_and_never_when_scored():
    _, task = network(shake=2, high_motion=False)
    ramp = torch.arange(16, dtype=torch.uint8).expand(30, 16, 3, 16, 16).contiguous()
    for training, moved in ((True, True), (False, False)):
        (frames, _), _ = task.train(training).hide(Batch(torch.arange(30), clips=ramp), torch.Generator().manual_seed(0))
        middle = ((frames[:, :, 0, 8, 8] + 1) * 127.5).round()
        assert (len(middle.unique()) > 5) is moved and (middle != middle[:, :1]).any().item() is moved
    _, still = network(shake=0)
    (frames, _), _ = still.train().hide(Batch(torch.arange(30), clips=ramp), torch.Generator().manual_seed(0))
    assert (frames == frames[:, :1]).all()


def test_two_answers_weigh_the_same():
    _, task = network()
    hidden = torch.tensor(IN_ORDER).repeat(10)
    yes, no = torch.tensor([[-9.0, 9.0]]).expand(60, 2), torch.tensor([[9.0, -9.0]]).expand(60, 2)
    assert task.score(yes, hidden) == task.score(no, hidden) == {"accuracy": 0.5}
    assert torch.isclose(task.loss(yes, hidden), task.loss(no, hidden), rtol=1e-4)
    assert torch.isclose(task.loss(torch.zeros(60, 2), hidden), torch.tensor(2.0).log())


def test_the_audit_sees_no_picture():
    backbone, task = network(sees="centroids")
    batch, rng = moving(4, 0).batch(range(4)), torch.Generator().manual_seed(0)
    (seen, triples), _ = task.hide(batch, rng)
    assert seen.shape == (4, FRAMES, 2)
    task.predict(backbone, (seen, triples)).sum().backward()
    assert all(parameter.grad is None for parameter in backbone.parameters())


def test_a_network_learns_what_lies_between():
    accuracies = []
    for seed in range(3):
        backbone, task = network(shake=0)  # the bar is hardly wider than the steps of a shaken frame
        fit(backbone, task, moving(200, seed), steps=60, batch_size=8, seed=seed)
        accuracies.append(pretext_scores(backbone, task, moving(100, 99), torch.Generator().manual_seed(0))["accuracy"])
    assert min(accuracies) > 0.7, accuracies  # guessing: 0.5


def test_represents_pictures_as_they_are_and_clips_by_their_mean():
    backbone, task = network()
    backbone.eval()
    split = moving(3, 0)
    of_clips = task.represent(backbone, split.batch(range(3)), "conv3")
    images = Split(torch.zeros(48, dtype=torch.int64), ["bar"], images=split.clips.flatten(0, 1))
    of_frames = task.represent(backbone, images.batch(range(48)), "conv3")
    assert torch.allclose(of_clips, of_frames.unflatten(0, (3, 16)).mean(1), atol=1e-5)
    assert torch.equal(of_frames, super(ShuffleAndLearn, task).represent(backbone, images.batch(range(48)), "conv3"))
    assert normalise(images.images).shape == (48, 3, 16, 16)


def test_bad_input_gets_a_sentence():
    for options, words in (({"sees": "ears"}, "sees frames or centroids, not 'ears'"), ({"questions": 0}, "once or more, not 0")):
        with pytest.raises(CourseError, match=words):
            network(**options)
    _, task = network()
    with pytest.raises(CourseError, match="five or more, and this one has 4"):
        task.hide(numbered(length=4), torch.Generator())


def test_pictures_instead_of_clips_get_a_sentence():
    pictures = Split(torch.zeros(8, dtype=torch.int64), ["bar"], images=torch.zeros(8, 3, 16, 16, dtype=torch.uint8))
    with pytest.raises(CourseError, match=r"learns from clips, and these samples have no clips: .*'world:clips' has clips"):
        fit(*network(), pictures, steps=1)
