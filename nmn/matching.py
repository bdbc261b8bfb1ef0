"""Matching: which found object is which true one, by their places."""

import torch
from torch import Tensor

MATCH_DISTANCE = 20.0  # px of an image 480 px wide; no two true centres of CLEVR are nearer than 13


def match(found: Tensor, true: Tensor, furthest: float = MATCH_DISTANCE) -> list[tuple[int, int]]:
    """Pair found places [found, 2] with true ones [true, 2], nearest first, at most ``furthest`` apart, each once."""
    distance = torch.cdist(found.float(), true.float())
    pairs: list[tuple[int, int]] = []
    while distance.numel() and float(distance.min()) <= furthest:
        row, column = divmod(int(distance.argmin()), distance.shape[1])
        pairs.append((row, column))
        distance[row], distance[:, column] = torch.inf, torch.inf
    return pairs
