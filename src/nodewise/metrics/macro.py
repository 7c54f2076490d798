"""Recall at a wanted precision, both averaged over patients (P5, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.detections import Detections
from nodewise.metrics.instances import Floats, Ints

PRECISIONS = tuple(float(p) for p in np.linspace(0.10, 0.20, 11))  # the paper's range; its step is not given
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class CaseCurves:
    """Precision and recall of each case at N falling thresholds, the first +∞; NaN where not defined.

    Attributes:
        threshold: (N,) predictions of this score or more are kept.
        precision, recall: (cases, N).
    """

    threshold: Floats
    precision: Floats
    recall: Floats


def case_curves(detections: Detections, *, nothing_kept: float = np.nan) -> CaseCurves:
    """One curve a case, over every distinct score of the cohort.

    A case without truth has no recall. A case of which nothing is kept has no precision, or ``nothing_kept`` (0 or 1):
    the paper says neither, nor how it treats cases that lack one of the two.
    """
    d = detections
    found = np.isfinite(d.truth_score)
    threshold = np.unique(np.concatenate([[np.inf], d.truth_score[found], d.false_score]))[::-1]
    tp = _cumulative(d.cases, threshold, d.truth_case[found], d.truth_score[found])
    fp = _cumulative(d.cases, threshold, d.false_case, d.false_score)
    truths = np.bincount(d.truth_case, minlength=d.cases)[:, None]
    with np.errstate(invalid="ignore"):
        precision = np.where(tp + fp > 0, tp / (tp + fp), nothing_kept)
        recall = np.where(truths > 0, tp / truths, np.nan)
    return CaseCurves(threshold, precision, recall)


def macro(curves: CaseCurves, weights: Weights = None) -> tuple[Floats, Floats]:
    """(N,), (N,) precision and recall averaged over the cases where they are defined."""
    return _mean(curves.precision, weights), _mean(curves.recall, weights)


def recall_at_precision(curves: CaseCurves, precision: float = 0.15, weights: Weights = None) -> float:
    """The largest mean recall of any threshold with a mean precision of at least ``precision``.

    0 where no threshold reaches it; NaN where there is no truth.
    """
    p, r = macro(curves, weights)
    return _at(p, r, precision)


def mean_recall_at_precision(curves: CaseCurves, weights: Weights = None) -> float:
    """mRecall: mean of ``recall_at_precision`` over eleven precisions from 0.10 to 0.20."""
    p, r = macro(curves, weights)
    return float(np.mean([_at(p, r, wanted) for wanted in PRECISIONS]))


def _at(precision: Floats, recall: Floats, wanted: float) -> float:
    reached = recall[precision >= wanted - _ROUNDING]
    if np.isnan(recall[0]):
        return float("nan")
    return float(reached.max()) if reached.size else 0.0


def _cumulative(cases: int, threshold: Floats, case: Ints, score: Floats) -> Floats:
    counts = np.zeros((cases, threshold.size))
    np.add.at(counts, (case, np.searchsorted(-threshold, -score)), 1)
    return np.asarray(counts.cumsum(axis=1))


def _mean(values: Floats, weights: Weights) -> Floats:
    defined = ~np.isnan(values)
    times = np.ones(len(values)) if weights is None else weights.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(times @ np.where(defined, values, 0) / (times @ defined))
