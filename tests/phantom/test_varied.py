"""Patients scanned and stored as scanners differ: the truth goes along, left stays left, the header tells."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pydicom
import pytest

from nodewise.image.resample import resample
from nodewise.io.folder import read_study
from nodewise.io.itk import read_image, read_labels
from nodewise.io.mask import read_mask
from nodewise.io.truthfile import TruthRecord, read_truth
from nodewise.phantom.body import BodyRegion
from nodewise.phantom.cohort import Plan
from nodewise.phantom.drawn_body import draw_body
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.phantom.scan.acquisition import Acquisition, varied_acquisition
from nodewise.phantom.scan.stored import Storage
from nodewise.phantom.write import write_patient
from nodewise.values.volume import Volume

STORED = {
    "prone": Storage(backwards=(True, True, False)),
    "from the head down": Storage(backwards=(False, False, True)),
    "tilted": Storage(tilt_deg=-5.0),
    "turned": Storage(backwards=(False, False, True), turn_deg=(3.0, -2.0, 4.0)),
}

drawn_once = cache(draw_body)  # one body for all: only the scan differs


@cache
def coarse(how: str) -> Phantom:
    """A varied patient in large voxels, to save time."""

    def drawn(rng: np.random.Generator, region: BodyRegion) -> Acquisition:
        usual = varied_acquisition(rng, region)
        protocol = replace(usual.protocol, slice_mm=5.0, increment_mm=4.0, field_mm=340.0, padding=None, edge=0.5)
        return replace(usual, drawn_mm=(5.0, 5.0, 5.0), protocol=protocol, storage=STORED[how])

    patient = "nodewise.phantom.patient"
    with mock.patch(f"{patient}.varied_acquisition", drawn), mock.patch(f"{patient}.draw_body", drawn_once):
        return make_patient(7, varied=True)


@pytest.fixture(scope="module", params=STORED)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, TruthRecord]:
    """How it is stored, its folder with the scan in both formats, and its truth."""
    folder = tmp_path_factory.mktemp("varied")
    phantom = coarse(request.param)
    for fmt in ("nifti", "dicom"):
        write_patient(folder, 7, phantom, fmt, annotation="noisy")
    return request.param, folder, read_truth(folder / "truth" / "phantom-0007" / "truth.json")


def middle(volume: Volume, number: int) -> np.ndarray:
    return volume.grid.to_lps(np.argwhere(volume.array == number).mean(axis=0))


def test_the_truth_lies_on_the_grid_of_the_image(written: tuple[str, Path, TruthRecord]) -> None:
    _, folder, known = written
    ct, _ = read_image(folder / "images" / "phantom-0007.nii.gz")
    truth = folder / "truth" / "phantom-0007"
    maps = [*truth.glob("*.nii.gz"), folder / "annotation" / "phantom-0007" / "nodes.nii.gz"]
    assert len(maps) == 5
    assert all(read_labels(path).grid.same_as(ct.grid) for path in maps)
    nodes = read_labels(truth / "nodes.nii.gz")
    for node in known.nodes:
        assert ct.array[nodes.array == node.id].mean(dtype=float) == pytest.approx(node.mean_hu, abs=0.001)
        assert middle(nodes, node.id) == pytest.approx(node.centroid_lps_mm, abs=0.002)


@pytest.mark.parametrize("fmt", ["nifti", "dicom"])
def test_left_stays_left_when_it_is_read(written: tuple[str, Path, TruthRecord], fmt: str) -> None:
    """The image as read and the label maps as read: air in both lungs, liver on the right, head above."""
    _, folder, known = written
    name = "phantom-0007.nii.gz" if fmt == "nifti" else "phantom-0007"
    ct = read_study(folder / "images" / name).ct
    organs = read_mask(folder / "truth" / "phantom-0007" / "organs.nii.gz")
    assert ct.grid.same_as(organs.grid) or written[0] == "tilted"  # which is read onto a grid with right angles
    organs = resample(organs, ct.grid)
    assert np.diag(ct.grid.direction).min() > 0.9
    for organ in ("lung_upper_lobe_left", "lung_upper_lobe_right"):
        assert np.median(ct.array[organs.array == known.organs[organ]]) < -600
    assert 0 < np.median(ct.array[organs.array == known.organs["liver"]]) < 200
    left, right = (middle(organs, known.organs[f"lung_upper_lobe_{side}"]) for side in ("left", "right"))
    assert left[0] > 60 + right[0]
    assert middle(organs, known.organs["liver"])[0] < 0 < left[2] - middle(organs, known.organs["liver"])[2]
    for node in known.nodes:
        if node.station in ("10R", "11R", "12R", "4R"):
            assert node.centroid_lps_mm[0] < known.landmarks_lps_mm["carina"][0] + 10


def test_the_header_says_how_it_was_scanned(written: tuple[str, Path, TruthRecord], dciodvfy: str) -> None:
    how, folder, _ = written
    path = folder / "images" / "phantom-0007" / "slice-0002.dcm"
    header = pydicom.dcmread(path)
    assert float(header.SliceThickness) == 5.0
    assert header.ConvolutionKernel == "SHARP"
    assert header.PatientPosition == ("HFP" if how == "prone" else "HFS")
    assert read_study(path.parent).source.facts["slice_thickness_mm"] == 5.0
    assert read_study(path.parent).ct.grid.spacing[2] == pytest.approx(4.0, rel=0.01)
    said = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False)
    assert (said.stdout + said.stderr).split() == ["CTImage"]


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    def hashes(folder: Path, phantom: Phantom) -> list[str]:
        write_patient(folder, 7, phantom, "dicom", Plan(varied=True).words)
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return [hashlib.sha256(p.read_bytes()).hexdigest() for p in files]

    again = coarse.__wrapped__("turned")
    assert hashes(tmp_path / "a", coarse("turned")) == hashes(tmp_path / "b", again) != []


def test_scanners_differ_within_what_is_usual() -> None:
    drawn = [varied_acquisition(np.random.default_rng([20261, seed]), BodyRegion.CHEST) for seed in range(200)]
    assert all(0.6 <= how.drawn_mm[0] == how.drawn_mm[1] <= 0.95 for how in drawn)
    assert {how.protocol.slice_mm for how in drawn} >= {1.0, 5.0}
    assert all(1.0 <= how.protocol.slice_mm <= 5.0 for how in drawn)
    assert all(how.drawn_mm[2] <= how.protocol.slice_mm and how.drawn_mm[2] <= 2.0 for how in drawn)
    assert all(how.protocol.field_mm < how.drawn_field_mm for how in drawn)
    down = np.mean([how.storage.backwards[2] for how in drawn])
    prone = np.mean([how.storage.backwards[0] for how in drawn])
    assert 0.35 < down < 0.65 and 0 < prone < 0.15
    assert any(how.storage.tilt_deg for how in drawn) and any(any(how.storage.turn_deg) for how in drawn)
    assert all(how.storage.order == (0, 1, 2) for how in drawn)
