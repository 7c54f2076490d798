"""Suspicion of metastasis from size alone: a stand-in where no learned classifier is at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nodewise.values.node import Malignancy, Node, Size
from nodewise.values.study import Study

ENLARGED_MM = 10.0
_SLOPE_MM = 5.0 / math.log(19.0)
METHOD = "size: logistic on short axis, 0.5 at 10 mm; not calibrated"


def size_suspicion(
    study: Study,  # noqa: ARG001
    nodes: Sequence[Node],  # noqa: ARG001
    sizes: Sequence[Size],
    *,
    bulk: bool = True,
) -> list[Malignancy]:
    """Logistic of the RECIST short axis, one answer a node; not calibrated on any patient.

    0.5 at 10 mm, from which a node is enlarged on CT (RECIST 1.1, Eisenhauer 2009, Eur J Cancer 45:228); 0.05 at 5 mm
    and 0.95 at 15 mm: a judgement. It is steep because most of the many nodes of 4–7 mm in any chest are normal, and a
    patient's P(N0) is the product over all of them. With ``bulk`` 1 above 30 mm, as in P1; Node-RADS (Elsholtz 2021,
    Eur Radiol 31:6116) calls a node bulky from 30 mm too, but of its longest diameter.
    """
    answers = [Malignancy(probability_of_size(size.short_axis_mm), METHOD) for size in sizes]
    return [a.with_bulk(s.short_axis_mm) if bulk else a for a, s in zip(answers, sizes, strict=True)]


def probability_of_size(short_axis_mm: float) -> float:
    """The logistic itself.

    >>> [round(probability_of_size(mm), 3) for mm in (5, 10, 15)]
    [0.05, 0.5, 0.95]
    """
    return 1.0 / (1.0 + math.exp((ENLARGED_MM - short_axis_mm) / _SLOPE_MM))
