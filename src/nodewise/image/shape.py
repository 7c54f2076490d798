"""How large a node is: RECIST diameters from pixel edges, the equivalent ellipsoid, the volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.values.grid import Floats, Grid, Point
from nodewise.values.node import Segment, Size

Mask = npt.NDArray[np.bool_]
_TIE = 1e-9  # two lengths that differ by less than this fraction are the same but for rounding


@dataclass(frozen=True, slots=True)
class _Axes:
    """Long and short axis of one slice, in mm within the slice's plane: lengths, and end points as rows."""

    slice_index: int
    area: int
    long_mm: float
    short_mm: float
    long_ends: Floats
    short_ends: Floats


def measure(mask: Mask, grid: Grid) -> Size:
    """Diameters and volume of one instance.

    On each axial slice (third array axis) the long axis is the largest distance between two corners of pixels of the
    instance, whatever parts it has there, and the short axis the largest extent at right angles to it (RECIST 1.1,
    Eisenhauer 2009, Eur J Cancer 45:228, section 4.2: both in the plane in which the images were acquired). Reported is
    the slice with the largest long axis; of equal ones the slice with the largest area, then the lowest. Where several
    pairs of corners are equally far apart, the one with the largest short axis counts. The short axis is drawn midway
    between its two supports along the long axis, so that the segment has exactly the extent and the right angle; on a
    bent outline its ends may lie off the contour.

    Args:
        mask: bool, (x, y, z), the instance in its crop.
        grid: of that crop; in-plane axes may be anisotropic, oblique or not quite at right angles.

    Raises:
        ValueError: nothing is true in ``mask``, or it does not lie on ``grid``.
    """
    if mask.shape != grid.shape or not mask.any():
        raise ValueError(f"needs a mask that is not empty, of the grid's shape {grid.shape}, not {mask.shape}")
    basis, in_plane = _plane(grid)
    slices = _axes_by_slice(mask, in_plane)
    best = max(slices, key=lambda s: (round(s.long_mm, 6), s.area, -s.slice_index))
    origin = grid.to_lps((0, 0, best.slice_index))
    volume = float(np.count_nonzero(mask)) * grid.voxel_volume_mm3
    return Size(
        short_axis_mm=best.short_mm,
        long_axis_mm=best.long_mm,
        long_axis_lps_mm=_segment(origin + best.long_ends @ basis.T),
        short_axis_lps_mm=_segment(origin + best.short_ends @ basis.T),
        short_axis_max_slice_mm=max(s.short_mm for s in slices),
        short_axis_ellipsoid_mm=ellipsoid_diameters_mm(mask, grid)[0],
        volume_mm3=volume,
        equivalent_radius_mm=_sphere_radius(volume),
    )


def ellipsoid_diameters_mm(mask: Mask, grid: Grid) -> Point:
    """Diameters of the ellipsoid with the mask's principal moments and volume, from small to large.

    ITK's ``EquivalentEllipsoidDiameter`` (moments of voxel centres, scaled to the mask's volume). Where the centres
    lie in one plane, as in a node on a single slice, ITK answers 0; here the extent of the voxels themselves is then
    added to the moments, so that such a node has a size too.
    """
    centres = np.argwhere(mask) @ grid.affine[:3, :3].T
    centres -= centres.mean(axis=0)
    moments = centres.T @ centres / len(centres)
    principal = np.linalg.eigvalsh(moments)
    if principal[0] <= _TIE * max(principal[2], min(grid.spacing) ** 2):
        principal = np.linalg.eigvalsh(moments + grid.affine[:3, :3] @ grid.affine[:3, :3].T / 12)
    radius = _sphere_radius(len(centres) * grid.voxel_volume_mm3)
    small, middle, large = 2 * radius * np.sqrt(principal / np.cbrt(np.prod(principal)))
    return float(small), float(middle), float(large)


def _sphere_radius(volume_mm3: float) -> float:
    """Radius in mm of the sphere of this volume."""
    return float(np.cbrt(3 * volume_mm3 / (4 * np.pi)))


def _plane(grid: Grid) -> tuple[Floats, Floats]:
    """Orthonormal axes of the slice plane (3×2), and the matrix from in-plane index to mm along them (2×2)."""
    columns = grid.affine[:3, :2]
    basis = np.linalg.qr(columns)[0]
    basis = basis * np.sign(np.sum(basis * columns, axis=0))
    return basis, basis.T @ columns


def _axes_by_slice(mask: Mask, in_plane: Floats) -> list[_Axes]:
    """The axes of every slice that holds part of the instance, from the lowest."""
    low, high = _outline(mask)
    area = np.count_nonzero(mask, axis=(0, 1))
    axes = []
    for k in np.flatnonzero(area):
        lines = np.flatnonzero(np.isfinite(low[:, k]))
        i = np.concatenate([low[lines, k], high[lines, k]])
        j = np.concatenate([lines, lines]) - 0.5
        axes.append(_axes(np.stack([i, j], axis=1) @ in_plane.T, int(k), int(area[k])))
    return axes


def _outline(mask: Mask) -> tuple[Floats, Floats]:
    """Least and greatest index along x of a pixel corner on each line between two rows: (y + 1, z), ±inf where none.

    The convex hull of these corners is that of all the pixels' corners.
    """
    nx, ny, nz = mask.shape
    there = mask.any(axis=0)
    first = np.where(there, mask.argmax(axis=0) - 0.5, np.inf)
    last = np.where(there, nx - mask[::-1].argmax(axis=0) - 0.5, -np.inf)
    low, high = np.full((ny + 1, nz), np.inf), np.full((ny + 1, nz), -np.inf)
    low[:-1], high[:-1] = first, last
    np.minimum(low[1:], first, out=low[1:])
    np.maximum(high[1:], last, out=high[1:])
    return low, high


def _axes(corners: Floats, slice_index: int, area: int) -> _Axes:
    """Long and short axis of corners (n, 2) in mm."""
    x, y = corners.T
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    longest = squared.max()
    a, b = np.nonzero(squared >= longest * (1 - _TIE))
    a, b = a[a < b], b[a < b]
    long_mm = float(np.sqrt(longest))
    along = (corners[b] - corners[a]) / long_mm
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    offset = corners @ across.T
    extent = np.ptp(offset, axis=0)
    n = int(np.argmax(extent >= extent.max() * (1 - _TIE)))
    ends = _short_ends(corners @ along[n], offset[:, n])
    short_ends = ends[:, :1] * along[n] + ends[:, 1:] * across[n]
    return _Axes(slice_index, area, long_mm, float(extent[n]), corners[[a[n], b[n]]], short_ends)


def _short_ends(along: Floats, across: Floats) -> Floats:
    """Ends of the short axis as (mm along the long axis, mm across it): midway between the supports."""
    low, high = across.min(), across.max()
    tolerance = _TIE * (high - low) + 1e-12
    middle = (along[across <= low + tolerance].mean() + along[across >= high - tolerance].mean()) / 2
    return np.array([[middle, low], [middle, high]])


def _segment(ends: Floats) -> Segment:
    """Two points (2, 3) as plain numbers."""
    a, b = ends.tolist()
    return (a[0], a[1], a[2]), (b[0], b[1], b[2])
