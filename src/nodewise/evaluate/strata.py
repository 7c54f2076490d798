"""The few figures that the terminal shows, by short axis of the true nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nodewise.evaluate.record import Case
from nodewise.evaluate.stations import same_station, wrong_side


@dataclass(frozen=True, slots=True)
class Stratum:
    """Pooled figures of true nodes with a short axis above ``above_mm`` (as P1's strata); None where not defined.

    Attributes:
        recall: found / all true nodes.
        false_positives_a_case: predicted nodes that overlap no true node of any size.
        dice_found: mean over the nodes found.
        station_right: of the nodes found and named; sides are compared where both names have one.
        laterality_errors: nodes found whose side was named wrongly.
    """

    above_mm: float
    nodes: int
    recall: float | None
    false_positives_a_case: float
    dice_found: float | None
    station_right: float | None
    laterality_errors: int


def stratum(cases: Sequence[Case], above_mm: float) -> Stratum:
    """Pooled over the cases; at least one of them."""
    nodes = [n for case in cases for n in case.nodes if n.short_axis_mm > above_mm]
    found = [n for n in nodes if n.found_by is not None]
    named = [(n.station, n.named) for n in found if n.station and n.assessed]
    return Stratum(
        above_mm=above_mm,
        nodes=len(nodes),
        recall=len(found) / len(nodes) if nodes else None,
        false_positives_a_case=sum(n.hits is None for case in cases for n in case.predicted) / len(cases),
        dice_found=_mean(n.dice for n in found),
        station_right=_mean(same_station(true, name) for true, name in named),
        laterality_errors=sum(wrong_side(true, name) for true, name in named),
    )


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return float(np.mean(kept)) if kept else None
