"""The box in which to look for thoracic nodes."""

from __future__ import annotations

import numpy as np

from nodewise.anatomy.chest import Chest
from nodewise.values.anatomy import Region
from nodewise.values.box import Box
from nodewise.values.grid import Grid

HALF_WIDTH_MM = 85.0
ABOVE_APEX_MM = 25.0


def mediastinum(chest: Chest, grid: Grid) -> tuple[Region, tuple[str, ...]]:
    """From the neck's base to the heart's base, from the breastbone to the spine, with the inner halves of the lungs.

    Where a lung is missing the body's front and sides bound it; without a carina too it is the body's box
    and a warning says so.
    """
    right, left, mm = chest.lungs.right, chest.lungs.left, chest.spacing_mm
    two = bool(right.any() and left.any())
    if chest.canal is None or not (two or chest.carina is not None):
        whole = Box((0, 0, 0), grid.shape)
        return _region(grid, whole), ("No mediastinum could be told from the lungs: the whole body is searched.",)
    bounds = Box.around(right | left if two else chest.body)
    bottom, top = _ends(chest, bounds, two)
    canal = chest.canal.centres[bottom:top]
    middle = chest.carina.split.point[0] if chest.carina is not None else canal[:, 0].mean()
    reach = HALF_WIDTH_MM / mm
    low = (int(max(middle - reach, bounds.start[0])), max(bounds.start[1] - round(6.0 / mm), 0), bottom)
    high = (int(min(middle + reach, bounds.stop[0])), int(canal[:, 1].max()), top)
    return _region(grid, Box(low, (max(high[0], low[0] + 1), max(high[1], low[1] + 1), top))), ()


def _ends(chest: Chest, bounds: Box, two_lungs: bool) -> tuple[int, int]:
    """First and last slice: 25 mm above the apex, and where the lungs' section falls below a quarter of its largest.

    With a carina they are kept within 60 to 130 mm below it and at least 70 mm above.
    """
    mm, nz = chest.spacing_mm, chest.body.shape[2]
    bottom, top = bounds.start[2], bounds.stop[2]
    if two_lungs:
        area = (chest.lungs.right | chest.lungs.left).sum(axis=(0, 1))
        bottom, top = int(np.flatnonzero(area > 0.25 * area.max())[0]), top + round(ABOVE_APEX_MM / mm)
    if chest.carina is not None:
        zero = float(chest.carina.split.point[2])
        bottom = int(np.clip(bottom, zero - 130.0 / mm, zero - 60.0 / mm))
        top = max(top, int(zero + 70.0 / mm))
    bottom = max(bottom, 0)
    return bottom, max(min(top, nz), bottom + 1)


def _region(grid: Grid, box: Box) -> Region:
    """Voxel edges of a box on a lattice along the patient's axes, in LPS mm."""
    low, high = grid.to_lps(np.array(box.start) - 0.5).tolist(), grid.to_lps(np.array(box.stop) - 0.5).tolist()
    return Region((low[0], low[1], low[2]), (high[0], high[1], high[2]))
