"""Which function makes whose tables and figures."""

from __future__ import annotations

from dataclasses import replace

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.papers import p1, p1_pictures, p2, p3, p4, p5
from nodewise.evaluate.papers.picture import PaperPicture
from nodewise.evaluate.papers.printed import CITATIONS
from nodewise.evaluate.papers.table import PaperTable

_TABLES = {"P1": p1.tables, "P2": p2.tables, "P3": p3.tables, "P4": p4.tables, "P5": p5.tables}


def pictures_of(paper: str, cohort: Cohort) -> tuple[PaperPicture, ...]:
    """The figures of one paper, P1 to P5, drawn for a cohort; those that its data allow."""
    return p1_pictures.pictures(cohort) if paper == "P1" else ()


def tables_of(paper: str, cohort: Cohort) -> tuple[PaperTable, ...]:
    """The tables of one paper, P1 to P5, computed on a cohort and beside those printed; the last one cites it."""
    *tables, last = _TABLES[paper](cohort)
    return (*tables, replace(last, notes=(*last.notes, f"{paper}: {CITATIONS[paper]}.")))
