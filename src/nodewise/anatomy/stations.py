"""A coarse map of lymph node stations, laid out by planes and lines from landmarks.

Borders after the IASLC map (Rusch et al. 2009, J Thorac Oncol 4:568, table 1). Aorta and sternum are cut out here as
far as they were found, enhanced blood by ``read``; without contrast medium the map's regions are where to look, not
contours. What is not found of the vessels is placed by the carina and the aortic arch and is approximate. Station 14
is never named; 3a, 3p, 7 and 8 have no side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.hilum import hilar
from nodewise.anatomy.planes import Planes, planes
from nodewise.anatomy.where import Floats, Where
from nodewise.anatomy.working import Mask
from nodewise.values.box import Box
from nodewise.values.station import Station

BESIDE_MM = 32.0  # paratracheal stations reach so far beyond the tracheal wall
RETRO_MM = 28.0  # the oesophagus and the fat about it behind the trachea
NECK_FRONT_MM = 34.0  # of the middle of the trachea: further in front lie the clavicles' ends
LIGAMENT_MM = 18.0  # where the ligamentum arteriosum usually lies, beyond the tracheal wall
_Regions = tuple[tuple[Station, Mask], ...]


def station_map(chest: Chest, carina: Carina, box: Box) -> npt.NDArray[np.uint8]:
    """Labels (``Station.label``) of the voxels in ``box`` of the chest's lattice."""
    at = planes(chest, carina)
    where = Where.of(chest, carina, box)
    labels = np.zeros(box.shape, np.uint8)
    for station, region in (
        *_neck(where, at),
        *_before_and_behind(where, at),
        *_paratracheal(where, at),
        *_lower(where, at),
        *_under_roof(where, at, hilar(where, carina)),
    ):
        labels[region & (labels == 0)] = station.label
    labels[where.not_tissue] = 0
    return labels


def _neck(w: Where, at: Planes) -> _Regions:
    """Station 1; the midline of the trachea parts its sides."""
    t = w.trachea
    neck = (np.abs(w.x - t.x) < 62.0) & (w.y < t.y + 26.0) & (w.y > t.y - NECK_FRONT_MM) & (w.z > at.apex)
    return (Station.S1R, neck & (w.x <= t.x)), (Station.S1L, neck & (w.x > t.x))


def _before_and_behind(w: Where, at: Planes) -> _Regions:
    """3p behind the trachea, 6 on the arch's outer side, 3a before the great vessels."""
    t = w.trachea
    above = (w.z >= 0.0) & (w.z <= at.apex)
    three_p = above & w.between_lungs & (w.y > t.y + t.radius) & (w.y < t.y + t.radius + RETRO_MM)
    three_p = three_p & (np.abs(w.x - t.x) < t.radius + 12.0)
    front = w.between_lungs & w.behind_sternum
    at_arch = (w.z > at.arch_underside) & (w.z <= at.arch_top)
    six = front & at_arch & (w.x > w.ascending.x) & _outer_side(w, at)[:, :, None]
    return (Station.S3P, three_p), (Station.S6, six), (Station.S3A, front & above & _prevascular(w, at))


def _outer_side(w: Where, at: Planes) -> Mask:
    """Columns (nx, ny) to the left and in front of the arch's middle line, and beside it."""
    k = int(np.clip(np.searchsorted(w.z.ravel(), at.arch_underside), 0, w.shape[2] - 1))
    a, d = w.ascending, w.descending
    start, end = np.array([a.x[k], a.y[k]]), np.array([d.x[k], d.y[k]])
    # an arch bows around the trachea: its middle lies further out than the straight line
    bow = 0.15 * np.array([end[1] - start[1], start[0] - end[0]])
    t = np.linspace(0.0, 1.0, 25)[:, None]
    arch = (1 - t) ** 2 * start + 2 * t * (1 - t) * ((start + end) / 2 + bow) + t**2 * end
    x, y = np.broadcast_arrays(w.x[:, :, 0], w.y[:, :, 0])
    points = np.stack([x, y], axis=-1)
    far, nearest = cKDTree(arch).query(points.reshape(-1, 2))
    way = np.gradient(arch, axis=0)[nearest]
    gap = points.reshape(-1, 2) - arch[nearest]
    outside = gap[:, 0] * way[:, 1] - gap[:, 1] * way[:, 0] > 0
    reach = far < max(a.radius[k], d.radius[k]) + 20.0
    return np.asarray((outside & reach).reshape(x.shape) & (y < end[1]))


def _prevascular(w: Where, at: Planes) -> Mask:
    """Before the trachea and a line from the upper cava's front to the left carotid's, lower down to the aorta's."""
    t = w.trachea
    return np.asarray((w.y < _vessel_front(w, at)) & (np.abs(w.x - t.x) < 60.0))


def _vessel_front(w: Where, at: Planes) -> Floats:
    """Y (nx, 1, nz) of that line: what lies in front of it is 3a, or chest wall."""
    t, c, a = w.trachea, w.cava, w.ascending
    low = w.z.ravel() <= at.arch_top
    x = np.where(low, a.x, t.x + t.radius + 6.0)
    y = np.where(low, a.y - a.radius, t.y - t.radius - 8.0)
    share = np.clip((w.x - c.x) / np.maximum(x - c.x, 1.0), 0.0, 1.0)
    line = (1.0 - share) * (c.y - c.radius) + share * y
    return np.asarray(np.minimum(line, t.y - t.radius))


def _paratracheal(w: Where, at: Planes) -> _Regions:
    """2, 4 and 5; the left wall of the trachea parts right from left."""
    t = w.trachea
    wall = t.x + t.radius
    beside = w.between_lungs & (np.abs(w.x - t.x) < t.radius + BESIDE_MM) & (w.y <= t.y + t.radius + 12.0)
    beside = beside & (w.z <= at.apex) & (w.y >= _vessel_front(w, at))
    right, left = beside & (w.x <= wall), beside & (w.x > wall)
    above_artery = (w.z > at.left_artery) & (w.z <= at.arch_top)
    under_arch = above_artery & (w.z <= at.arch_underside)
    five = w.between_lungs & under_arch & (w.x > wall + LIGAMENT_MM)
    five = five & (w.y > w.ascending.y) & (w.y < w.descending.y + 8.0)
    return (
        (Station.S2R, right & (w.z > at.brachiocephalic)),
        (Station.S2L, left & (w.z > at.arch_top)),
        (Station.S4R, right & (w.z > at.azygos)),
        (Station.S5, five),
        (Station.S4L, left & above_artery & ((w.z > at.arch_underside) | (w.y > w.ascending.y))),
    )


def _lower(w: Where, at: Planes) -> _Regions:
    """7 between the bronchi, 8 about the oesophagus below it, 9 beside that in the pulmonary ligaments."""
    right, left, gullet = w.right, w.left, w.gullet
    low = np.where(w.x < 0.5 * (right.x + left.x), at.right_end, at.left_end)
    front, back = np.minimum(right.y, left.y) - 16.0, np.maximum(gullet.y + 6.0, np.maximum(right.y, left.y) + 12.0)
    seven = (w.z < 0.0) & (w.z > low) & (w.x > right.x) & (w.x < left.x) & (w.y > front) & (w.y < back)
    away, below = np.hypot(w.x - gullet.x, w.y - gullet.y), w.z <= low
    nine = below & (w.z < at.pulmonary_vein) & (away < 48.0) & (w.y > gullet.y - 22.0) & (w.y < gullet.y + 14.0)
    return (
        (Station.S7, seven),
        (Station.S8, below & (away < 20.0)),
        (Station.S9R, nine & (w.x <= gullet.x)),
        (Station.S9L, nine & (w.x > gullet.x)),
    )


def _under_roof(w: Where, at: Planes, regions: _Regions) -> _Regions:
    """10 ends above at the azygos on the right, at the upper rim of the pulmonary artery on the left."""
    roofs = {Station.S10R: at.azygos, Station.S10L: at.left_artery}
    return tuple((s, region & (w.z <= roofs[s]) if s in roofs else region) for s, region in regions)
