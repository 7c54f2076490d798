"""Labels from one grid to another: nothing is lost in silence."""

import itertools

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from nodewise.image.onto import labels_onto
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume

CT = Grid.of((40, 40, 20), (1.0, 1.0, 2.5), (-20, -20, 0))


def ball(grid: Grid, at, radius: float) -> np.ndarray:
    places = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    return np.linalg.norm(places - at, axis=-1) <= radius


def drawn(grid: Grid, *balls: tuple[int, tuple[float, float, float], float]) -> Volume:
    array = np.zeros(grid.shape, np.uint16)
    for label, at, radius in balls:
        array[ball(grid, at, radius)] = label
    return Volume(array, grid, Quantity.LABEL)


def test_the_same_grid_changes_nothing() -> None:
    mask = drawn(CT, (3, (0, 0, 20), 4))
    moved, warnings = labels_onto(mask, CT)
    assert warnings == ()
    assert np.array_equal(moved.array, mask.array)


@pytest.mark.parametrize("sign", list(itertools.product((1, -1), repeat=3)))
def test_other_axes_of_the_same_voxels_give_the_same_labels(sign) -> None:
    direction = np.eye(3)[:, [2, 0, 1]] * sign
    origin = CT.to_lps([0 if s > 0 else n - 1 for s, n in zip((direction.sum(axis=1)), CT.shape, strict=True)])
    shape, spacing = (CT.shape[2], CT.shape[0], CT.shape[1]), (2.5, 1.0, 1.0)
    other = Grid.of(shape, spacing, tuple(origin), direction)
    mask = drawn(CT, (3, (5, 0, 20), 4), (9, (-9, 8, 30), 3))
    moved, warnings = labels_onto(onto_axes_of(mask, other), CT)
    assert warnings == ()
    assert np.array_equal(moved.array, mask.array)


def test_another_spacing_orientation_and_a_smaller_field_of_view() -> None:
    turn = Rotation.from_euler("xyz", (20, 10, 30), degrees=True).as_matrix()
    grid = Grid.of((50, 50, 50), (0.7, 0.7, 0.7), tuple(np.array((2, 1, 22)) - turn @ np.full(3, 17.15)), turn)
    moved, warnings = labels_onto(drawn(grid, (300, (2, 1, 22), 7)), CT)
    assert warnings == ()
    assert moved.grid is CT
    assert moved.array.dtype == np.uint16
    assert set(np.unique(moved.array)) == {0, 300}
    volume = (moved.array == 300).sum() * CT.voxel_volume_mm3
    assert volume == pytest.approx(4 / 3 * np.pi * 7**3, rel=0.05)
    assert np.allclose(CT.to_lps(ndimage.center_of_mass(moved.array)), (2, 1, 22), atol=0.2)


def test_a_speck_between_slices_is_kept_as_one_voxel_and_said() -> None:
    fine = Grid.of((80, 80, 100), (0.5, 0.5, 0.5), (-20, -20, 0))
    mask = drawn(fine, (1, (0, 0, 20), 5), (2, (10, 10, 21.0), 0.6))
    moved, warnings = labels_onto(mask, CT)
    assert (moved.array == 2).sum() == 1
    assert np.allclose(CT.to_lps(np.argwhere(moved.array == 2)[0]), (10, 10, 20), atol=1e-6)
    assert warnings == ("1 part of the mask (label 2): smaller than the CT's voxels, kept as one voxel",)


def test_parts_of_one_label_are_looked_after_each_on_its_own() -> None:
    fine = Grid.of((80, 80, 100), (0.5, 0.5, 0.5), (-20, -20, 0))
    mask = drawn(fine, (1, (0, 0, 20), 5), (1, (10, 10, 21.0), 0.6))
    binary = Volume(mask.array > 0, fine, Quantity.MASK)
    moved, warnings = labels_onto(binary, CT)
    assert ndimage.label(moved.array, np.ones((3, 3, 3)))[1] == 2
    assert len(warnings) == 1


def test_a_speck_inside_a_voxel_of_another_label_is_said() -> None:
    fine = Grid.of((80, 80, 100), (0.5, 0.5, 0.5), (-20, -20, 0))
    array = np.zeros(fine.shape, np.uint8)
    array[36:44, 36:44, 30:50] = 1  # z 15 to 24.5
    array[40, 40, 41] = 2  # z 20.5, nearest CT slice 20
    moved, warnings = labels_onto(Volume(array, fine, Quantity.LABEL), CT)
    assert set(np.unique(moved.array)) == {0, 1}
    assert warnings == (
        "1 part of the mask (label 2): smaller than the CT's voxels and beside another label, left out",
    )


def test_what_is_outside_or_cut_is_said() -> None:
    wide = Grid.of((100, 40, 20), (1.0, 1.0, 2.5), (-20, -20, 0))
    mask = drawn(wide, (1, (0, 0, 20), 4), (2, (19, 0, 20), 4), (3, (60, 0, 20), 4), (4, (70, 0, 20), 4))
    moved, warnings = labels_onto(mask, CT)
    assert set(np.unique(moved.array)) == {0, 1, 2}
    assert np.array_equal(moved.array, mask.array[:40] * (mask.array[:40] < 3))
    assert warnings == (
        "2 parts of the mask (label 3, 4): outside the CT, left out",
        "1 part of the mask (label 2): cut off by the CT's edge",
    )


def test_a_mask_wholly_outside_is_refused_with_both_extents() -> None:
    far = Grid.of((20, 20, 20), (1.0, 1.0, 1.0), (300, 0, 0))
    with pytest.raises(BadInputError, match=r"x 306 to 314, .* the CT x -20 to 19, y -20 to 19, z 0 to 48 mm"):
        labels_onto(drawn(far, (1, (310, 10, 10), 4.2)), CT)


def test_an_empty_mask_stays_empty_wherever_it_lies() -> None:
    far = Grid.of((20, 20, 20), (1.0, 1.0, 1.0), (300, 0, 0))
    moved, warnings = labels_onto(drawn(far), CT)
    assert not moved.array.any()
    assert warnings == ()
