"""The labelled nodes of a case one by one, each with its station."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.datasets.read import LoadedCase
from nodewise.nodes.split import nodes_from_labels
from nodewise.values.box import Box
from nodewise.values.node import Node
from nodewise.values.station import Station
from nodewise.values.volume import Volume

REACH_MM = 10.0


def nodes_of(loaded: LoadedCase) -> tuple[Node, ...]:
    """Every labelled node: the parts of a mask, or the instances as given; see ``nodes_from_labels``."""
    return nodes_from_labels(loaded.nodes)


def stations_of(loaded: LoadedCase, nodes: tuple[Node, ...]) -> tuple[Station, ...]:
    """The station of each node: that of the largest overlap (P1), else the nearest within 10 mm, else unknown.

    Where the case has no map, the first station that its table gives the node's value; unknown without both.
    """
    if loaded.stations is None:
        told = loaded.case.node_stations or {}
        return tuple(told.get(_value(node, loaded.nodes), (Station.UNKNOWN,))[0] for node in nodes)
    return tuple(_station(node, loaded.stations) for node in nodes)


def _value(node: Node, labels: Volume) -> int:
    """The value that most of a node's voxels have."""
    return int(np.bincount(labels.array[node.box.slices][node.mask].astype(np.int64)).argmax())


def _station(node: Node, stations: Volume) -> Station:
    held = stations.array[node.box.slices][node.mask]
    overlap = np.bincount(held.astype(np.int64))
    if overlap[1:].any():
        return Station.of_label(1 + int(overlap[1:].argmax()))
    reach = np.ceil(REACH_MM / np.asarray(stations.grid.spacing)).astype(int).tolist()
    around = node.box.expanded((reach[0], reach[1], reach[2])).clipped(stations.grid.shape)
    near = stations.array[around.slices]
    away = ndimage.distance_transform_edt(_outside(node, around), sampling=stations.grid.spacing)
    away[(near == 0) | (away > REACH_MM)] = np.inf
    closest = np.unravel_index(int(away.argmin()), away.shape)
    return Station.of_label(int(near[closest])) if np.isfinite(away[closest]) else Station.UNKNOWN


def _outside(node: Node, around: Box) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """True beside the node, on the voxels of ``around``."""
    outside = np.ones(around.shape, bool, order="F")
    start = around.start
    outside[node.box.shifted((-start[0], -start[1], -start[2])).slices][node.mask] = False
    return outside
