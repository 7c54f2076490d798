"""The lattice that the landmark readers work on, and their small morphology."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import signal

from nodewise.values.grid import Grid

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

SPACING_MM = 1.5


def working_grid(ct: Grid, spacing_mm: float = SPACING_MM) -> Grid:
    """An isotropic grid along the patient's axes over everything that ``ct`` covers (voxel edges, not centres)."""
    edges = ct.to_lps(list(itertools.product(*((-0.5, n - 0.5) for n in ct.shape))))
    low, high = edges.min(axis=0), edges.max(axis=0)
    shape = np.maximum(1, np.ceil((high - low) / spacing_mm - 1e-6)).astype(int)
    first = low + 0.5 * spacing_mm
    return Grid.of(tuple(shape.tolist()), (spacing_mm,) * 3, tuple(first.tolist()))


def block_mean(array: Array, factor: int) -> npt.NDArray[np.float32]:
    """Means of cubes of ``factor`` voxels; the last, incomplete cubes are filled by repeating the edge."""
    pad = [(0, -n % factor) for n in array.shape]
    out = np.pad(array, pad, mode="edge").astype(np.float32) if any(p[1] for p in pad) else array.astype(np.float32)
    for axis in range(3):
        shape = (*out.shape[:axis], out.shape[axis] // factor, factor, *out.shape[axis + 1 :])
        out = out.reshape(shape).mean(axis=axis + 1, dtype=np.float32)
    return out


def enlarged(array: Array, factor: int, shape: tuple[int, ...]) -> Array:
    """Each voxel repeated ``factor`` times along each axis and cut to ``shape``: undoes ``block_mean``'s lattice."""
    for axis in range(3):
        array = array.repeat(factor, axis=axis)
    return array[: shape[0], : shape[1], : shape[2]]


def ball(radius: float) -> Mask:
    """A ball as a structuring element; ``radius`` in voxels."""
    n = math.floor(radius)
    x, y, z = np.ogrid[-n : n + 1, -n : n + 1, -n : n + 1]
    return np.asarray(x * x + y * y + z * z <= radius * radius)


def eroded(mask: Mask, radius: float, outside: bool = False) -> Mask:
    """Points farther than ``radius`` voxels from the background; beyond the array lies ``outside``."""
    padded = np.pad(mask, 1, constant_values=outside)
    return distance_to(~padded)[1:-1, 1:-1, 1:-1] > radius


def dilated(mask: Mask, radius: float) -> Mask:
    """Points within ``radius`` voxels of the mask."""
    return distance_to(mask) <= radius


def opened(mask: Mask, radius: float) -> Mask:
    """Erosion, then dilation, by a ball of ``radius`` voxels; the scan's ends do not erode."""
    return dilated(eroded(mask, radius, outside=True), radius)


def closed(mask: Mask, radius: float) -> Mask:
    """Dilation, then erosion, by a ball of ``radius`` voxels."""
    margin = math.ceil(radius) + 1
    grown = dilated(np.pad(mask, margin), radius)
    inner = (slice(margin, -margin),) * 3
    return eroded(grown, radius, outside=True)[inner]


def annulus(inner: float, outer: float) -> npt.NDArray[np.float32]:
    """A ring of a slice, or a disk where ``inner`` is 0, as a kernel (n, n, 1) that sums to 1; radii in voxels."""
    n = math.ceil(outer)
    i, j = np.ogrid[-n : n + 1, -n : n + 1]
    distance = np.hypot(i, j)
    kernel = ((distance >= inner) & (distance <= outer)).astype(np.float32)
    return np.asarray(kernel / kernel.sum())[:, :, None]


def filtered(stack: Array, kernel: Array, beyond: Literal["edge", "constant"]) -> Array:
    """Every slice filtered with a kernel (n, n, 1); beyond the array its edge is repeated, or lies 0 (constant)."""
    n = kernel.shape[0] // 2
    padded = np.pad(stack, ((n, n), (n, n), (0, 0)), mode=beyond)
    return np.asarray(signal.fftconvolve(padded, kernel, mode="valid", axes=(0, 1)))


def paint_disk(labels: Array, centre: npt.ArrayLike, radius: float, k: int, value: int) -> None:
    """Set ``value`` within ``radius`` voxels of ``centre`` (x, y) in slice ``k``; what lies beyond is lost."""
    x, y = np.asarray(centre, dtype=np.float64).tolist()
    i0, j0 = max(math.floor(x - radius), 0), max(math.floor(y - radius), 0)
    part = labels[i0 : max(math.ceil(x + radius) + 1, 0), j0 : max(math.ceil(y + radius) + 1, 0), k]
    i, j = np.ogrid[i0 : i0 + part.shape[0], j0 : j0 + part.shape[1]]
    part[(i - x) ** 2 + (j - y) ** 2 <= radius**2] = value


def distance_to(mask: Mask) -> npt.NDArray[np.float32]:
    """Distance in voxels to the nearest true voxel's centre; infinite where there is none."""
    import SimpleITK as sitk  # noqa: N813

    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    image = sitk.GetImageFromArray(mask.T.astype(np.uint8))
    # exact outside the object, and negative inside it
    found = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=False)
    return np.asarray(np.maximum(sitk.GetArrayFromImage(found).T, 0))
