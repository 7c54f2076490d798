"""A system: three callables that fill in the story, and the settings that go with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nodewise.values.anatomy import Anatomy
from nodewise.values.node import Malignancy, Node, Size
from nodewise.values.study import Study
from nodewise.values.volume import Volume

Judge = Callable[[Study, Sequence[Node], Sequence[Size]], list[Malignancy]]
"""How suspect each node is, in order."""


def unchanged(anatomy: Anatomy) -> Anatomy:
    """The anatomy itself: nothing is laid on it."""
    return anatomy


@dataclass(frozen=True, slots=True)
class Pipeline:
    """How one recipe reads anatomy, segments nodes and judges them; everything else is shared.

    Attributes:
        read_anatomy: of a study; the user's organs or landmarks may take its place.
        complete: what the network wants laid on an anatomy, whoever read it, such as P3's node prior.
        segment: probability of being node, on a crop of the CT's grid.
        malignancy: one answer a node, in order.
        threshold: probability from which a voxel is node.
        minimum_short_axis_mm: smaller nodes (equivalent ellipsoid) are dropped.
        reach_mm: nodes of which more than half lies farther from every station are dropped; to it is added what the
            stations themselves may be off, ``Anatomy.stations_error_mm``.
        name, weights_sha256, trained_on, device: for provenance.
        mirrored: whether windows are looked at in every mirror image too.
        bulk: whether ``malignancy`` calls a node of more than 30 mm short axis metastatic whatever else it knows.
        given: what of the anatomy the user gave, ``organs`` or ``landmarks``; empty for nothing.
    """

    read_anatomy: Callable[[Study], Anatomy]
    segment: Callable[[Study, Anatomy], Volume]
    malignancy: Judge
    threshold: float
    minimum_short_axis_mm: float
    name: str
    weights_sha256: str
    trained_on: str
    device: str
    reach_mm: float = math.inf
    mirrored: bool = False
    bulk: bool = True
    given: str = ""
    complete: Callable[[Anatomy], Anatomy] = unchanged
