"""The spinal canal: a soft disk in a ring of bone, followed from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.working import Array, Mask, annulus, block_mean, filtered

FACTOR = 2
BONE_HU = 160.0


@dataclass(frozen=True, slots=True, eq=False)
class Canal:
    """Centres (nz, 2) in voxels, one a slice of the working lattice; ``score`` (nz,) is ring minus disk, 0 to 1."""

    centres: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]


def find_canal(hu: Array, body: Mask, spacing_mm: float) -> Canal | None:
    """The path of best ring-minus-disk score through the back of the body; None where there is no body."""
    columns, rows = np.flatnonzero(body.any(axis=(1, 2))), np.flatnonzero(body.any(axis=(0, 2)))
    if columns.size == 0:
        return None
    step = FACTOR * spacing_mm
    middle, reach = columns.mean(), 55.0 / spacing_mm
    x0, x1 = max(int(middle - reach), 0), min(int(middle + reach), hu.shape[0])
    y0, y1 = int(rows[0] + 0.35 * (rows[-1] - rows[0])), int(rows[-1]) + 1
    bone = block_mean(hu[x0:x1, y0:y1] > BONE_HU, FACTOR)
    dark = block_mean(hu[x0:x1, y0:y1] < -150.0, FACTOR)
    ring, disk = annulus(9.0 / step, 17.0 / step), annulus(0.0, 6.5 / step)
    bone_ring, bone_disk, dark_ring, dark_disk = (
        filtered(stack, kernel, "constant") for stack in (bone, dark) for kernel in (ring, disk)
    )
    score = bone_ring - bone_disk - 0.5 * dark_ring - dark_disk
    path = best_path(score)
    own = score[path[:, 0], path[:, 1], np.arange(len(path))]
    smooth = ndimage.gaussian_filter1d(path.astype(float), 6.0 / step, axis=0, mode="nearest")
    at = (np.arange(hu.shape[2]) - (FACTOR - 1) / 2) / FACTOR
    places = [np.interp(at, np.arange(len(path)), smooth[:, a]) * FACTOR + (FACTOR - 1) / 2 for a in (0, 1)]
    return Canal(np.column_stack([places[0] + x0, places[1] + y0]), np.interp(at, np.arange(len(path)), own))


def best_path(score: Array) -> npt.NDArray[np.int64]:
    """One place a slice, moving at most one voxel between slices, with the largest sum (dynamic programming)."""
    nx, ny, nz = score.shape
    moves = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    total = score[:, :, 0].copy()
    came = np.zeros((nx, ny, nz), np.int8)
    for k in range(1, nz):
        wide = np.pad(total, 1, constant_values=-np.inf)
        options = np.stack([wide[1 + a : 1 + a + nx, 1 + b : 1 + b + ny] - 0.02 * (a * a + b * b) for a, b in moves])
        came[:, :, k] = options.argmax(axis=0)
        total = options.max(axis=0) + score[:, :, k]
    path = np.zeros((nz, 2), np.int64)
    path[-1] = np.unravel_index(int(total.argmax()), total.shape)
    for k in range(nz - 1, 0, -1):
        path[k - 1] = path[k] + moves[came[path[k, 0], path[k, 1], k]]
    return path
