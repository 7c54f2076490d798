"""One table of a paper: this data's rows first, then the paper's own, marked as printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.papers.printed import Cells, Printed

HERE = "this data"
AS_PRINTED = "printed in the paper, on its own data: not comparable"
"""Stands above a paper's own rows."""
NO_VALUE = "–"


@dataclass(frozen=True, slots=True)
class Line:
    """One row; ``printed`` where it is the paper's."""

    label: str
    cells: Cells
    printed: bool


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table to show: ``paper`` is P1 to P5, every line has a cell for each column."""

    paper: str
    title: str
    columns: Cells
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def beside(paper: str, printed: Printed, ours: Sequence[tuple[str, Cells]], *notes: str) -> PaperTable:
    """This data's rows above the paper's.

    Args:
        paper: P1 to P5.
        printed: its table.
        ours: label and cells of each of our rows, of the same columns.
        notes: what must be known of ours; the paper's own follow.
    """
    lines = [*(Line(label, cells, False) for label, cells in ours), *(Line(n, c, True) for n, c in printed.rows)]
    told = dict.fromkeys(filter(None, (*notes, *printed.notes)))
    return PaperTable(paper, printed.title, printed.columns, tuple(lines), tuple(told))


def shown(value: float | None, digits: int = 2, deviation: float | None = None) -> str:
    """A cell, with ± where there is a deviation; a dash where there is no value."""
    if value is None or math.isnan(value):
        return NO_VALUE
    if deviation is None or math.isnan(deviation):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ± {deviation:.{digits}f}"


def figure(cohort: Cohort, name: str, digits: int = 2, scale: float = 1.0) -> str:
    """A figure of the summary with its interval."""
    found = cohort.figures[name]
    if found.value is None:
        return NO_VALUE
    text = f"{scale * found.value:.{digits}f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{scale * found.low:.{digits}f}, {scale * found.high:.{digits}f}]"


def why_not(cohort: Cohort, *names: str) -> str:
    """Why figures have no value, each reason once."""
    reasons = {cohort.figures[name].note: None for name in names if cohort.figures[name].value is None}
    return f"No value: {'; '.join(reasons)}." if reasons else ""


def what_of(cohort: Cohort, name: str) -> str:
    """What must be known of a figure that has a value."""
    found = cohort.figures[name]
    return "" if found.value is None or not found.note else f"{found.note[0].upper()}{found.note[1:]}."
