"""P5, oncology-significant nodes: Tables 1 and 2."""

from __future__ import annotations

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.papers.printed import P5_TABLE_1A, P5_TABLE_1B, P5_TABLE_2, Cells
from nodewise.evaluate.papers.table import HERE, PaperTable, beside, figure, what_of, why_not

_FIRST = ("recall_at_precision_15", "mrecall_precision_10_20")
_WHOLE = ("best_f1", "mfroc")
_HIT = "A hit shares a voxel and has 0.5 to 1.5 of the true radius. All true nodes count, significant or not."


def tables(cohort: Cohort) -> tuple[PaperTable, ...]:
    """P5's tables on a cohort, beside its own."""
    first, whole = [(HERE, _cells(cohort, _FIRST))], [(HERE, _cells(cohort, _WHOLE))]
    scores = what_of(cohort, "mfroc")
    recall = f"Recall at 3 FP a patient: {figure(cohort, 'recall_at_3fp')} (P5's abstract: 0.67, before it 0.45)."
    return (
        beside("P5", P5_TABLE_1A, first, _HIT, scores),
        beside("P5", P5_TABLE_1B, first),
        beside("P5", P5_TABLE_2, whole, recall, scores, why_not(cohort, *_WHOLE)),
    )


def _cells(cohort: Cohort, names: tuple[str, ...]) -> Cells:
    return tuple(figure(cohort, name, 3) for name in names)
