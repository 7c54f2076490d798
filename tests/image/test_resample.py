"""Resampling, held against scipy.ndimage.map_coordinates, SimpleITK and a linear field."""

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nodewise.image.resample import resample
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

SLOPE = np.array((2.0, -3.0, 1.5))


def _in_itk(volume):
    """The same voxels as a SimpleITK image: both are LPS."""
    image = SimpleITK.GetImageFromArray(volume.array.T)
    image.SetSpacing(volume.grid.spacing)
    image.SetOrigin(volume.grid.origin)
    image.SetDirection(volume.grid.direction.ravel().tolist())
    return image


def linear_field(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return (grid.to_lps(index) @ SLOPE + 7).astype(np.float32)


def rotated(angles, shape, spacing, centre=(0.0, 0.0, 0.0)) -> Grid:
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    origin = np.asarray(centre) - direction @ (np.multiply(spacing, np.subtract(shape, 1)) / 2)
    return Grid.of(shape, spacing, tuple(origin), direction)


def sheared(grid: Grid, by: float) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 2] += by * affine[:3, 1] / grid.spacing[1] * grid.spacing[2]
    return Grid(grid.shape, affine)


angles = st.tuples(*[st.floats(-180, 180)] * 3)


@settings(max_examples=40, deadline=None)
@given(angles, angles, st.floats(-0.3, 0.3), st.floats(0.5, 4.0))
def test_a_linear_field_is_exact_at_any_orientation_shear_and_spacing(old_angles, new_angles, shear, spacing) -> None:
    old = sheared(rotated(old_angles, (41, 43, 45), (1.1, 0.9, 1.0)), shear)
    new = rotated(new_angles, (5, 4, 3), (spacing, 1.0, 1.3), (0.7, -0.4, 1.1))
    got = resample(Volume(linear_field(old), old, Quantity.HU), new)
    assert np.allclose(got.array, linear_field(new), atol=2e-3)
    assert got.grid is new
    assert got.array.dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(angles, st.integers(0, 2**32 - 1))
def test_agrees_with_map_coordinates(turn, seed) -> None:
    old = Grid.of((12, 13, 14), (1.0, 1.1, 0.9), (-6, -6, -6))
    array = np.random.default_rng(seed).normal(size=old.shape).astype(np.float32)
    new = rotated(turn, (9, 8, 7), (0.9, 0.8, 0.7))
    index = np.moveaxis(old.to_index(new.to_lps(np.moveaxis(np.indices(new.shape), 0, -1))), -1, 0)
    expected = ndimage.map_coordinates(array, index, order=1, mode="nearest")
    edge = np.array(old.shape)[:, None, None, None] - 0.5
    well_inside = ((index > -0.5 + 1e-6) & (index < edge - 1e-6)).all(axis=0)
    well_outside = ((index < -0.5 - 1e-6) | (index > edge + 1e-6)).any(axis=0)
    got = resample(Volume(array, old, Quantity.SUV), new, fill=-99.0).array
    assert np.allclose(got[well_inside], expected[well_inside], atol=1e-4)
    assert (got[well_outside] == -99).all()


def test_labels_and_masks_take_the_nearest_voxel_and_keep_their_type() -> None:
    old = Grid.of((12, 13, 14), (1.0, 1.1, 0.9), (-6, -6, -6))
    labels = np.random.default_rng(0).integers(0, 40000, old.shape).astype(np.uint16)
    new = rotated((20, 30, 40), (5, 6, 7), (1.7, 0.8, 0.6))
    index = old.to_index(new.to_lps(np.moveaxis(np.indices(new.shape), 0, -1)))
    near = np.clip(np.rint(index).astype(int), 0, np.array(old.shape) - 1)
    got = resample(Volume(labels, old, Quantity.LABEL), new)
    assert np.array_equal(got.array, labels[tuple(np.moveaxis(near, -1, 0))])
    assert got.array.dtype == np.uint16
    mask = resample(Volume(labels > 20000, old, Quantity.MASK), new)
    assert np.array_equal(mask.array, got.array > 20000)
    assert mask.array.dtype == np.bool_


@pytest.mark.parametrize("quantity", [Quantity.HU, Quantity.PROBABILITY, Quantity.LOGIT])
def test_outside_is_air_or_nothing(quantity) -> None:
    old = Grid.of((6, 6, 6), (1, 1, 1))
    volume = Volume(np.full(old.shape, 5, np.float32), old, quantity)
    outside = {Quantity.HU: -1024, Quantity.PROBABILITY: 0, Quantity.LOGIT: -20}[quantity]
    partly = resample(volume, Grid.of((6, 6, 6), (1, 1, 1), (4, 0, 0))).array
    assert (partly[:2] == 5).all()
    assert (partly[2:] == outside).all()
    assert (resample(volume, Grid.of((2, 2, 2), (1, 1, 1), (500, 0, 0))).array == outside).all()


def test_cropping_first_changes_nothing() -> None:
    """A small target sees the same as it would within the resampling of everything, blur included."""
    old = Grid.of((40, 40, 30), (0.7, 0.7, 1.0))
    volume = Volume(np.random.default_rng(1).normal(0, 100, old.shape).astype(np.float32), old, Quantity.HU)
    whole = old.resampled((1.8, 1.6, 2.5))
    box = Box((5, 6, 4), (9, 9, 7))
    part = resample(volume, whole.crop(box))
    assert np.allclose(part.array, resample(volume, whole).array[box.slices], atol=1e-3)


def test_agrees_with_simpleitks_own_geometry() -> None:
    old = rotated((5, 10, 15), (20, 21, 22), (1, 1, 1))
    new = rotated((-25, 30, 100), (10, 9, 8), (0.9, 0.9, 0.9))
    volume = Volume(np.random.default_rng(2).normal(size=old.shape).astype(np.float32), old, Quantity.SUV)
    reference = _in_itk(Volume(np.zeros(new.shape, np.float32), new, Quantity.SUV))
    expected = SimpleITK.Resample(_in_itk(volume), reference, SimpleITK.Transform(), SimpleITK.sitkLinear, 0.0)
    assert np.allclose(resample(volume, new).array, SimpleITK.GetArrayFromImage(expected).T, atol=1e-4)


def test_coarser_voxels_do_not_alias() -> None:
    """A stripe pattern finer than the new voxels must vanish; without the blur it comes back as a coarser pattern."""
    old = Grid.of((128, 8, 8), (1, 1, 1))
    stripes = np.broadcast_to(np.sin(2 * np.pi * np.arange(128) / 3.2)[:, None, None], old.shape)
    volume = Volume((1000 * stripes).astype(np.float32), old, Quantity.HU)
    coarse = resample(volume, old.resampled((3, 1, 1))).array[4:-4]
    bare = ndimage.map_coordinates(volume.array[:, 4, 4], [np.arange(13, 113, 3.0)], order=1)
    assert np.abs(bare).max() > 900
    assert np.abs(coarse).max() < 250


@pytest.mark.parametrize("ratio", [1.3, 2.0, 4.0])
def test_the_blur_has_the_variance_it_says(ratio) -> None:
    """A point spread along x by (r² − 1) / 8 ln 2 and by linear interpolation's own; seen by sampling all phases."""
    old = Grid.of((129, 1, 1), (1, 1, 1))
    point = np.zeros(old.shape, np.float32)
    point[64] = 1000
    coarse = old.resampled((ratio, 1, 1))
    width = coarse.spacing[0]
    x, y = [], []
    for phase in np.arange(0, 1, 0.05):
        affine = coarse.affine.copy()
        affine[0, 3] += phase * width
        grid = Grid((coarse.shape[0] - 1, 1, 1), affine)
        x.append(grid.to_lps(np.indices(grid.shape).reshape(3, -1).T)[:, 0])
        y.append(resample(Volume(point, old, Quantity.HU), grid).array.ravel())
    x, y = np.concatenate(x), np.concatenate(y)
    variance = (y * (x - 64) ** 2).sum() / y.sum()
    assert variance == pytest.approx((width**2 - 1) / (8 * np.log(2)) + 1 / 6, rel=0.06)


def test_the_same_grid_costs_nothing() -> None:
    grid = Grid.of((3, 3, 3), (1, 1, 1))
    volume = Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU)
    assert np.shares_memory(resample(volume, Grid.of((3, 3, 3), (1, 1, 1))).array, volume.array)
