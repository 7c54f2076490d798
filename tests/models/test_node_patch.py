import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nodewise.models.node_patch import NodePatchPreparation
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.volume import Quantity, Volume


def _far(grid, centre_mm):
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return np.linalg.norm(grid.to_lps(index) - centre_mm, axis=-1)


def _node(inside, number=1):
    box = Box.around(inside)
    return Node(number, box, np.asfortranarray(inside[box.slices]), 1.0)


def _ball(grid, centre_mm, radius_mm, ramp=1.5):
    """Fat with a soft ball, and the ball as a node."""
    far = _far(grid, centre_mm)
    hu = np.float32(-100 + 140 / (1 + np.exp((far - radius_mm) / ramp)))
    return Volume(np.asfortranarray(hu), grid, Quantity.HU), _node(far < radius_mm)


@settings(max_examples=20, deadline=None)
@given(
    spacing=st.tuples(*[st.sampled_from([0.7, 1.0, 1.6, 2.5])] * 3),
    angles=st.tuples(*[st.floats(-40, 40)] * 3),
    centre=st.tuples(*[st.floats(-6, 6)] * 3),
)
def test_any_scan_gives_the_same_patch(spacing, angles, centre):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    shape = tuple(int(70 / s) for s in spacing)
    grid = Grid.of(shape, spacing, tuple(direction @ (-35.0, -35.0, -35.0)), direction)
    ct, node = _ball(grid, centre, 7.0, ramp=2.5)
    preparation = NodePatchPreparation(windows=((-160.0, 240.0),))
    (patch,) = preparation(ct, [node])
    place = preparation.grid(grid, node)
    np.testing.assert_allclose(place.direction, np.eye(3))
    np.testing.assert_allclose(place.to_lps([15.5] * 3), centre, atol=1.3)  # within half a coarse voxel
    far = _far(place, centre)
    expected = (-100 + 140 / (1 + np.exp((far - 7.0) / 2.5)) + 160) / 400
    np.testing.assert_allclose(patch[0], expected, atol=0.05)
    ball = far < 7.0
    assert 2 * (ball & (patch[1] > 0)).sum() / (ball.sum() + patch[1].sum()) > 0.8  # that coarse
    assert set(np.unique(patch[1])) == {0, 1}


def test_a_scan_at_the_patches_own_voxels_is_cut_as_it_is():
    rng = np.random.default_rng(0)
    grid = Grid.of((60, 50, 40), (1.0, 1.0, 1.0), (-5.0, 7.0, 11.0))
    ct = Volume(np.asfortranarray(rng.uniform(-150, 230, grid.shape), np.float32), grid, Quantity.HU)
    inside = np.zeros(grid.shape, bool)
    inside[20:30, 16:26, 14:24] = rng.random((10, 10, 10)) < 0.9
    inside[[20, 29], [16, 25], [14, 23]] = True
    (patch,) = NodePatchPreparation()(ct, [_node(inside)])
    part = np.s_[9:41, 5:37, 3:35]
    np.testing.assert_allclose(patch[0], (ct.array[part] + 160) / 400, atol=1e-4)
    np.testing.assert_array_equal(patch[1], inside[part])


def test_each_window_is_a_channel_and_the_mask_comes_last():
    grid = Grid.of((40, 40, 40), (1.0, 1.0, 1.0))
    ct, node = _ball(grid, (20.0, 20.0, 20.0), 6.0)
    preparation = NodePatchPreparation(16, 1.0, ((-160.0, 240.0), (-1000.0, 600.0)))
    (patch,) = preparation(ct, [node])
    assert preparation.channels == len(patch) == 3
    hu = ct.array[20, 20, 20]
    np.testing.assert_allclose(patch[:2, 8, 8, 8], [(hu + 160) / 400, (hu + 1000) / 1600], atol=0.01)


def test_windows_count_from_the_node_itself_and_end_a_little_beyond_it():
    grid = Grid.of((40, 40, 40), (1.0, 1.0, 1.0))
    ct, node = _ball(grid, (20.0, 20.0, 20.0), 6.0)
    preparation = NodePatchPreparation(windows=((-50.0, 50.0),), about_node=True, near_voxels=3, inside_hu=10.0)
    (patch,) = preparation(ct, [node])
    assert len(patch) == preparation.channels == 3
    middle, row = patch[0, 16, 16, 16], patch[0, :, 16, 16]
    (brighter,) = preparation(ct.with_array(ct.array + 30, Quantity.HU), [node])
    np.testing.assert_allclose(patch, brighter, atol=1e-5)
    own = NodePatchPreparation()(ct, [node])[0]
    inside = own[1] == 1
    assert middle == pytest.approx(0.5 + 4 * (own[0, 16, 16, 16] - own[0][inside].mean()), abs=1e-4)
    beyond = ndimage.binary_dilation(inside, np.ones((7, 7, 7)))
    assert (row[~beyond[:, 16, 16]] == 0).all()
    assert not patch[0][~beyond].any()
    np.testing.assert_array_equal(patch[2], inside)
    assert not patch[1][~inside].any()
    core = ndimage.binary_erosion(inside)
    np.testing.assert_allclose(patch[1][core], np.clip((patch[0][core] - 0.5) * 10, -2, 2), atol=1e-3)


def test_a_large_node_is_centred_or_shown_whole():
    grid = Grid.of((60, 60, 60), (1.0, 1.0, 1.0))
    ct, node = _ball(grid, (30.0, 30.0, 30.0), 24.0)
    (middle,) = NodePatchPreparation()(ct, [node])
    assert middle[1].mean() > 0.9
    preparation = NodePatchPreparation(shrink_large=True)
    (whole,) = preparation(ct, [node])
    assert preparation.grid(grid, node).spacing[0] == pytest.approx(48 / 32, abs=0.05)
    mm3 = preparation.grid(grid, node).voxel_volume_mm3
    assert whole[1].sum() * mm3 == pytest.approx(4 / 3 * np.pi * 24**3, rel=0.03)  # all of it
    small = _ball(grid, (30.0, 30.0, 30.0), 6.0)[1]
    np.testing.assert_array_equal(preparation(ct, [small]), NodePatchPreparation()(ct, [small]))


def test_at_the_edge_of_the_scan_there_is_air_and_a_tiny_node_is_not_lost():
    grid = Grid.of((20, 20, 20), (0.4, 0.4, 0.4))
    ct = Volume(np.full(grid.shape, 40, np.float32, order="F"), grid, Quantity.HU)
    inside = np.zeros(grid.shape, bool)
    inside[0, 0, 0] = True
    (patch,) = NodePatchPreparation()(ct, [_node(inside)])
    assert patch[1].sum() <= 8
    assert patch[0].min() == 0
    assert patch[0].max() == pytest.approx(0.5)


def test_a_node_of_one_thick_slice_keeps_its_thickness():
    grid = Grid.of((40, 40, 12), (1.0, 1.0, 5.0))
    ct = Volume(np.zeros(grid.shape, np.float32, order="F"), grid, Quantity.HU)
    inside = np.zeros(grid.shape, bool)
    inside[15:25, 15:25, 6] = True
    (patch,) = NodePatchPreparation()(ct, [_node(inside)])
    assert patch[1].any(axis=(0, 1)).sum() in (4, 5, 6)
    assert patch[1].any(axis=(1, 2)).sum() == 10


def test_no_nodes_no_patches():
    grid = Grid.of((10, 10, 10), (1.0, 1.0, 1.0))
    assert NodePatchPreparation()(Volume(np.zeros(grid.shape, np.float32), grid, Quantity.HU), []).shape[0] == 0
