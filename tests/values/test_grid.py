"""Grids: every orientation, oblique and sheared affines included."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nodewise.values.box import Box
from nodewise.values.grid import Grid

FLIPS = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]


def turned(order: tuple[int, ...], sign: tuple[int, ...]) -> np.ndarray:
    matrix = np.zeros((3, 3))
    matrix[list(order), range(3)] = sign
    return matrix


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any shape, spacing, place and orientation, with shear at times."""
    shape = tuple(draw(st.integers(1, 9)) for _ in range(3))
    spacing = np.array([draw(st.floats(0.3, 8)) for _ in range(3)])
    angles = [draw(st.floats(-180, 180)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * draw(st.sampled_from((1, -1)))
    affine[:3, :3] = affine[:3, :3] @ np.diag(spacing)
    affine[:3, 2] += draw(st.floats(-0.3, 0.3)) * affine[:3, 1]
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return Grid(shape, affine)


indices = st.tuples(*[st.floats(-20, 20)] * 3)


def test_the_48_are_all_different() -> None:
    assert len({turned(*f).tobytes() for f in FLIPS}) == 48


@pytest.mark.parametrize(("order", "sign"), FLIPS)
def test_closest_lps_of_every_flip_and_permutation(order, sign) -> None:
    grid = Grid.of((4, 5, 6), (0.7, 0.9, 3.0), (-100, 50, 7), turned(order, sign))
    lps = grid.closest_lps()
    assert np.array_equal(lps.direction, np.eye(3))
    old, new = (np.sort(g.to_lps(g.corners).round(6), axis=0) for g in (grid, lps))
    assert np.allclose(old, new)
    assert sorted(lps.shape) == sorted(grid.shape)
    assert [lps.spacing[order[a]] for a in range(3)] == pytest.approx(grid.spacing)


@settings(deadline=None)
@given(grids())
def test_closest_lps_keeps_the_voxels_and_is_done_once(grid: Grid) -> None:
    lps = grid.closest_lps()
    back = grid.to_index(lps.to_lps(np.indices(lps.shape).reshape(3, -1).T))
    whole = np.rint(back).astype(int)
    assert np.allclose(back, whole, atol=1e-6)
    assert {tuple(i) for i in whole.tolist()} == set(np.ndindex(grid.shape))
    assert lps.closest_lps().same_as(lps)
    assert (np.diag(lps.direction) >= 0).all()


@settings(deadline=None)
@given(grids(), indices)
def test_index_and_place_are_inverse(grid: Grid, index) -> None:
    assert np.allclose(grid.to_index(grid.to_lps(index)), index, atol=1e-6)


@settings(deadline=None)
@given(grids(), st.data())
def test_a_crop_stays_where_it_was_and_is_found_again(grid: Grid, data) -> None:
    start = [data.draw(st.integers(0, n - 1)) for n in grid.shape]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, grid.shape, strict=True)]
    box = Box(tuple(start), tuple(stop))
    part = grid.crop(box)
    assert np.allclose(part.to_lps((0, 0, 0)), grid.to_lps(start))
    assert np.allclose(part.to_lps(np.subtract(stop, start)), grid.to_lps(stop))
    assert grid.box_of(part) == box


def test_what_was_not_cropped_out_is_refused() -> None:
    grid = Grid.of((5, 5, 5), (1, 1, 1))
    with pytest.raises(ValueError, match="not cropped"):
        grid.box_of(Grid.of((2, 2, 2), (1, 1, 1), origin=(0.4, 0, 0)))
    with pytest.raises(ValueError, match="not cropped"):
        grid.box_of(Grid.of((2, 2, 2), (1, 1, 1.1)))


@settings(deadline=None)
@given(grids(), st.tuples(*[st.floats(0.5, 6)] * 3))
def test_resampled_keeps_the_field_of_view(grid: Grid, spacing) -> None:
    new = grid.resampled(spacing)
    edges = np.array(list(itertools.product((0.0, 1.0), repeat=3)))

    def outline(g: Grid) -> np.ndarray:
        return g.to_lps(edges * g.shape - 0.5)

    assert np.allclose(outline(grid), outline(new), atol=1e-6)
    assert np.allclose(grid.direction, new.direction)
    extent = np.multiply(grid.shape, grid.spacing)
    for n, got, wanted, length in zip(new.shape, new.spacing, spacing, extent, strict=True):
        assert n == 1 or abs(got - wanted) <= wanted * wanted / length + 1e-6


@settings(deadline=None)
@given(grids(), indices, st.tuples(*[st.floats(0.1, 30)] * 3))
def test_box_around_holds_every_centre_in_the_patients_box(grid: Grid, index, size) -> None:
    low = grid.to_lps(index)
    high = low + size
    box = grid.box_around(low, high)
    centres = np.indices(grid.shape).reshape(3, -1).T
    places = grid.to_lps(centres)
    inside = ((places >= low) & (places <= high)).all(axis=1)
    held = ((centres >= box.start) & (centres < box.stop)).all(axis=1)
    assert not (inside & ~held).any()


def test_box_around_is_tight_and_clipped() -> None:
    grid = Grid.of((10, 10, 10), (2, 2, 2))
    assert grid.box_around((3.1, 3.1, 3.1), (8.9, 6.9, 4.9)) == Box((2, 2, 2), (5, 4, 3))
    assert grid.box_around((-50, -50, -50), (50, 50, 50)) == Box((0, 0, 0), (10, 10, 10))
    assert 0 in grid.box_around((100, 0, 0), (120, 5, 5)).shape


@pytest.mark.parametrize(
    ("affine", "why"),
    [
        (np.diag([1.0, 1, 0, 1]), "singular"),
        (np.array([[1.0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "singular"),
        (np.diag([1.0, np.nan, 1, 1]), "finite"),
        (np.diag([1.0, 1, 1, 2]), "last row"),
        (np.eye(3), "4x4"),
    ],
)
def test_an_affine_that_is_none_is_refused(affine, why) -> None:
    with pytest.raises(ValueError, match=why):
        Grid((2, 2, 2), affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (2, 2), (2, 2, 2, 2), (-1, 1, 1)])
def test_a_grid_has_three_axes_with_voxels(shape) -> None:
    with pytest.raises(ValueError, match="three axes"):
        Grid(shape, np.eye(4))


def test_the_affine_is_a_read_only_copy() -> None:
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 3] = 99
    assert grid.origin == (0, 0, 0)
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 3] = 1


def test_lengths_and_volume() -> None:
    direction = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    grid = Grid.of((2, 3, 4), (0.5, 0.6, 2.0), (1, 2, 3), direction)
    assert grid.spacing == pytest.approx((0.5, 0.6, 2.0))
    assert grid.origin == (1, 2, 3)
    assert grid.voxel_volume_mm3 == pytest.approx(0.6)
    assert np.allclose(grid.direction, direction)


def test_same_as_means_at_the_corners() -> None:
    grid = Grid.of((101, 2, 2), (1, 1, 1))
    assert grid.same_as(Grid.of((101, 2, 2), (1.000005, 1, 1)))
    assert not grid.same_as(Grid.of((101, 2, 2), (1.0001, 1, 1)))
    assert not grid.same_as(Grid.of((100, 2, 2), (1, 1, 1)))
