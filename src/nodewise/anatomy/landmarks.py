"""Named points of a chest, each with how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.carina import Bronchus
from nodewise.anatomy.chest import Carina, Chest
from nodewise.anatomy.hilum import LEFT_MM, MIDDLE_MM, UPPER_MM, seen_fork
from nodewise.anatomy.planes import planes
from nodewise.anatomy.tubes import Tube
from nodewise.values.anatomy import Landmark, LandmarkStatus
from nodewise.values.grid import Grid

MISSING = Landmark(None, LandmarkStatus.NOT_FOUND, 0.0)
MAIN_RIGHT_MM, MAIN_LEFT_MM = 12.0, 25.0
SUREST_HU = 160.0  # the score of a vessel that stands alone in fat
NAMES = (
    "carina", "trachea_top", "right_main_bronchus", "left_main_bronchus", "right_upper_lobe_bronchus",
    "bronchus_intermedius", "left_lobar_division", "arch_top", "arch_underside", "manubrium_top",
    "left_brachiocephalic_vein", "azygos_arch", "left_pulmonary_artery", "superior_vena_cava", "ascending_aorta",
)  # fmt: skip


def landmarks(chest: Chest, grid: Grid) -> Mapping[str, Landmark]:
    """Every name of ``NAMES``, in that order; all not found without a carina.

    The main bronchi are marked 12 mm (right) and 25 mm (left) beyond the carina, the take-off of the right upper lobe's
    bronchus, the end of the bronchus intermedius and the left lobes' division where the lumina are seen to part, tubes
    at their middle: the vein before the trachea, the left pulmonary artery where it is highest.
    """
    found = dict.fromkeys(NAMES, MISSING)
    if chest.carina is None:
        return MappingProxyType(found)
    carina = chest.carina
    status = LandmarkStatus.AT_EDGE if carina.split.at_edge else LandmarkStatus.FOUND
    found["carina"] = _landmark(grid, carina.split.point, status, carina.trust)
    found["trachea_top"] = _trachea_top(chest, carina, grid)
    found["right_main_bronchus"] = _along(grid, carina.right, MAIN_RIGHT_MM, carina.trust)
    found["left_main_bronchus"] = _along(grid, carina.left, MAIN_LEFT_MM, carina.trust)
    for name, bronchus, depths in (
        ("right_upper_lobe_bronchus", carina.right, UPPER_MM),
        ("bronchus_intermedius", carina.right, MIDDLE_MM),
        ("left_lobar_division", carina.left, LEFT_MM),
    ):
        deep = seen_fork(bronchus, depths)
        if deep is not None:
            found[name] = _along(grid, bronchus, deep, 0.7 * carina.trust)
    return MappingProxyType({**found, **_arch(chest, carina, grid), **_vessels(chest, carina, grid)})


def _trachea_top(chest: Chest, carina: Carina, grid: Grid) -> Landmark:
    top = int(np.flatnonzero(chest.airway.any(axis=(0, 1)))[-1])
    edge = top >= chest.hu.shape[2] - 2
    place = np.array([carina.walls.x[top], carina.walls.y[top], float(top)])
    status = LandmarkStatus.AT_EDGE if edge else LandmarkStatus.FOUND
    return _landmark(grid, place, status, 0.5 if edge else 0.7)


def _arch(chest: Chest, carina: Carina, grid: Grid) -> Mapping[str, Landmark]:
    """The arch's top and underside, and the manubrium's top where the planes go by it."""
    found: dict[str, Landmark] = {}
    at, zero, mm = planes(chest, carina), carina.split.point[2], chest.spacing_mm
    if chest.arch is not None:
        top = np.array(chest.arch.top)
        low = np.array([top[0], top[1], zero + at.arch_underside / mm])
        found["arch_top"] = _landmark(grid, top, LandmarkStatus.FOUND, chest.arch.trust)
        found["arch_underside"] = _landmark(grid, low, LandmarkStatus.FOUND, 0.7 * chest.arch.trust)
    if chest.manubrium is not None:
        found["manubrium_top"] = _landmark(grid, np.array(chest.manubrium), LandmarkStatus.FOUND, 0.6)
    return found


def _vessels(chest: Chest, carina: Carina, grid: Grid) -> Mapping[str, Landmark]:
    """A point in the middle of each vessel that was found."""
    found: dict[str, Landmark] = {}
    vessels = chest.vessels
    if vessels is None:
        return found
    if vessels.left_vein is not None:
        tracheal = carina.walls.x[int(carina.split.point[2])]
        nearest = int(np.abs(vessels.left_vein.centres[:, 0] - tracheal).argmin())
        found["left_brachiocephalic_vein"] = _on(grid, vessels.left_vein, nearest, carina.trust)
    if vessels.left_artery is not None:
        highest = int(vessels.left_artery.centres[:, 2].argmax())
        found["left_pulmonary_artery"] = _on(grid, vessels.left_artery, highest, carina.trust)
    for name, tube in (
        ("azygos_arch", vessels.azygos),
        ("superior_vena_cava", vessels.cava),
        ("ascending_aorta", vessels.ascending),
    ):
        if tube is not None:
            found[name] = _on(grid, tube, len(tube.centres) // 2, carina.trust)
    return found


def _on(grid: Grid, tube: Tube, at: int, trust: float) -> Landmark:
    """One circle's middle, as sure as the tube stands out from what lies about it."""
    confidence = round(0.8 * min(tube.score / SUREST_HU, 1.0) * trust, 3)
    return _landmark(grid, tube.centres[at], LandmarkStatus.FOUND, confidence)


def _landmark(grid: Grid, voxel: npt.NDArray[np.float64], status: LandmarkStatus, confidence: float) -> Landmark:
    x, y, z = grid.to_lps(voxel).tolist()
    return Landmark((x, y, z), status, confidence)


def _along(grid: Grid, bronchus: Bronchus, depth_mm: float, confidence: float) -> Landmark:
    at = int(np.searchsorted(bronchus.depth_mm, depth_mm))
    if at >= len(bronchus.path):
        return MISSING
    return _landmark(grid, bronchus.path[at], LandmarkStatus.FOUND, confidence)
