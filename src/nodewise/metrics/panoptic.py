"""Segmentation and detection in one figure: panoptic quality, and HECKTOR's aggregated F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.instances import Floats
from nodewise.metrics.matching import one_to_one, overlap_of
from nodewise.metrics.record import InstanceRecord


@dataclass(frozen=True, slots=True)
class PairCounts:
    """One case, one partner at most an instance: pairs, predictions and truths without one, Σ IoU of the pairs."""

    true_positives: int
    false_positives: int
    false_negatives: int
    iou_sum: float


def count_pairs(record: InstanceRecord, above_iou: float = 0.5) -> PairCounts:
    """Pair the instances whose IoU is larger than ``above_iou``, for the largest sum of IoU (unique from 0.5 on)."""
    m = record.matches
    t, p = m.pair_indices
    iou = overlap_of(m, "iou")
    usable = (iou > above_iou) & ~record.truth_ignored[t] & ~record.predicted_ignored[p]
    pairs = one_to_one(m, np.where(usable, iou, 0))
    return PairCounts(
        true_positives=pairs.size,
        false_positives=int((~record.predicted_ignored).sum()) - pairs.size,
        false_negatives=int((~record.truth_ignored).sum()) - pairs.size,
        iou_sum=float(iou[pairs].sum()),
    )


def panoptic_quality(counts: Sequence[PairCounts], weights: Weights = None) -> float:
    """Σ IoU / (TP + ½ FP + ½ FN), pooled (Kirillov et al. 2019, CVPR, eq. 1, IoU > 0.5); NaN where nothing is there."""
    tp, half, iou = _sums(counts, weights)
    return iou / (tp + half) if tp + half else float("nan")


def aggregated_f1(counts: Sequence[PairCounts], weights: Weights = None) -> float:
    """F1agg, TP / (TP + ½ FP + ½ FN), pooled (HECKTOR 2022 counts pairs of IoU > 0.3); NaN where nothing is there."""
    tp, half, _ = _sums(counts, weights)
    return tp / (tp + half) if tp + half else float("nan")


def _sums(counts: Sequence[PairCounts], weights: Weights) -> tuple[float, float, float]:
    """Pairs, half of what has no partner, and Σ IoU."""
    each: Floats = np.array(
        [(c.true_positives, (c.false_positives + c.false_negatives) / 2, c.iou_sum) for c in counts], dtype=np.float64
    ).reshape(-1, 3)
    times = np.ones(len(each)) if weights is None else weights
    tp, half, iou = (float(s) for s in times @ each)
    return tp, half, iou
