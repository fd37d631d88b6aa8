"""The contract holds methods of very different kinds: each here trains a few steps and resumes bit for bit."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import features, pretext
from course_lib.data import Split
from course_lib.evaluation.pretext import pretext_scores
from course_lib.models import build_backbone, initialise
from course_lib.pretext import PretextTask, normalise, pooled
from course_lib.pretext.rotation import Rotation, shifted_and_mirrored
from course_lib.training import Step, fit


class Moco(PretextTask):
    """MoCo (He et al. 2020, arXiv:1911.05722), algorithm 1: a queue of keys from a momentum copy."""

    batch_coupled = True

    def __init__(self, backbone, rng, dimension=16, queue=64, momentum=0.99, temperature=0.2):
        super().__init__()
        self.m, self.t = momentum, temperature
        self.head = initialise(nn.Linear(backbone.widths["conv5"], dimension), rng)
        self.register_buffer("queue", F.normalize(torch.randn(queue, dimension, generator=rng), dim=1))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))

    def setup(self, backbone, data):
        self.key_encoder = copy.deepcopy(nn.ModuleList([backbone, self.head])).requires_grad_(False)  # f_k

    def hide(self, batch, rng):
        views = [normalise(shifted_and_mirrored(batch.images, rng)) for _ in "qk"]
        return views, torch.zeros(len(batch), dtype=torch.int64)

    def encode(self, backbone, head, view):
        return F.normalize(head(backbone(view).mean((2, 3))), dim=1)

    def predict(self, backbone, visible):
        q = self.encode(backbone, self.head, visible[0])
        with torch.no_grad():
            k = self.encode(*self.key_encoder, visible[1])
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.clone().T], dim=1) / self.t
        return logits, k

    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction[0], hidden)

    def score(self, prediction, hidden):
        return {"accuracy": (prediction[0].argmax(1) == hidden).float().mean().item()}

    def after_step(self, backbone, prediction):
        pairs = zip(self.key_encoder.parameters(), [*backbone.parameters(), *self.head.parameters()], strict=True)
        for key, query in pairs:
            key.data.lerp_(query.data, 1 - self.m)
        keys = prediction[1]
        slots = (self.pointer + torch.arange(len(keys))) % len(self.queue)
        self.queue[slots] = keys
        self.pointer += len(keys)


class DeepCluster(PretextTask):
    """DeepCluster (Caron et al. 2018, arXiv:1807.05520): cluster the features, predict the cluster, start over."""

    def __init__(self, backbone, rng, clusters=4):
        super().__init__()
        self.head = initialise(nn.Linear(backbone.widths["conv5"], clusters), rng)
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))

    def setup(self, backbone, data):
        self.register_buffer("assignment", torch.zeros(len(data), dtype=torch.int64))

    def start_epoch(self, backbone, data):
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA

        self.epoch += 1
        found = features.extract(self.represent, backbone, data, ["conv5"])["conv5"].numpy()
        whitened = PCA(8, whiten=True, random_state=0).fit_transform(found)
        means = KMeans(self.head.out_features, n_init=1, random_state=int(self.epoch)).fit(whitened)
        self.assignment.copy_(torch.from_numpy(means.labels_))
        initialise(self.head, torch.Generator().manual_seed(int(self.epoch)))
        return list(self.head.parameters())

    def sample(self, data, size, rng):  # uniform over clusters
        weights = 1.0 / torch.bincount(self.assignment, minlength=self.head.out_features)[self.assignment]
        return data.batch(torch.multinomial(weights.float(), size, replacement=True, generator=rng))

    def hide(self, batch, rng):
        return normalise(shifted_and_mirrored(batch.images, rng)), self.assignment[batch.index]

    def predict(self, backbone, visible):
        return self.head(backbone(visible).mean((2, 3)))

    def loss(self, prediction, hidden):
        return F.cross_entropy(prediction, hidden)


class SplitBrain(PretextTask):
    """Split-brain autoencoder (Zhang et al. 2017, arXiv:1611.09842): brightness predicts colour, colour brightness."""

    def __init__(self, backbone, rng):
        super().__init__()
        self.other = initialise(copy.deepcopy(backbone), rng)  # the second half-net
        width = backbone.widths["conv5"]
        self.heads = initialise(nn.ModuleList([nn.Conv2d(width, 2, 1), nn.Conv2d(width, 1, 1)]), rng)

    def halves(self, images):
        light = images.mean(1, keepdim=True)
        colour = images[:, :2] - images[:, 2:]
        return light, colour

    def inputs(self, light, colour):  # both half-nets take three channels
        return light.expand(-1, 3, -1, -1), torch.cat([colour, torch.zeros_like(light)], 1)

    def hide(self, batch, rng):
        halves = self.halves(normalise(batch.images))
        return self.inputs(*halves), halves

    def predict(self, backbone, visible):
        return self.heads[0](backbone(visible[0])), self.heads[1](self.other(visible[1]))

    def loss(self, prediction, hidden):
        light, colour = (F.adaptive_avg_pool2d(half, prediction[0].shape[-2:]) for half in hidden)
        return F.mse_loss(prediction[0], colour) + F.mse_loss(prediction[1], light)

    def represent(self, backbone, batch, stage):
        inputs = self.inputs(*self.halves(normalise(batch.images)))
        nets = zip((backbone, self.other), inputs, strict=True)
        return torch.cat([pooled(net.stages(half, stage)[stage]) for net, half in nets], 1)


def network(task_class):
    backbone = build_backbone("small", rng=torch.Generator().manual_seed(1), width=8, image_size=16)
    return backbone, task_class(backbone, torch.Generator().manual_seed(2))


@pytest.mark.parametrize("task_class", [Rotation, Moco, DeepCluster, SplitBrain])
def test_trains_and_resumes_bit_for_bit(task_class, dataset, tmp_path):
    options = {"steps": 24, "batch_size": 32, "seed": 3, "checkpoint_every": 5}
    backbone, task = network(task_class)
    whole = fit(backbone, task, dataset.train, **options)
    assert whole.step == 24
    untrained = network(task_class)[0].blocks.conv1[0].weight
    assert not torch.equal(backbone.blocks.conv1[0].weight, untrained)  # the gradient reached the first layer
    if task_class in (Rotation, SplitBrain):  # a queue that fills and clusters that move make a loss rise at first
        assert sum(whole.losses[-8:]) < sum(whole.losses[:8])

    # The same, killed after step 13: the last checkpoint is the one of step 10.
    path = tmp_path / "run.safetensors"
    resumed_backbone, resumed_task = network(task_class)

    def kill(history):
        if history.step == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(resumed_backbone, resumed_task, dataset.train, **options, checkpoint=path, on_report=kill)
    resumed_backbone, resumed_task = network(task_class)
    resumed = fit(resumed_backbone, resumed_task, dataset.train, **options, checkpoint=path)
    assert 0 < resumed.resumed_from < 24
    assert resumed.losses == whole.losses
    for name, value in Step(backbone, task).state_dict().items():
        assert torch.equal(value, Step(resumed_backbone, resumed_task).state_dict()[name]), name


@pytest.mark.parametrize("task_class", [Rotation, Moco, DeepCluster, SplitBrain])
def test_represents_every_stage(task_class, dataset):
    backbone, task = network(task_class)
    found = features.extract(task.represent, backbone, dataset.test, backbone.stage_names)
    towers = 2 if task_class is SplitBrain else 1
    for (stage, rows), map_side in zip(found.items(), (16, 8, 4, 2, 2), strict=True):
        width = backbone.widths[stage]
        side = min(map_side, round((512 / width) ** 0.5))  # about 512 numbers at every stage, where the map allows it
        assert rows.shape == (64, side * side * width * towers)


@pytest.mark.parametrize("name", pretext.names())
def test_every_task_trains_and_is_scored_in_half_precision(name):
    """As it is on a GPU, and on processors that compute in bfloat16."""
    shapes = {"images": (12, 3, 48, 48), "clips": (12, 8, 3, 48, 48)}
    rng, kind = torch.Generator().manual_seed(4), pretext.load(name)
    content = {of: torch.randint(0, 256, shapes[of], generator=rng, dtype=torch.uint8) for of in kind.content if of in shapes}
    if "sounds" in kind.content:
        content |= {"sounds": torch.randint(-9000, 9000, (12, 16_000), generator=rng, dtype=torch.int16), "rate": 16_000}
    data = Split(torch.arange(12) % 2, ["a", "b"], **content)
    backbone = build_backbone("small", rng=rng, width=8, image_size=48)
    task = kind(backbone, rng)
    history = fit(backbone, task, data, steps=2, batch_size=6, precision=torch.bfloat16)
    found = pretext_scores(backbone, task, data, rng, precision=torch.bfloat16)
    for scores in (history.scores[-1][1], found):
        assert all(math.isfinite(value) for value in scores.values()), scores
