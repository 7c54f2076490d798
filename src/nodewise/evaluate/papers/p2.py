"""P2, Ansari: Table 3, accuracy and AUC of benign or metastatic."""

from __future__ import annotations

import numpy as np

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.papers.printed import P2_TABLE_3, Cells
from nodewise.evaluate.papers.table import HERE, NO_VALUE, PaperTable, beside, shown
from nodewise.metrics.roc import accuracy, auc


def tables(cohort: Cohort) -> tuple[PaperTable, ...]:
    """P2's table on a cohort, beside its own."""
    slices, patients = _slices(cohort), _patients(cohort)
    why = (
        "" if slices[1] != NO_VALUE else "By slice: no found node has both a known status and a predicted probability."
    )
    whom = "" if patients[1] != NO_VALUE else "By patient: N status or a predicted probability is not known."
    return (
        beside(
            "P2",
            P2_TABLE_3,
            [(f"{HERE}, by slice", slices), (f"{HERE}, by patient", patients)],
            "By slice: every axial slice of a found node counts once, with the probability of that node; by patient: "
            "the highest probability of any node. Positive from 0.5. Nothing was trained here.",
            why,
            whom,
        ),
    )


def _slices(cohort: Cohort) -> Cells:
    nodes = [n for case in cohort.cases for n in case.nodes if n.status is not None and n.malignancy is not None]
    truth = np.array([bool(n.status and n.status.malignant) for n in nodes], dtype=bool)
    score = np.array([n.malignancy for n in nodes], dtype=np.float64)
    return _row(truth, score, np.array([n.slices for n in nodes], dtype=np.int64))


def _patients(cohort: Cohort) -> Cells:
    known = [c.patient for c in cohort.cases if c.patient.positive is not None and c.patient.score is not None]
    truth = np.array([bool(p.positive) for p in known], dtype=bool)
    score = np.array([p.score for p in known], dtype=np.float64)
    return _row(truth, score, np.ones(len(known), dtype=np.int64))


def _row(truth: np.ndarray, score: np.ndarray, times: np.ndarray) -> Cells:
    if not truth.size:
        return NO_VALUE, NO_VALUE, NO_VALUE
    return NO_VALUE, shown(accuracy(truth, score, weights=times)), shown(auc(truth, score, weights=times))
