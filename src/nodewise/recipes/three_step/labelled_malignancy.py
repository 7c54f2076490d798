"""Labelled scans as the third step learns from them: cubes about nodes in stations of known histology."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.call import call_station
from nodewise.anatomy.read import read_anatomy
from nodewise.datasets.case import LabelledCase
from nodewise.datasets.nodes import nodes_of, stations_of
from nodewise.datasets.read import LoadedCase, load_case
from nodewise.recipes.three_step.station_cases import Case, Labelled, ScanCase
from nodewise.values.node import Node
from nodewise.values.station import Station

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CutCase:
    """A real patient of whom the cubes about its labelled nodes are kept, and not the scan.

    Attributes:
        kept: number of each kept node. cut: (kept, 2, x, y, z), HU and share of node.
    """

    stations: tuple[Station, ...]
    histology: Mapping[str, bool]
    kept: tuple[int, ...]
    cut: Floats

    def cubes(self, which: Sequence[int], seed: Sequence[int]) -> Floats:  # noqa: ARG002
        """See ``station_cases.Case``; the seed changes nothing."""
        if tuple(which) == self.kept:
            return self.cut  # as training asks: a copy at every visit would fill the memory
        return self.cut[[self.kept.index(n) for n in which]]


def scan_cases(cases: Sequence[LabelledCase]) -> list[CutCase]:
    """Those with any histology, one scan read at a time."""
    return [_cut(load_case(case), case) for case in cases if case.histology]


def suffices(cases: Sequence[Case]) -> bool:
    """Whether benign and malignant stations with nodes are among them."""
    return {int(label) for case in cases for label in Labelled.of(case).labels} == {0, 1}


def _cut(loaded: LoadedCase, case: LabelledCase) -> CutCase:
    nodes = nodes_of(loaded)
    stations = _stations(loaded, nodes)
    scan = ScanCase(loaded.study.ct, nodes, stations, case.histology or {})
    kept = Labelled.of(scan).nodes
    return CutCase(stations, scan.histology, kept, scan.cubes(kept, ()))


def _stations(loaded: LoadedCase, nodes: tuple[Node, ...]) -> tuple[Station, ...]:
    """Of each node that of the drawn map, or where there is none of the landmarks' map."""
    if loaded.stations is not None:
        return stations_of(loaded, nodes)
    anatomy, grid = read_anatomy(loaded.study), loaded.study.ct.grid
    return tuple(call_station(anatomy, grid.crop(n.box).to_lps(np.argwhere(n.mask))).station for n in nodes)
