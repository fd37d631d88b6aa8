"""Alternating: a task made of tasks, whose heads take turns on one backbone, batch by batch.

Doersch & Zisserman 2017 (arXiv:1708.07860, section 3) train several pretext tasks together; their batches are mixed on many
machines, ours come one task at a time. Which task a batch serves is drawn at random.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import pretext
from course_lib.data import Batch, Split
from course_lib.errors import CourseError
from course_lib.models import Backbone
from course_lib.pretext import PretextTask


class Alternating(PretextTask):
    """Several pretext tasks on one backbone; each batch goes to one of them, and so does each prediction.

    Args:
        backbone: suited to all of them.
        rng: a CPU generator for the first weights of their heads.
        tasks: their names, two or more, each once. Features are what the first one's `represent` says.

    Raises:
        CourseError: fewer than two tasks, one twice, or one that there is not.
    """

    def __init__(
        self, backbone: Backbone, rng: torch.Generator, tasks: Sequence[str] = ("relative_position", "colourisation")
    ):  # fmt: skip
        super().__init__()
        if len(set(tasks)) != len(tasks) or len(tasks) < 2:
            raise CourseError(f"Two tasks or more can take turns, each named once; {list(tasks)} was given.")
        self.tasks = nn.ModuleDict({name: pretext.load(name)(backbone, rng) for name in tasks})
        self.content = tuple({kind: None for task in self.tasks.values() for kind in task.content})
        self.uses_labels = any(task.uses_labels for task in self.tasks.values())
        self.batch_coupled = any(task.batch_coupled for task in self.tasks.values())

    def setup(self, backbone: nn.Module, data: Split) -> None:
        """Each task's own."""
        for task in self.tasks.values():
            task.setup(backbone, data)

    def hide(self, batch: Batch, rng: torch.Generator) -> tuple[tuple[str, Any], tuple[str, Any]]:
        """Draws whose turn it is; `visible` and `hidden` are that task's, each beside its name."""
        turn = torch.randint(len(self.tasks), (1,), generator=rng, device=rng.device).item()
        name = list(self.tasks)[turn]
        visible, hidden = self.tasks[name].hide(batch, rng)
        return (name, visible), (name, hidden)

    def predict(self, backbone: nn.Module, visible: tuple[str, Any]) -> Any:
        """What the head says whose turn it is."""
        name, shown = visible
        return self.tasks[name].predict(backbone, shown)

    def loss(self, prediction: Any, hidden: tuple[str, Any]) -> Tensor:
        """That task's loss; losses of different kinds are not weighed against each other."""
        name, truth = hidden
        return self.tasks[name].loss(prediction, truth)

    def score(self, prediction: Any, hidden: tuple[str, Any]) -> dict[str, float]:
        """That task's scores, by its name and theirs: `relative_position.accuracy`."""
        name, truth = hidden
        return {f"{name}.{score}": value for score, value in self.tasks[name].score(prediction, truth).items()}

    def represent(self, backbone: nn.Module, batch: Batch, stage: str) -> Tensor:
        """As the first task's."""
        return next(iter(self.tasks.values())).represent(backbone, batch, stage)

    def draw(self, batch: Batch, rng: torch.Generator):
        """The first task's picture."""
        return next(iter(self.tasks.values())).draw(batch, rng)
