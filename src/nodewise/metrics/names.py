"""Names held against names: their agreement beyond chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nodewise.metrics.bootstrap import Weights


def kappa(
    truth: Sequence[str],
    prediction: Sequence[str],
    names: Sequence[str],
    *,
    scale: Literal["nominal", "linear", "quadratic"] = "nominal",
    weights: Weights = None,
) -> float:
    """Cohen's κ (1960), or weighted by the distance of the names in their order (1968).

    NaN where only one name occurs, or none.

    Args:
        truth: N names.
        prediction: N names.
        names: all there are, in order.
        scale: whether, and how, the distance between two names counts.
        weights: (N,) how often each one counts.
    """
    times = np.ones(len(truth)) if weights is None else weights
    place = {name: n for n, name in enumerate(names)}
    observed = np.zeros((len(names), len(names)))
    np.add.at(observed, ([place[t] for t in truth], [place[p] for p in prediction]), times)
    apart = np.abs(np.subtract.outer(np.arange(len(names)), np.arange(len(names)))).astype(np.float64)
    cost = np.sign(apart) if scale == "nominal" else apart if scale == "linear" else apart**2
    by_chance = float((cost * np.outer(observed.sum(axis=1), observed.sum(axis=0))).sum())
    return 1 - float((cost * observed).sum() * observed.sum()) / by_chance if by_chance else float("nan")
