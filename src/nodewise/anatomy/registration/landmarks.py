"""A reference laid over a patient by landmarks alone: anchored at the carina, scaled piecewise between planes.

Warps driven by lungs and bones move the carina by 20 mm and more while their overlap looks well; a map that keeps
the carina and stretches along x, y and z does better at points that it was not shown (``bench/registration.py``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.registration.warp import Warp
from nodewise.values.atlas import Frame
from nodewise.values.grid import Floats, Grid

NEAREST_MM = 8.0
"""Planes nearer to each other than this in either chest are not both used."""
SCALES = (0.7, 1.4)
BEYOND_MM = 300.0
STEP_MM = 2.0


def register_frames(patient: Frame, reference: Frame) -> Warp:
    """The map between two chests by their frames; heights keep their order, so nothing folds."""
    sx, sy = (_ratio(a, b) for a, b in ((patient.width_mm, reference.width_mm), (patient.depth_mm, reference.depth_mm)))
    sz = float(np.sqrt(sx * sy))
    scale = np.array([sx, sy, sz])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(scale)
    matrix[:3, 3] = np.asarray(reference.carina) - scale * patient.carina
    before, after = _heights(patient, reference, matrix)
    levels = np.arange(after[0], after[-1], STEP_MM)
    # along z first, then sideways by what belongs to the level reached
    aside = _middle_at(reference, levels) - _middle_of(patient, matrix, np.interp(levels, after, before))
    grid = Grid.of((2, 2, len(levels)), (100.0, 100.0, STEP_MM), (*reference.carina[:2], float(levels[0])))
    reached = np.interp(levels, before, after)
    forward = np.stack([*_at(aside, levels, reached), reached - levels])
    backward = np.stack([*(-aside.T), np.interp(levels, after, before) - levels])
    fields = [np.broadcast_to(f[:, None, None, :], (3, *grid.shape)).astype(np.float32) for f in (forward, backward)]
    return Warp(matrix, grid, fields[0], fields[1], 0.0, "landmarks")


def _ratio(patient: float | None, reference: float | None) -> float:
    if patient is None or reference is None or patient <= 0:
        return 1.0
    return float(np.clip(reference / patient, *SCALES))


def _heights(patient: Frame, reference: Frame, matrix: Floats) -> tuple[Floats, Floats]:
    """Rising heights after the affine map and where they belong, both from 300 mm below to 300 mm above the planes."""
    shared = sorted(
        (patient.planes[name], reference.planes[name], name) for name in patient.planes.keys() & reference.planes.keys()
    )
    kept = [(a, b) for a, b, name in shared if name == "carina"]
    for a, b, _ in shared:
        if all(min(abs(a - x), abs(b - y)) >= NEAREST_MM and (a > x) == (b > y) for x, y in kept):
            kept.append((a, b))
    kept.sort()
    before = np.array([matrix[2, 2] * a + matrix[2, 3] for a, _ in kept])
    after = np.array([b for _, b in kept])
    before = np.concatenate([[before[0] - BEYOND_MM], before, [before[-1] + BEYOND_MM]])
    return before, np.concatenate([[after[0] - BEYOND_MM], after, [after[-1] + BEYOND_MM]])


def _middle_at(frame: Frame, heights: Floats) -> Floats:
    """Left and back (n, 2) of the middle at these heights, its ends held."""
    middle = np.asarray(frame.middle)
    return np.stack([np.interp(heights, middle[:, 2], middle[:, a]) for a in (0, 1)], axis=1)


def _middle_of(patient: Frame, matrix: Floats, heights: Floats) -> Floats:
    """The patient's middle after the affine map, at heights after it."""
    own = (heights - matrix[2, 3]) / matrix[2, 2]
    return np.asarray(_middle_at(patient, own) * np.diag(matrix)[:2] + matrix[:2, 3])


def _at(aside: Floats, levels: Floats, heights: Floats) -> list[npt.NDArray[np.float64]]:
    return [np.interp(heights, levels, part) for part in aside.T]
