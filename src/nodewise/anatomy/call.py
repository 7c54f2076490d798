"""The station of one node, read off the map with a confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.values.anatomy import Anatomy, LandmarkStatus, StationCall
from nodewise.values.station import Station
from nodewise.values.volume import Volume

METHOD = "approximate: landmarks"
NEAR_PLANE_MM = 8.0
REACH_MM = 15.0
SUREST = 0.7  # a judgement: a map laid out by planes is never surer than this, however deep the node lies in a station
_ARCH_ZONES = frozenset({"2", "3a", "4", "5", "6"})


def call_station(anatomy: Anatomy, points_lps_mm: npt.NDArray[np.float64]) -> StationCall:
    """Station with the largest overlap of a node's voxels; the nearest within 15 mm where none overlaps.

    Args:
        anatomy: with its station map, or None in its place.
        points_lps_mm: (n, 3) LPS centres of the node's voxels.

    Returns:
        The call; ``second`` names the neighbour where the node's centre lies within 8 mm of it.
    """
    points = np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3)
    if anatomy.stations is None or len(points) == 0:
        reason = "the carina was not found" if anatomy.stations is None else "the node has no voxels"
        return StationCall(Station.UNKNOWN, 0.0, f"none: {reason}")
    labels, distances = _nearest(anatomy.stations, points.mean(axis=0))
    inside = _labels_at(anatomy.stations, points)
    counts = np.bincount(inside[inside > 0], minlength=2)
    trust = SUREST * anatomy.landmarks["carina"].confidence
    if counts.any():
        best = int(counts.argmax())
        share = float(counts[best]) / len(points)
        confidence = trust * (0.5 + 0.5 * share)
    elif labels.size:
        best = int(labels[0])
        confidence = 0.4 * trust * (1.0 - float(distances[0]) / (REACH_MM + 1.0))
    else:
        return StationCall(Station.UNKNOWN, 0.0, f"none: no station within {REACH_MM:.0f} mm")
    station = Station.of_label(best)
    arch = anatomy.landmarks.get("arch_top")
    if station.zone in _ARCH_ZONES and (arch is None or arch.status is LandmarkStatus.NOT_FOUND):
        confidence *= 0.6
    second = next(((int(n), float(d)) for n, d in zip(labels, distances, strict=True) if n != best), None)
    if second is None or second[1] > NEAR_PLANE_MM:
        return StationCall(station, round(confidence, 3), METHOD)
    confidence *= 0.5 + 0.5 * second[1] / NEAR_PLANE_MM
    return StationCall(station, round(confidence, 3), METHOD, Station.of_label(second[0]))


def _labels_at(stations: Volume, points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Label at each point, 0 outside the map."""
    index = np.rint(stations.grid.to_index(points)).astype(int)
    inside = ((index >= 0) & (index < stations.grid.shape)).all(axis=1)
    found = np.zeros(len(points), np.int64)
    found[inside] = stations.array[tuple(index[inside].T)]
    return found


def _nearest(
    stations: Volume, centre: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Every label within 15 mm of a point, nearest first, and its distance in mm."""
    box = stations.grid.box_around(centre - REACH_MM, centre + REACH_MM)
    part = stations.array[box.slices]
    index = np.argwhere(part > 0)
    if len(index) == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    distance = np.linalg.norm(stations.grid.to_lps(index + np.array(box.start)) - centre, axis=1)
    names = part[tuple(index.T)].astype(np.int64)
    unique = np.unique(names)
    nearest = np.array([distance[names == n].min() for n in unique])
    order = np.argsort(nearest)
    order = order[nearest[order] <= REACH_MM]
    return unique[order], nearest[order]
