"""How well a network does its pretext task on data it was not trained on."""

from collections import defaultdict

import torch
from torch import nn

from course_lib.data import Split
from course_lib.features import frozen
from course_lib.pretext import PretextTask
from course_lib.training import Step


def pretext_scores(
    backbone: nn.Module,
    task: PretextTask,
    data: Split,
    rng: torch.Generator,
    batch_size: int = 64,
    precision: torch.dtype = torch.float32,
) -> dict[str, float]:
    """Every sample of `data` once, without augmentation: `task.score` averaged over the samples, plus `loss`.

    `rng` (on the backbone's device) draws whatever the task hides at random. Backbone and head stay frozen.
    """
    step, totals, counts = Step(backbone, task, rng), defaultdict(float), defaultdict(int)
    with frozen(step), torch.autocast(rng.device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
        for start in range(0, len(data), batch_size):
            index = torch.arange(start, min(start + batch_size, len(data)), device=data.device)
            outcome = step(data.batch(index, labels=task.uses_labels))
            scores = {**task.score(outcome.prediction, outcome.hidden), "loss": outcome.loss.item()}
            for name, value in scores.items():
                totals[name] += value * len(index)
                counts[name] += len(index)  # a batch that cannot be asked something has no score in it
    return {name: total / counts[name] for name, total in totals.items()}
