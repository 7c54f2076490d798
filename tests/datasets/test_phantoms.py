"""Phantoms and implants as data sets: what their truth says comes through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from nodewise.datasets.nodes import nodes_of, stations_of
from nodewise.datasets.phantoms import phantom_cases
from nodewise.datasets.read import load_case, read_dataset
from nodewise.io.truthfile import read_truth, write_truth
from nodewise.phantom.patient import Phantom
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

NAME = "phantom-0007"


@pytest.fixture
def written(written_patient: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written_patient, tmp_path / "phantoms"))


def test_a_phantom_is_a_case_with_everything(written_patient: Path, patient: Phantom) -> None:
    data = read_dataset(written_patient)
    (case,) = data.cases
    assert (data.layout, case.name, case.patient, case.annotation) == ("nodewise", NAME, NAME, "full")
    assert case.primary is patient.primary_side
    loaded = load_case(case)
    assert set(np.unique(loaded.nodes.array)) == {0, *(node.id for node in patient.nodes)}
    assert loaded.stations is not None and np.array_equal(loaded.stations.array, patient.place_map.array)
    assert loaded.organs is not None and loaded.ignore is None
    ill = {p for n, p in zip(patient.nodes, patient.places, strict=True) if n.status and n.status.malignant}
    assert case.histology is not None
    assert {code for code, malignant in case.histology.items() if malignant} == ill
    nodes = nodes_of(loaded)
    assert [node.id for node in nodes] == sorted(node.id for node in patient.nodes)
    named = stations_of(loaded, nodes)
    true = {node.id: place for node, place in zip(patient.nodes, patient.places, strict=True)}
    right = sum(true[node.id] == station.code for node, station in zip(nodes, named, strict=True))
    assert right >= 0.9 * len(nodes)


def test_annotated_histology_and_side_are_taken_as_they_are(written: Path) -> None:
    path = written / "truth" / NAME / "truth.json"
    told = {"4R": "malignant", "9": "benign", "7": "n/a"}
    write_truth(read_truth(path).model_copy(update={"station_histology": told, "primary_side": "unknown"}), path)
    (case,) = phantom_cases(written)
    assert case.primary is None
    assert case.histology == {"4R": True, "9": False}
    assert case.malignant(Station.S9R) is False


@pytest.mark.parametrize(
    ("style", "complete", "place", "annotation"),
    [
        ("partial", False, "annotation", "partial"),
        ("full", True, "annotation", "full"),
        ("histology", False, "truth", "full"),
    ],
)
def test_marked_nodes_replace_those_of_the_truth(
    written: Path, style: str, complete: bool, place: str, annotation: str
) -> None:
    folder = written / "annotation" / NAME
    folder.mkdir(parents=True)
    shutil.copy(written / "truth" / NAME / "nodes.nii.gz", folder)
    (folder / "annotation.json").write_text(json.dumps({"style": style, "complete": complete}), encoding="utf-8")
    (case,) = phantom_cases(written)
    assert case.nodes == written / place / NAME / "nodes.nii.gz" and case.annotation == annotation


def test_copies_of_one_scan_are_one_patient_without_stations(written: Path) -> None:
    path = written / "truth" / NAME / "truth.json"
    made = {"made_by": "implants", "scan": "0123abcd"}
    told = {"n_category_8": None, "n_category_9": None, "primary_side": "left", "made": made}
    write_truth(read_truth(path).model_copy(update=told), path)
    (case,) = phantom_cases(written)
    assert (case.patient, case.stations, case.histology, case.primary) == ("0123abcd", None, None, Side.LEFT)


def test_a_truth_without_its_scan_or_labels_is_refused(written: Path) -> None:
    nodes = written / "truth" / NAME / "nodes.nii.gz"
    nodes.rename(written / "nodes.nii.gz")
    with pytest.raises(BadInputError, match=f"{NAME}: its labels .* are missing"):
        read_dataset(written)
    (written / "nodes.nii.gz").rename(nodes)
    shutil.rmtree(written / "images" / NAME)
    with pytest.raises(BadInputError, match=f"{NAME}: there is a truth but no scan of this name"):
        read_dataset(written)
