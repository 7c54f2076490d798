"""Named points of a chest, each with how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.carina import Bronchus
from nodewise.anatomy.chest import Chest
from nodewise.values.anatomy import Landmark, LandmarkStatus
from nodewise.values.grid import Grid

MISSING = Landmark(None, LandmarkStatus.NOT_FOUND, 0.0)
RIGHT_MM, LEFT_MM = 12.0, 25.0


def landmarks(chest: Chest, grid: Grid) -> Mapping[str, Landmark]:
    """Carina, top of the trachea as seen, main bronchi (12 mm right, 25 mm left of the carina), top of the arch."""
    found = dict.fromkeys(("carina", "trachea_top", "right_main_bronchus", "left_main_bronchus", "arch_top"), MISSING)
    if chest.carina is None:
        return MappingProxyType(found)
    carina = chest.carina
    status = LandmarkStatus.AT_EDGE if carina.split.at_edge else LandmarkStatus.FOUND
    found["carina"] = _landmark(grid, carina.split.point, status, carina.trust)
    top = int(np.flatnonzero(chest.airway.any(axis=(0, 1)))[-1])
    edge = top >= chest.hu.shape[2] - 2
    place = np.array([carina.walls.x[top], carina.walls.y[top], float(top)])
    status = LandmarkStatus.AT_EDGE if edge else LandmarkStatus.FOUND
    found["trachea_top"] = _landmark(grid, place, status, 0.5 if edge else 0.7)
    found["right_main_bronchus"] = _along(grid, carina.right, RIGHT_MM, carina.trust)
    found["left_main_bronchus"] = _along(grid, carina.left, LEFT_MM, carina.trust)
    if chest.arch is not None:
        found["arch_top"] = _landmark(grid, np.array(chest.arch.top), LandmarkStatus.FOUND, chest.arch.trust)
    return MappingProxyType(found)


def _landmark(grid: Grid, voxel: npt.NDArray[np.float64], status: LandmarkStatus, confidence: float) -> Landmark:
    x, y, z = grid.to_lps(voxel).tolist()
    return Landmark((x, y, z), status, confidence)


def _along(grid: Grid, bronchus: Bronchus, depth_mm: float, confidence: float) -> Landmark:
    at = int(np.searchsorted(bronchus.depth_mm, depth_mm))
    if at >= len(bronchus.path):
        return MISSING
    return _landmark(grid, bronchus.path[at], LandmarkStatus.FOUND, confidence)
