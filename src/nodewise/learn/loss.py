"""Losses over voxels, each a function of plain tensors; put them together by adding them."""

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
        ignore: voxels of this class, 0 or more, do not count.

    Returns:
        0, with gradients of 0, where every voxel is ignored.
    """
    target = classes.long()
    total = functional.cross_entropy(logits, target, weight=weights, ignore_index=ignore, reduction="sum")
    if weights is None:
        return total / (classes != ignore).sum().clamp_min(1)
    counts = torch.bincount(target.flatten(), minlength=max(len(weights), ignore + 1))
    counts[ignore] = 0
    return total / _at_least_some(counts[: len(weights)].to(weights.dtype) @ weights)


def binary_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    weights: Tensor | None = None,
    positive_weight: float | Tensor = 1.0,
    ignore: int = IGNORE,
) -> Tensor:
    """Mean over voxels of −w t log p − (1 − t) log(1 − p), p being the sigmoid of the logit.

    Args:
        logits: any shape.
        target: t, of the same shape, or without its axis of one channel; 0 to 1, or ``ignore`` for voxels that do not
            count.
        weights: one a voxel, like ``target``; the mean is then a weighted one.
        positive_weight: w.
        ignore: see ``target``.

    Returns:
        0, with gradients of 0, where no voxel counts.

    Raises:
        ValueError: shapes do not fit.
    """
    target = _like(logits, target)
    counted = target != ignore
    keep = counted.to(logits.dtype)
    if weights is not None:
        keep = keep * _like(logits, weights)
    truth = target.to(logits.dtype).masked_fill(~counted, 0)
    factor = 1 + (positive_weight - 1) * truth if isinstance(positive_weight, Tensor) or positive_weight != 1 else 1
    cost = (1 - truth) * logits + factor * functional.softplus(-logits)
    return (cost * keep).sum() / _at_least_some(keep.sum())


def adaptive_binary_cross_entropy(
    logits: Tensor, target: Tensor, *, ignore: int = IGNORE, through_weight: bool = False
) -> Tensor:
    """``binary_cross_entropy`` whose positive weight is (N − Σp) / Σp over the N voxels that count.

    The weighted cross-entropy of Sudre et al., DLMIA 2017, section 2: the fewer voxels the network takes for
    foreground, the more it costs to miss one.

    Args:
        logits: any shape.
        target: see ``binary_cross_entropy``.
        ignore: likewise.
        through_weight: let gradients pass through the weight, as the authors' own program of P1 does.
    """
    counted = _like(logits, target) != ignore
    probability = torch.sigmoid(logits if through_weight else logits.detach()) * counted
    found = probability.sum()
    weight = (counted.sum() - found) / _at_least_some(found)
    return binary_cross_entropy(logits, target, positive_weight=weight, ignore=ignore)


def tversky(
    probability: Tensor,
    truth: Tensor,
    *,
    false_positives: float,
    false_negatives: float,
    valid: Tensor | None = None,
    weights: Tensor | None = None,
    smooth: float = 1.0,
) -> Tensor:
    """1 − (TP + s) / (TP + α FP + β FN + s), sums over the whole batch of one class (Salehi et al., MLMI 2017, eq. 3).

    Args:
        probability: (batch, …), 0 to 1.
        truth: (batch, …), bool or 0 to 1.
        false_positives: α.
        false_negatives: β; α = β = 0.5 makes Dice.
        valid: (batch, …), voxels that count; all unless given.
        weights: (batch, …), how much each voxel counts in every sum; all 1 unless given.
        smooth: s, in voxels.
    """
    truth = truth.to(probability.dtype)
    counted = truth
    if valid is not None:
        keep = valid.to(probability.dtype)
        weights = keep if weights is None else weights * keep
    if weights is not None:
        probability, counted = probability * weights, truth * weights
    hit = (probability * truth).sum()
    wrong = false_positives * (probability.sum() - hit) + false_negatives * (counted.sum() - hit)
    return 1 - (hit + smooth) / (hit + wrong + smooth)


def dice(
    probability: Tensor,
    truth: Tensor,
    *,
    valid: Tensor | None = None,
    weights: Tensor | None = None,
    smooth: float = 1.0,
) -> Tensor:
    """1 − (2 Σwpg + 2s) / (Σwp + Σwg + 2s) of one class over the whole batch: ``tversky`` with equal halves.

    With ``weights`` this is the weighted Dice of Engelson et al., MELBA 2024, eq. 2, as meant there: a weight of less
    than 1 where nodes are unlikely takes false positives there less seriously.
    """
    return tversky(
        probability, truth, false_positives=0.5, false_negatives=0.5, valid=valid, weights=weights, smooth=smooth
    )


def deeply_supervised(
    loss: Loss, *, drop_coarsest: bool = False
) -> Callable[[Tensor | Sequence[Tensor], Tensor], Tensor]:
    """The same loss for outputs at several scales, finest first: weights 1, 1/2, 1/4 … divided by their sum.

    The truth, whose last axes are those of space, is thinned to each output's size by taking every n-th voxel.

    Args:
        loss: of one output and a truth of its size.
        drop_coarsest: give the last output no weight, where there are several, as nnU-Net does.
    """

    def total(outputs: Tensor | Sequence[Tensor], truth: Tensor) -> Tensor:
        if isinstance(outputs, Tensor):
            return loss(outputs, truth)
        weights = [0.5**i for i in range(len(outputs))]
        if drop_coarsest and len(weights) > 1:
            weights[-1] = 0.0  # kept in the sum: several devices wait for the gradients of every parameter
        terms = [w * loss(o, _thinned(truth, o.shape[2:])) for w, o in zip(weights, outputs, strict=True)]
        return torch.stack(terms).sum() / sum(weights)

    return total


def _thinned(truth: Tensor, size: Sequence[int]) -> Tensor:
    for axis, smaller in enumerate(size, truth.dim() - len(size)):
        truth = truth.unfold(axis, 1, truth.shape[axis] // smaller).squeeze(-1)
    return truth


def _like(logits: Tensor, values: Tensor) -> Tensor:
    """One value a logit; broadcasting in silence would pair each voxel with those of every patient."""
    if values.shape != logits.shape and logits.dim() > 1 and logits.shape[1] == 1:
        values = values.unsqueeze(1)
    if values.shape != logits.shape:
        raise ValueError(f"logits of shape {tuple(logits.shape)} have no target of shape {tuple(values.shape)}")
    return values


def _at_least_some(amount: Tensor) -> Tensor:
    return amount.clamp_min(torch.finfo(amount.dtype).tiny)
