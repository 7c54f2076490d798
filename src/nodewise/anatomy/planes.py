"""Heights of the planes that part the stations (IASLC map, Rusch et al. 2009, J Thorac Oncol 4:568, table 1).

A vessel's rim where the vessel was found, and otherwise its usual height by the carina and the arch: approximate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.anatomy.carina import Bronchus
from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.sternum import usual_manubrium_mm
from nodewise.anatomy.tubes import Tube
from nodewise.anatomy.vessels import USUAL_ARCH_MM, Vessels

USUAL_AORTA_MM = 12.5
ARCH_TO_DESCENDING, ARCH_TO_ASCENDING = 2.25, 1.7  # thickness of the arch by the radii of what leads from and to it
SAG_MM = 4.0  # the azygos's arch hangs so far below its middle where it leaves the spine
SPUR_MM = 6.0  # lumina are seen to part so far below the upper border of the lower lobe's bronchus
USUAL_END_MM = {"right": -45.0, "left": -30.0}


@dataclass(frozen=True, slots=True)
class Planes:
    """Heights in mm above the carina.

    Attributes:
        apex: upper border of station 2, the manubrium's. arch_top, arch_underside: of the aortic arch.
        brachiocephalic: caudal margin of the left brachiocephalic vein before the trachea, between 2R and 4R.
        azygos: lower border of its arch, under 4R. left_artery: upper rim of the left pulmonary artery, under 4L and 5.
        right_end, left_end: where station 7 ends below: lower border of the bronchus intermedius on the right, upper
            border of the lower lobe's bronchus on the left. pulmonary_vein: lower margin of the lower ones, above 9.
    """

    apex: float
    arch_top: float
    arch_underside: float
    brachiocephalic: float
    azygos: float
    left_artery: float
    right_end: float
    left_end: float
    pulmonary_vein: float


def planes(chest: Chest, carina: Carina) -> Planes:
    """The planes that part the stations, from what was found and otherwise from usual heights."""
    mm, zero = chest.spacing_mm, float(carina.split.point[2])
    top = USUAL_ARCH_MM if chest.arch is None else (chest.arch.top[2] - zero) * mm
    found = chest.vessels
    assert found is not None
    underside = max(top - _thick(chest, found), 0.2 * top)
    if chest.arch is not None and chest.arch.underside is not None:
        underside = (chest.arch.underside - zero) * mm
    vein = top + 2.0
    if found.left_vein is not None:
        vein = float(np.clip(_rim(found.left_vein, zero, mm, -1, at=(0, carina.walls.x[int(zero)])), top - 6, top + 20))
    azygos = min(6.0, 0.2 * top)
    if found.azygos is not None:
        azygos = float(np.clip(_rim(found.azygos, zero, mm, -1) - SAG_MM, -2.0, 12.0))
    artery = float(np.clip(underside - 6.0, -8.0, 3.0))
    if found.left_artery is not None:
        artery = float(np.clip(_rim(found.left_artery, zero, mm, 1), -12.0, min(underside, 12.0)))
    apex = usual_manubrium_mm(top)
    if chest.manubrium is not None:
        apex = max((chest.manubrium[2] - zero) * mm, top + 8.0)
    right, left = _end(carina.right, zero, mm, "right"), _end(carina.left, zero, mm, "left") + SPUR_MM
    return Planes(apex, top, underside, vein, azygos, artery, right, left, min(right, left) - 12.0)


def _thick(chest: Chest, found: Vessels) -> float:
    """Thickness of the arch in mm."""
    radius = USUAL_AORTA_MM if chest.arch is None else chest.arch.radius_mm
    by = [ARCH_TO_DESCENDING * radius]
    if found.ascending is not None:
        by.append(ARCH_TO_ASCENDING * float(np.median(found.ascending.radii)) * chest.spacing_mm)
    return float(np.mean(by))


def _rim(tube: Tube, zero: float, mm: float, way: int, at: tuple[int, float] | None = None) -> float:
    """Height in mm of a tube's upper (``way`` 1) or lower (−1) rim: its extreme, or at a voxel of an axis."""
    rims = (tube.centres[:, 2] + way * tube.radii - zero) * mm
    if at is not None:
        return float(rims[int(np.argmin(np.abs(tube.centres[:, at[0]] - at[1])))])
    return float(rims.max() if way > 0 else rims.min())


def _end(bronchus: Bronchus, zero: float, mm: float, side: str) -> float:
    """Height at which a main bronchus, the right one with the bronchus intermedius, divides."""
    usual, depths = USUAL_END_MM[side], {"right": (42.0, 72.0), "left": (30.0, 65.0)}[side]
    for at in bronchus.forks:
        if depths[0] <= bronchus.depth_mm[at] <= depths[1]:
            return float(np.clip((bronchus.path[at][2] - zero) * mm, usual - 18.0, usual + 12.0))
    return usual
