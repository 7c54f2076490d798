"""What is compared: the figures of each case by each run, from evaluations that are there or made here."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nodewise.evaluate.pairs import Missing, cases_in, find_pairs
from nodewise.evaluate.read import Reading
from nodewise.evaluate.run import evaluate_pairs
from nodewise.evaluate.tables import case_row
from nodewise.metrics.instances import Floats
from nodewise.values.errors import BadInputError

CASES_FILE = "cases.csv"
LARGER_IS_BETTER = {
    "dice": True,
    "assd_lnq_mm": False,
    "assd_surfel_mm": False,
    "assd_pooled_mm": False,
    "precision": True,
    "recall": True,
    "ln_found": True,
    "obj_dsc_all": True,
    "obj_dsc_hit": True,
    "missed": False,
    "false_positives": False,
}
"""Columns of ``cases.csv`` that are compared, and which way is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One prediction of a cohort: for each case every figure of ``LARGER_IS_BETTER``, NaN where not defined."""

    name: str
    cases: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """One way of making predictions, by one run or by several trainings of it."""

    name: str
    runs: tuple[Run, ...]

    def values(self, cases: Sequence[str], figure: str) -> Floats:
        """(runs, cases) of one figure, NaN where not defined."""
        return np.array([[run.cases[case][figure] for case in cases] for run in self.runs], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How predictions that have no ``cases.csv`` yet are evaluated; without ``truth`` they are refused."""

    truth: Path | None = None
    how: Reading = field(default_factory=Reading)
    missing: Missing = "refuse"
    jobs: int = 1
    progress: Callable[[int, int], None] = lambda _done, _total: None


def read_configurations(paths: Sequence[Path], evaluation: Evaluation) -> tuple[Configuration, ...]:
    """Each path as a configuration, named after its folder.

    A path is an evaluation (a folder with ``cases.csv``, or that file), a folder of predictions, or a folder that holds
    several of either: then each is one training run of the same configuration.

    Raises:
        BadInputError: a path is not there, is none of these or is given twice, or predictions come without truth.
    """
    resolved = [path.resolve() for path in paths]
    for n, path in enumerate(resolved):
        if path in resolved[:n]:
            raise BadInputError(f"{paths[n]} is given twice: nothing differs from itself")
    return tuple(
        Configuration(name, _runs(path, evaluation)) for name, path in zip(_names(resolved), paths, strict=True)
    )


def _runs(path: Path, evaluation: Evaluation) -> tuple[Run, ...]:
    if not path.exists():
        raise BadInputError(f"{path}: there is no such file or folder")
    if _is_run(path):
        return (_run(path, evaluation),)
    inside = [entry for entry in sorted(path.iterdir()) if _is_run(entry)] if path.is_dir() else []
    if not inside:
        raise BadInputError(
            f"{path} is neither an evaluation (with {CASES_FILE}), nor a folder of predictions, nor several of them"
        )
    return tuple(_run(entry, evaluation) for entry in inside)


def _is_run(path: Path) -> bool:
    if path.is_file():
        return path.name == CASES_FILE
    return not path.name.startswith(".") and ((path / CASES_FILE).is_file() or bool(cases_in(path)))


def _run(path: Path, evaluation: Evaluation) -> Run:
    table = path if path.is_file() else path / CASES_FILE
    if table.is_file():
        return Run(table.parent.name, _read(table))
    if evaluation.truth is None:
        raise BadInputError(f"{path} holds predictions: say which truth they are held against with --truth")
    pairs = find_pairs(evaluation.truth, path, missing=evaluation.missing)
    cases = evaluate_pairs(pairs, evaluation.how, jobs=evaluation.jobs, progress=evaluation.progress)
    rows = [case_row(case) for case in cases]
    return Run(path.name, {str(row["case"]): {f: _number(row[f]) for f in LARGER_IS_BETTER} for row in rows})


def _read(table: Path) -> dict[str, dict[str, float]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        lost = [name for name in ("case", *LARGER_IS_BETTER) if name not in (reader.fieldnames or ())]
        if lost:
            raise BadInputError(f"{table} has no column {', '.join(lost)}: make it with nodewise evaluate -o")
        rows = list(reader)
    found: dict[str, dict[str, float]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            figures = {figure: _number(row[figure]) for figure in LARGER_IS_BETTER}
        except ValueError as error:
            raise BadInputError(f"{table}, line {number}: {error}") from error
        if row["case"] in found:
            raise BadInputError(f"{table}, line {number}: {row['case']} is there twice")
        found[row["case"]] = figures
    if not found:
        raise BadInputError(f"{table} has no cases below its header")
    return found


def _number(cell: object) -> float:
    """NaN for an empty cell."""
    return math.nan if cell is None or cell == "" else float(str(cell))


def _names(paths: Sequence[Path]) -> list[str]:
    """The folders' names, with more of the path before them where they are the same."""
    folders = [path.parent if path.name == CASES_FILE else path for path in paths]
    depth = 1
    while len({folder.parts[-depth:] for folder in folders}) < len(folders) and depth < 64:
        depth += 1
    return [Path(*folder.parts[-depth:]).as_posix() for folder in folders]
