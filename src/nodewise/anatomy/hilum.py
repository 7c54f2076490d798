"""Stations 10 to 13: along the main bronchi, where the lobes' bronchi part, along these, and beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.carina import Bronchus
from nodewise.anatomy.chest import Carina
from nodewise.anatomy.where import Where
from nodewise.anatomy.working import Mask
from nodewise.values.box import Box
from nodewise.values.station import Station

MAIN_MM, FAR_MM = 26.0, 18.0  # how far from its airway 10 reaches, and what lies beyond
HILUM_MM = 10.0  # 10R ends so far past the upper lobe's bronchus, 10L so far before the lumina of the lobes part
TAKE_OFF_MM, LOBAR_MM = 7.0, 13.0  # of a lobe's bronchus: what belongs to 11, and then to 12
UPPER_MM, MIDDLE_MM, LEFT_MM = (16.0, 34.0, 24.0), (42.0, 72.0, 56.0), (30.0, 65.0, 52.0)  # depths, least, most, usual


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """Of each voxel: ``distance`` in mm to the nearest voxel of one side's airway, and that one's depth and height."""

    distance: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]
    height: npt.NDArray[np.float32]


def hilar(w: Where, carina: Carina) -> tuple[tuple[Station, Mask], ...]:
    """10 to 13 of both sides, each voxel on its side of the carina and by the nearer airway; 10 without its roof."""
    right, left = _nearest(w, carina.right), _nearest(w, carina.left)
    nearer = right.distance <= left.distance
    return (
        *_right(w, right, carina.right, nearer & (w.x < 0.0)),
        *_left(left, carina.left, ~nearer & (w.x > 0.0)),
    )


def seen_fork(bronchus: Bronchus, depths: tuple[float, float, float]) -> float | None:
    """Depth in mm of the first division between the least and the most of ``depths``; None where none was seen."""
    found = bronchus.depth_mm[list(bronchus.forks)]
    return next((float(d) for d in found if depths[0] <= d <= depths[1]), None)


def _fork(bronchus: Bronchus, depths: tuple[float, float, float]) -> float:
    """The same, the usual depth where none was seen."""
    return seen_fork(bronchus, depths) or depths[2]


def _right(w: Where, near: _Nearest, bronchus: Bronchus, own: Mask) -> tuple[tuple[Station, Mask], ...]:
    """By the take-off of the upper lobe's bronchus and the end of the bronchus intermedius."""
    first, end = _fork(bronchus, UPPER_MM), _fork(bronchus, MIDDLE_MM)
    past = near.depth - first
    level = float(np.interp(first, bronchus.depth_mm, w.heights(bronchus.path))) if len(bronchus.path) else 0.0
    upper = (past > 3.0) & (near.height > level - 0.45 * past)  # the bronchus intermedius falls faster
    return _zones(near, "R", own, np.where(upper, first, first + HILUM_MM), np.where(upper, first, end) + TAKE_OFF_MM)


def _left(near: _Nearest, bronchus: Bronchus, own: Mask) -> tuple[tuple[Station, Mask], ...]:
    """By where the upper and the lower lobe's bronchi part."""
    end = _fork(bronchus, LEFT_MM)
    return _zones(near, "L", own, np.float64(end - HILUM_MM), np.float64(end + TAKE_OFF_MM))


def _zones(
    near: _Nearest, side: str, own: Mask, ten: npt.ArrayLike, eleven: npt.ArrayLike
) -> tuple[tuple[Station, Mask], ...]:
    """Parted at the depths ``ten`` and ``eleven``, where these stations end."""
    far, twelve = own & (near.distance < FAR_MM), np.asarray(eleven) + LOBAR_MM
    edges = np.asarray(ten), np.asarray(eleven), twelve
    return (
        (Station(f"10{side}"), own & (near.distance < MAIN_MM) & (near.depth <= edges[0])),
        (Station(f"11{side}"), far & (near.depth > edges[0]) & (near.depth <= edges[1])),
        (Station(f"12{side}"), far & (near.depth > edges[1]) & (near.depth <= edges[2])),
        (Station(f"13{side}"), far & (near.depth > edges[2])),
    )


def _nearest(w: Where, bronchus: Bronchus) -> _Nearest:
    airway = np.full(w.shape, np.nan, np.float32)
    own = bronchus.box.shifted((-int(w.start[0]), -int(w.start[1]), -int(w.start[2])))
    part = own.clipped(w.shape)
    airway[part.slices] = bronchus.depth[part.shifted((-own.start[0], -own.start[1], -own.start[2])).slices]
    inside = np.isfinite(airway)
    distance = np.full(w.shape, np.inf, np.float32)
    depth, height = np.zeros(w.shape, np.float32), np.zeros(w.shape, np.float32)
    if not inside.any():
        return _Nearest(distance, depth, height)
    near = Box.around(inside).expanded(int(MAIN_MM / w.mm) + 1).clipped(w.shape)
    away, index = ndimage.distance_transform_edt(~inside[near.slices], sampling=w.mm, return_indices=True)
    distance[near.slices] = away
    depth[near.slices] = airway[near.slices][tuple(index)]
    height[near.slices] = w.z.ravel()[near.start[2] :][index[2]]
    return _Nearest(distance, depth, height)
