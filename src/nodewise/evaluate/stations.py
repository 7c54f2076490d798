"""The station of a true node on the prediction's own map of stations, and whether a name is right."""

from __future__ import annotations

import numpy as np

from nodewise.values.box import Box
from nodewise.values.station import Side, Station
from nodewise.values.volume import Volume

REACH_MM = 30.0


def ranked_stations(labels: Volume, node: int, box: Box, stations: Volume) -> tuple[tuple[Station, ...], float]:
    """Stations by how much of a node they hold, most first; those that hold none follow by their distance (P1, Fig. 4).

    Args:
        labels: instances.
        node: label of the instance that ``box`` holds.
        box: of the instance.
        stations: map of ``Station.label`` on the same grid; what lies further than 30 mm from the box is not looked at.

    Returns:
        The stations, and the share of the node that lies in the first: where it is 0 that one is only the nearest.
    """
    from scipy import ndimage

    grid = labels.grid
    reach = np.ceil(REACH_MM / np.asarray(grid.spacing)).astype(int).tolist()
    around = box.expanded((reach[0], reach[1], reach[2])).clipped(grid.shape).slices
    inside, near = labels.array[around] == node, stations.array[around]
    there = [int(n) for n in np.unique(near) if n > 0]
    if not there:
        return (), 0.0
    overlap = np.bincount(near[inside].astype(np.int64), minlength=max(there) + 1)
    away = ndimage.distance_transform_edt(~inside, sampling=grid.spacing)
    distance = dict(zip(there, ndimage.minimum(away, near, there), strict=True))
    order = sorted(there, key=lambda n: (-int(overlap[n]), float(distance[n]), n))
    return tuple(Station.of_label(n) for n in order), float(overlap[order[0]] / np.count_nonzero(inside))


def same_station(true: Station, named: Station | None) -> bool:
    """Whether a name is right: the same zone, and no other side where both names have one (7 is 7R, 3a is 3aL)."""
    return named is not None and named.zone == true.zone and not wrong_side(true, named)


def wrong_side(true: Station, named: Station | None) -> bool:
    """Whether both names have a side and the sides differ; 5 and 6 lie on the left."""
    return len({_side_of(true), _side_of(named)} - {None}) == 2


def _side_of(station: Station | None) -> Side | None:
    if station in (Station.S5, Station.S6):
        return Side.LEFT
    return None if station is None else station.side
