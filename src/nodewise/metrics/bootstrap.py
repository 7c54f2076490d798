"""Intervals by drawing patients with replacement, from figures that are functions of how often each case is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Floats

Weights = npt.NDArray[np.int64] | None
Statistic = Callable[[npt.NDArray[np.int64]], npt.ArrayLike]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of a cohort with its interval; NaN where it is not defined.

    Attributes:
        undefined: share of the drawn cohorts in which the figure is not defined; they are left out of the interval.
    """

    value: float
    low: float
    high: float
    undefined: float


def bootstrap(
    statistic: Statistic, cases: int, *, replicates: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[Interval, ...]:
    """Percentile intervals of one or several figures by patient bootstrap (Efron and Tibshirani 1993, chapter 13).

    Args:
        statistic: from how often each case is drawn, (cases,) integers, to K figures, NaN where not defined. All ones
            is the cohort itself. One statistic may give many figures, so that what they share is computed once.
        cases: how many there are.
        replicates: cohorts drawn.
        seed: of the draws.
        level: share of the drawn cohorts inside the interval.

    Raises:
        ValueError: there is no case.
    """
    if cases < 1:
        raise ValueError("a bootstrap needs at least one case")
    drawn = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases), size=replicates)
    value = np.atleast_1d(np.asarray(statistic(np.ones(cases, dtype=np.int64)), dtype=np.float64))
    figures = np.array([np.atleast_1d(statistic(weights)) for weights in drawn], dtype=np.float64)
    return tuple(_interval(float(v), figures[:, k], level) for k, v in enumerate(value))


def mean(values: Floats, weights: Weights = None) -> float:
    """Mean over the cases where ``values`` (cases,) is defined; NaN where it is nowhere."""
    values = np.asarray(values, dtype=np.float64)
    times = np.where(np.isnan(values), 0, 1 if weights is None else weights)
    return float(np.nansum(values * times) / times.sum()) if times.sum() else float("nan")


def penalised(values: Floats, penalty: float | None = None) -> Floats:
    """The same with ``penalty`` where not defined, or the largest value that is (as LNQ2023 does with ASSD)."""
    values = np.asarray(values, dtype=np.float64)
    defined = values[~np.isnan(values)]
    worst = penalty if penalty is not None else float(defined.max()) if defined.size else float("nan")
    return np.where(np.isnan(values), worst, values)


def deviation(values: Floats) -> float:
    """The papers' ±: standard deviation over the cases where ``values`` is defined (n − 1); NaN below two of them."""
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[~np.isnan(kept)]
    return float(kept.std(ddof=1)) if kept.size > 1 else float("nan")


def pooled(parts: npt.ArrayLike, wholes: npt.ArrayLike, weights: Weights = None) -> float:
    """Sum of ``parts`` over sum of ``wholes`` (cases,); NaN where the whole is 0."""
    parts, wholes = np.asarray(parts), np.asarray(wholes)
    times = np.ones(wholes.shape, dtype=np.int64) if weights is None else weights
    whole = float(wholes @ times)
    return float(parts @ times) / whole if whole else float("nan")


def _interval(value: float, figures: Floats, level: float) -> Interval:
    defined = figures[~np.isnan(figures)]
    if not defined.size:
        return Interval(value, float("nan"), float("nan"), 1.0)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), 1 - defined.size / figures.size)
