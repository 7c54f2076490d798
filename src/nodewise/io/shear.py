"""A volume whose voxel axes are not at right angles, straightened: a tilted gantry kept in a file's affine."""

from __future__ import annotations

import numpy as np

from nodewise.io.dicom_stack import stacked
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Volume

_RIGHT_ANGLE = 2e-3
"""Cosine up to which axes are perpendicular: files round theirs to three or four digits."""


def unsheared(volume: Volume, where: str) -> tuple[Volume, list[str]]:
    """The volume on a grid whose axes are at right angles, and what was done; as it is where they are already.

    It is taken for a stack of rectangular slices, along the axis nearest to the patient's where two will do.

    Args:
        volume: HU, at least two voxels along each axis.
        where: what messages call it.

    Raises:
        BadInputError: no two of the axes are perpendicular, or slices lie beside rather than above each other.
    """
    grid = volume.grid
    cosines = np.abs(grid.direction.T @ grid.direction - np.eye(3))
    if cosines.max() <= _RIGHT_ANGLE:
        return volume, []
    x, y, z = grid.axes_to_lps()[0]
    slices = next((c for c in ((x, y, z), (z, x, y), (y, z, x)) if cosines[c[0], c[1]] <= _RIGHT_ANGLE), None)
    if slices is None:
        raise BadInputError(f"{where}: no two voxel axes are at a right angle: resample it onto an even grid first")
    column, row, axis = slices
    rows = grid.direction[:, [column, row]].T
    if np.cross(rows[0], rows[1]) @ grid.direction[:, axis] < 0:
        column, row, rows = row, column, rows[::-1]
    index = np.zeros((grid.shape[axis], 3))
    index[:, axis] = np.arange(grid.shape[axis])
    spacing = (grid.spacing[column], grid.spacing[row])
    hu = volume.array.transpose(column, row, axis).T
    return stacked(hu, grid.to_lps(index), rows, spacing, allow_gaps=False, where=where)
