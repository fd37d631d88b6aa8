"""Nearest neighbours: which images does a network find alike?"""

import torch.nn.functional as F
from torch import Tensor


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
