"""Stations of labelled nodes: by overlap, else the nearest within reach, else unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.nodes import nodes_of, stations_of
from nodewise.datasets.read import LoadedCase
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 12, 12), (2.0, 1.0, 1.0))


def loaded(nodes: dict[int, tuple[int, int]], stations: dict[Station, tuple[int, int]] | None) -> LoadedCase:
    """Boxes along x by label: first voxel and the one after the last."""

    def drawn(boxes: dict[int, tuple[int, int]]) -> Volume:
        array = np.zeros(GRID.shape, np.uint8, order="F")
        for label, (start, stop) in boxes.items():
            array[start:stop, 3:6, 3:6] = label
        return Volume(array, GRID, Quantity.LABEL)

    ct = Volume(np.zeros(GRID.shape, np.float32, order="F"), GRID, Quantity.HU)
    places = None if stations is None else drawn({s.label: span for s, span in stations.items()})
    case = LabelledCase("a", "a", Path(), Path())
    return LoadedCase(case, Study("a", ct, Source(GRID)), drawn(nodes), places, None, None)


def test_the_largest_overlap_names_a_node_else_the_nearest_within_reach() -> None:
    """Node 3 ends at voxel 25 and 4L begins at 29, 8 mm on; node 4 ends at 37, 12 mm away from its end at 31."""
    case = loaded(
        {1: (0, 4), 2: (8, 12), 3: (22, 25), 4: (37, 39)},
        {Station.S7: (0, 3), Station.S4R: (3, 9), Station.S10L: (9, 14), Station.S4L: (28, 31)},
    )
    nodes = nodes_of(case)
    assert [node.id for node in nodes] == [1, 2, 3, 4]
    assert stations_of(case, nodes) == (Station.S7, Station.S10L, Station.S4L, Station.UNKNOWN)


def test_without_a_map_all_are_unknown_and_a_mask_is_parted() -> None:
    case = loaded({1: (0, 4)}, None)
    mask = case.nodes.array.copy(order="F")
    mask[20:22, 3:6, 3:6] = 1
    both = LoadedCase(case.case, case.study, Volume(mask, GRID, Quantity.LABEL), None, None, None)
    nodes = nodes_of(both)
    assert len(nodes) == 2 and stations_of(both, nodes) == (Station.UNKNOWN, Station.UNKNOWN)
