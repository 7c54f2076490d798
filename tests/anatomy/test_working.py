"""The lattice and its morphology against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.anatomy import working
from nodewise.values.grid import Grid


@pytest.fixture
def speckle():
    return np.random.default_rng(3).random((23, 31, 17)) < 0.03


def test_distance_equals_scipy(speckle):
    assert working.distance_to(speckle) == pytest.approx(ndimage.distance_transform_edt(~speckle), abs=1e-4)
    assert np.isinf(working.distance_to(np.zeros((3, 4, 5), bool))).all()


def test_dilation_and_erosion_equal_scipy(speckle):
    ball = np.linalg.norm(np.indices((5, 5, 5)) - 2, axis=0) <= 2.0
    grown = ndimage.binary_dilation(speckle, ball)
    assert (working.dilated(speckle, 2.0) == grown).all()
    assert (working.eroded(grown, 2.0) == ndimage.binary_erosion(grown, ball)).all()
    assert (working.eroded(grown, 2.0, outside=True) == ndimage.binary_erosion(grown, ball, border_value=1)).all()
    assert (working.opened(grown, 2.0) >= speckle).all()


def test_closing_fills_a_gap_and_keeps_the_rest():
    bars = np.zeros((20, 20, 20), bool)
    bars[5:9, 5:15, 5:15] = bars[11:15, 5:15, 5:15] = True
    closed = working.closed(bars, 2.0)
    assert closed[9:11, 7:13, 7:13].all()
    assert (closed >= bars).all()
    assert not closed[:4].any()


def test_block_means_and_back():
    array = np.arange(5 * 4 * 3, dtype=float).reshape(5, 4, 3)
    small = working.block_mean(array, 2)
    assert small.shape == (3, 2, 2)
    assert small[0, 0, 0] == pytest.approx(array[:2, :2, :2].mean())
    assert working.enlarged(small, 2, array.shape).shape == array.shape


@pytest.mark.parametrize(("inner", "outer"), [(0.0, 3.2), (2.5, 4.0)])
def test_an_annulus_averages_the_voxels_between_its_radii(inner, outer):
    kernel = working.annulus(inner, outer)
    n = kernel.shape[0] // 2
    distance = np.hypot(*(np.indices(kernel.shape[:2]) - n))
    assert kernel.shape[2] == 1
    assert kernel.sum() == pytest.approx(1)
    assert np.array_equal(kernel[:, :, 0] > 0, (distance >= inner) & (distance <= outer))
    assert np.unique(kernel[kernel > 0]).size == 1


@pytest.mark.parametrize(("beyond", "mode"), [("edge", "nearest"), ("constant", "constant")])
def test_filtering_equals_scipy_slice_by_slice(beyond, mode):
    stack = np.random.default_rng(5).normal(size=(19, 14, 3)).astype(np.float32)
    kernel = working.annulus(1.0, 3.0)
    expected = ndimage.correlate(stack, kernel, mode=mode, cval=0.0)
    assert working.filtered(stack, kernel, beyond) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.floats(-8, 25)] * 2), st.floats(0.1, 9))
def test_a_disk_holds_the_voxels_within_its_radius_wherever_it_lies(centre, radius):
    labels = np.ones((17, 12, 3), np.uint8)
    working.paint_disk(labels, centre, radius, 1, 5)
    i, j = np.indices((17, 12))
    inside = (i - centre[0]) ** 2 + (j - centre[1]) ** 2 <= radius**2
    assert np.array_equal(labels[:, :, 1] == 5, inside)
    assert (labels[:, :, [0, 2]] == 1).all()


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.floats(0.4, 6.0)] * 3),
    st.floats(-0.4, 0.4),
)
def test_the_lattice_covers_every_voxel(shape, spacing, angle):
    c, s = np.cos(angle), np.sin(angle)
    ct = Grid.of(shape, spacing, (5.0, -3.0, 100.0), np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
    grid = working.working_grid(ct)
    index = grid.to_index(ct.to_lps(ct.corners))
    assert (index > -0.5).all()
    assert (index < np.array(grid.shape) - 0.5).all()
    assert grid.spacing == pytest.approx((1.5, 1.5, 1.5))
