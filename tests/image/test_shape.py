"""Diameters against analytic values, a brute force over all pixel corners, and ITK."""

import itertools
import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nodewise.image.shape import ellipsoid_diameters_mm, measure
from nodewise.values.grid import Grid

OBLIQUE = np.linalg.qr(np.array([[1.0, 0.2, -0.1], [-0.15, 1.0, 0.3], [0.2, -0.25, 1.0]]))[0]
OBLIQUE = OBLIQUE * np.sign(np.diag(OBLIQUE))


def grid_of(mask, spacing=(1.0, 1.0, 1.0), direction=None):
    return Grid.of(mask.shape, spacing, (-40.0, 12.5, 300.0), direction)


def ellipsoid(radii_mm, angle, spacing, extent_mm=46.0):
    """An ellipsoid turned by ``angle`` about z, drawn by its voxel centres."""
    shape = tuple(int(extent_mm / s) + 1 for s in spacing)
    x, y, z = (
        ((np.arange(n) - (n - 1) / 2) * s).reshape([-1 if a == b else 1 for b in range(3)])
        for a, (n, s) in enumerate(zip(shape, spacing, strict=True))
    )
    u = x * math.cos(angle) + y * math.sin(angle)
    v = -x * math.sin(angle) + y * math.cos(angle)
    return (u / radii_mm[0]) ** 2 + (v / radii_mm[1]) ** 2 + (z / radii_mm[2]) ** 2 <= 1


def rectangle_short_axis(a, b):
    """Extent of a rectangle at right angles to its diagonal."""
    return 2 * a * b / math.hypot(a, b)


@pytest.mark.parametrize("direction", [None, OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.9, 5.0)])
def test_a_single_voxel_is_its_own_rectangle(spacing, direction):
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[1, 1, 1] = True
    size = measure(mask, grid_of(mask, spacing, direction))
    assert size.long_axis_mm == pytest.approx(math.hypot(*spacing[:2]))
    assert size.short_axis_mm == pytest.approx(rectangle_short_axis(*spacing[:2]))
    assert size.short_axis_max_slice_mm == pytest.approx(size.short_axis_mm)
    assert size.volume_mm3 == pytest.approx(math.prod(spacing))
    assert size.equivalent_radius_mm == pytest.approx((3 * math.prod(spacing) / (4 * math.pi)) ** (1 / 3))
    # A box's moments are side²/12 along each side, so its ellipsoid has the box's proportions.
    scale = (6 / math.pi) ** (1 / 3)
    assert ellipsoid_diameters_mm(mask, grid_of(mask, spacing)) == pytest.approx([s * scale for s in sorted(spacing)])


@pytest.mark.parametrize("direction", [None, OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize(
    ("voxels", "spacing"),
    [
        ((8, 5, 4), (1.0, 1.0, 1.0)),
        ((5, 5, 5), (0.8, 0.8, 2.5)),
        ((12, 3, 2), (0.6, 1.1, 3.0)),
        ((1, 9, 1), (0.7, 0.7, 1)),
    ],
)
def test_a_cuboid_is_exact(voxels, spacing, direction):
    mask = np.pad(np.ones(voxels, dtype=bool), 2)
    size = measure(mask, grid_of(mask, spacing, direction))
    a, b = voxels[0] * spacing[0], voxels[1] * spacing[1]
    assert size.long_axis_mm == pytest.approx(math.hypot(a, b))
    assert size.short_axis_mm == pytest.approx(rectangle_short_axis(a, b))
    assert size.volume_mm3 == pytest.approx(math.prod(voxels) * math.prod(spacing))


def test_an_l_shape_by_hand():
    """Arms of 6 and 4 pixels, one thick: the long axis joins their outer tips, and the outer corner is farthest off.

    4 #
      #
      #
    0 # # # # # #
      0         5
    """
    mask = np.zeros((6, 4, 1), dtype=bool)
    mask[:, 0] = True
    mask[0, :] = True
    size = measure(mask, grid_of(mask))
    # corners (0, 4) and (6, 0), moved by half a pixel; outer corner (0, 0); on the other side (1, 4) and (6, 1)
    length = math.hypot(6, 4)
    assert size.long_axis_mm == pytest.approx(length)
    normal = np.array([4, 6]) / length
    assert size.short_axis_mm == pytest.approx(max(normal @ (1, 4), normal @ (6, 1)) - normal @ (0, 0))
    tips = {tuple(np.round(grid_of(mask).to_index(p)[:2] + 0.5, 6)) for p in size.long_axis_lps_mm}
    assert tips == {(0.0, 4.0), (6.0, 0.0)}


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.0), (0.6, 0.8, 2.0), (0.9, 0.9, 5.0)])
@pytest.mark.parametrize("direction", [None, OBLIQUE], ids=["straight", "oblique"])
def test_a_sphere_has_its_diameter_to_within_a_pixel(spacing, direction):
    mask = ellipsoid((9.0, 9.0, 9.0), 0.0, spacing, 24.0)
    size = measure(mask, grid_of(mask, spacing, direction))
    pixel = math.hypot(*spacing[:2])
    assert abs(size.long_axis_mm - 18) <= pixel + 1e-9
    assert abs(size.short_axis_mm - 18) <= pixel + 1e-9
    assert size.volume_mm3 == pytest.approx(4 / 3 * math.pi * 9**3, rel=0.04)
    assert size.equivalent_radius_mm == pytest.approx(9, rel=0.02)
    assert size.short_axis_ellipsoid_mm == pytest.approx(18, rel=0.05)


@pytest.mark.parametrize("spacing", [(0.7, 0.7, 1.0), (0.6, 0.9, 3.0)])
def test_turning_an_ellipsoid_in_the_plane_changes_no_axis_by_more_than_a_pixel(spacing):
    masks = [ellipsoid((14.0, 6.0, 10.0), math.radians(degrees), spacing) for degrees in range(0, 180, 6)]
    sizes = [measure(mask, grid_of(mask, spacing)) for mask in masks]
    pixel, diagonal = max(spacing[:2]), math.hypot(*spacing[:2])
    short = np.array([size.short_axis_mm for size in sizes])
    long = np.array([size.long_axis_mm for size in sizes])
    assert np.ptp(short) < pixel
    assert np.abs(long - 28).max() <= diagonal
    # Pixel edges add up to a diagonal, a tilt of the long axis by a pixel at its tips a little more; never too small.
    assert short.min() > 12 - 1e-9
    assert short.max() < 12 + 1.25 * diagonal
    for size in sizes:
        assert size.short_axis_ellipsoid_mm == pytest.approx(12, rel=0.04)
        assert size.volume_mm3 == pytest.approx(4 / 3 * math.pi * 14 * 6 * 10, rel=0.02)


def test_the_slice_of_the_largest_long_axis_is_reported_and_the_largest_short_axis_kept():
    mask = np.zeros((10, 10, 3), dtype=bool)
    mask[0:10, 0:2, 0] = True  # long and thin
    mask[0:7, 0:7, 2] = True  # thick: diagonal 9.9 against 10.2
    size = measure(mask, grid_of(mask))
    assert size.long_axis_mm == pytest.approx(math.hypot(10, 2))
    assert size.short_axis_mm == pytest.approx(rectangle_short_axis(10, 2))
    assert size.short_axis_max_slice_mm == pytest.approx(rectangle_short_axis(7, 7))
    assert size.long_axis_lps_mm[0][2] == pytest.approx(300.0)


def test_of_equal_long_axes_the_slice_with_the_largest_area_is_reported():
    mask = np.zeros((6, 6, 2), dtype=bool)
    mask[:, :, 0] = np.eye(6, dtype=bool)
    mask[:, :, 1] = True
    size = measure(mask, grid_of(mask))
    assert size.short_axis_mm == pytest.approx(rectangle_short_axis(6, 6))
    assert size.short_axis_lps_mm[0][2] == pytest.approx(301.0)


def test_parts_in_one_slice_are_measured_together():
    mask = np.zeros((12, 3, 1), dtype=bool)
    mask[[0, 11], 1, 0] = True
    assert measure(mask, grid_of(mask)).long_axis_mm == pytest.approx(math.hypot(12, 1))


def test_a_slice_plane_whose_axes_are_not_at_right_angles_is_measured_in_mm():
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = (1.0, 0.0, 0.0), (0.6, 0.8, 0.0)  # rhombic pixels of 1 mm
    mask = np.ones((2, 2, 1), dtype=bool)
    size = measure(mask, Grid((2, 2, 1), affine))
    assert size.long_axis_mm == pytest.approx(math.hypot(3.2, 1.6))
    assert size.short_axis_mm == pytest.approx(2 * 2 * 0.8 * 2 / math.hypot(3.2, 1.6))
    assert size.volume_mm3 == pytest.approx(4 * 0.8)


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="not empty"):
        measure(np.zeros((2, 2, 2), dtype=bool), grid_of(np.zeros((2, 2, 2))))


masks = arrays(bool, st.tuples(*[st.integers(1, 7)] * 3)).filter(np.any)
spacings = st.tuples(*[st.sampled_from([0.5, 0.7, 1.0, 1.3, 2.5])] * 3)
directions = st.sampled_from([np.eye(3), OBLIQUE, np.diag([-1.0, -1.0, 1.0]), np.eye(3)[:, [1, 0, 2]]])


def all_corners(mask, grid, k):
    pixels = np.argwhere(mask[:, :, k])
    offsets = np.array(list(itertools.product((-0.5, 0.5), repeat=2)))
    index = (pixels[:, None] + offsets).reshape(-1, 2)
    return grid.to_lps(np.column_stack([index, np.full(len(index), k)]))


def brute(mask, grid):
    """By slice: largest distance of any two corners, and the largest extent across any pair that far apart."""
    by_slice = []
    for k in np.flatnonzero(mask.any(axis=(0, 1))):
        points = all_corners(mask, grid, k)
        gap = points[:, None] - points
        distance = np.linalg.norm(gap, axis=-1)
        normal = np.cross(grid.affine[:3, 0], grid.affine[:3, 1])
        across = np.cross(normal / np.linalg.norm(normal), gap[distance > distance.max() - 1e-7]) / distance.max()
        by_slice.append((round(distance.max(), 6), mask[:, :, k].sum(), -k, np.ptp(points @ across.T, axis=0).max()))
    return by_slice


@settings(max_examples=150, deadline=None)
@given(masks, spacings, directions)
def test_axes_equal_a_brute_force_over_all_corners(mask, spacing, direction):
    grid = grid_of(mask, spacing, direction)
    size = measure(mask, grid)
    by_slice = brute(mask, grid)
    long, _, minus_k, short = max(by_slice)
    assert size.long_axis_mm == pytest.approx(long, abs=2e-6)
    assert size.short_axis_mm == pytest.approx(short, abs=1e-6)
    assert size.short_axis_max_slice_mm == pytest.approx(max(s[3] for s in by_slice), abs=1e-6)
    ends = np.array([*size.long_axis_lps_mm, *size.short_axis_lps_mm])
    assert np.allclose(grid.to_index(ends)[:, 2], -minus_k)
    long_vector, short_vector = ends[1] - ends[0], ends[3] - ends[2]
    assert np.linalg.norm(long_vector) == pytest.approx(size.long_axis_mm)
    assert np.linalg.norm(short_vector) == pytest.approx(size.short_axis_mm)
    assert abs(long_vector @ short_vector) < 1e-6
    corners = all_corners(mask, grid, -minus_k)
    assert all(np.linalg.norm(corners - end, axis=1).min() < 1e-6 for end in ends[:2])
    unit = short_vector / size.short_axis_mm
    assert (corners @ unit).min() == pytest.approx(ends[2] @ unit, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(masks, spacings, directions)
def test_the_ellipsoid_is_that_of_itk(mask, spacing, direction):
    grid = grid_of(mask, spacing, direction)
    image = sitk.GetImageFromArray(mask.T.astype(np.uint8))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(image)
    ours = ellipsoid_diameters_mm(mask, grid)
    if min(shape.GetPrincipalMoments(1)) > 1e-6:
        assert ours == pytest.approx(shape.GetEquivalentEllipsoidDiameter(1), rel=1e-5)
    assert ours[0] > 0
    # Any ellipsoid of diameters a, b, c has the volume π/6·abc.
    assert math.pi / 6 * math.prod(ours) == pytest.approx(mask.sum() * grid.voxel_volume_mm3)


def test_a_node_on_one_slice_has_an_ellipsoid_no_thicker_than_the_slice_allows():
    mask = np.zeros((14, 14, 3), dtype=bool)
    mask[1:13, 1:13, 1] = True
    thin = ellipsoid_diameters_mm(mask, grid_of(mask, (1.0, 1.0, 5.0)))
    assert thin[0] == pytest.approx(5 * (6 / math.pi) ** (1 / 3))
