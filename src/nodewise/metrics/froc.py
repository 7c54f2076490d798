"""Free-response ROC: recall against false positives a case, and the figures read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.detections import Detections
from nodewise.metrics.instances import Floats

Reading = Literal["step", "linear"]
CPM = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)  # LUNA16; nnDetection reports the same points
MFROC = (2.0, 3.0, 4.0, 6.0)  # P5, section 4.3
AVERAGE_RECALL = tuple(i / 100 for i in range(501))  # P1, section 4.3.2: 0, 0.01 … 5.00
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Froc:
    """A curve of N points, from the one where nothing is kept (threshold +∞) to the one where everything is.

    Attributes:
        threshold: (N,) falling; predictions of this score or more are kept.
        recall: (N,) share of truth found; NaN where there is none.
        false_positives: (N,) mean number a case.
        precision: (N,) found truth / (found truth + false positives), pooled; NaN where nothing is kept.
        f1: (N,) of the pooled counts, 2 TP / (2 TP + FP + FN); NaN where there is no truth.
    """

    threshold: Floats
    recall: Floats
    false_positives: Floats
    precision: Floats
    f1: Floats


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One row of the operating-point table; predictions of ``threshold`` or more are kept."""

    threshold: float
    recall: float
    false_positives: float
    precision: float
    chosen: bool


def froc(detections: Detections, weights: Weights = None, *, per_case: bool = False, above: float = -np.inf) -> Froc:
    """The curve over every distinct score (P1, section 4.3.1).

    P1's thresholds l keep scores > l; keeping scores ≥ s for every distinct s, and none, gives the same points. With no
    case or no truth the recall is NaN.

    Args:
        detections: the cohort under one rule of what a hit is.
        weights: (cases,) how often each case counts, as a bootstrap draws them; once where not given.
        per_case: recall is the mean over the cases that have truth; of all truth together otherwise.
        above: only scores larger than this count; 0.1 is P1's literal range of logits, (0.1, max).
    """
    d = detections
    times = np.ones(d.cases) if weights is None else np.asarray(weights, dtype=np.float64)
    found, false = np.isfinite(d.truth_score) & (d.truth_score > above), d.false_score > above
    threshold = -np.unique(-np.concatenate([d.truth_score[found], d.false_score[false]]))

    def cumulative(scores: Floats, amounts: Floats) -> Floats:
        place = np.searchsorted(-threshold, -scores)
        return np.concatenate([[0.0], np.bincount(place, amounts, threshold.size).cumsum()])

    tp = cumulative(d.truth_score[found], times[d.truth_case[found]])
    fp = cumulative(d.false_score[false], times[d.false_case[false]])
    truths = float(times[d.truth_case].sum())
    recall = tp / truths if truths else np.full(tp.size, np.nan)
    if per_case:
        count = np.bincount(d.truth_case, minlength=d.cases)
        share = times[d.truth_case] / count[d.truth_case]
        cases = float(times[count > 0].sum())
        recall = cumulative(d.truth_score[found], share[found]) / cases if cases else np.full(tp.size, np.nan)
    with np.errstate(invalid="ignore"):
        precision = tp / (tp + fp)
        f1 = 2 * tp / (tp + fp + truths) if truths else np.full(tp.size, np.nan)
    a_case = fp / times.sum() if times.sum() else np.full(tp.size, np.nan)
    return Froc(np.concatenate([[np.inf], threshold]), recall, a_case, precision, f1)


def recall_at(curve: Froc, false_positives: npt.ArrayLike, reading: Reading = "step") -> Floats:
    """Recall at given numbers of false positives a case (M,).

    ``step``: the largest recall of any point with no more false positives; ``linear``: between the points. Beyond its
    end the curve holds its last value.
    """
    x = np.atleast_1d(np.asarray(false_positives, dtype=np.float64))
    if reading == "step":
        return np.asarray(curve.recall[np.searchsorted(curve.false_positives, x + _ROUNDING, side="right") - 1])
    last = np.append(np.diff(curve.false_positives) > 0, True)  # of several points at one x the highest
    return np.asarray(np.interp(x, curve.false_positives[last], curve.recall[last]))


def mean_recall(curve: Froc, false_positives: Sequence[float], reading: Reading = "step") -> float:
    """Mean of the recall at these numbers of false positives a case: mFROC (``MFROC``), CPM (``CPM``)."""
    return float(recall_at(curve, false_positives, reading).mean())


def average_recall(curve: Froc, reading: Reading = "step") -> float:
    """The avgRecall of P1, section 4.3.2: mean recall at 0, 0.01 … 5.00 false positives a case."""
    return mean_recall(curve, AVERAGE_RECALL, reading)


def average_precision(curve: Froc) -> float:
    """AP, Σ (Rₙ − Rₙ₋₁) Pₙ over the points of a pooled curve: the step-wise area, what is never found counts 0.

    NaN where there is no truth.
    """
    if np.isnan(curve.recall[0]):
        return float("nan")
    gained = np.diff(curve.recall)
    return float(gained @ np.where(gained > 0, curve.precision[1:], 0))


def best_f1(curve: Froc) -> float:
    """The largest F1 of any threshold, from pooled counts (P5, section 4.3)."""
    return float(curve.f1.max())


def operating_points(curve: Froc, threshold: float) -> tuple[OperatingPoint, ...]:
    """Every point of the curve as a row; chosen is the one that ``threshold`` gives: the last that it still keeps."""
    chosen = int(np.flatnonzero(curve.threshold >= threshold)[-1])
    rows = zip(curve.threshold, curve.recall, curve.false_positives, curve.precision, strict=True)
    return tuple(
        OperatingPoint(float(t), float(r), float(f), float(p), n == chosen) for n, (t, r, f, p) in enumerate(rows)
    )
