"""Patients on disk: the truth that belongs to them, the same bytes at every call, whole or absent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from nodewise.io.itk import read_image, read_labels
from nodewise.io.pet import read_pet
from nodewise.io.truthfile import read_truth
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.cohort import Plan, write_cohort
from nodewise.phantom.patient import Phantom
from nodewise.phantom.write import write_patient
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station

COARSE = Plan(spacing_mm=(5.0, 5.0, 8.0), pet=True)


@pytest.fixture
def drawn_once(pet_patient: Phantom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every patient of a cohort is the same one, to save the time of drawing."""
    monkeypatch.setattr("nodewise.phantom.cohort.make_patient", lambda seed, **_: pet_patient)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_written_files_hold_the_truth(pet_patient: Phantom, tmp_path: Path) -> None:
    write_patient(tmp_path, 7, pet_patient, "nifti")
    ct, _ = read_image(tmp_path / "images" / "phantom-0007.nii.gz")
    truth = tmp_path / "truth" / "phantom-0007"
    nodes, stations, organs, tumour = (
        read_labels(truth / f"{name}.nii.gz") for name in ("nodes", "stations", "organs", "tumour")
    )
    known = read_truth(truth / "truth.json")
    pet, _ = read_image(tmp_path / "pet" / "phantom-0007.nii.gz")
    axes = [o + s * np.arange(n) for o, s, n in zip(pet.grid.origin, pet.grid.spacing, pet.grid.shape, strict=True)]
    suv = RegularGridInterpolator(axes, pet.array)
    assert all(ct.grid.same_as(v.grid) for v in (nodes, stations, organs, tumour))
    assert [n.id for n in known.nodes] == [n.id for n in pet_patient.nodes]
    for record in known.nodes:
        inside = nodes.array == record.id
        centre = nodes.grid.to_lps(np.argwhere(inside).mean(axis=0))
        assert centre == pytest.approx(record.centroid_lps_mm, abs=0.002)
        assert record.volume_mm3 == pytest.approx(inside.sum() * nodes.grid.voxel_volume_mm3, abs=0.01)
        assert record.mean_hu == pytest.approx(ct.array[inside].mean(dtype=float), abs=0.001)
        assert 0 < record.short_axis_mm <= record.long_axis_mm
        assert known.places[record.station] in np.unique(stations.array[inside])
        assert record.uptake == pytest.approx(suv(nodes.grid.to_lps(np.argwhere(inside))).max(), abs=0.001)
    assert (known.n_category_8, known.n_category_9) == (pet_patient.n_category_8, pet_patient.n_category_9)
    assert known.places == {s.code: s.label for s in Station if s.label}
    assert set(known.organs.values()) == set(np.unique(organs.array).tolist()) - {0}
    np.testing.assert_array_equal(tumour.array > 0, pet_patient.study.tumor.array)
    np.testing.assert_array_equal(pet.array, pet_patient.study.pet.array)


def test_dicom_is_read_back_as_the_same_volume(pet_patient: Phantom, tmp_path: Path) -> None:
    import SimpleITK as sitk

    write_patient(tmp_path, 7, pet_patient, "dicom")
    folder = tmp_path / "images" / "phantom-0007"
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    ct = pet_patient.study.ct
    assert image.GetSize() == ct.grid.shape
    assert image.GetOrigin() == pytest.approx(ct.grid.origin, abs=0.01)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, ct.array)


def test_dicom_pet_gives_back_the_drawn_suv(pet_patient: Phantom, tmp_path: Path) -> None:
    """Bq/ml, dose, times and weight, read back by the rules for SUVbw: within 1 % of what was drawn."""
    write_patient(tmp_path, 7, pet_patient, "dicom")
    pet = read_pet(tmp_path / "images" / "phantom-0007")
    drawn = pet_patient.study.pet
    assert pet.grid.same_as(drawn.grid)
    peak = drawn.array.max(axis=(0, 1))
    assert np.all(np.abs(pet.array - drawn.array).max(axis=(0, 1)) <= 1e-4 * peak + 1e-6)
    inside = drawn.array > 0.5
    np.testing.assert_allclose(pet.array[inside], drawn.array[inside], rtol=0.01)
    assert not (tmp_path / "pet").exists()


def test_ct_and_pet_of_a_patient_are_one_study(pet_patient: Phantom, tmp_path: Path) -> None:
    import pydicom

    from nodewise.io.folder import find_studies, read_study

    write_patient(tmp_path, 7, pet_patient, "dicom")
    assert [name for name, _ in find_studies(tmp_path / "images")] == ["images"]
    study = read_study(tmp_path / "images" / "phantom-0007")
    np.testing.assert_array_equal(study.ct.array, pet_patient.study.ct.array)
    assert any("PET" in line for line in study.source.left_out)
    ct, pet = (pydicom.dcmread(tmp_path / "images" / "phantom-0007" / p / "slice-0001.dcm") for p in ("", "pet"))
    for same in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert ct[same].value == pet[same].value
    assert ct.SeriesInstanceUID != pet.SeriesInstanceUID


def test_same_bytes_whatever_the_number_of_processes(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    necks = replace(COARSE, region=BodyRegion.NECK)  # they are drawn quickest
    write_cohort(tmp_path / "one", 1, 3, necks)
    write_cohort(tmp_path / "two", 2, 3, necks, processes=2, progress=lambda *now: told.append(now))
    one, two = hashes(tmp_path / "one"), hashes(tmp_path / "two")
    assert one == {path: digest for path, digest in two.items() if "0004" not in path} != {}
    assert {path.replace("0003", "0004") for path in one} == two.keys() - one.keys()
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.usefixtures("drawn_once")
def test_a_cohort_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    write_cohort(tmp_path, 2, 3, COARSE)
    before = hashes(tmp_path)
    kept = (tmp_path / "truth" / "phantom-0003" / "truth.json").stat().st_mtime_ns
    (tmp_path / "truth" / "phantom-0004" / "truth.json").unlink()
    write_cohort(tmp_path, 2, 3, COARSE)
    assert hashes(tmp_path) == before
    assert (tmp_path / "truth" / "phantom-0003" / "truth.json").stat().st_mtime_ns == kept


@pytest.mark.usefixtures("drawn_once")
def test_patients_made_otherwise_are_not_mixed(tmp_path: Path) -> None:
    write_cohort(tmp_path, 1, 3, COARSE)
    with pytest.raises(BadInputError, match=r"phantom-0003 made with pet yes, not no: choose another folder"):
        write_cohort(tmp_path, 1, 3, Plan(spacing_mm=COARSE.spacing_mm))


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_a_stop_leaves_nothing_half_written(error: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop between the scan and the truth: only whole patients and no hidden folder are left."""
    from nodewise.phantom import write

    def stop(*_: object) -> None:
        raise error

    write_cohort(tmp_path, 1, 3, COARSE)
    before = hashes(tmp_path)
    monkeypatch.setattr(write, "_write_scans", stop)
    with pytest.raises(error):
        write_cohort(tmp_path, 2, 3, COARSE)
    assert hashes(tmp_path) == before
    assert not list(tmp_path.rglob(".*"))


def test_another_format_is_refused() -> None:
    with pytest.raises(BadInputError, match="nrrd"):
        Plan(fmt="nrrd")
