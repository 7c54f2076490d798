"""On which side the heart lies, by how far the two lungs keep from the spine's midline before it."""

from __future__ import annotations

import numpy as np

from nodewise.anatomy.lungs import Lungs
from nodewise.anatomy.spine import Canal

FIRST_MM, LAST_MM = 40.0, 80.0  # below the carina
NEAR_MM, FAR_MM = 50.0, 90.0  # in front of the spinal canal


def heart_offset_mm(lungs: Lungs, canal: Canal, carina_z: float, mm: float) -> float | None:
    """How far left of the canal the middle between the lungs lies at the heart: about 15 mm, to the right if negative.

    None where fewer than five slices show both lungs beside it.
    """
    low, high = max(int(carina_z - LAST_MM / mm), 0), max(int(carina_z - FIRST_MM / mm), 0)
    offsets: list[float] = []
    for k in range(low, high):
        x, y = canal.centres[k]
        rows = slice(max(int(y - FAR_MM / mm), 0), max(int(y - NEAR_MM / mm), 0))
        right = np.flatnonzero(lungs.right[:, rows, k].any(axis=1))
        left = np.flatnonzero(lungs.left[:, rows, k].any(axis=1))
        if right.size and left.size:
            offsets.append((0.5 * float(right[-1] + left[0]) - x) * mm)
    return float(np.median(offsets)) if len(offsets) >= 5 else None
