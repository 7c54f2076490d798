"""Tilted, uneven and incomplete series, against a linear function of place that interpolation must reproduce."""

import numpy as np
import pydicom
import pytest

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import read_study
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.volume import Quantity, Volume

SHAPE = (30, 40, 12)


def ramp(places: np.ndarray) -> np.ndarray:
    """HU that change linearly with place, in mm around the origin."""
    return 100 + places @ np.array([10.0, -8.0, 12.0])


def places_of(grid: Grid) -> np.ndarray:
    return grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


def write_ramp(folder, shear_mm=(0.0, 0.0), heights=None, tilt=0.0):
    """Slices of 30 × 40 pixels of 1 mm, 3 mm apart; sheared by so much a slice; at other heights where given."""
    affine = np.eye(4)
    cosine, sine = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    affine[:3, 1] = (0, cosine, -sine, 0)[:3]
    affine[:3, 2] = (*shear_mm, 3.0)
    affine[:3, 3] = (-15, -20, -18)
    grid = Grid(SHAPE, affine)
    write_ct_series(Volume(ramp(places_of(grid)).astype(np.float32), grid, Quantity.HU), folder, identity="ramp")
    if heights is not None:
        rewrite_heights(folder, heights)


def rewrite_heights(folder, heights):
    """Slices moved to other heights, with the ramp's values there; as many as there are heights are kept."""
    files = sorted(folder.iterdir())
    for file in files[len(heights) :]:
        file.unlink()
    for file, z in zip(files, heights, strict=False):
        item = pydicom.dcmread(file)
        moved = np.rint(12.0 * (z - float(item.ImagePositionPatient[2]))).astype(int)
        item.PixelData = (item.pixel_array + moved).astype("<i2").tobytes()
        item.ImagePositionPatient = [*item.ImagePositionPatient[:2], f"{z:.4f}"]
        item.save_as(file)


def error_on(study) -> np.ndarray:
    """Difference from the ramp where the study holds no padding."""
    inside = study.ct.array > -1000
    assert inside.mean() > 0.6
    return np.abs(study.ct.array - ramp(places_of(study.ct.grid)))[inside]


def test_an_even_straight_stack_is_left_alone(tmp_path):
    write_ramp(tmp_path)
    study = read_study(tmp_path)
    assert study.ct.grid.shape == SHAPE
    assert error_on(study).max() <= 0.5
    assert study.source.warnings == ()


def test_positions_rounded_by_the_scanner_are_no_uneven_spacing(tmp_path):
    write_ramp(tmp_path, heights=[round(0.75 * k, 1) for k in range(12)])
    study = read_study(tmp_path)
    assert not any("uneven" in line for line in study.source.warnings)
    assert study.ct.grid.spacing[2] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("shear", [(0.0, 1.1), (0.0, -0.9), (0.7, 0.4), (-1.3, 0.0)])
def test_a_sheared_stack_is_straightened(shear, tmp_path):
    write_ramp(tmp_path, shear_mm=shear)
    study = read_study(tmp_path)
    direction = study.ct.grid.direction
    assert np.allclose(direction.T @ direction, np.eye(3), atol=1e-6)
    inner = study.ct.array[:, :, :]
    difference = np.abs(inner - ramp(places_of(study.ct.grid)))
    off = np.abs(np.array(shear)) * 11
    core = (
        difference[int(off[0]) + 2 : 30 - 2, int(off[1]) + 2 : 40 - 2] if min(shear) >= 0 else difference[15:17, 15:25]
    )
    assert core.size > 0
    assert core.max() <= 1.0
    angle = np.degrees(np.arctan(np.hypot(*shear) / 3))
    assert any(f"gantry tilt of {angle:.1f}°" in line for line in study.source.warnings)
    assert onto_axes_of(study.ct, study.source.native).grid.same_as(study.source.native)


def test_a_tilted_gantry_with_slices_along_the_table(tmp_path):
    """Slices tilted by 20° and stacked along z, as a scanner stores them."""
    write_ramp(tmp_path, tilt=20.0)
    study = read_study(tmp_path)
    assert any("gantry tilt of 20.0°" in line for line in study.source.warnings)
    assert study.ct.grid.spacing[2] == pytest.approx(3 * np.cos(np.radians(20)), abs=1e-6)
    assert np.median(error_on(study)) <= 0.5
    assert np.allclose(study.ct.grid.direction.T @ study.ct.grid.direction, np.eye(3), atol=1e-6)


def test_the_real_tilted_head(shared_data):
    study = read_study(shared_data / "dicom-edge" / "gantry-tilt")
    assert any("gantry tilt of 18.5°" in line for line in study.source.warnings)
    first = pydicom.dcmread(shared_data / "dicom-edge" / "gantry-tilt" / "01.dcm")
    bone = first.pixel_array > 1200
    places = np.array([float(v) for v in first.ImagePositionPatient]) + np.argwhere(bone)[:, ::-1] @ (
        0.4882812 * np.array([float(v) for v in first.ImageOrientationPatient]).reshape(2, 3)
    )
    ours = np.rint(study.ct.grid.to_index(places)).astype(int)
    assert study.ct.array[tuple(ours.T)].mean() > 1100


def test_uneven_slices_are_interpolated(tmp_path):
    heights = np.cumsum([0, 3, 3, 2.4, 3.6, 3, 3, 3, 2.5, 3.2, 3, 3])
    write_ramp(tmp_path, heights=heights)
    study = read_study(tmp_path)
    assert error_on(study).max() <= 1.0
    assert any("uneven slice spacing, 2.40 to 3.60 mm" in line for line in study.source.warnings)
    assert study.ct.grid.origin[2] == pytest.approx(0)
    assert study.ct.grid.to_lps((0, 0, study.ct.grid.shape[2] - 1))[2] == pytest.approx(heights[-1], abs=1e-3)


def test_a_change_of_spacing_is_no_gap(tmp_path):
    heights = np.cumsum([0, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4])
    write_ramp(tmp_path, heights=heights)
    study = read_study(tmp_path)
    assert study.ct.grid.shape[2] == 17
    assert error_on(study).max() <= 1.0
    assert any("uneven slice spacing, 2.00 to 4.00 mm" in line for line in study.source.warnings)


@pytest.mark.parametrize("missing", [(4,), (4, 5), (2, 8), (1, 2, 3, 4)])
def test_missing_slices_are_refused_with_their_place_or_interpolated(missing, tmp_path):
    write_ramp(tmp_path)
    for number in missing:
        (tmp_path / f"slice-{number + 1:04d}.dcm").unlink()
    below = -18 + 3 * (missing[0] - 1)
    with pytest.raises(BadInputError, match=rf"slices are missing between {below:.1f} and "):
        read_study(tmp_path)
    study = read_study(tmp_path, allow_gaps=True)
    assert study.ct.grid.shape == SHAPE
    assert error_on(study).max() <= 1.0
    assert any(f"missing between {below:.1f} and " in line for line in study.source.warnings)


def test_three_slices_with_one_far_away(tmp_path):
    write_ramp(tmp_path, heights=[0, 3, 9])
    with pytest.raises(BadInputError, match=r"between 3\.0 and 9\.0 mm"):
        read_study(tmp_path)


def test_slices_beside_each_other_are_no_volume(tmp_path):
    write_ramp(tmp_path, shear_mm=(8.0, 0.0))
    with pytest.raises(BadInputError, match="beside each other"):
        read_study(tmp_path)


def test_thin_slices_far_apart_are_flagged(tmp_path):
    write_ramp(tmp_path)
    for file in tmp_path.iterdir():
        item = pydicom.dcmread(file)
        item.SliceThickness = 1
        item.save_as(file)
    assert "slices 1 mm thick every 3.0 mm" in read_study(tmp_path).source.warnings[0]
