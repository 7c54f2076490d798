"""Yes or no for a patient or a slice: ROC, its area, accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.instances import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """(N,) sensitivity and 1 − specificity where scores of ``threshold`` or more are called positive."""

    threshold: Floats
    sensitivity: Floats
    false_positive_rate: Floats


def auc(truth: Bools, score: Floats, weights: Weights = None) -> float:
    """Area under the ROC curve, ties counted ½ (Mann–Whitney); NaN where only one of the two classes is there.

    Args:
        truth: (N,) bool.
        score: (N,) larger is surer.
        weights: (N,) how often each counts.

    Raises:
        ValueError: a score is NaN.
    """
    if np.isnan(score).any():
        raise ValueError(f"{int(np.isnan(score).sum())} of {len(score)} scores are not a number")
    truth = np.asarray(truth, dtype=bool)
    times = np.ones(len(truth)) if weights is None else np.asarray(weights, dtype=np.float64)
    _, place = np.unique(score, return_inverse=True)
    positive = np.bincount(place, weights=times * truth)
    negative = np.bincount(place, weights=times * ~truth)
    pairs = positive.sum() * negative.sum()
    won = positive @ (negative.cumsum() - negative / 2)
    return float(won / pairs) if pairs else float("nan")


def roc(truth: Bools, score: Floats) -> Roc:
    """The curve; its first point keeps nothing.

    Raises:
        ValueError: only one of the two classes is there.
    """
    from sklearn.metrics import roc_curve

    if np.unique(truth).size < 2:
        raise ValueError("a ROC curve needs both classes")
    false_positive_rate, sensitivity, threshold = roc_curve(truth, score, drop_intermediate=False)
    return Roc(threshold, sensitivity, false_positive_rate)


def accuracy(truth: Bools, score: Floats, threshold: float = 0.5, weights: Weights = None) -> float:
    """Share called rightly where scores of ``threshold`` or more are called positive; NaN of none."""
    right = (score >= threshold) == truth
    times = np.ones(right.size) if weights is None else weights
    return float(right @ times / times.sum()) if times.sum() else float("nan")


def with_bulk(probability: Floats, size_mm: Floats, above_mm: float = 30.0) -> Floats:
    """Probability 1 for what is larger than ``above_mm`` (P1: Node-RADS's bulk), unchanged for the others."""
    return np.where(size_mm > above_mm, 1.0, probability)
