"""Names held against names: accuracy of the first few, confusion, sensitivity and specificity, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodewise.metrics.bootstrap import Weights
from nodewise.metrics.instances import Bools, Ints

NONE = "none"


@dataclass(frozen=True, slots=True)
class NameRow:
    """One name: how often it was true and predicted, and what follows (NaN where not defined)."""

    name: str
    truths: int
    predictions: int
    sensitivity: float
    specificity: float
    precision: float


def in_first(truth: Sequence[str], ranked: Sequence[Sequence[str]], k: int) -> Bools:
    """(N,) whether the true name is among the first ``k`` predicted, likeliest first; an empty list is wrong.

    Raises:
        ValueError: the two are not equally long.
    """
    return np.array([t in tuple(r)[:k] for t, r in zip(truth, ranked, strict=True)], dtype=bool)


def name_confusion(truth: Sequence[str], prediction: Sequence[str | None], names: Sequence[str]) -> Ints:
    """(len(names), len(names) + 1) counts of true names (rows) by predicted ones; the last column is no prediction.

    Raises:
        ValueError: a name is not in ``names``, or the two are not equally long.
    """
    place = {name: n for n, name in enumerate(names)}
    table = np.zeros((len(names), len(names) + 1), dtype=np.int64)
    for t, p in zip(truth, prediction, strict=True):
        unknown = {t, p} - place.keys() - {None}
        if unknown:
            raise ValueError(f"{sorted(map(str, unknown))[0]} is not one of {', '.join(names)}")
        table[place[t], len(names) if p is None else place[p]] += 1
    return table


def by_name(confusion: Ints, names: Sequence[str]) -> tuple[NameRow, ...]:
    """Each name against all others, from ``name_confusion``."""
    total = int(confusion.sum())
    rows = []
    for n, name in enumerate(names):
        hit, truths, predictions = int(confusion[n, n]), int(confusion[n].sum()), int(confusion[:, n].sum())
        others = total - truths
        rows.append(
            NameRow(
                name=name,
                truths=truths,
                predictions=predictions,
                sensitivity=hit / truths if truths else float("nan"),
                specificity=1 - (predictions - hit) / others if others else float("nan"),
                precision=hit / predictions if predictions else float("nan"),
            )
        )
    return tuple(rows)


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
