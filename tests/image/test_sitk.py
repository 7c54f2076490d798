"""Volumes to SimpleITK and back."""

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from nodewise.image.sitk import from_sitk, to_sitk
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

OBLIQUE = Rotation.from_euler("xyz", (10, -20, 130), degrees=True).as_matrix()
GRID = Grid.of((3, 4, 5), (0.7, 0.8, 2.5), (-10, 20, 300), OBLIQUE)
NUMBERS = np.arange(60, dtype=np.float32).reshape((3, 4, 5))


def test_a_voxel_has_the_same_value_and_place_in_simpleitk() -> None:
    image = to_sitk(Volume(NUMBERS, GRID, Quantity.HU))
    assert image.GetSize() == (3, 4, 5)
    for index in ((0, 0, 0), (2, 0, 1), (1, 3, 4)):
        assert image[index] == NUMBERS[index]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), GRID.to_lps(index))


@pytest.mark.parametrize(
    ("array", "quantity"),
    [(NUMBERS, Quantity.HU), (NUMBERS > 30, Quantity.MASK), (NUMBERS.astype(np.uint16), Quantity.LABEL)],
)
def test_there_and_back(array, quantity) -> None:
    back = from_sitk(to_sitk(Volume(array, GRID, quantity)), quantity)
    assert np.array_equal(back.array, array)
    assert back.array.dtype == array.dtype
    assert back.array.flags.f_contiguous
    assert back.grid.same_as(GRID)


def test_a_sheared_grid_is_refused() -> None:
    affine = np.eye(4)
    affine[1, 2] = 0.3
    with pytest.raises(BadInputError, match="sheared"):
        to_sitk(Volume(NUMBERS, Grid((3, 4, 5), affine), Quantity.HU))


def test_colours_and_pictures_are_refused() -> None:
    with pytest.raises(BadInputError, match="3 numbers"):
        from_sitk(SimpleITK.Image((2, 2, 2), SimpleITK.sitkVectorUInt8, 3), Quantity.HU)
    with pytest.raises(BadInputError, match="2 axes"):
        from_sitk(SimpleITK.Image((2, 2), SimpleITK.sitkUInt8), Quantity.LABEL)
