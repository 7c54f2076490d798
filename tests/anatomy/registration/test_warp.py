"""Volumes and points carried through a warp, held against SimpleITK's resampling."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from nodewise.anatomy.registration.organs import flow_warp
from nodewise.anatomy.registration.warp import Warp, carry, folded_share, points_of
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume


def turned(degrees):
    a = np.deg2rad(degrees)
    around_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    around_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    return around_z @ around_x


LATTICE = Grid.of((12, 10, 14), (3.0, 3.0, 3.0), (-20.0, -15.0, -20.0))
OBLIQUE = Grid.of((24, 20, 12), (1.5, 1.4, 3.0), (-18.0, -12.0, -16.0), turned(17.0))


def smooth(shape, sigma, size, seed=3):
    noise = np.random.default_rng(seed).normal(size=(3, *shape))
    field = np.stack([ndimage.gaussian_filter(part, sigma) for part in noise])
    return (field * size / np.abs(field).max()).astype(np.float32)


def a_warp():
    affine = np.eye(4)
    affine[:3, :3] = turned(6.0) * (1.1, 0.9, 1.05)
    affine[:3, 3] = (3.0, -2.0, 4.0)
    return flow_warp(affine, LATTICE, smooth(LATTICE.shape, 2.0, 1.2), "test")


def itk(array, grid):
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def itk_transform(warp):
    """The same map in ITK's words: the affine first, then the displacements."""
    field = sitk.GetImageFromArray(np.ascontiguousarray(np.moveaxis(warp.forward, 0, -1).transpose(2, 1, 0, 3)), True)
    field = sitk.Cast(field, sitk.sitkVectorFloat64)
    field.CopyInformation(itk(np.zeros(warp.grid.shape, np.float32), warp.grid))
    moved = sitk.DisplacementFieldTransform(field)
    affine = sitk.AffineTransform(warp.affine[:3, :3].ravel().tolist(), warp.affine[:3, 3].tolist())
    return sitk.CompositeTransform([moved, affine])  # the last is applied first


@pytest.mark.parametrize("quantity", [Quantity.PROBABILITY, Quantity.LABEL])
def test_a_volume_arrives_where_simpleitk_puts_it(quantity):
    warp = a_warp()
    image = np.abs(smooth(LATTICE.shape, 1.5, 1.0, seed=5)[0])
    if quantity is Quantity.LABEL:
        image = (image * 9).astype(np.uint8)
    got = carry(Volume(image, LATTICE, quantity), warp, OBLIQUE, "patient").array
    how = sitk.sitkNearestNeighbor if quantity is Quantity.LABEL else sitk.sitkLinear
    peer = sitk.Resample(
        itk(image, LATTICE), itk(np.zeros(OBLIQUE.shape, image.dtype), OBLIQUE), itk_transform(warp), how
    )
    inside = np.ones(OBLIQUE.shape, bool)
    index = LATTICE.to_index(warp.to_reference(points_of(OBLIQUE)))
    inside &= ((index > 0.51) & (index < np.array(LATTICE.shape) - 1.51)).all(axis=-1)
    affine_only = LATTICE.to_index(points_of(OBLIQUE) @ warp.affine[:3, :3].T + warp.affine[:3, 3])
    inside &= ((affine_only > 0) & (affine_only < np.array(LATTICE.shape) - 1)).all(axis=-1)
    assert inside.sum() > 500
    peer = sitk.GetArrayFromImage(peer).T
    if quantity is Quantity.LABEL:
        assert (got == peer)[inside].mean() > 0.99  # where a point falls between two voxels both are right
    else:
        np.testing.assert_allclose(got[inside], peer[inside], atol=2e-4)


def test_there_and_back_is_where_it_began():
    warp = a_warp()
    inner = LATTICE.to_lps(np.random.default_rng(1).uniform(3, 8, (200, 3)))
    back = warp.to_reference(warp.to_patient(inner))
    assert np.linalg.norm(back - inner, axis=1).max() < 0.35
    assert np.linalg.norm(warp.to_patient(inner) - inner, axis=1).max() > 2.0
    assert warp.folding == 0.0


def test_left_stays_left():
    with pytest.raises(ValueError, match="left into the right"):
        Warp(np.diag([-1.0, 1, 1, 1]), LATTICE, *[np.zeros((3, *LATTICE.shape), np.float32)] * 2, 0.0, "mirror")
    left, right = a_warp().to_reference([[15.0, 0, 0], [-15.0, 0, 0]])
    assert left[0] > right[0]


def test_folding_is_counted_on_a_field_folded_by_hand():
    grid = Grid.of((10, 4, 5), (2.0, 2.0, 3.0))
    field = np.zeros((3, *grid.shape), np.float32)
    field[0, 5] = -6.0  # three voxels back: the slope before it is −1.5, so 1 − 1.5 < 0 there and nowhere else
    assert folded_share(field, grid) == pytest.approx(0.1)
    assert folded_share(np.zeros_like(field), grid) == 0.0


def test_fields_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not lie on a lattice"):
        Warp(np.eye(4), LATTICE, *[np.zeros((3, 2, 2, 2), np.float32)] * 2, 0.0, "none")


def test_small_things_are_not_lost_on_a_coarser_grid():
    fine = Grid.of((40, 40, 40), (0.75,) * 3, (-14.6,) * 3)
    mask = np.zeros(fine.shape, np.float32)
    mask[17:21, 20:24, 19:23] = 1.0
    still = np.zeros((3, *LATTICE.shape), np.float32)
    warp = Warp(np.eye(4), LATTICE, still, still, 0.0, "none")
    coarse = Grid.of((10, 10, 10), (3.0,) * 3, (-13.5,) * 3)
    got = carry(Volume(mask, fine, Quantity.PROBABILITY), warp, coarse, "reference")
    assert got.array.sum() * 27 == pytest.approx(27.0, rel=0.1)
