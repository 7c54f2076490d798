"""All figures of a cohort from its cases' records, each with its interval by patient bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.evaluate.group import Group
from nodewise.evaluate.groups import BAND_X, STRATA_MM, groups_of
from nodewise.evaluate.record import Case
from nodewise.metrics.bootstrap import bootstrap
from nodewise.metrics.instances import Floats

BOOTSTRAPS = 1000
SEED = 2026


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the cohort.

    Attributes:
        value, low, high: the figure and its 95 % interval; None where not defined.
        n_undefined: cases that cannot contribute to it.
        note: why there is no value, or what must be known of it; empty where there is nothing to say.
    """

    value: float | None
    low: float | None
    high: float | None
    n_undefined: int
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Recall with its interval at ``x`` false positives a case, for true nodes with a short axis above ``above_mm``."""

    above_mm: float
    x: Floats
    recall: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Every case, every figure by name in the order of ``summary.json``, and the FROC of each stratum."""

    cases: tuple[Case, ...]
    figures: Mapping[str, Figure]
    bands: tuple[Band, ...]
    bootstraps: int
    seed: int


def summarize(cases: Sequence[Case], *, bootstraps: int = BOOTSTRAPS, seed: int = SEED) -> Cohort:
    """Figures and intervals of a cohort.

    Args:
        cases: at least one.
        bootstraps: cohorts of as many patients drawn with replacement; below two there are no intervals.
        seed: of the draws.

    Raises:
        ValueError: there is no case.
    """
    groups = groups_of(cases)
    replicates = bootstraps if len(cases) > 1 else 0
    intervals = iter(bootstrap(_together(groups), len(cases), replicates=max(replicates, 1), seed=seed))
    figures: dict[str, Figure] = {}
    bands: list[Band] = []
    for group in groups:
        found = [next(intervals) for _ in range(len(group.names) + group.band)]
        for name, interval in zip(group.names, found, strict=False):
            note = group.notes.get(name, "")
            bounds = (interval.low, interval.high) if replicates > 1 else (math.nan, math.nan)
            figures[name] = Figure(
                value=_number(interval.value),
                low=_number(bounds[0]),
                high=_number(bounds[1]),
                n_undefined=group.undefined.get(name, 0),
                note=note or ("" if _number(interval.value) is not None else group.why),
            )
        if group.band:
            points = np.array([(i.value, i.low, i.high) for i in found[len(group.names) :]])
            if replicates < 2:
                points[:, 1:] = np.nan
            bands.append(Band(STRATA_MM[len(bands)], np.asarray(BAND_X), *points.T))
    return Cohort(tuple(cases), figures, tuple(bands), replicates, seed)


def _together(groups: Sequence[Group]) -> Callable[[npt.NDArray[np.int64]], Floats]:
    """All figures of all groups as one statistic."""

    def statistic(weights: npt.NDArray[np.int64]) -> Floats:
        return np.concatenate([np.asarray(group.statistic(weights), dtype=np.float64) for group in groups])

    return statistic


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
