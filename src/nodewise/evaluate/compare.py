"""Several runs over the same cases: paired tables, the ranking of LNQ2023, and the t-test of P3."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodewise.evaluate.runs import LARGER_IS_BETTER, Configuration
from nodewise.metrics.bootstrap import deviation, mean
from nodewise.metrics.instances import Floats
from nodewise.metrics.paired import Paired, compare_cases
from nodewise.metrics.ranks import Ranking, rank, t_test
from nodewise.values.errors import BadInputError

log = logging.getLogger(__name__)
RANKED_BY = ("dice", "assd_lnq_mm")
Against = Literal["previous", "first"]
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Mean:
    """One figure of one configuration: mean over cases where defined (then over runs), and standard deviation.

    Attributes:
        deviation: of the runs' means where there are several runs, as P3 prints it; else over the cases.
        undefined: cases where no run defines it.
    """

    value: float
    deviation: float
    undefined: int


@dataclass(frozen=True, slots=True)
class Test:
    """One figure of ``second`` held against ``first``.

    Attributes:
        paired: over the cases, each the mean of its configuration's runs.
        p: one-sided, that ``second`` is better only by chance; NaN where it cannot be computed.
        over: what the t-test's samples are: means of training ``runs`` as in P3, or ``cases`` where either has one run.
    """

    figure: str
    first: str
    second: str
    paired: Paired
    p: float
    over: Literal["runs", "cases"]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All that is said of several configurations, over the ``cases`` that every run has.

    Attributes:
        means: by configuration and figure.
        tests: of every figure, each configuration against the one before it or against the first.
        ranking: by Dice and ASSD, in the order of ``names``.
    """

    names: tuple[str, ...]
    runs: tuple[int, ...]
    cases: tuple[str, ...]
    means: dict[str, dict[str, Mean]]
    tests: tuple[Test, ...]
    ranking: Ranking


def compare(
    configurations: Sequence[Configuration], *, against: Against = "previous", bootstraps: int = 1000, seed: int = 2026
) -> Comparison:
    """Hold two or more configurations against each other.

    Args:
        configurations: in the order in which one was made from another.
        against: P3 tests its two priors against the first row of its table, every other row against the previous.
        bootstraps: cohorts drawn for intervals and for the ranking.
        seed: of the draws.

    Raises:
        BadInputError: there are fewer than two, or no case is in all of them.
    """
    if len(configurations) < 2:
        raise BadInputError("a comparison needs at least two runs")
    cases = _in_all(configurations)
    values = {c.name: {f: c.values(cases, f) for f in LARGER_IS_BETTER} for c in configurations}
    names = tuple(values)
    before = names[:-1] if against == "previous" else names[:1] * (len(names) - 1)
    ranked = np.stack([np.stack([_by_case(values[n][f]) for f in RANKED_BY], axis=1) for n in names])
    return Comparison(
        names=names,
        runs=tuple(len(c.runs) for c in configurations),
        cases=cases,
        means={name: {f: _mean(values[name][f]) for f in LARGER_IS_BETTER} for name in names},
        tests=tuple(
            _test(figure, (first, values[first][figure]), (second, values[second][figure]), bootstraps, seed)
            for first, second in zip(before, names[1:], strict=True)
            for figure in LARGER_IS_BETTER
        ),
        ranking=rank(ranked, np.array([LARGER_IS_BETTER[f] for f in RANKED_BY]), replicates=bootstraps, seed=seed),
    )


def _in_all(configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """Names that every run has, in the order of the first; the others are said."""
    runs = [run for configuration in configurations for run in configuration.runs]
    kept = tuple(case for case in runs[0].cases if all(case in run.cases for run in runs))
    if not kept:
        raise BadInputError(f"no case is in all runs: {runs[0].name} has {_listed(list(runs[0].cases))}")
    lost = sorted({case for run in runs for case in run.cases} - set(kept))
    if lost:
        log.warning("left out, as not every run has them: %s", _listed(lost))
    return kept


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _by_case(values: Floats) -> Floats:
    """(cases,) means over the runs where defined."""
    return np.array([mean(column) for column in values.T])


def _mean(values: Floats) -> Mean:
    each = np.array([mean(run) for run in values])
    spread = deviation(each) if len(values) > 1 else deviation(values[0])
    return Mean(mean(each), spread, int(np.isnan(values).all(axis=0).sum()))


def _test(figure: str, first: tuple[str, Floats], second: tuple[str, Floats], bootstraps: int, seed: int) -> Test:
    (name, before), (other, after) = first, second
    paired = compare_cases(_by_case(before), _by_case(after), replicates=bootstraps, seed=seed)
    runs = min(len(before), len(after)) > 1
    samples = [np.array([mean(run) for run in v]) if runs else _by_case(v) for v in (after, before)]
    a, b = (sample[~np.isnan(sample)] for sample in samples)
    p = t_test(a, b, "greater" if LARGER_IS_BETTER[figure] else "less")
    return Test(figure, name, other, paired, p, "runs" if runs else "cases")
