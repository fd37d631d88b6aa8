"""Nearest neighbours: which images does a network find alike?"""

import re

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
