"""Yes or no for a patient or a slice: ROC, its area, accuracy, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.instances import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """(N,) sensitivity and 1 − specificity where scores of ``threshold`` or more are called positive."""

    threshold: Floats
    sensitivity: Floats
    false_positive_rate: Floats


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Of ``count`` predictions in one bin: mean predicted probability, and the share that was true (NaN of none)."""

    low: float
    high: float
    count: int
    predicted: float
    observed: float


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


def by_case(case: Ints, score: Floats, cases: int, how: Literal["max", "mean"] = "max", empty: float = 0.0) -> Floats:
    """(cases,) the highest (or mean) score of each case's own instances or slices; ``empty`` where it has none.

    P1's patient score is the highest probability of its nodes, the naive one their largest diameter; without a node 0.
    """
    count = np.bincount(case, minlength=cases)
    if how == "mean":
        total = np.bincount(case, weights=score, minlength=cases)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), empty))
    highest = np.full(cases, -np.inf)
    np.maximum.at(highest, case, score)
    return np.where(count > 0, highest, empty)


def with_bulk(probability: Floats, size_mm: Floats, above_mm: float = 30.0) -> Floats:
    """Probability 1 for what is larger than ``above_mm`` (P1: Node-RADS's bulk), unchanged for the others."""
    return np.where(size_mm > above_mm, 1.0, probability)


def reliability(truth: Bools, probability: Floats, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Calibration in equal bins of probability, each with its lower edge (the last with 1 too).

    Raises:
        ValueError: a probability is not within 0 … 1.
    """
    if probability.size and not (probability.min() >= 0 and probability.max() <= 1):
        raise ValueError("probabilities are within 0 to 1")
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, bins - 1)
    found = []
    for n in range(bins):
        here = place == n
        means = (float(probability[here].mean()), float(truth[here].mean())) if here.any() else (np.nan, np.nan)
        found.append(ReliabilityBin(float(edges[n]), float(edges[n + 1]), int(here.sum()), *means))
    return tuple(found)


def brier(truth: npt.NDArray[np.bool_], probability: Floats, weights: Weights = None) -> float:
    """Mean squared difference of probability and truth (Brier 1950); NaN of none."""
    squared = (probability - truth) ** 2
    times = np.ones(squared.size) if weights is None else weights
    return float(squared @ times / times.sum()) if times.sum() else float("nan")
