"""``predict`` with organs and landmarks that the user gives, from files to folders."""

import json

import numpy as np
import pytest

from nodewise.cli.main import exit_code
from nodewise.io.casefile import read_record
from nodewise.io.itk import read_labels, write_nifti
from nodewise.values.station import Station


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path_factory):
    """Compiled networks are kept for this run of the tests, not in the user's folder."""
    monkeypatch.setattr("nodewise.cli.predict.cache_folder", lambda: tmp_path_factory.getbasetemp() / "cache")


@pytest.fixture(scope="module")
def asked(written_patient, blind_model):
    """The command, but for where its results go."""
    return ["predict", str(written_patient / "images"), "--model", str(blind_model)]


@pytest.fixture(scope="module")
def truth(written_patient):
    return written_patient / "truth" / "phantom-0007"


def _one_line(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert lines
    return " ".join(" ".join(lines).split())


def test_a_phantoms_organs_lay_out_the_stations(asked, truth, tmp_path):
    given = ["--organs", str(truth / "organs.nii.gz"), "--organ-names", str(truth / "truth.json")]
    assert exit_code([*asked, *given, "-o", str(tmp_path / "out")]) == 0
    record = read_record(tmp_path / "out" / "assessment.json")
    assert record.provenance.settings["given"] == "organs"
    stations = read_labels(tmp_path / "out" / "stations.nii.gz").array
    true = read_labels(truth / "stations.nii.gz").array
    both = (stations > 0) & (true > 0)
    assert (stations[both] == true[both]).mean() > 0.75  # voxels; nodes are what bench/stations.py counts
    assert {Station.S9R.label, Station.S12L.label} <= set(np.unique(stations).tolist())  # landmarks never name these


def test_landmarks_are_written_and_taken_back_corrected(asked, tmp_path):
    assert exit_code([*asked, "-o", str(tmp_path / "first")]) == 0
    written = tmp_path / "first" / "landmarks.json"
    content = json.loads(written.read_text())
    assert content["landmarks"] == json.loads((written.parent / "assessment.json").read_text())["landmarks"]
    content["landmarks"]["arch_top"]["lps_mm"][2] += 9.0
    (tmp_path / "mended.json").write_text(json.dumps(content))
    assert exit_code([*asked, "--landmarks", str(tmp_path / "mended.json"), "-o", str(tmp_path / "again")]) == 0
    again = read_record(tmp_path / "again" / "assessment.json")
    assert again.landmarks["arch_top"].status == "given"
    assert again.landmarks["arch_top"].lps_mm == tuple(content["landmarks"]["arch_top"]["lps_mm"])
    assert again.provenance.settings["given"] == "landmarks"
    first, second = (read_labels(tmp_path / name / "stations.nii.gz") for name in ("first", "again"))
    lowest = [v.grid.to_lps(np.argwhere(v.array == Station.S2L.label))[:, 2].min() for v in (first, second)]
    assert lowest[1] - lowest[0] == pytest.approx(9.0, abs=3.1)  # slices are 3 mm apart


def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(asked, truth, patient, tmp_path, capsys):
    (tmp_path / "bad.json").write_text('{"landmarks": {"carina": {"lps_mm": [0]}}}')
    (tmp_path / "unknown.json").write_text('{"landmarks": {"carena": {"lps_mm": [0, 0, 0]}}}')
    (tmp_path / "away.json").write_text('{"landmarks": {"carina": {"lps_mm": [0, 0, 9000]}}}')
    organs = str(truth / "organs.nii.gz")
    refused = {
        ("--landmarks", str(tmp_path / "bad.json")): "landmark carina.lps_mm",
        ("--landmarks", str(tmp_path / "unknown.json")): "there is no landmark carena",
        ("--landmarks", str(tmp_path / "away.json")): "lies outside the scan",
        ("--organs", str(tmp_path / "none.nii.gz")): "there is no file",
        ("--organs", organs, "--organ-names", str(tmp_path / "none.json")): "cannot be read",
        ("--organ-names", str(truth / "truth.json")): "give that too",
        ("--fast",): "it goes with --organs total",
    }
    for given, told in refused.items():
        assert exit_code([*asked, *given, "-o", str(tmp_path / "out")]) == 2
        assert told in _one_line(capsys)
        assert not (tmp_path / "out").exists()


def test_organs_of_one_scan_are_not_those_of_many(patient, truth, blind_model, tmp_path, capsys):
    (tmp_path / "scans").mkdir()
    for name in ("a", "b"):
        write_nifti(patient.study.ct, tmp_path / "scans" / f"{name}.nii.gz")
    given = ["--organs", str(truth / "organs.nii.gz")]
    asked = ["predict", str(tmp_path / "scans"), "--model", str(blind_model), "-o", str(tmp_path / "out")]
    assert exit_code([*asked, *given]) == 2
    assert "belong to one scan" in _one_line(capsys)


def test_without_totalsegmentator_one_line_says_what_to_install(asked, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("nodewise.anatomy.totalsegmentator.sys.executable", str(tmp_path / "python"))
    assert exit_code([*asked, "--organs", "total", "-o", str(tmp_path / "out")]) == 2
    assert "pip install 'nodewise[organs]'" in _one_line(capsys)
