"""Sheared volumes against a linear function of place that straightening must reproduce."""

import itertools

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from nodewise.io.folder import read_study
from nodewise.io.itk import write_nifti
from nodewise.io.shear import unsheared
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume

SHAPE = (30, 40, 12)
TURNS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def places_of(grid: Grid) -> np.ndarray:
    return grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


def ramp(grid: Grid) -> np.ndarray:
    return (100 + places_of(grid) @ np.array([10.0, -8.0, 12.0])).astype(np.float32)


def error_inside(volume: Volume, given: Volume) -> float:
    """Largest difference from the ramp between the centres of the given volume's outer voxels."""
    index = given.grid.to_index(places_of(volume.grid))
    inside = ((index >= 0) & (index <= np.array(given.grid.shape) - 1)).all(axis=-1)
    assert inside.sum() > 0.8 * given.array.size
    return float(np.abs(volume.array - ramp(volume.grid))[inside].max())


def sheared(turn, shear=((1, 2, 0.9),)) -> Volume:
    """A ramp on axes of 1 × 1 × 3 mm that are sheared, then put in another order and direction."""
    order, flips = turn
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    for row, column, mm in shear:
        affine[row, column] += mm
    affine[:3, 3] = (-15, -20, -18)
    grid = Grid(SHAPE, affine)
    volume = Volume(ramp(grid), grid, Quantity.HU)
    turned = affine.copy()
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        turned[:3, new] = flip * affine[:3, old]
        turned[:3, 3] += affine[:3, old] * (SHAPE[old] - 1 if flip < 0 else 0)
    return onto_axes_of(volume, Grid(tuple(SHAPE[old] for old in order), turned))


@pytest.mark.parametrize("turn", TURNS)
def test_a_sheared_volume_is_straightened_in_place(turn):
    given = sheared(turn)
    volume, told = unsheared(given, "x")
    assert np.allclose(volume.grid.direction.T @ volume.grid.direction, np.eye(3), atol=1e-9)
    assert error_inside(volume, given) < 0.05
    assert len(told) == 1 and told[0].startswith("gantry tilt of 16.7°")


def test_slices_are_those_whose_rows_meet_columns_at_right_angles():
    given = sheared(TURNS[0], shear=((0, 1, 0.2),))
    assert error_inside(unsheared(given, "x")[0], given) < 0.05


def test_right_angles_are_left_alone():
    volume = sheared(TURNS[5], shear=())
    assert unsheared(volume, "x") == (volume, [])


def test_no_right_angle_at_all_is_refused():
    with pytest.raises(BadInputError, match="x: no two voxel axes are at a right angle"):
        unsheared(sheared(TURNS[0], shear=((0, 1, 0.3), (0, 2, 0.6), (1, 2, 0.9))), "x")


def test_a_sheared_file_gives_results_that_itk_opens(tmp_path):
    volume = sheared(TURNS[0])
    ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(volume.array, ras @ volume.grid.affine), tmp_path / "tilted.nii")
    study = read_study(tmp_path / "tilted.nii")
    assert study.source.warnings[0].startswith("gantry tilt")
    result = Volume(np.zeros(study.ct.grid.shape, np.uint8), study.ct.grid, Quantity.LABEL)
    write_nifti(onto_axes_of(result, study.source.native), tmp_path / "nodes.nii.gz")
    assert sitk.ReadImage(tmp_path / "nodes.nii.gz").GetSize() == study.source.native.shape
