"""P4, nodes of the head and neck: Tables 1 and 2, the rates in the text, the confusion of voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.curves import CLASS_NAMES
from nodewise.evaluate.papers.printed import P4_TABLE_1A, P4_TABLE_1B, P4_TABLE_2, P4_TABLE_S4, P4_TEXT, Cells
from nodewise.evaluate.papers.table import HERE, NO_VALUE, Line, PaperTable, beside, shown
from nodewise.evaluate.record import Case, TrueNode
from nodewise.metrics.overlap import normalised
from nodewise.values.node import Status

_CLASSES = {"N": (Status.BENIGN,), "P": (Status.MALIGNANT,), "ENE": (Status.EXTRANODAL,)}
_MERGED = ((Status.MALIGNANT, Status.EXTRANODAL), (Status.BENIGN,))
_NO_CLASSES = "No value where the truth (or, of false positives, the prediction) gives no classes."


def tables(cohort: Cohort) -> tuple[PaperTable, ...]:
    """P4's tables on a cohort, beside its own."""
    nodes = [node for case in cohort.cases for node in case.nodes]
    found = [node for node in nodes if node.found_by is not None]
    return (
        beside("P4", P4_TABLE_1A, _by_size(nodes), "By the class and the short axis of the true node."),
        beside("P4", P4_TABLE_1B, _by_size(found), "True nodes that were found, by their own class and short axis."),
        beside("P4", P4_TABLE_2, _detection(cohort.cases, nodes), _NO_CLASSES),
        beside("P4", P4_TEXT, [(HERE, _rates(nodes, cohort))], "The mean is over the classes that are there."),
        *_voxels(cohort.cases),
    )


def _of(nodes: Sequence[TrueNode], classes: Sequence[Status]) -> list[TrueNode]:
    return [node for node in nodes if node.status in classes]


def _by_size(nodes: Sequence[TrueNode]) -> list[tuple[str, Cells]]:
    rows: list[tuple[str, Cells]] = []
    for name, classes in _CLASSES.items():
        size = [node.short_axis_mm for node in _of(nodes, classes)]
        small = sum(mm < 10 for mm in size)
        rows.append((f"{HERE}, {name}", (str(small), str(len(size) - small), str(len(size)))))
    return rows


def _share(nodes: Sequence[TrueNode], above: float) -> float:
    return sum(node.covered > above for node in nodes) / len(nodes) if nodes else float("nan")


def _detection(cases: Sequence[Case], nodes: Sequence[TrueNode]) -> list[tuple[str, Cells]]:
    false = [node for case in cases for node in case.predicted if node.hits is None]
    classed = all(node.status is not None for case in cases for node in case.predicted)
    any_part = [shown(100 * _share(_of(nodes, classes), 0.0)) for classes in _MERGED]
    half = [shown(100 * _share(_of(nodes, classes), 0.5)) for classes in _MERGED]
    a_case = [sum(node.status in classes for node in false) / len(cases) if classed else None for classes in _MERGED]
    return [
        (f"{HERE}, detection rate > 0, %", tuple(any_part)),
        (f"{HERE}, detection rate > 50, %", tuple(half)),
        (f"{HERE}, FP an image", tuple(shown(rate) for rate in a_case)),
    ]


def _rates(nodes: Sequence[TrueNode], cohort: Cohort) -> Cells:
    rates = np.array([_share(_of(nodes, classes), 0.0) for classes in _CLASSES.values()])
    there = rates[~np.isnan(rates)]
    shares = [*rates.tolist(), float(there.mean()) if there.size else float("nan")]
    cells = [NO_VALUE if np.isnan(share) else f"{100 * share:.0f} %" for share in shares]
    return (*cells, shown(cohort.figures["dice_mean"].value))


def _voxels(cases: Sequence[Case]) -> tuple[PaperTable, ...]:
    """The two cells that the text gives beside the paper's, and the whole matrix both ways."""
    tables = [case.confusion for case in cases if case.confusion is not None]
    if not tables:
        return (beside("P4", P4_TABLE_S4, [(HERE, (NO_VALUE, NO_VALUE))], "Classes are not given on both sides."),)
    confusion = np.sum(tables, axis=0)
    by_truth, by_prediction = normalised(confusion, "truth"), normalised(confusion, "prediction")
    cells = (shown(100 * by_truth[2, 3], 0), shown(100 * by_truth[3, 2], 0))
    lines = [
        Line(f"{HERE}, true {name}, % of {whole}", tuple(shown(100 * v, 1) for v in row), False)
        for matrix, whole in ((by_truth, "the row"), (by_prediction, "the column"))
        for name, row in zip(CLASS_NAMES, matrix.tolist(), strict=True)
    ]
    return (
        beside("P4", P4_TABLE_S4, [(HERE, cells)]),
        PaperTable(
            "P4",
            "Voxels by class, normalised both ways (Table S4)",
            tuple(f"called {name}" for name in CLASS_NAMES),
            tuple(lines),
            ("The paper's own matrix is in a supplement that is not printed with it.",),
        ),
    )
