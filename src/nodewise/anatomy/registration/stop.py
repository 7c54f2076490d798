"""When an optimisation has come to rest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

INCREASES = 10
LINE = 10  # iterations that the line is fitted to


def at_rest(values: Sequence[float], smallest_slope: float | None) -> bool:
    """Whether to stop after these values of what is made small, as P3's program does.

    Args:
        values: one an iteration.
        smallest_slope: stop where a line fitted to the last ten falls more slowly than this an iteration; None does
            not ask (P3: on the two finer levels alone, 1e-8).

    >>> at_rest([3.0, 2.0, 1.0], None)
    False
    >>> at_rest([1.0] * 10, 1e-8)
    True
    """
    rises = sum(b > a for a, b in itertools.pairwise(values))
    if rises >= INCREASES:
        return True
    if smallest_slope is None or len(values) < LINE:
        return False
    return float(np.polyfit(np.arange(LINE), values[-LINE:], 1)[0]) > -smallest_slope
