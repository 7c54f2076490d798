"""Round soft tubes on a dark ground: vessels, with contrast medium or without, followed along one axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.spine import best_path
from nodewise.anatomy.working import Array, Mask, annulus, filtered
from nodewise.values.box import Box

DARKEST_HU, BRIGHTEST_HU = -150.0, 60.0  # fat and all soft tissue: enhanced or not, a tube then looks the same

SMOOTH_MM = 1.2  # noise counts as spread otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """Circles across a tube: ``centres`` (n, 3) and ``radii`` (n,) in voxels; ``score`` in HU, the median's."""

    centres: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    score: float


def circle_scores(level: Array, radii_mm: npt.NDArray[np.float64], spacing_mm: float) -> tuple[Array, Array]:
    """Best inside − ring − 2 SD over the radii at each place of each slice of the last axis, and that radius in mm."""
    best = np.full(level.shape, -np.inf, np.float32)
    radius = np.zeros(level.shape, np.float32)
    for r in radii_mm:
        disk, ring = annulus(0.0, 0.9 * r / spacing_mm), annulus(1.15 * r / spacing_mm, 1.15 * r / spacing_mm + 2.0)
        inside = filtered(level, disk, "edge")
        spread = np.sqrt(np.maximum(filtered(level * level, disk, "edge") - inside * inside, 0.0))
        score = inside - filtered(level, ring, "edge") - 2.0 * spread
        better = score > best
        best[better], radius[better] = score[better], r
    return best, radius


def find_tube(
    hu: Array, box: Box, axis: int, radii_mm: npt.NDArray[np.float64], spacing_mm: float, allowed: Mask | None = None
) -> Tube | None:
    """The best chain of circles through a box, one for each place along ``axis``.

    Args:
        hu: (x, y, z) on an isotropic lattice.
        box: searched.
        axis: that the tube follows roughly, 0 to 2.
        radii_mm: tried.
        spacing_mm: of the lattice.
        allowed: where centres may lie, of the box's shape.

    Returns:
        None where the box is too small to look in.
    """
    if min(box.shape) < 3:
        return None
    margin = [math.ceil(1.15 * radii_mm[-1] / spacing_mm) + 3] * 3
    margin[axis] = 0
    wide = box.expanded((margin[0], margin[1], margin[2])).clipped(hu.shape)
    part = np.clip(np.moveaxis(hu[wide.slices], axis, 2), DARKEST_HU, BRIGHTEST_HU).astype(np.float32)
    part = ndimage.gaussian_filter(part, SMOOTH_MM / spacing_mm)
    score, radius = circle_scores(part, radii_mm, spacing_mm)
    inside = np.zeros(wide.shape, bool)
    inner = box.shifted((-wide.start[0], -wide.start[1], -wide.start[2]))
    inside[inner.slices] = True if allowed is None else allowed
    score[~np.moveaxis(inside, axis, 2)] = -1e3
    path = best_path(score)
    along = np.arange(len(path))
    at = (path[:, 0], path[:, 1], along)
    smooth = ndimage.gaussian_filter1d(path.astype(float), 1.5, axis=0, mode="nearest")
    centres = np.insert(smooth, axis, along, axis=1) + wide.start
    return Tube(centres, ndimage.median_filter(radius[at], 5) / spacing_mm, float(np.median(score[at])))
