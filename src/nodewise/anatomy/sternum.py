"""The upper border of the manubrium, in the midline."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.anatomy.spine import Canal
from nodewise.anatomy.working import Array, Mask

BONE_HU = 110.0
HALF_MM, STEP_MM, GAP_MM = 7.5, 4.5, 9.0  # half the strip's width; how far bone moves to front or back; cartilage
BELOW_ARCH_MM = 15.0
APEX_MM = 12.0  # bone that ends further from where the manubrium usually does is something else


def usual_manubrium_mm(arch_mm: float) -> float:
    """Usual height of the manubrium's upper border above the carina, by that of the arch; a judgement."""
    return max(0.25 * arch_mm + 60.0, arch_mm + 10.0)


def manubrium_top(
    hu: Array, body: Mask, canal: Canal, carina_z: float, arch_z: float, mm: float
) -> tuple[float, float, float] | None:
    """Where (voxels) the foremost bone of the midline, followed upwards from below the arch's top, ends.

    None where there is no bone to follow, or where it does not end within 12 mm of its usual height.
    """
    usual = carina_z + usual_manubrium_mm((arch_z - carina_z) * mm) / mm
    start = int(np.clip(arch_z - BELOW_ARCH_MM / mm, 0, hu.shape[2] - 1))
    stop = min(int(usual + (APEX_MM + GAP_MM) / mm) + 2, hu.shape[2])
    place: float | None = None
    last = start
    for k in range(start, stop):
        row = _foremost(hu, body, canal, k, mm)
        if row is None or (place is not None and abs(row - place) * mm > STEP_MM + (k - last - 1) * mm):
            if place is not None and (k - last) * mm > GAP_MM:
                break
            continue
        place, last = row, k
    ended = (stop - 1 - last) * mm > GAP_MM
    if place is None or not ended or abs(last - usual) * mm > APEX_MM:
        return None
    return float(canal.centres[last, 0]), place, last + 0.5


def _foremost(hu: Array, body: Mask, canal: Canal, k: int, mm: float) -> float | None:
    """Row of the foremost bone in the strip before the spine, where most of its columns have some."""
    x, y = canal.centres[k]
    low, high = max(round(x - HALF_MM / mm), 0), min(round(x + HALF_MM / mm) + 1, hu.shape[0])
    rows = max(int(y - 45.0 / mm), 1)
    bone = (ndimage.uniform_filter(hu[low:high, :rows, k], 3) > BONE_HU) & body[low:high, :rows, k]
    with_bone = bone.any(axis=1)
    return float(np.median(bone.argmax(axis=1)[with_bone])) if with_bone.mean() > 0.5 else None
