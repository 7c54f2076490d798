"""A PET series written, validated, and read back as SUV; what is no whole PET is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nodewise.io.dicom_write import write_ct_series
from nodewise.io.pet import read_pet
from nodewise.io.pet_write import write_pet_series
from nodewise.io.suv import Injection, injection_of
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Quantity, Volume

INJECTION = Injection(dose_bq=2.51e8, weight_kg=71.5, seconds_to_scan=3725.5)
GRID = Grid.of((12, 10, 50), (4.07, 4.07, 4.25), (-120.5, 33.25, 801.0))


def suv(grid: Grid = GRID) -> Volume:
    values = np.random.default_rng(0).gamma(2, 1.5, grid.shape).astype(np.float32)
    values[..., 3] *= 20  # slices of very different range: each has its own slope
    values[..., 4] = 0
    return Volume(np.asfortranarray(values), grid, Quantity.SUV)


def hu() -> Volume:
    grid = Grid.of((9, 8, 4), (0.8, 0.8, 2.0))
    values = np.random.default_rng(1).uniform(-1024, 1500, grid.shape)
    return Volume(np.asfortranarray(values, np.float32), grid, Quantity.HU)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_pet_series(suv(), tmp_path / "pet", INJECTION, identity="phantom-0001")
    return tmp_path / "pet"


def change(folder: Path, **changes: object) -> None:
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        for name, value in changes.items():
            setattr(dataset, name, value)
        dataset.save_as(path)


def test_bq_per_ml_come_back_as_the_suv_that_was_written(written):
    back, wanted = read_pet(written), suv()
    assert back.grid.same_as(wanted.grid) and back.quantity is Quantity.SUV
    peak = wanted.array.max(axis=(0, 1))
    assert np.all(np.abs(back.array - wanted.array).max(axis=(0, 1)) <= 0.6 * peak / 32767 + 1e-9)


@pytest.mark.parametrize("sign", [(1, 1, -1), (-1, -1, 1), (-1, 1, 1)])
def test_turned_axes_come_back_in_their_place(sign, tmp_path):
    volume = suv(Grid.of(GRID.shape, GRID.spacing, GRID.origin, np.diag(sign).astype(float)))
    write_pet_series(volume, tmp_path, INJECTION, identity="a")
    back, wanted = read_pet(tmp_path), closest_lps(volume)
    assert back.grid.same_as(wanted.grid)
    np.testing.assert_allclose(back.array, wanted.array, atol=0.01)


def test_the_header_says_what_was_injected(written):
    headers = [pydicom.dcmread(p, stop_before_pixels=True) for p in written.glob("*.dcm")]
    found = injection_of(headers, "x")
    assert found.dose_bq == pytest.approx(INJECTION.dose_bq)
    assert found.weight_kg == pytest.approx(INJECTION.weight_kg)
    assert found.seconds_to_scan == pytest.approx(INJECTION.seconds_to_scan, abs=1e-6)
    assert len({h.AcquisitionTime for h in headers}) == 2  # 212 mm are two beds
    for header in headers:
        later = float(header.FrameReferenceTime) / 1000
        assert float(header.DecayFactor) == pytest.approx(2 ** (later / INJECTION.half_life_s), abs=1e-5)


def test_itk_reads_the_same_bq_per_ml(written):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(written)))
    image = reader.Execute()
    array = sitk.GetArrayFromImage(image).T
    assert image.GetSpacing() == pytest.approx(GRID.spacing) and image.GetOrigin() == pytest.approx(GRID.origin)
    np.testing.assert_allclose(array * INJECTION.suv_per_bq_ml, suv().array, atol=0.01, rtol=0.001)


def test_same_input_same_bytes(written, tmp_path):
    write_pet_series(suv(), tmp_path / "again", INJECTION, identity="phantom-0001")
    for path in written.glob("*.dcm"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def validated(dciodvfy: str, path: Path) -> list[str]:
    """What the validator says, but for the name of the object."""
    said = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False)
    return [line for line in (said.stdout + said.stderr).splitlines() if line not in ("CTImage", "PETImage")]


def test_pet_conforms(dciodvfy, written):
    for name in ("slice-0001.dcm", "slice-0004.dcm", "slice-0005.dcm", "slice-0050.dcm"):
        assert validated(dciodvfy, written / name) == []


@pytest.mark.parametrize(
    "facts", [{}, {"contrast": True, "kernel": "B30f"}, {"body_part": "NECK"}, {"body_part": "ABDOMEN"}]
)
def test_ct_conforms(facts, dciodvfy, tmp_path):
    write_ct_series(hu(), tmp_path, identity="phantom-0001", **facts)
    assert validated(dciodvfy, tmp_path / "slice-0001.dcm") == []


def test_a_validator_that_finds_nothing_would_be_useless(dciodvfy, written):
    change(written, NumberOfSlices=None)
    assert any("Error" in line for line in validated(dciodvfy, written / "slice-0001.dcm"))


def test_the_corrected_series_is_taken(written, tmp_path):
    write_pet_series(suv(), tmp_path / "nac", INJECTION, identity="phantom-0001", series_number=1)
    change(tmp_path / "nac", CorrectedImage=["DECY"])
    np.testing.assert_allclose(read_pet(tmp_path).array, suv().array, atol=0.01)


def test_missing_slices_are_refused(written):
    (written / "slice-0020.dcm").unlink()
    with pytest.raises(BadInputError, match="slices are missing"):
        read_pet(written)


def test_frames_at_one_place_are_refused(written, tmp_path):
    for path in list(written.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID += ".1"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(written / f"second-{path.name}")
    with pytest.raises(BadInputError, match="dynamic or gated"):
        read_pet(written)


def test_what_the_header_lacks_is_said_with_the_series(written):
    change(written, PatientWeight=None)
    with pytest.raises(BadInputError, match="pet, PT series 2: the patient's weight is missing"):
        read_pet(written)


def test_no_pet_is_refused(tmp_path):
    write_ct_series(hu(), tmp_path / "ct", identity="a")
    with pytest.raises(BadInputError, match="ct: no axial PET series"):
        read_pet(tmp_path / "ct")
    with pytest.raises(BadInputError, match="there is no folder"):
        read_pet(tmp_path / "nowhere")


def test_only_suv_is_written(tmp_path):
    with pytest.raises(ValueError, match="holds SUV"):
        write_pet_series(hu(), tmp_path, INJECTION, identity="a")
    below = suv().array.copy()
    below[0, 0, 0] = -1
    with pytest.raises(ValueError, match="from 0 up"):
        write_pet_series(Volume(below, GRID, Quantity.SUV), tmp_path, INJECTION, identity="a")
