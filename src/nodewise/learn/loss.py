"""Losses, each a function of plain tensors; put them together by adding them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

IGNORE = 255
Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, classes: Tensor, *, weights: Tensor | None = None, ignore: int = IGNORE) -> Tensor:
    """Weighted mean over voxels of −log p(true class); a voxel counts with the weight of its class.

    Args:
        logits: (batch, classes, …).
        classes: (batch, …) of integers.
        weights: one a class; all 1 unless given.
        ignore: voxels of this class do not count.

    Returns:
        0, with gradients of 0, where every voxel is ignored.
    """
    target = classes.long()
    total = functional.cross_entropy(logits, target, weight=weights, ignore_index=ignore, reduction="sum")
    valid = target[target != ignore]
    weight = torch.bincount(valid, minlength=logits.shape[1]).to(logits.dtype)
    amount = (weight if weights is None else weight * weights).sum()
    return total / amount.clamp_min(torch.finfo(logits.dtype).tiny)


def tversky(
    probability: Tensor,
    truth: Tensor,
    *,
    false_positives: float,
    false_negatives: float,
    valid: Tensor | None = None,
    smooth: float = 1.0,
) -> Tensor:
    """1 − (TP + s) / (TP + α FP + β FN + s), sums over the whole batch of one class (Salehi et al., MLMI 2017, eq. 3).

    Args:
        probability: (batch, …), 0 to 1.
        truth: (batch, …), bool or 0 to 1.
        false_positives: α.
        false_negatives: β; α = β = 0.5 makes Dice.
        valid: (batch, …), voxels that count; all unless given.
        smooth: s, in voxels.
    """
    truth = truth.to(probability.dtype)
    if valid is not None:
        keep = valid.to(probability.dtype)
        probability, truth = probability * keep, truth * keep
    hit = (probability * truth).sum()
    wrong = false_positives * (probability.sum() - hit) + false_negatives * (truth.sum() - hit)
    return 1 - (hit + smooth) / (hit + wrong + smooth)


def dice(probability: Tensor, truth: Tensor, *, valid: Tensor | None = None, smooth: float = 1.0) -> Tensor:
    """1 − soft Dice of one class over the whole batch: ``tversky`` with equal halves."""
    return tversky(probability, truth, false_positives=0.5, false_negatives=0.5, valid=valid, smooth=smooth)


def deeply_supervised(loss: Loss) -> Callable[[Tensor | Sequence[Tensor], Tensor], Tensor]:
    """The same loss for outputs at several scales, finest first: weights 1, 1/2, 1/4 … divided by their sum.

    The truth (batch, …) is thinned to each output's size by taking every n-th voxel.
    """

    def total(outputs: Tensor | Sequence[Tensor], truth: Tensor) -> Tensor:
        if isinstance(outputs, Tensor):
            return loss(outputs, truth)
        terms = [loss(output, _thinned(truth, output.shape[2:])) / 2**i for i, output in enumerate(outputs)]
        return torch.stack(terms).sum() / sum(0.5**i for i in range(len(terms)))

    return total


def _thinned(truth: Tensor, size: Sequence[int]) -> Tensor:
    steps = (slice(None), *(slice(None, None, n // m) for n, m in zip(truth.shape[1:], size, strict=True)))
    return truth[steps]
