"""The map of lymph node stations laid out by rule from organs.

Borders by ``borders``, ``border_planes`` and ``bronchial_zones``, each with its place in the IASLC map (Rusch et al.,
J Thorac Oncol 4:568-577, 2009). Where the organs of a border are not in the map it is put where landmarks of the CT
suggest, and the stations on both sides of it are told to be approximate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from nodewise.anatomy import border_planes as planes
from nodewise.anatomy.bronchial_zones import Bronchi
from nodewise.anatomy.levels import Levels
from nodewise.anatomy.organ_masks import AIRWAY, HEART, LUNG_LEFT, LUNG_RIGHT, VESSELS, Floats, Line, Organs, line
from nodewise.anatomy.working import Mask, dilated
from nodewise.values.station import Station

BESIDE_MM = 34.0  # from the tracheal wall, as far as paratracheal fat goes
BEHIND_MM = 12.0
NECK_MM, NECK_BACK_MM = 62.0, 26.0
ARCH_MM = 22.0  # from the arch's wall
GULLET_MM = 10.0  # from the oesophagus's wall: what lies adjacent to it
LIGAMENT_MM, LIGAMENT_FRONT_MM, LIGAMENT_BACK_MM = 48.0, 22.0, 14.0  # from the oesophagus's middle
REACH_MM = {10: 26.0, 11: 17.0, 12: 17.0, 13: 16.0, 14: 16.0}  # from a bronchus's middle


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    """Coordinates of the lattice in mm, ready to broadcast, and labels; what was named first stays."""

    x: Floats
    y: Floats
    z: Floats
    labels: npt.NDArray[np.uint8]

    def put(self, where: Mask, station: Station) -> None:
        free = self.labels == 0
        self.labels[where & free] = station.label


def station_map(organs: Organs, levels: Levels, trachea: Line, zones: Bronchi) -> npt.NDArray[np.uint8]:
    """Labels (``Station.label``) on the organs' lattice; vessels, airway, oesophagus, heart and lungs have none."""
    x, y, z = (organs.along(axis) for axis in range(3))
    labels = np.zeros(organs.labels.grid.shape, np.uint8)
    draft = _Draft(x[:, None, None], y[None, :, None], z[None, None, :], labels)
    _upper(draft, organs, levels, trachea)
    _lower(draft, organs, levels, zones)
    _hilar(draft, levels, zones)
    bones = [name for name in organs.numbers if name.startswith(("vertebrae_", "rib_"))]
    soft = ("esophagus", "thyroid_gland", "sternum", *VESSELS, *AIRWAY, *HEART, *LUNG_RIGHT, *LUNG_LEFT)
    solid = organs.mask(*soft, *bones)
    if solid is not None:
        labels[solid] = 0
    return labels


def _upper(d: _Draft, organs: Organs, at: Levels, trachea: Line) -> None:
    """Stations 1 to 6, above the carina or the left pulmonary artery."""
    x, y, z = d.x, d.y, d.z
    from_middle, behind = x - planes.tracheal_midline(trachea), y - trachea.back
    wall = planes.left_tracheal_wall(trachea)
    chest = z <= at.inlet
    neck = ~chest & (z <= at.cricoid) & (np.abs(from_middle) < NECK_MM) & (y - trachea.y < NECK_BACK_MM)
    d.put(neck & (from_middle <= 0), Station.S1R)
    d.put(neck & (from_middle > 0), Station.S1L)
    above = chest & (z >= at.carina[2])
    half = 0.5 * (trachea.left - trachea.right)
    d.put(above & (behind > 0) & (behind < 30.0) & (np.abs(from_middle) < half + BEHIND_MM), Station.S3P)
    arch = planes.outside_arch(organs, at.arch_low, at.arch_top)
    if arch is not None:
        outer, seen, back = arch
        near = outer & dilated(seen[:, :, None], ARCH_MM / organs.mm)[:, :, 0]
        level = (z > at.arch_low) & (z <= at.arch_top)
        d.put(near[:, :, None] & level & (y < back), Station.S6)
    front = planes.prevascular_back(organs, trachea, at.arch_top, x[:, 0, 0])
    if front is not None:
        d.put(above & (y < front[:, None, :]), Station.S3A)
    left = x > wall
    beside = chest & (np.abs(from_middle) < half + BESIDE_MM) & (behind <= BEHIND_MM)
    d.put(beside & ~left & (z > at.vein_crossing), Station.S2R)
    d.put(beside & left & (z > at.arch_top), Station.S2L)
    d.put(beside & ~left & (z > at.azygos_low), Station.S4R)
    ascending = planes.ascending_line(organs)
    fore = trachea.front if ascending is None else ascending.y
    ligament = planes.ligament_x(organs)
    ligament = wall + 16.0 if ligament is None else ligament
    back = float(trachea.back.max()) if arch is None else arch[2] + 8.0
    window = (z > at.left_artery) & (z <= at.arch_low)
    d.put(window & (x > ligament) & left & (y > fore) & (y < back), Station.S5)
    d.put(beside & left & (z > at.left_artery) & (z <= at.arch_top) & ((z > at.arch_low) | (y > fore)), Station.S4L)


def _lower(d: _Draft, organs: Organs, at: Levels, zones: Bronchi) -> None:
    """Stations 7, 8 and 9, below the carina."""
    x, y, z = d.x, d.y, d.z
    right, left = (_course(zones, d.z[0, 0], on_left) for on_left in (False, True))
    low = np.where(x < 0.5 * (right[0] + left[0]), at.intermediate_low, at.left_lower)
    gullet = organs.mask("esophagus")
    way = None if gullet is None else line(organs, gullet)
    deepest = np.maximum(right[1], left[1]) + 12.0
    between = (z < at.carina[2]) & (z > low) & (x > right[0]) & (x < left[0])
    back = deepest if way is None else np.maximum(deepest, way.y + 6.0)
    d.put(between & (y > np.minimum(right[1], left[1]) - 16.0) & (y < back), Station.S7)
    if way is None or gullet is None:
        return
    below = z <= low
    d.put(below & dilated(gullet, GULLET_MM / organs.mm), Station.S8)
    beside = np.hypot(x - way.x, y - way.y) < LIGAMENT_MM
    beside = beside & (y > way.y - LIGAMENT_FRONT_MM) & (y < way.y + LIGAMENT_BACK_MM)
    d.put(below & beside & (x <= way.x) & (z < at.right_vein), Station.S9R)
    d.put(below & beside & (x > way.x) & (z < at.left_vein), Station.S9L)


def _course(zones: Bronchi, z: Floats, on_left: bool) -> tuple[Floats, Floats]:
    """X and y (nz,) of the main bronchus of a side, on the right with the bronchus intermedius; its ends go on."""
    main = (zones.on_left == on_left) & zones.main
    points = zones.points[main]
    order = np.argsort(points[:, 2])
    heights = points[order, 2]
    return np.interp(z, heights, points[order, 0]), np.interp(z, heights, points[order, 1])


def _hilar(d: _Draft, at: Levels, zones: Bronchi) -> None:
    """Stations 10 to 14, each the nearest bronchus's own; 10 below the azygos's arch and the artery's upper rim."""
    reach_mm = max(REACH_MM.values())
    axes, ends = [axis.ravel() for axis in (d.x, d.y, d.z)], (zones.points - reach_mm, zones.points + reach_mm)
    first = [int(np.searchsorted(axis, low)) for axis, low in zip(axes, ends[0].min(axis=0), strict=True)]
    last = [int(np.searchsorted(axis, high)) for axis, high in zip(axes, ends[1].max(axis=0), strict=True)]
    near = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    free = np.argwhere(d.labels[near] == 0) + first
    lps = np.column_stack([axis[free[:, m]] for m, axis in enumerate(axes)])
    far, nearest = cKDTree(zones.points).query(lps, distance_upper_bound=reach_mm)
    nearest = np.minimum(nearest, len(zones.zone) - 1)
    zone, left = np.where(np.isfinite(far), zones.zone[nearest], 0), zones.on_left[nearest]
    roof = np.where(left, at.left_artery, at.azygos_low)
    for number, reach in REACH_MM.items():
        here = (zone == number) & (far < reach)
        if number == 10:
            here &= lps[:, 2] <= roof
        for side, code in ((~left, "R"), (left, "L")):
            d.labels[tuple(free[here & side].T)] = Station(f"{number}{code}").label
