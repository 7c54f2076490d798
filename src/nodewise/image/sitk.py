"""A Volume as a SimpleITK image and back; both are LPS, so only the array's axis order changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    import SimpleITK


def to_sitk(volume: Volume) -> SimpleITK.Image:
    """The volume as a SimpleITK image; a mask becomes uint8. One copy of the voxels, which SimpleITK owns.

    Raises:
        BadInputError: the grid is sheared (gantry tilt), which ITK cannot say: resample it first.
    """
    import SimpleITK

    direction = volume.grid.direction
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
        raise BadInputError("the grid is sheared (axes not at right angles): resample it onto an even grid first")
    array = volume.array.view(np.uint8) if volume.quantity is Quantity.MASK else volume.array
    image = SimpleITK.GetImageFromArray(array.T)
    image.SetSpacing(volume.grid.spacing)
    image.SetOrigin(volume.grid.origin)
    image.SetDirection(direction.ravel().tolist())
    return image


def from_sitk(image: SimpleITK.Image, quantity: Quantity) -> Volume:
    """A 3-D scalar SimpleITK image as a Volume, Fortran-ordered.

    Raises:
        BadInputError: the image is not 3-D or has several numbers a voxel.
    """
    import SimpleITK

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise BadInputError(
            f"a volume has three axes and one number a voxel, not {image.GetDimension()} axes"
            f" and {image.GetNumberOfComponentsPerPixel()} numbers"
        )
    direction = np.reshape(image.GetDirection(), (3, 3))
    grid = Grid.of(image.GetSize(), image.GetSpacing(), image.GetOrigin(), direction)
    array = SimpleITK.GetArrayFromImage(image).T
    if quantity is Quantity.MASK:
        return Volume(array != 0, grid, quantity)
    return Volume(array if quantity is Quantity.LABEL else array.astype(np.float32, copy=False), grid, quantity)
