"""The ranking of LNQ2023 between several runs, how firm it is, and the t-test of P3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodewise.metrics.instances import Bools, Floats, Ints

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Of R runs; a lower score is better.

    Attributes:
        score: (R,) mean over the cases of the mean rank over the metrics.
        place: (R,) 1 for the best; runs of equal score share the better place.
        place_low, place_high: (R,) 95 % interval of the place over the bootstraps.
        first: (R,) share of the bootstraps in which the run has the first place.
        kendall: (B,) Kendall's τ-b of each bootstrap's scores with ``score``; NaN where all runs tie.
    """

    score: Floats
    place: Ints
    place_low: Floats
    place_high: Floats
    first: Floats
    kendall: Floats


def case_ranks(values: Floats, larger_is_better: Bools) -> Floats:
    """(runs, cases) mean over the metrics of each run's rank in a case: 1 + how many runs are strictly better.

    Args:
        values: (runs, cases, metrics), NaN where not defined: it takes the worst value of any run and case, as in the
            organisers' script (there an ASSD of 115.27 mm); 0 where the metric is defined nowhere, so that all tie.
        larger_is_better: (metrics,).
    """
    worse = np.where(larger_is_better, -1.0, 1.0) * np.asarray(values, dtype=np.float64)
    worst = np.max(np.where(np.isnan(worse), -np.inf, worse), axis=(0, 1), initial=-np.inf)
    worse = np.where(np.isnan(worse), np.where(np.isfinite(worst), worst, 0), worse)
    ranks = np.empty_like(worse)
    for n, run in enumerate(worse):
        ranks[n] = 1 + (worse < run).sum(axis=0)
    return np.asarray(ranks.mean(axis=2))


def rank(values: Floats, larger_is_better: Bools, *, replicates: int = 1000, seed: int = 0) -> Ranking:
    """Rank runs over the same cases, and again over ``replicates`` cohorts drawn from them with replacement.

    Args:
        values: (runs, cases, metrics), NaN where not defined.
        larger_is_better: (metrics,).
        replicates: cohorts drawn.
        seed: of the draws.

    Raises:
        ValueError: there is no case.
    """
    from scipy.stats import kendalltau

    ranks = case_ranks(values, larger_is_better)
    cases = ranks.shape[1]
    if not cases:
        raise ValueError("a ranking needs at least one case")
    score = ranks.mean(axis=1)
    drawn = np.random.default_rng(seed).multinomial(cases, np.full(cases, 1 / cases), size=replicates)
    scores = drawn @ ranks.T / cases
    places = np.array([_places(s) for s in scores])
    low, high = np.quantile(places, [0.025, 0.975], axis=0)
    return Ranking(
        score=score,
        place=_places(score),
        place_low=low,
        place_high=high,
        first=(places == 1).mean(axis=0),
        kendall=np.array([kendalltau(score, s).statistic for s in scores]),
    )


def t_test(first: Floats, second: Floats, alternative: Alternative = "greater") -> float:
    """How likely (p) it is by chance that ``first`` has the larger, or smaller, mean: Student's t, equal variances.

    P3 tests five training runs of one configuration against five of another, one-sided, and calls p < 0.05 significant;
    whether it pooled the variances is not said. NaN below two values on either side, or where all values are equal.
    """
    from scipy.stats import ttest_ind

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if min(a.size, b.size) < 2 or np.ptp(np.concatenate([a, b])) == 0:
        return float("nan")
    return float(ttest_ind(a, b, equal_var=True, alternative=alternative).pvalue)


def _places(score: Floats) -> Ints:
    rounded = np.round(score, 9)
    return np.asarray(1 + (rounded[:, None] > rounded).sum(axis=1))
