"""What was implanted that is no node, and the stations by rules beside learned ones: how often they mislead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nodewise.evaluate.group import Group
from nodewise.evaluate.patient_groups import ranking_of
from nodewise.evaluate.record import Case
from nodewise.evaluate.stations import wrong_side
from nodewise.metrics.bootstrap import pooled


def fired_on(cases: Sequence[Case], covered: float = 0.0) -> Group:
    """Share of the controls of each kind of which more than ``covered`` lies under predicted nodes.

    Figures are named by the kind (``vessel`` …), ``all`` is of every control.
    """
    kinds = sorted({control.kind for case in cases for control in case.controls})
    chosen = {kind: [[c for c in case.controls if c.kind == kind] for case in cases] for kind in kinds}
    chosen["all"] = [list(case.controls) for case in cases]
    there = {kind: np.array([len(controls) for controls in each]) for kind, each in chosen.items()}
    hit = {kind: np.array([sum(c.covered > covered for c in each) for each in chosen[kind]]) for kind in chosen}
    return Group(
        tuple(there),
        lambda weights: [pooled(hit[kind], there[kind], weights) for kind in there],
        "nothing was implanted that is no node",
        notes={kind: f"{int(there[kind].sum())} of them" for kind in there},
    )


def by_rules(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The same cases as if the stations by rules had been the prediction's own; empty where a case has none."""
    if any(node.station and node.on_rules is None for case in cases for node in case.nodes):
        return ()
    return tuple(
        replace(case, nodes=tuple(replace(node, on_map=node.on_rules) for node in case.nodes)) for case in cases
    )


def wrong_sides(cases: Sequence[Case], *, by_map: bool) -> tuple[int, int]:
    """True nodes whose first named station lies on the other side, and of how many; see ``ranking_of``."""
    named = [
        (node.station, ranking[0])
        for case in cases
        for node in case.nodes
        if node.station is not None and (ranking := ranking_of(node, by_map=by_map))
    ]
    return sum(wrong_side(true, name) for true, name in named), len(named)
