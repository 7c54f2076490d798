"""Boxes of voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.values.box import Box

corner = st.tuples(*[st.integers(-5, 5)] * 3)
size = st.tuples(*[st.integers(0, 6)] * 3)


def a_box(start: tuple[int, ...], shape: tuple[int, ...]) -> Box:
    return Box(start, tuple(a + n for a, n in zip(start, shape, strict=True)))


def test_around_finds_the_one_voxel_thick_limits() -> None:
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[3, 2, 6] = True
    assert Box.around(mask) == Box((1, 2, 3), (4, 3, 7))


def test_around_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="empty mask"):
        Box.around(np.zeros((2, 2, 2), bool))


def test_a_box_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="end before it starts"):
        Box((1, 0, 0), (0, 1, 1))


@settings(deadline=None)
@given(corner, size, corner)
def test_shifting_there_and_back(start, shape, offset) -> None:
    box = a_box(start, shape)
    assert box.shifted(offset).shifted(tuple(-o for o in offset)) == box
    assert box.shifted(offset).shape == box.shape == shape


@settings(deadline=None)
@given(corner, size, st.integers(0, 4))
def test_expanding_and_shrinking(start, shape, margin) -> None:
    box = a_box(start, shape)
    assert box.expanded(margin).expanded(-margin) == box
    assert box.expanded((margin, 0, 0)).shape == (shape[0] + 2 * margin, shape[1], shape[2])


@settings(deadline=None)
@given(corner, size)
def test_clipping_keeps_just_the_voxels_inside(start, shape) -> None:
    grid_shape = (3, 4, 5)
    clipped = a_box(start, shape).clipped(grid_shape)
    index = np.indices((16, 16, 16)).reshape(3, -1).T - 8

    def held(box: Box) -> np.ndarray:
        return ((index >= box.start) & (index < box.stop)).all(axis=1)

    in_grid = held(Box((0, 0, 0), grid_shape))
    assert np.array_equal(held(clipped), held(a_box(start, shape)) & in_grid)
    assert np.zeros(grid_shape)[clipped.slices].shape == clipped.shape
