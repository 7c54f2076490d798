"""The station of one node, read off the map with a confidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.values.anatomy import LEARNED_STATIONS, ORGAN_STATIONS, Anatomy, LandmarkStatus, StationCall
from nodewise.values.station import Side, Station
from nodewise.values.volume import Volume

METHOD = "approximate: landmarks"
LEARNED = "learned"
BY_ORGANS, APPROXIMATE = "organs", "organs, approximate borders"
NEAR_PLANE_MM = 8.0
REACH_MM = 15.0
SUREST = 0.7  # a judgement: a map laid out by planes is never surer than this, however deep the node lies in a station
SUREST_LEARNED = 0.9  # a judgement too: on drawn chests it is right about so often
SUREST_ORGANS, SUREST_APPROXIMATE = 0.95, 0.8  # judgements: borders that organs make, and those that they do not
ACROSS_MM = 15.0
_ARCH_ZONES = frozenset({"2", "3a", "4", "5", "6"})


def call_station(anatomy: Anatomy, points_lps_mm: npt.NDArray[np.float64]) -> StationCall:
    """Station with the largest overlap of a node's voxels; the nearest within 15 mm where none overlaps.

    Args:
        anatomy: with its station map, or None in its place.
        points_lps_mm: (n, 3) LPS centres of the node's voxels.

    Returns:
        The call; ``second`` names the neighbour where the node's centre lies within 8 mm of it, or the same station of
        the other side where a learned map names a side on whose far side of the trachea the node lies by 15 mm.
    """
    points = np.asarray(points_lps_mm, dtype=np.float64).reshape(-1, 3)
    if anatomy.stations is None or len(points) == 0:
        reason = "the carina was not found" if anatomy.stations is None else "the node has no voxels"
        return StationCall(Station.UNKNOWN, 0.0, f"none: {reason}")
    labels, distances = _nearest(anatomy.stations, points.mean(axis=0))
    inside = _labels_at(anatomy.stations, points)
    counts = np.bincount(inside[inside > 0], minlength=2)
    if counts.any():
        best = int(counts.argmax())
        confidence = 0.5 + 0.5 * float(counts[best]) / len(points)
    elif labels.size:
        best = int(labels[0])
        confidence = 0.4 * (1.0 - float(distances[0]) / (REACH_MM + 1.0))
    else:
        return StationCall(Station.UNKNOWN, 0.0, f"none: no station within {REACH_MM:.0f} mm")
    station = Station.of_label(best)
    method, trust = _trust(anatomy, station)
    confidence *= trust
    if method == LEARNED and _across(anatomy, station, points.mean(axis=0)):
        return StationCall(station, round(0.5 * confidence, 3), method, _opposite(station))
    second = next(((int(n), float(d)) for n, d in zip(labels, distances, strict=True) if n != best), None)
    if second is None or second[1] > NEAR_PLANE_MM:
        return StationCall(station, round(confidence, 3), method)
    confidence *= 0.5 + 0.5 * second[1] / NEAR_PLANE_MM
    return StationCall(station, round(confidence, 3), method, Station.of_label(second[0]))


def _trust(anatomy: Anatomy, station: Station) -> tuple[str, float]:
    """How the map was made, and how sure it is at best of a station."""
    if anatomy.how == LEARNED_STATIONS:
        return LEARNED, SUREST_LEARNED
    if anatomy.how == ORGAN_STATIONS:
        return (APPROXIMATE, SUREST_APPROXIMATE) if station in anatomy.approximate else (BY_ORGANS, SUREST_ORGANS)
    unseen = station.zone in _ARCH_ZONES and not _found(anatomy, "arch_top")
    return METHOD, SUREST * anatomy.landmarks["carina"].confidence * (0.6 if unseen else 1.0)


def _found(anatomy: Anatomy, name: str) -> bool:
    landmark = anatomy.landmarks.get(name)
    return landmark is not None and landmark.status is not LandmarkStatus.NOT_FOUND


def _across(anatomy: Anatomy, station: Station, centre: npt.NDArray[np.float64]) -> bool:
    """Whether a point lies more than 15 mm beyond the trachea, or the carina below it, from the station's side."""
    side = Side.LEFT if station in (Station.S5, Station.S6) else station.side
    carina = anatomy.landmarks["carina"].lps_mm
    if side is None or carina is None:
        return False
    top = anatomy.landmarks["trachea_top"].lps_mm if _found(anatomy, "trachea_top") else None
    middle = carina[0]
    if top is not None and top[2] > carina[2]:
        middle = float(np.interp(centre[2], (carina[2], top[2]), (carina[0], top[0])))
    leftward = float(centre[0]) - middle
    return leftward > ACROSS_MM if side is Side.RIGHT else leftward < -ACROSS_MM


def _opposite(station: Station) -> Station | None:
    """The same zone on the other side; None for 5 and 6, which the right has not."""
    other = {"R": "L", "L": "R"}.get(station.code[-1])
    return None if other is None else Station(station.zone + other)


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
