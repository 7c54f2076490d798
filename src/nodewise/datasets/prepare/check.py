"""What makes a case unfit to learn from or to judge by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.datasets.case import LeftOut
from nodewise.datasets.read import LoadedCase

_TISSUE_HU = (-300.0, 600.0)
"""A node is soft tissue, with fat at its edge or chalk inside; below is lung and air, above cortical bone and metal."""
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """What is let pass.

    Attributes:
        resampled: labels on other voxels than the CT's are put on them, nearest voxel, instead of being left out.
        keep_empty: a scan annotated in full without any node is kept: it teaches what is none.
    """

    resampled: bool = False
    keep_empty: bool = False


def fault(loaded: LoadedCase, rules: Rules) -> LeftOut | None:
    """The first check that a case fails; None where it can be used."""
    case, inside = loaded.case, loaded.nodes.array > 0
    if case.annotation == "none":
        return None if loaded.organs is not None else LeftOut(case.name, "empty", "it has neither nodes nor organs")
    if not inside.any():
        if case.annotation == "full" and rules.keep_empty:
            return None
        more = " (--keep-empty keeps it)" if case.annotation == "full" else ""
        return LeftOut(case.name, "empty", f"no voxel is labelled as node{more}")
    hu = loaded.study.ct.array[inside]
    strange = float(np.mean((hu < _TISSUE_HU[0]) | (hu > _TISSUE_HU[1])))
    if strange > _MOST:
        where = "air or lung" if float(np.median(hu)) < 0 else "bone or metal"
        why = f"{100 * strange:.0f} % of the labelled voxels are {where}: labels of another scan, or mirrored"
        return LeftOut(case.name, "inside", why)
    lost = sorted(set(case.node_stations or ()) - set(np.unique(loaded.nodes.array[inside]).tolist()))
    if lost:
        why = f"its table of stations names node {lost[0]}, which is not in the labels"
        return LeftOut(case.name, "stations", why)
    return None
