from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nodewise.io.itk import read_image, read_labels
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.phantom.write import write_cohort, write_patient
from nodewise.staging.rules import n_category
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station

SPACING = (2.0, 2.0, 4.0)


@pytest.fixture(scope="module")
def patient() -> Phantom:
    return make_patient(7, SPACING)


def test_a_patient_is_whole(patient: Phantom) -> None:
    grid = patient.study.ct.grid
    assert grid.shape[:2] == (200, 200)
    assert grid.spacing == pytest.approx(SPACING)
    assert patient.study.tumor is not None
    assert patient.study.tumor.array.any()
    assert len(patient.nodes) == len(patient.stations) >= 4
    ill = [s for n, s in zip(patient.nodes, patient.stations, strict=True) if n.status.malignant]
    assert patient.n_category_8 == n_category(ill, patient.primary_side, 8).name
    assert patient.n_category_9 == n_category(ill, patient.primary_side, 9).name
    np.testing.assert_array_equal(patient.study.ct.array, np.rint(patient.study.ct.array))


def test_same_seed_same_study(patient: Phantom) -> None:
    again = make_patient(7, SPACING)
    assert again.study.id == patient.study.id
    np.testing.assert_array_equal(again.study.ct.array, patient.study.ct.array)


def test_written_files_hold_the_truth(patient: Phantom, tmp_path: Path) -> None:
    write_patient(tmp_path, 7, patient, "nifti")
    ct, _ = read_image(tmp_path / "images" / "phantom-0007.nii.gz")
    truth = tmp_path / "truth" / "phantom-0007"
    nodes, stations = read_labels(truth / "nodes.nii.gz"), read_labels(truth / "stations.nii.gz")
    known = json.loads((truth / "truth.json").read_text(encoding="utf-8"))
    assert ct.grid.same_as(nodes.grid)
    assert [n["id"] for n in known["nodes"]] == [n.id for n in patient.nodes]
    for record in known["nodes"]:
        inside = nodes.array == record["id"]
        centre = nodes.grid.to_lps(np.argwhere(inside).mean(axis=0))
        assert centre == pytest.approx(record["centroid_lps_mm"], abs=0.02)
        assert record["volume_mm3"] == pytest.approx(inside.sum() * nodes.grid.voxel_volume_mm3, abs=0.2)
        assert 0 < record["short_axis_mm"] <= record["long_axis_mm"]
        assert Station(record["station"]).label in np.unique(stations.array[inside])
    assert known["n_category_8"] == patient.n_category_8


def test_dicom_is_read_back_as_the_same_volume(patient: Phantom, tmp_path: Path) -> None:
    import SimpleITK as sitk

    write_patient(tmp_path, 7, patient, "dicom")
    folder = tmp_path / "images" / "phantom-0007"
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    ct = patient.study.ct
    assert image.GetSize() == ct.grid.shape
    assert image.GetOrigin() == pytest.approx(ct.grid.origin, abs=0.01)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, ct.array)


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="nrrd"):
        write_cohort(tmp_path, 1, 0, "nrrd")
