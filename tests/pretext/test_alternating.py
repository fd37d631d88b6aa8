"""A task made of tasks: heads take turns, the contract stays."""

import pytest
import torch

from course_lib.data import Split
from course_lib.errors import CourseError
from course_lib.models import build_backbone
from course_lib.pretext.alternating import Alternating
from course_lib.training import fit


@pytest.fixture
def data(rng):
    images = torch.randint(0, 256, (24, 3, 48, 48), generator=rng, dtype=torch.uint8)
    return Split(torch.arange(24) % 2, ["a", "b"], images=images)


@pytest.fixture
def backbone(rng):
    return build_backbone("small", rng=rng, width=8, image_size=48)


def test_each_turn_is_one_tasks(data, backbone, rng):
    task = Alternating(backbone, rng, ("rotation", "colourisation"))
    task.setup(backbone, data)
    seen = set()
    for _ in range(20):
        visible, hidden = task.hide(data.batch(range(4)), rng)
        prediction = task.predict(backbone, visible)
        assert visible[0] == hidden[0]
        single = task.tasks[visible[0]]
        assert torch.equal(task.loss(prediction, hidden), single.loss(prediction, hidden[1]))
        assert all(name.startswith(f"{visible[0]}.") for name in task.score(prediction, hidden))
        seen.add(visible[0])
    assert seen == {"rotation", "colourisation"}


def test_both_heads_and_the_backbone_learn(data, backbone, rng):
    task = Alternating(backbone, rng)
    before = {name: value.clone() for name, value in [*task.state_dict().items(), *backbone.state_dict().items()]}
    history = fit(backbone, task, data, steps=12, batch_size=4)
    after = {**task.state_dict(), **backbone.state_dict()}
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert len(history.losses) == 12
    for part in ("tasks.relative_position.head", "tasks.colourisation.head", "blocks.conv1"):
        assert any(name.startswith(part) for name in moved)


def test_the_same_seed_gives_the_same_turns(data, backbone, rng):
    task = Alternating(backbone, rng)
    same = [torch.Generator().manual_seed(3) for _ in "ab"]
    turns = [[task.hide(data.batch(range(2)), rng)[0][0] for _ in range(8)] for rng in same]
    assert turns[0] == turns[1]


def test_it_wants_what_its_tasks_want(backbone, rng):
    assert Alternating(backbone, rng).content == ("images",)
    with pytest.raises(CourseError, match="Two tasks or more"):
        Alternating(backbone, rng, ("rotation",))
    with pytest.raises(CourseError, match="named once"):
        Alternating(backbone, rng, ("rotation", "rotation"))
    with pytest.raises(CourseError, match="no pretext task called 'spin'"):
        Alternating(backbone, rng, ("rotation", "spin"))
