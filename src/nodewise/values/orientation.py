"""The same voxels with their array axes in another order or direction: always a view, never resampled."""

from __future__ import annotations

import numpy as np

from nodewise.values.grid import Grid
from nodewise.values.volume import Volume


def closest_lps(volume: Volume) -> Volume:
    """``volume`` with its array axes running to the patient's left, back and head, or as near as they come."""
    return onto_axes_of(volume, volume.grid.closest_lps())


def onto_axes_of(volume: Volume, grid: Grid) -> Volume:
    """``volume`` with the array axes of ``grid``, which must hold exactly the same voxels.

    Raises:
        ValueError: the two grids do not put the same voxels in the same places (1 µm a voxel).
    """
    steps = np.linalg.solve(volume.grid.affine[:3, :3], grid.affine[:3, :3])
    whole = np.rint(steps)
    if not np.array_equal(np.abs(whole).sum(axis=0), (1, 1, 1)) or not np.array_equal(
        np.abs(whole).sum(axis=1), (1, 1, 1)
    ):
        raise ValueError("the grids' axes are not the same three lines: resample instead")
    order = np.abs(whole).argmax(axis=0)
    forwards = whole[order, range(3)] > 0
    turned = volume.array.transpose(order)[tuple(slice(None, None, 1 if f else -1) for f in forwards)]
    first = np.zeros(3)
    first[order] = [0 if f else volume.grid.shape[a] - 1 for a, f in zip(order, forwards, strict=True)]
    affine = np.eye(4)
    affine[:3, :3] = volume.grid.affine[:3, :3] @ whole
    affine[:3, 3] = volume.grid.to_lps(first)
    if not Grid(turned.shape, affine).same_as(grid):
        raise ValueError("the grids do not hold the same voxels: resample instead")
    return Volume(turned, grid, volume.quantity)
