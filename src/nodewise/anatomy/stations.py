"""A coarse map of lymph node stations, laid out by planes from landmarks, and the station of a node.

Borders after the IASLC map (Rusch et al. 2009, J Thorac Oncol 4:568). The descending aorta is cut out here, enhanced
blood by ``read``; without contrast medium the map's regions are where to look, not contours. Planes that need vessels
(left brachiocephalic vein, azygos, left pulmonary artery) are placed by the carina and the aortic arch and are
approximate. Stations 9 and 12 to 14 are never named, 3a, 3p, 7 and 8 have no side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.working import Mask, paint_disk
from nodewise.values.box import Box
from nodewise.values.station import Station

BONE_HU = 130.0
USUAL_ARCH_MM = 38.0
USUAL_AORTA_MM = 12.5
HILUM_MM = 18.0


@dataclass(frozen=True, slots=True)
class Planes:
    """Heights in mm above the carina; ``subcarinal`` is where station 7 ends below, a negative number."""

    arch_top: float
    arch_underside: float
    left_artery: float
    brachiocephalic: float
    azygos: float
    subcarinal: float
    apex: float


def planes(chest: Chest, carina: Carina) -> Planes:
    """The planes that part the stations, from what was found and otherwise from usual heights."""
    mm, zero = chest.spacing_mm, carina.split.point[2]
    top = USUAL_ARCH_MM if chest.arch is None else (chest.arch.top[2] - zero) * mm
    radius = USUAL_AORTA_MM if chest.arch is None else chest.arch.radius_mm
    underside = max(top - 1.8 * radius, 0.25 * top)
    lungs = np.flatnonzero((chest.lungs.right | chest.lungs.left).any(axis=(0, 1)))
    apex = (float(lungs[-1]) - zero) * mm if lungs.size else top + 50.0
    spur = carina.left.spur
    left_end = (carina.left.path[spur][2] - zero) * mm if spur is not None else -30.0
    subcarinal = float(np.clip(left_end - 5.0, -50.0, -25.0))
    return Planes(
        top, underside, min(8.0, 0.2 * top), top - 5.0, min(10.0, 0.35 * top), subcarinal, max(apex, top + 15.0)
    )


def station_map(chest: Chest, carina: Carina, box: Box) -> npt.NDArray[np.uint8]:
    """Labels (``Station.label``) of the voxels in ``box`` of the chest's lattice."""
    at = planes(chest, carina)
    where = _Where.of(chest, carina, box)
    labels = np.zeros(box.shape, np.uint8)
    for station, region in (
        *_upper(where, at),
        *_prevascular(where, at),
        *_lower(where, at),
        *_hilar(where, at, carina),
    ):
        labels[region & (labels == 0)] = station.label
    labels[where.not_tissue] = 0
    return labels


@dataclass(frozen=True, slots=True, eq=False)
class _Where:
    """Coordinates of a box's voxels in mm, ready to broadcast.

    x: from the trachea's left wall, to the left. middle: from its centre. y: from its centre, to the back.
    behind: from its back wall. z: above the carina. canal_x, canal_y: from the spinal canal. points: (nx, ny, nz, 3).
    """

    x: npt.NDArray[np.float64]
    middle: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    behind: npt.NDArray[np.float64]
    z: npt.NDArray[np.float64]
    canal_x: npt.NDArray[np.float64]
    canal_y: npt.NDArray[np.float64]
    between_lungs: Mask
    behind_sternum: Mask
    not_tissue: Mask
    start: npt.NDArray[np.int64]
    shape: tuple[int, int, int]
    mm: float

    @staticmethod
    def of(chest: Chest, carina: Carina, box: Box) -> _Where:
        mm, walls, canal = chest.spacing_mm, carina.walls, chest.canal
        assert canal is not None
        i, j, k = np.ogrid[box.slices]
        n = k.ravel()
        right, left = chest.lungs.right[box.slices], chest.lungs.left[box.slices]
        lateral = np.logical_or.accumulate(left, axis=0) | np.logical_or.accumulate(right[::-1], axis=0)[::-1]
        canal_x, canal_y = (i - canal.centres[n, 0]) * mm, (j - canal.centres[n, 1]) * mm
        from_body = np.hypot(canal_x, canal_y + 18.0)
        vertebra = (from_body < 21.0) | (canal_y > -22.0) | ((from_body < 30.0) & (chest.hu[box.slices] > BONE_HU))
        not_tissue = right | left | chest.airway[box.slices] | vertebra | ~chest.body[box.slices]
        not_tissue |= _aorta(chest, box)
        return _Where(
            x=(i - walls.left[n]) * mm,
            middle=(i - walls.x[n]) * mm,
            y=(j - walls.y[n]) * mm,
            behind=(j - walls.back[n]) * mm,
            z=(k - carina.split.point[2]) * mm,
            canal_x=canal_x,
            canal_y=canal_y,
            between_lungs=~lateral,
            behind_sternum=j >= _front(right, left, box)[:, None, :],
            not_tissue=not_tissue,
            start=np.array(box.start),
            shape=box.shape,
            mm=mm,
        )


_Regions = tuple[tuple[Station, Mask], ...]


def _upper(w: _Where, at: Planes) -> _Regions:
    """Paratracheal stations; the left wall of the trachea parts right from left, its midline only in station 1."""
    foremost = np.interp(w.z, (at.arch_top, at.apex), (-28.0, -18.0))
    beside = w.between_lungs & (w.y > foremost) & (w.behind < 3.0)
    right = beside & (w.x <= 0.0) & (w.middle > -42.0)
    left = beside & (w.x > 0.0) & (w.x < 35.0)
    medial = beside & (w.x > 0.0) & (w.x < 16.0)
    window = w.between_lungs & (w.x >= 16.0) & (w.x < 50.0) & (w.y > -28.0) & (w.y < 15.0)
    neck = (np.abs(w.middle) < 45.0) & (w.y > -45.0) & (w.behind < 15.0) & (w.z > at.apex)
    retro = w.between_lungs & (w.behind >= 3.0) & (np.abs(w.middle) < 17.0)
    # before the carina itself a node is read as 4R; beside it, under the azygos, as 10R
    low = np.where(w.middle > -14.0, 0.0, at.azygos)
    return (
        (Station.S1R, neck & (w.middle <= 0.0)),
        (Station.S1L, neck & (w.middle > 0.0)),
        (Station.S3P, retro & (w.z >= 0.0) & (w.z <= at.apex)),
        (Station.S2R, right & (w.z > at.brachiocephalic) & (w.z <= at.apex)),
        (Station.S4R, right & (w.z > low) & (w.z <= at.brachiocephalic)),
        (Station.S2L, left & (w.z > at.arch_top) & (w.z <= at.apex)),
        (Station.S4L, medial & (w.z > at.left_artery) & (w.z <= at.arch_top)),
        (Station.S5, window & (w.z > at.left_artery) & (w.z <= at.arch_underside)),
        (Station.S6, window & (w.z > at.arch_underside) & (w.z <= at.arch_top)),
    )


def _prevascular(w: _Where, at: Planes) -> _Regions:
    """3a before the great vessels, 6 before and beside the arch and the ascending aorta."""
    depth = np.interp(w.z, (at.arch_underside, at.arch_top + 5.0), (-50.0, -30.0))
    front = w.between_lungs & w.behind_sternum
    level = (w.z > at.left_artery) & (w.z <= at.arch_top)
    six = front & level & (w.x > 5.0) & (w.x < 60.0) & (w.y <= -28.0)
    three = front & (w.z >= 0.0) & (w.z <= at.apex) & (w.y <= depth) & (np.abs(w.middle) < 45.0)
    return (Station.S6, six), (Station.S3A, three)


def _lower(w: _Where, at: Planes) -> _Regions:
    """Subcarinal and para-oesophageal stations."""
    spread = np.interp(-w.z, (0.0, 12.0, -at.subcarinal), (6.0, 14.0, 18.0))
    seven = (np.abs(w.middle) < spread) & (w.y > -16.0) & (w.y < 30.0)
    seven = seven & (w.z <= 0.0) & (w.z > at.subcarinal)
    eight = (np.abs(w.canal_x) < 24.0) & (w.canal_y > -56.0) & (w.z <= at.subcarinal)
    return (Station.S7, seven), (Station.S8, eight)


def _hilar(w: _Where, at: Planes, carina: Carina) -> _Regions:
    """10 along the main bronchus, 11 beyond it, to ``HILUM_MM`` from its path; nothing medial of the bronchus."""
    parts: list[tuple[Station, Mask]] = []
    for bronchus, near, far, end_mm, outside in (
        (carina.right, Station.S10R, Station.S11R, 22.0, (w.middle <= 0.0) & (w.z <= at.azygos)),
        (carina.left, Station.S10L, Station.S11L, _left_end(carina), _left_hilum(w, at)),
    ):
        distance, depth = _to_path(w, bronchus.path, bronchus.depth_mm)
        close = np.isfinite(distance) & outside
        parts += [(near, close & (depth <= end_mm)), (far, close & (depth > end_mm))]
    return tuple(parts)


def _left_hilum(w: _Where, at: Planes) -> Mask:
    """Left of the midline below the carina, and of the tracheal wall up to the artery's upper rim."""
    return np.asarray(((w.z <= 0.0) & (w.middle > 0.0)) | ((w.z <= at.left_artery) & (w.x > 0.0)))


def _front(right: Mask, left: Mask, box: Box) -> npt.NDArray[np.float64]:
    """Row (nx, nz) of the back of the breastbone: the line between the foremost points of the two lungs.

    Infinite, so that nothing lies behind it, lateral to those points and where a lung is missing.
    """
    columns = np.arange(box.shape[0])
    front = np.full((right.shape[0], right.shape[2]), np.inf)
    for k in range(right.shape[2]):
        ends = [_foremost(lung[:, :, k]) for lung in (right, left)]
        if ends[0] is None or ends[1] is None:
            continue
        (x0, y0), (x1, y1) = ends[0], ends[1]
        inside = (columns >= min(x0, x1)) & (columns <= max(x0, x1))
        front[inside, k] = np.interp(columns[inside], *_ascending(x0, x1, y0, y1)) + box.start[1]
    return front


def _ascending(x0: float, x1: float, y0: float, y1: float) -> tuple[tuple[float, float], tuple[float, float]]:
    return ((x0, x1), (y0, y1)) if x0 <= x1 else ((x1, x0), (y1, y0))


def _foremost(section: Mask) -> tuple[float, float] | None:
    """Column and row of the foremost voxel of a lung's section."""
    rows = np.flatnonzero(section.any(axis=0))
    if rows.size == 0:
        return None
    return float(np.flatnonzero(section[:, rows[0]]).mean()), float(rows[0])


def _aorta(chest: Chest, box: Box) -> Mask:
    """The circles of the descending aorta, in ``box``."""
    inside = np.zeros(box.shape, bool)
    if chest.aorta is None:
        return inside
    for k, centre, radius in zip(chest.aorta.slices, chest.aorta.centres, chest.aorta.radii, strict=True):
        if box.start[2] <= k < box.stop[2]:
            paint_disk(inside, centre - box.start[:2], radius, k - box.start[2], True)
    return inside


def _left_end(carina: Carina) -> float:
    spur = carina.left.spur
    return float(carina.left.depth_mm[spur]) - 3.0 if spur is not None else 42.0


def _to_path(
    w: _Where, path: npt.NDArray[np.float64], depth_mm: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Distance in mm to the nearest point of a path, and that point's depth along it; infinite beyond ``HILUM_MM``."""
    best = np.full(w.shape, np.inf, np.float32)
    depth = np.zeros(w.shape, np.float32)
    for point, along in zip(path - w.start, depth_mm, strict=True):
        here = np.rint(point).astype(int).tolist()
        near = Box((here[0], here[1], here[2]), (here[0] + 1, here[1] + 1, here[2] + 1))
        near = near.expanded(math.ceil(HILUM_MM / w.mm) + 1).clipped(w.shape)
        i, j, k = np.ogrid[near.slices]
        distance = w.mm * np.sqrt((i - point[0]) ** 2 + (j - point[1]) ** 2 + (k - point[2]) ** 2)
        local = best[near.slices]
        nearer = (distance < HILUM_MM) & (distance.astype(np.float32) < local)
        local[nearer], depth[near.slices][nearer] = distance[nearer], along
    return best, depth
