"""Nearest neighbours: which images does a network find alike, and which cells of two frames?"""

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.data import Split
from course_lib.data.world.objects import KEYPOINTS
from course_lib.errors import CourseError
from course_lib.pretext.patches import cut


def nearest(queries: Tensor, bank: Tensor, count: int) -> Tensor:
    """Indices (Q x count) of the rows of `bank` (N x D) with the highest cosine similarity to each query (Q x D)."""
    similarity = F.normalize(queries, dim=1) @ F.normalize(bank, dim=1).T
    return similarity.topk(min(count, len(bank)), dim=1).indices


def knn_accuracy(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], neighbours: int = 20) -> float:
    """Accuracy (0…1) of a vote among the nearest training samples by cosine distance; each is (features, labels)."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(min(neighbours, len(train[1])), metric="cosine", weights="distance")
    classifier.fit(train[0].numpy(), train[1].cpu().numpy())
    return classifier.score(test[0].numpy(), test[1].cpu().numpy())


def part_patches(data: Split, size: int) -> tuple[Tensor, list[str]]:
    """Patches around the parts of bodies that one sees in scenes of the world: uint8 M x 3 x size x size, and M names.

    A part is a visible keypoint at least half a patch from the picture's edges, such as "person knee": left and right,
    near and far look alike and count as one.

    Raises:
        CourseError: the samples have no keypoints.
    """
    if "keypoints" not in data.annotations or data.images is None:
        raise CourseError("Parts of bodies are known in scenes of the data set 'world' only; these samples have no keypoints.")
    points, half = data.annotations["keypoints"], size // 2
    corner = points[..., :2].round().long() - half  # column, row
    fits = (corner >= 0).all(-1) & (corner + size <= data.images.shape[-1]).all(-1) & (points[..., 2] == 2)
    sample, which = fits.nonzero().unbind(1)
    left, top = corner[sample, which].unbind(1)
    patches = cut(data.images[sample.to(data.images.device)], top[:, None], left[:, None], size)[:, 0]
    classes = [data.classes[label] for label in data.labels[sample.to(data.labels.device)].tolist()]
    names = [re.sub("^(left|right|near|far)_", "", KEYPOINTS[c][k]) for c, k in zip(classes, which.tolist(), strict=True)]
    return patches, [f"{c} {name.replace('_', ' ')}" for c, name in zip(classes, names, strict=True)]


def share_alike(found: Tensor, queries: Split, bank: Split, name: str) -> float:
    """The share (0…1) of neighbours (Q x k rows of `bank`) whose annotation `name` is their query's. "pose" stands for the
    points of figures: the share of them that lie within a tenth of the picture's side of the query's.

    Raises:
        CourseError: the samples have no such annotation.
    """
    key = "keypoints" if name == "pose" else name
    if key not in queries.annotations:
        raise CourseError(f"These samples have no {key}, so their neighbours cannot be compared in {name}.")
    mine, theirs = queries.annotations[key].cpu(), bank.annotations[key].cpu()[found.cpu()]
    if name != "pose":
        return (theirs == mine[:, None]).float().mean().item()
    distance = (theirs[..., :2] - mine[:, None, :, :2]).norm(dim=3)
    return (distance <= 0.1 * queries.images.shape[-1]).float().mean().item()


def follow(maps: Tensor, first: Tensor, nearest: int = 5, reach: int = 4) -> Tensor:
    """Where a thing goes in the frames of a clip, if cells with like features show the same thing: float T x h x w, 0…1.

    Each cell of a frame gets what the first frame's most similar cells have, those not farther than `reach` cells away
    (Vondrick et al. 2018, arXiv:1806.09594, section 3, point to the colours of an earlier frame in the same way).

    Args:
        maps: features of the frames, T x C x h x w.
        first: how much of each cell the thing covers in the first frame, h x w.
        nearest: how many cells are asked.
    """
    count, _, height, width = maps.shape
    cells = F.normalize(maps.flatten(2), dim=1)  # T x C x hw
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([row, column]).flatten(1).to(maps.device)
    far = (place[:, :, None] - place[:, None]).abs().amax(0) > reach  # hw x hw
    found = []
    for frame in cells:  # one at a time: every cell is compared with every cell
        best = (frame.T @ cells[0]).masked_fill(far, -2.0).topk(min(nearest, height * width), dim=1)
        found.append(((best.values * 20).softmax(1) * first.flatten()[best.indices]).sum(1))
    return torch.stack(found).view(count, height, width)
