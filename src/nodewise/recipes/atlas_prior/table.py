"""An ablation as P3 prints it: Tables 3 and 4, this data's rows above the paper's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nodewise.evaluate.papers.printed import P3_TABLE_3, P3_TABLE_4, Cells
from nodewise.evaluate.papers.table import AS_PRINTED, HERE, NO_VALUE, PaperTable, beside, shown
from nodewise.metrics.bootstrap import deviation, mean
from nodewise.recipes.atlas_prior.ablate import Row
from nodewise.recipes.atlas_prior.measure import FIGURES, PLAIN, POST

_P_COLUMNS = ("p, Dice", "p, ASSD", "p, LN found")
_P_FIGURES = ("dice", "assd_mm", "ln_found")


def ablation_tables(rows: Sequence[Row]) -> tuple[PaperTable, PaperTable]:
    """Tables 3 (without post-processing) and 4 (with it)."""
    import numpy as np

    runs = max((len(row.figures[PLAIN]["dice"]) for row in rows), default=0)
    notes = (
        f"± is the standard deviation of {runs} training runs here. p: Student's one-sided t-test over runs, that the "
        "row is better only by chance than CT only (SM; DM, PA) or than the row above it; the paper calls p < 0.05 "
        "significant.",
    )
    tables = []
    for printed, how in ((P3_TABLE_3, PLAIN), (P3_TABLE_4, POST)):
        ours: list[tuple[str, Cells]] = []
        for row in rows:
            values = {f: np.array(row.figures[how][f], dtype=np.float64) for f in FIGURES}
            cells = [shown(mean(v), 4, deviation(v) if v.size > 1 else None) for v in values.values()]
            p = row.p.get(how, {})
            ours.append((f"{HERE}: {row.name}", (*cells, *(_p(p.get(f, math.nan)) for f in _P_FIGURES))))
        wide = replace(
            printed,
            columns=(*printed.columns, *_P_COLUMNS),
            rows=tuple((name, (*cells, *(NO_VALUE,) * len(_P_COLUMNS))) for name, cells in printed.rows),
        )
        tables.append(beside("P3", wide, ours, *notes))
    return tables[0], tables[1]


def markdown(tables: Sequence[PaperTable]) -> str:
    """The tables for a page."""
    parts = []
    for table in tables:
        lines = [f"## {table.title}", "", _row(("", *table.columns)), _row(("---",) * (len(table.columns) + 1))]
        printed = False
        for line in table.lines:
            if line.printed and not printed:
                lines.append(_row((f"*{AS_PRINTED}*", *("",) * len(table.columns))))
                printed = True
            lines.append(_row((line.label, *line.cells)))
        parts.append("\n".join((*lines, "", *table.notes)))
    return "\n\n".join(parts) + "\n"


def write_tables(rows: Sequence[Row], folder: Path) -> Path:
    """``tables.md`` in a folder."""
    path = folder / "tables.md"
    path.write_text(markdown(ablation_tables(rows)), encoding="utf-8")
    return path


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |"


def _p(value: float) -> str:
    if math.isnan(value):
        return NO_VALUE
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
