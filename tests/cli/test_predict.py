"""``predict`` and ``measure`` from files to folders."""

import csv
import json
import shutil

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from nodewise.cli.main import exit_code
from nodewise.io.casefile import read_record
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.nodes.split import label_map
from nodewise.values.station import Side

FILES = {
    "assessment.json",
    "landmarks.json",
    "nodes.csv",
    "nodes.nii.gz",
    "report.html",
    "run.log",
    "stations.nii.gz",
}


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    """Compiled networks are kept for this run of the tests, not in the user's folder."""
    monkeypatch.setattr("nodewise.cli.predict.cache_folder", lambda: tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture(scope="module")
def measured(written_patient, tmp_path_factory):
    out = tmp_path_factory.mktemp("measured") / "case"
    nodes = written_patient / "truth" / "phantom-0007" / "nodes.nii.gz"
    arguments = [
        "measure",
        str(written_patient / "images"),
        "--nodes",
        str(nodes),
        "-o",
        str(out),
        "--primary",
        "right",
    ]
    assert exit_code(arguments) == 0
    return out


@pytest.fixture
def cohort(patient, tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    write_nifti(patient.study.ct, scans / "good.nii.gz")
    (scans / "broken.nii.gz").write_bytes(b"not a NIfTI file")
    return scans


def test_measure_writes_a_whole_case(measured, written_patient):
    assert {p.name for p in measured.iterdir()} == FILES
    record = read_record(measured / "assessment.json")
    truth = json.loads((written_patient / "truth" / "phantom-0007" / "truth.json").read_text())
    assert [n.id for n in record.nodes] == [n["id"] for n in truth["nodes"]]
    for found, true in zip(record.nodes, truth["nodes"], strict=True):
        assert found.short_axis_mm == pytest.approx(true["short_axis_mm"], abs=0.02)
        assert found.centroid_lps_mm == pytest.approx(true["centroid_lps_mm"], abs=0.02)
    assert list(record.provenance.seconds) == ["reading", "anatomy", "nodes", "report"]


def test_no_name_of_the_patient_is_written(measured, written_patient):
    for name in FILES - {"nodes.nii.gz", "stations.nii.gz"}:
        text = (measured / name).read_text(encoding="utf-8")
        assert "Phantom^" not in text and str(written_patient) not in text, name


def test_labels_overlay_the_scan_in_itk_and_in_nibabel(measured, written_patient):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(written_patient / "images" / "phantom-0007")))
    ct, labels = reader.Execute(), sitk.ReadImage(str(measured / "nodes.nii.gz"))
    assert labels.GetSize() == ct.GetSize()
    for index in ((0, 0, 0), tuple(n - 1 for n in ct.GetSize())):
        there = ct.TransformIndexToPhysicalPoint(index)
        assert labels.TransformIndexToPhysicalPoint(index) == pytest.approx(there, abs=1e-3)
        ras = nibabel.affines.apply_affine(nibabel.load(measured / "nodes.nii.gz").affine, index)
        assert (-ras[0], -ras[1], ras[2]) == pytest.approx(there, abs=1e-3)


def test_a_second_result_in_the_same_place_is_refused(measured, written_patient, capsys):
    before = (measured / "assessment.json").read_bytes()
    nodes = written_patient / "truth" / "phantom-0007" / "nodes.nii.gz"
    assert exit_code(["measure", str(written_patient / "images"), "--nodes", str(nodes), "-o", str(measured)]) == 2
    assert "already holds something" in " ".join(capsys.readouterr().err.split())
    assert (measured / "assessment.json").read_bytes() == before


def test_a_cohort_goes_on_past_a_failure_and_skips_what_is_complete(cohort, blind_model, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["predict", str(cohort), "-o", str(out), "--model", str(blind_model), "--primary", "left"]
    assert exit_code(arguments) == 2
    assert {p.name for p in out.iterdir()} == {"good", "summary.csv", "failures.csv", "run.log"}
    (summary,) = csv.DictReader((out / "summary.csv").open())
    (failure,) = csv.DictReader((out / "failures.csv").open())
    assert summary["study"] == "good"
    assert failure["study"] == "broken" and failure["fault"] == "input" and failure["reason"]
    made = (out / "good" / "assessment.json").stat().st_mtime_ns
    assert exit_code(arguments) == 2
    assert (out / "good" / "assessment.json").stat().st_mtime_ns == made
    assert exit_code([*arguments[:-1], "right"]) == 2
    assert "other settings" in (out / "failures.csv").read_text()
    (cohort / "broken.nii.gz").unlink()
    shutil.copy(cohort / "good.nii.gz", cohort / "again.nii.gz")
    assert exit_code(arguments) == 0
    assert [row["study"] for row in csv.DictReader((out / "summary.csv").open())] == ["again", "good"]
    assert (out / "failures.csv").read_text().strip() == "study,fault,reason"


def test_an_internal_fault_in_a_cohort_is_exit_code_1(cohort, blind_model, tmp_path, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("nodewise.story.assess", broken)
    out = tmp_path / "out"
    assert exit_code(["predict", str(cohort), "-o", str(out), "--model", str(blind_model)]) == 1
    assert "RuntimeError: a fault of ours" in (out / "failures.csv").read_text()
    assert not (out / "good").exists()


def test_a_mirrored_copy_keeps_left_left(patient, blind_model, tmp_path):
    """The same patient stored with the first axis running the other way gives the same world coordinates."""
    ct = patient.study.ct
    affine = ct.grid.affine.copy()
    affine[:3, 3] = ct.grid.to_lps((ct.grid.shape[0] - 1, 0, 0))
    affine[:3, 0] *= -1
    from nodewise.values.grid import Grid
    from nodewise.values.volume import Volume

    stored = Volume(np.asfortranarray(ct.array[::-1]), Grid(ct.grid.shape, affine), ct.quantity)
    write_nifti(stored, tmp_path / "turned.nii.gz")
    out = tmp_path / "out"
    assert exit_code(["predict", str(tmp_path / "turned.nii.gz"), "-o", str(out), "--model", str(blind_model)]) == 0
    carina = read_record(out / "assessment.json").landmarks["carina"].lps_mm
    assert carina == pytest.approx(patient.landmarks["carina"], abs=5)
    written = nibabel.load(out / "nodes.nii.gz")
    assert written.affine[0, 0] > 0  # LPS x runs backwards here, so RAS x runs forwards, as in the file given
    assert patient.primary_side in Side


@pytest.fixture
def folds(patient, blind_model, tmp_path):
    """A data set of three and a run whose first fold held out anna, and whose second, of bert, is not done."""
    for kind in ("images", "labels"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    for name in ("anna", "bert", "carl"):
        write_nifti(patient.study.ct, tmp_path / "data" / "images" / f"{name}.nii.gz")
        write_nifti(label_map(patient.nodes, patient.study.ct.grid), tmp_path / "data" / "labels" / f"{name}.nii.gz")
    for number, name in enumerate(("anna", "bert")):
        (tmp_path / "run" / f"fold-0{number}").mkdir(parents=True)
        (tmp_path / "run" / f"fold-0{number}" / "held_out.txt").write_text(f"{name}\n")
    shutil.copytree(blind_model, tmp_path / "run" / "fold-00" / "model")
    model = tmp_path / "run" / "fold-00" / "model" / "model.json"
    model.write_text(json.dumps(json.loads(model.read_text()) | {"name": "fold-00"}))
    return tmp_path


def test_each_scan_is_given_to_the_fold_that_held_it_out(folds, capsys):
    out = folds / "out"
    asked = ["predict", str(folds / "data"), "-o", str(out), "--folds", str(folds / "run")]
    assert exit_code(asked) == 2
    assert read_record(out / "anna" / "assessment.json").provenance.model == "fold-00"
    reasons = {row["study"]: row["reason"] for row in csv.DictReader((out / "failures.csv").open())}
    assert reasons == {
        "bert": "fold-01 has no model yet: let the training end",
        "carl": "no fold held it out, so every model of the run may have seen it",
    }
    assert exit_code(["evaluate", str(folds / "data"), str(out), "--missing", "skip"]) == 0
    capsys.readouterr()
    assert exit_code([*asked, "--model", "default-2"]) == 2
    assert "leave --model out" in capsys.readouterr().err
    other = folds / "other"
    other.mkdir()
    shutil.copy(folds / "data" / "images" / "carl.nii.gz", other / "scan.nii.gz")
    assert exit_code(["predict", str(other), "-o", str(folds / "x"), "--folds", str(folds / "run")]) == 2
    assert "no scan given was held out" in " ".join(capsys.readouterr().err.split())
    assert exit_code(["predict", str(folds / "data"), "-o", str(folds / "run"), "--folds", str(folds / "run")]) == 2
    assert "would lie on top of" in " ".join(capsys.readouterr().err.split())


def test_folds_are_of_dicom_without_masks_too_and_of_the_images_of_nnunet(folds, patient):
    from nodewise.cli.predict import _scans

    for name in ("anna", "bert"):
        write_ct_series(
            patient.study.ct, folds / "dicom" / name, identity=name, patient_name="A", body_part="CHEST", kernel="B30"
        )
    assert [name for name, _ in _scans(folds / "dicom")] == ["anna", "bert"]
    (folds / "imagesTr").mkdir()
    for name in ("anna", "carl"):
        shutil.copy(folds / "data" / "images" / "carl.nii.gz", folds / "imagesTr" / f"{name}_0000.nii.gz")
    assert [name for name, _ in _scans(folds / "imagesTr")] == ["anna", "carl"]


def test_the_rule_of_bulk_can_be_left_out(cohort, blind_model, tmp_path):
    out = tmp_path / "out"
    arguments = ["predict", str(cohort / "good.nii.gz"), "-o", str(out), "--model", str(blind_model)]
    assert exit_code([*arguments, "--no-bulk-rule"]) == 0
    assert read_record(out / "assessment.json").provenance.settings["bulk_rule"] == "none"
