"""Whether probabilities hold: of what was given p, a share p should turn out true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.instances import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """What was said and what came true, in bins that hold something (B,), from low to high.

    Attributes:
        mean: of the probabilities. share: that came true. count: how many there are.
        error: expected calibration error, the mean over all of |share − mean| of their bin (Naeini et al., AAAI 2015);
            NaN of none. largest: the largest of any bin.
    """

    mean: Floats
    share: Floats
    count: Floats
    error: float
    largest: float


def reliability(probability: Floats, truth: Bools, bins: int = 10) -> Reliability:
    """Bins of equal width from 0 to 1; one that ends at a probability does not hold it, but for the last.

    Args:
        probability: (N,) 0 to 1.
        truth: (N,) bool.
        bins: how many.

    Raises:
        ValueError: a probability does not lie between 0 and 1, or there are no bins.
    """
    p, t = _checked(probability, truth)
    if bins < 1:
        raise ValueError(f"a reliability curve has at least one bin, not {bins}")
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], p, side="right")
    count = np.bincount(place, minlength=bins).astype(np.float64)
    held = count > 0
    mean, share = (np.bincount(place, values, bins)[held] / count[held] for values in (p, t))
    gap = np.abs(share - mean)
    error = float(gap @ count[held] / p.size) if p.size else float("nan")
    return Reliability(mean, share, count[held], error, float(gap.max()) if p.size else float("nan"))


def brier(probability: Floats, truth: Bools, weights: Weights = None) -> float:
    """Mean of (p − truth)² (Brier 1950, for two classes: 0 best, 0.25 for always ½); NaN of none.

    Args:
        probability: (N,) 0 to 1.
        truth: (N,) bool.
        weights: (N,) how often each counts.
    """
    p, t = _checked(probability, truth)
    times = np.ones(p.size) if weights is None else np.asarray(weights, dtype=np.float64)
    return float(np.square(p - t) @ times / times.sum()) if times.sum() else float("nan")


def _checked(probability: Floats, truth: Bools) -> tuple[Floats, Floats]:
    p, t = np.asarray(probability, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if p.shape != t.shape or p.ndim != 1:
        raise ValueError(f"needs as many probabilities as truths, not {p.shape} and {t.shape}")
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError("probabilities lie between 0 and 1, none of them NaN")
    return p, t
