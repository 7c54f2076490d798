"""The trachea slice by slice: where its walls are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.carina import Split
from nodewise.anatomy.working import Mask


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """Centre ``x``, ``y`` and the ``left`` and ``back`` walls by slice, (nz,) voxels each.

    Below the carina and above the airway the nearest slice's values are repeated.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    left: npt.NDArray[np.float64]
    back: npt.NDArray[np.float64]


def tracheal_walls(airway: Mask, split: Split, spacing_mm: float) -> Walls:
    """Walls from 6 mm above the carina, where the section is still one round hole, smoothed over 14 mm."""
    nz = airway.shape[2]
    start = min(int(split.point[2] + 6.0 / spacing_mm), nz - 1)
    rows: list[tuple[float, float, float, float]] = []
    for k in range(start, nz):
        x, y = np.nonzero(airway[:, :, k])
        if x.size:
            rows.append((x.mean(), y.mean(), x.max() + 0.5, y.max() + 0.5))
        else:
            half = 9.0 / spacing_mm
            rows.append(rows[-1] if rows else (split.point[0], split.point[1], split.point[0] + half, split.point[1]))
    filled = np.vstack([np.repeat([rows[0]], start, axis=0), rows]) if start else np.array(rows)
    smooth = ndimage.median_filter(filled, (9, 1), mode="nearest")
    return Walls(smooth[:, 0], smooth[:, 1], smooth[:, 2], smooth[:, 3])
