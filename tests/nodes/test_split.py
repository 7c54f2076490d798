"""Nodes out of probabilities and labels, drawn small enough to check by eye."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nodewise.image.components import components
from nodewise.image.shape import ellipsoid_diameters_mm
from nodewise.nodes.split import label_map, near, nodes_from_labels, split, within
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((20, 16, 12), (1.0, 1.0, 2.0), (-10.0, 5.0, 100.0))


def probability(*blocks, grid=GRID):
    """A map with blocks (index slices, value) on 0.1."""
    array = np.full(grid.shape, 0.1, dtype=np.float32, order="F")
    for where, value in blocks:
        array[where] = value
    return Volume(array, grid, Quantity.PROBABILITY)


def ball(grid, centre, radius_mm):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    return np.linalg.norm((index - centre) * grid.spacing, axis=-1) <= radius_mm


def test_instances_are_numbered_from_head_to_feet_with_their_largest_probability():
    low = np.s_[2:6, 2:6, 1:4]
    high = np.s_[10:14, 8:12, 7:10]
    volume = probability((low, 0.6), (high, 0.7), (np.s_[11, 9, 8], 0.9))
    first, second = split(volume, GRID, 0.5, 0.0)
    assert (first.id, first.box, first.score) == (1, Box((10, 8, 7), (14, 12, 10)), pytest.approx(0.9))
    assert (second.id, second.box, second.score) == (2, Box((2, 2, 1), (6, 6, 4)), pytest.approx(0.6))
    assert first.mask.all() and second.mask.all()


def test_the_threshold_itself_is_node():
    volume = probability((np.s_[2:6, 2:6, 2:5], 0.5))
    assert len(split(volume, GRID, 0.5, 0.0)) == 1
    assert split(volume, GRID, 0.500001, 0.0) == ()


def test_voxels_that_touch_at_a_corner_are_one_node():
    volume = probability((np.s_[2:5, 2:5, 2:5], 0.9), (np.s_[5:8, 5:8, 5:8], 0.9))
    (node,) = split(volume, GRID, 0.5, 0.0)
    assert node.mask.sum() == 54


def test_boxes_are_given_on_the_ct_whatever_crop_the_probability_lies_on():
    crop = Box((4, 3, 2), (18, 15, 11))
    whole = probability((np.s_[8:12, 6:9, 5:8], 0.8))
    (node,) = split(whole.crop(crop), GRID, 0.5, 0.0)
    assert node.box == Box((8, 6, 5), (12, 9, 8))


def test_a_probability_that_lies_elsewhere_is_refused():
    elsewhere = Grid.of(GRID.shape, GRID.spacing, (-10.4, 5.0, 100.0))
    with pytest.raises(ValueError, match="not cropped"):
        split(probability(grid=elsewhere), GRID, 0.5, 0.0)


def test_nodes_with_a_smaller_ellipsoid_than_the_minimum_are_dropped():
    small, large = np.s_[1:4, 1:4, 1:3], np.s_[8:15, 6:13, 4:9]
    volume = probability((small, 0.9), (large, 0.9))
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[small] = True
    diameter = ellipsoid_diameters_mm(mask, GRID)[0]
    assert len(split(volume, GRID, 0.5, diameter)) == 2
    (kept,) = split(volume, GRID, 0.5, diameter + 0.01)
    assert kept.id == 1
    assert kept.box == Box((8, 6, 4), (15, 13, 9))


def test_nothing_gives_no_nodes():
    assert split(probability(), GRID, 0.5, 3.0) == ()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 2.0)])
def test_touching_balls_are_separated_on_demand_at_their_neck(spacing):
    grid = Grid.of(tuple(int(n / s) for n, s in zip((40, 24, 24), spacing, strict=True)), spacing)
    centres = [np.array([x, 11.5, 11.5]) / spacing for x in (11.0, 25.0)]
    left, right = (ball(grid, centre, 8.0) for centre in centres)
    volume = Volume(np.where(left | right, np.float32(0.9), np.float32(0.0)), grid, Quantity.PROBABILITY)
    assert len(split(volume, grid, 0.5, 3.0)) == 1
    nodes = split(volume, grid, 0.5, 3.0, separate_touching=True)
    assert len(nodes) == 2
    labels = label_map(nodes, grid).array
    assert np.array_equal(labels > 0, left | right)
    for centre, node in zip(centres, sorted(nodes, key=lambda n: n.box.start), strict=True):
        truth = ball(grid, centre, 8.0)
        found = labels == node.id
        assert 2 * (truth & found).sum() / (truth.sum() + found.sum()) > 0.95


def test_one_ball_is_never_cut():
    grid = Grid.of((30, 30, 30), (0.8, 0.8, 0.8))
    for radius in (2.0, 5.0, 9.0):
        mask = ball(grid, (14.5, 14.5, 14.5), radius)
        volume = Volume(mask.astype(np.float32), grid, Quantity.PROBABILITY)
        (node,) = split(volume, grid, 0.5, 0.0, separate_touching=True)
        assert node.mask.sum() == mask.sum()


def labels_of(*blocks, dtype=np.uint8):
    array = np.zeros(GRID.shape, dtype=dtype)
    for where, value in blocks:
        array[where] = value
    return Volume(array, GRID, Quantity.LABEL)


@pytest.mark.parametrize("value", [1, 255])
def test_a_binary_mask_gives_its_components(value):
    nodes = nodes_from_labels(labels_of((np.s_[1:4, 1:4, 1:4], value), (np.s_[9:12, 9:12, 9:12], value)))
    assert [(n.id, n.box.start, n.score) for n in nodes] == [(1, (9, 9, 9), 1.0), (2, (1, 1, 1), 1.0)]


def test_a_bool_mask_gives_its_components():
    array = np.zeros(GRID.shape, dtype=bool)
    array[3:5, 3:5, 3:5] = True
    (node,) = nodes_from_labels(Volume(array, GRID, Quantity.MASK))
    assert node.box == Box((3, 3, 3), (5, 5, 5))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_several_values_are_instances_as_given(dtype):
    """Touching ones stay apart, one in two parts stays one, and ids are the labels."""
    nodes = nodes_from_labels(
        labels_of(
            (np.s_[1:4, 1:4, 1:4], 7),
            (np.s_[4:6, 1:4, 1:4], 3),
            (np.s_[10:12, 10:12, 10:12], 7),
            dtype=dtype,
        )
    )
    assert [(n.id, int(n.mask.sum())) for n in nodes] == [(3, 18), (7, 27 + 8)]


def test_an_empty_mask_gives_no_nodes():
    assert nodes_from_labels(labels_of()) == ()


@pytest.mark.parametrize("value", [-1, 70000])
def test_labels_that_cannot_be_ids_are_refused(value):
    with pytest.raises(BadInputError, match=str(value)):
        nodes_from_labels(labels_of((np.s_[1, 1, 1], value), (np.s_[3, 3, 3], 2), dtype=np.int32))


def test_a_label_map_gives_back_its_nodes():
    given = labels_of(
        (np.s_[1:4, 2:4, 1:4], 5), (np.s_[4:6, 1:4, 1:4], 2), (np.s_[8:12, 9:12, 3:9], 300), dtype=np.int32
    )
    again = label_map(nodes_from_labels(given), GRID)
    assert again.quantity is Quantity.LABEL
    assert again.array.dtype == np.uint16
    assert np.array_equal(again.array, given.array)


@settings(max_examples=40, deadline=None)
@given(arrays(bool, (9, 8, 6), elements=st.sampled_from([True, True, False])))
def test_separation_shares_out_every_voxel_among_connected_pieces(mask):
    grid = Grid.of(mask.shape, (0.8, 0.8, 1.5))
    volume = Volume(mask.astype(np.float32), grid, Quantity.PROBABILITY)
    nodes = split(volume, grid, 0.5, 0.0, separate_touching=True)
    assert sum(int(n.mask.sum()) for n in nodes) == mask.sum()
    assert np.array_equal(label_map(nodes, grid).array > 0, mask)
    assert [n.id for n in nodes] == list(range(1, len(nodes) + 1))
    assert all(components(n.mask.copy())[1] == 1 for n in nodes)


def test_nodes_whose_centre_lies_outside_a_region_on_another_grid_are_dropped():
    first, second = np.s_[2:6, 2:6, 1:4], np.s_[10:14, 8:12, 7:10]
    nodes = split(probability((first, 0.6), (second, 0.7)), GRID, 0.5, 0.0)
    coarse = GRID.resampled((5.0, 4.0, 4.0))
    here = np.zeros(coarse.shape, bool, order="F")
    here[tuple(np.rint(coarse.to_index(GRID.to_lps((3.5, 3.5, 2.0)))).astype(int))] = True
    (kept,) = within(nodes, Volume(here, coarse, Quantity.MASK), GRID)
    assert (kept.id, kept.box) == (1, Box((2, 2, 1), (6, 6, 4)))
    assert within(nodes, None, GRID) == nodes
    assert within((), Volume(here, coarse, Quantity.MASK), GRID) == ()
    beyond = Volume(np.ones((1, 1, 1), bool), Grid.of((1, 1, 1), (1.0, 1.0, 1.0), (500.0, 0.0, 0.0)), Quantity.MASK)
    assert within(nodes, beyond, GRID) == ()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.9, 5.0)])
@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_a_node_counts_as_near_by_half_of_it_in_millimetres(spacing, degrees):
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    ct = Grid.of((60, 40, 20), spacing, (-20.0, 15.0, 100.0), turn)
    array = np.zeros(ct.shape, np.float32, order="F")
    array[5:45, 4:10, 3:9] = 0.9  # long: its middle is far from its ends
    array[4:8, 30:34, 12:15] = 0.8
    nodes = split(Volume(array, ct, Quantity.PROBABILITY), ct, 0.5, 0.0)
    coarse = Grid.of((80, 80, 80), (2.0, 2.0, 2.0), (-60.0, -40.0, 80.0))
    place = np.zeros(coarse.shape, np.uint8, order="F")
    place[tuple(np.rint(coarse.to_index(ct.to_lps((44.0, 6.0, 5.0)))).astype(int))] = 3
    places = Volume(place, coarse, Quantity.LABEL)
    (at,) = coarse.to_lps(np.argwhere(place))
    far = [np.sort(np.linalg.norm(ct.to_lps(np.argwhere(n.mask) + n.box.start) - at, axis=1)) for n in nodes]
    away = [mm[(len(mm) - 1) // 2] for mm in far]
    assert max(away) > min(away) + 5 and min(mm[0] for mm in far) < 3 < min(away)
    for reach in (3.0, min(away) - 0.01, min(away) + 0.01, max(away) - 0.01, max(away) + 0.01):
        kept = near(nodes, places, reach, ct)
        assert [n.box for n in kept] == [n.box for n, mm in zip(nodes, away, strict=True) if mm <= reach]
        assert [n.id for n in kept] == list(range(1, len(kept) + 1))
    assert near(nodes, None, 1.0, ct) == near(nodes, places, np.inf, ct) == nodes
    assert near(nodes, places.with_array(np.zeros_like(place), Quantity.LABEL), 500.0, ct) == ()
