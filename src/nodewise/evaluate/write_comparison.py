"""The folder of a comparison: complete or absent."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nodewise.evaluate.compare import RANKED_BY, Comparison
from nodewise.evaluate.runs import LARGER_IS_BETTER, Configuration
from nodewise.io.whole import whole
from nodewise.metrics.bootstrap import mean

Cell = str | int | float


def write_comparison(
    comparison: Comparison, configurations: Sequence[Configuration], out: Path, *, overwrite: bool = False
) -> None:
    """Write ``comparison.csv``, ``ranking.csv``, ``kendall.csv`` and ``paired_cases.csv``.

    Raises:
        BadInputError: the folder holds something, or cannot be written.
    """
    with whole(out, overwrite=overwrite) as folder:
        _write(folder / "comparison.csv", _tests(comparison))
        _write(folder / "ranking.csv", _ranking(comparison))
        kendall = comparison.ranking.kendall.tolist()
        _write(folder / "kendall.csv", [{"bootstrap": n, "kendall_tau": t} for n, t in enumerate(kendall)])
        _write(folder / "paired_cases.csv", _cases(comparison, configurations))


def _tests(comparison: Comparison) -> list[dict[str, Cell]]:
    return [
        {
            "first": test.first,
            "second": test.second,
            "figure": test.figure,
            "cases": test.paired.cases,
            "undefined": test.paired.undefined,
            "first_mean": test.paired.first,
            "second_mean": test.paired.second,
            "difference": test.paired.difference.value,
            "difference_low": test.paired.difference.low,
            "difference_high": test.paired.difference.high,
            "cases_larger": test.paired.larger,
            "cases_equal": test.paired.equal,
            "cases_smaller": test.paired.smaller,
            "p_one_sided": test.p,
            "p_over": test.over,
        }
        for test in comparison.tests
    ]


def _ranking(comparison: Comparison) -> list[dict[str, Cell]]:
    r = comparison.ranking
    return [
        {
            "name": name,
            "runs": comparison.runs[n],
            "place": int(r.place[n]),
            "place_low": float(r.place_low[n]),
            "place_high": float(r.place_high[n]),
            "mean_rank": float(r.score[n]),
            "first_in_bootstraps": float(r.first[n]),
            **{f"{figure}_mean": comparison.means[name][figure].value for figure in RANKED_BY},
        }
        for n, name in enumerate(comparison.names)
    ]


def _cases(comparison: Comparison, configurations: Sequence[Configuration]) -> Iterable[dict[str, Cell]]:
    """A row a case and figure, a column a configuration: the mean of its runs."""
    for figure in LARGER_IS_BETTER:
        values = {c.name: c.values(comparison.cases, figure) for c in configurations}
        for n, case in enumerate(comparison.cases):
            yield {"case": case, "figure": figure, **{name: mean(v[:, n]) for name, v in values.items()}}


def _write(path: Path, rows: Iterable[Mapping[str, Cell]]) -> None:
    kept = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(kept[0]))
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in kept)


def _cell(value: Cell) -> Cell:
    """Empty where not defined; p in full, else six decimals."""
    if isinstance(value, float):
        return "" if math.isnan(value) else float(f"{value:.6g}")
    return value
