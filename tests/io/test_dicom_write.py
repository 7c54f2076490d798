"""A written series read back, by us and by SimpleITK: every voxel where it was."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.folder import read_study
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps, onto_axes_of
from nodewise.values.volume import Quantity, Volume

TURNS = [(p, s) for p in itertools.permutations(range(3)) for s in itertools.product((1, -1), repeat=3)]
AXIAL = [turn for turn in TURNS if turn[0][2] == 2]
SHAPE = (7, 6, 5)


def grid_of(turn, spacing=(0.75, 0.8, 2.5), oblique=None) -> Grid:
    direction = np.eye(3)[:, turn[0]] * turn[1]
    return Grid.of(SHAPE, spacing, (-120.5, 33.25, 801.0), direction if oblique is None else oblique @ direction)


def volume_on(grid: Grid, seed: int = 0) -> Volume:
    hu = np.random.default_rng(seed).uniform(-1024, 1500, grid.shape).astype(np.float32)
    return Volume(np.asfortranarray(hu), grid, Quantity.HU)


def assert_comes_back(volume: Volume, folder: Path) -> None:
    write_ct_series(volume, folder, identity="round trip")
    study = read_study(folder)
    wanted = closest_lps(volume)
    assert study.ct.grid.same_as(wanted.grid)
    assert np.abs(study.ct.array - wanted.array).max() <= 0.5
    assert study.ct.array.dtype == np.float32
    assert study.source.warnings == ()
    stored = onto_axes_of(study.ct, study.source.native)
    assert np.abs(stored.array - onto_axes_of(volume, study.source.native).array).max() <= 0.5


@pytest.mark.parametrize("turn", AXIAL)
def test_every_axial_orientation_comes_back(turn, tmp_path):
    assert_comes_back(volume_on(grid_of(turn)), tmp_path)


@pytest.mark.parametrize("turn", [turn for turn in TURNS if turn not in AXIAL])
def test_coronal_and_sagittal_slices_are_refused(turn, tmp_path):
    write_ct_series(volume_on(grid_of(turn)), tmp_path, identity="a")
    with pytest.raises(BadInputError, match=r"(coronal|sagittal) slices, not axial"):
        read_study(tmp_path)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(AXIAL),
    st.tuples(*[st.floats(-25, 25)] * 3),
    st.tuples(st.floats(0.3, 3), st.floats(0.3, 3), st.floats(0.5, 10)),
)
def test_oblique_grids_come_back(turn, angles, spacing):
    oblique = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    with tempfile.TemporaryDirectory() as folder:
        assert_comes_back(volume_on(grid_of(turn, spacing, oblique)), Path(folder))


def test_simpleitk_sees_the_same_values_at_the_same_places(tmp_path):
    oblique = Rotation.from_euler("xyz", (8, -5, 12), degrees=True).as_matrix()
    volume = volume_on(grid_of(((1, 0, 2), (1, -1, 1)), oblique=oblique))
    write_ct_series(volume, tmp_path, identity="a")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    study = read_study(tmp_path)
    for index in [(0, 0, 0), (6, 0, 4), (2, 3, 1), (6, 5, 4)]:
        place = image.TransformIndexToPhysicalPoint(index)
        ours = study.ct.grid.to_index(place)
        assert np.allclose(ours, np.rint(ours), atol=1e-3)
        assert study.ct.array[tuple(np.rint(ours).astype(int))] == image[index]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    volume = volume_on(grid_of(AXIAL[0]))
    for name in ("a", "b"):
        write_ct_series(volume, tmp_path / name, identity="7", patient_name="Phantom^0007")
    write_ct_series(volume, tmp_path / "c", identity="8", patient_name="Phantom^0007")
    read = {name: [f.read_bytes() for f in sorted((tmp_path / name).iterdir())] for name in "abc"}
    assert read["a"] == read["b"]
    assert all(x != y for x, y in zip(read["a"], read["c"], strict=True))


def test_required_attributes_are_there_and_valid(tmp_path):
    """Types 1 and 2 of the modules that a CT Image has (PS3.3 tables A.3-1, C.7 and C.8-3)."""
    write_ct_series(volume_on(grid_of(AXIAL[0])), tmp_path, identity="7", patient_name="Phantom^0007", contrast=True)
    slices = [pydicom.dcmread(path) for path in sorted(tmp_path.iterdir())]
    filled = [
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
        *("Modality", "ImageType", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"),
        *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated"),
        *("BitsStored", "HighBit", "PixelRepresentation", "RescaleIntercept", "RescaleSlope"),
        *("RescaleType", "PixelData", "ContrastBolusAgent", "SliceThickness", "KVP"),
    ]
    present = [
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"),
        *("StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "SeriesNumber"),
        *("PositionReferenceIndicator", "Manufacturer", "InstanceNumber", "AcquisitionNumber"),
    ]
    for item in slices:
        assert all(item.get(name) not in (None, "") for name in filled)
        assert all(name in item for name in present)
        assert all(item[name].value.is_valid for name in filled if name.endswith("UID"))
        assert item.file_meta.MediaStorageSOPInstanceUID == item.SOPInstanceUID
        decimals = [element for element in item if element.VR == "DS"]
        assert decimals
        assert all(
            len(str(part)) <= 16 for e in decimals for part in (e.value if e.VM > 1 else [e.value]) if part is not None
        )
        assert len(item.PixelData) == 2 * item.Rows * item.Columns
    assert len({item.SOPInstanceUID for item in slices}) == len(slices)
    assert len({item.SeriesInstanceUID for item in slices}) == 1


def test_what_dicom_cannot_hold_is_refused(tmp_path):
    grid = grid_of(AXIAL[0])
    with pytest.raises(ValueError, match="HU"):
        write_ct_series(Volume(np.zeros(SHAPE, bool), grid, Quantity.MASK), tmp_path, identity="a")
    with pytest.raises(ValueError, match="16 bits"):
        write_ct_series(Volume(np.full(SHAPE, 4e4, np.float32), grid, Quantity.HU), tmp_path, identity="a")
    skewed = grid.affine.copy()
    skewed[:3, 0] += 0.3 * skewed[:3, 1]
    with pytest.raises(ValueError, match="perpendicular"):
        write_ct_series(volume_on(Grid(SHAPE, skewed)), tmp_path, identity="a")
