"""Two runs over the same cases: where they differ, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.metrics.bootstrap import Interval, bootstrap, mean
from nodewise.metrics.instances import Floats


@dataclass(frozen=True, slots=True)
class Paired:
    """One figure of two runs, over the ``cases`` where both have it; ``undefined`` others are left out.

    Attributes:
        first, second: means of the two; NaN without a case.
        difference: mean of second − first with its interval by patient bootstrap.
        larger, equal, smaller: number of cases in which the second has more, the same, or less than the first.
    """

    cases: int
    undefined: int
    first: float
    second: float
    difference: Interval
    larger: int
    equal: int
    smaller: int


def compare_cases(first: Floats, second: Floats, *, replicates: int = 1000, seed: int = 0) -> Paired:
    """Hold a figure of two runs against each other, case by case.

    Args:
        first: (cases,) NaN where not defined.
        second: the same cases in the same order.
        replicates: cohorts drawn for the interval.
        seed: of the draws.

    Raises:
        ValueError: the two are not equally long.
    """
    if first.shape != second.shape:
        raise ValueError(f"runs over {first.size} and {second.size} cases cannot be paired")
    both = ~np.isnan(first) & ~np.isnan(second)
    apart = second[both] - first[both]
    if apart.size:
        (difference,) = bootstrap(lambda w: mean(apart, w), apart.size, replicates=replicates, seed=seed)
    else:
        difference = Interval(np.nan, np.nan, np.nan, 1.0)
    return Paired(
        cases=apart.size,
        undefined=first.size - apart.size,
        first=mean(first[both]),
        second=mean(second[both]),
        difference=difference,
        larger=int((apart > 0).sum()),
        equal=int((apart == 0).sum()),
        smaller=int((apart < 0).sum()),
    )
