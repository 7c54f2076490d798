"""Data sets to train on as truth: stations, status and N status from their labels and cases.csv, in every layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nodewise.cli.main import exit_code
from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.papers.choose import pictures_of, tables_of
from nodewise.evaluate.run import evaluate_pairs
from nodewise.io.dicom_write import write_ct_series
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError
from nodewise.values.node import Status
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

NODES = {1: (0, 6), 2: (10, 4), 3: (20, 4)}  # 1 and 2 in 4R, 3 in 9R
STATIONS = {"4R": (0, 16), "9R": (16, 12)}
TABLE = "name,patient,primary_side,annotation,4R,9\nanna,a,left,full,benign,malignant\nbert,b,,partial,benign,benign\n"


def hu(drawn):
    array = drawn.array({1: (0, 30)}, np.float32) * 90 - 50
    array[-3:] = -1000
    return Volume(array, drawn.grid, Quantity.HU)


def ct(path, drawn):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(hu(drawn), path)


def predict(folder, drawn, likely=0.9):
    nodes = [(n, 4, code, None, likely, 0.9) for n, code in ((1, "4R"), (2, "4R"), (3, "9R"))]
    return drawn.assessment(folder, NODES, nodes, stations=STATIONS)


@pytest.fixture
def data(tmp_path, drawn):
    """Anna's 9R is malignant and bert's benign; both their 4R are; the predictions agree."""
    for name, likely in (("anna", 0.9), ("bert", 0.2)):
        ct(tmp_path / "data" / "images" / f"{name}.nii.gz", drawn)
        drawn.labels(tmp_path / "data" / "labels" / f"{name}.nii.gz", NODES)
        numbered = {Station(code).label: span for code, span in STATIONS.items()}
        drawn.labels(tmp_path / "data" / "stations" / f"{name}.nii.gz", numbered)
        predict(tmp_path / "out" / name, drawn, likely)
    (tmp_path / "data" / "cases.csv").write_text(TABLE)
    return tmp_path / "data"


def test_pairs_say_stations_status_and_n_status(data):
    pairs = find_pairs(data, data.parent / "out")
    assert [(p.name, p.image.name) for p in pairs] == [("anna", "anna.nii.gz"), ("bert", "bert.nii.gz")]
    anna, bert = evaluate_pairs(pairs)
    assert [node.place for node in anna.nodes] == ["4R", "4R", "9R"]
    assert [node.status for node in anna.nodes] == [Status.BENIGN, Status.BENIGN, Status.MALIGNANT]
    assert [node.status for node in bert.nodes] == [Status.BENIGN] * 3
    assert (anna.patient.positive, bert.patient.positive, anna.patient.side.value) == (True, False, "left")
    assert not anna.warnings and "not all nodes are annotated" in bert.warnings[0]


def test_the_tables_and_figures_of_p1_come_out(data):
    cohort = summarize(evaluate_pairs(find_pairs(data, data.parent / "out")), bootstraps=0)
    assert cohort.figures["station_top1"].value == cohort.figures["patient_auc"].value == 1.0
    table_1, _, table_3, figure_4, *_ = tables_of("P1", cohort)
    counts = {line.label.split(", ")[1]: line.cells for line in table_1.lines if ", " in line.label}
    assert counts["4R"] == tuple("2" if c == "benign" else "0" for c in table_1.columns)
    assert sorted(counts["9"]) == ["0", "1", "1"]
    assert [line.cells[0] for line in table_3.lines[:2]] == ["+", "0"]
    assert figure_4.lines[0].cells[0].startswith("1")
    names = [picture.name for picture in pictures_of("P1", cohort)]
    assert names == [f"P1-figure-{n}" for n in (2, 4, 5, 6, 7)] + ["P1-reliability"]


def test_the_command_takes_a_data_set(data, tmp_path):
    out = tmp_path / "evaluation"
    asked = [str(data), str(data.parent / "out"), "-o", str(out), "--paper", "P1", "--bootstraps", "0"]
    assert exit_code(["evaluate", *asked]) == 0
    assert json.loads((out / "summary.json").read_text())["patient_auc"] == 1.0


def test_what_the_labels_do_not_allow_is_said_in_one_line(data, caplog):
    (data / "cases.csv").unlink()
    for path in (data / "stations").iterdir():
        path.unlink()
    (anna, _) = evaluate_pairs(find_pairs(data, data.parent / "out"))
    assert [r.message for r in caplog.records] == [
        f"{data} has no station maps, so no figure of stations; and no histology in cases.csv, so no N status"
    ]
    assert anna.patient.positive is None and {node.place for node in anna.nodes} == {""}


def test_a_malignant_station_of_several_nodes_does_not_say_which(data):
    (data / "cases.csv").write_text("name,4R,9\nanna,malignant,\nbert,,\n")
    anna, bert = evaluate_pairs(find_pairs(data, data.parent / "out"))
    assert [node.status for node in anna.nodes] == [None] * 3
    assert (anna.patient.positive, bert.patient.positive) == (True, None)


def test_several_labels_are_instances_in_however_many_parts(data, drawn):
    array = drawn.array(NODES, np.uint8)
    array[34:36, 2:6, 2:6] = 3
    write_nifti(Volume(array, drawn.grid, Quantity.LABEL), data / "labels" / "anna.nii.gz")
    anna, _ = evaluate_pairs(find_pairs(data, data.parent / "out"))
    assert [node.id for node in anna.nodes] == [1, 2, 3] and anna.nodes[2].dice == pytest.approx(0.8)


def test_names_that_do_not_match_are_refused_as_ever(data):
    (data.parent / "out" / "bert").rename(data.parent / "out" / "bo")
    with pytest.raises(BadInputError, match=r"no prediction for bert \(and no truth for bo\)"):
        find_pairs(data, data.parent / "out")


def test_nnunet_raw_data_match_predictions_by_either_name(tmp_path, drawn):
    for name in ("anna", "bert"):
        ct(tmp_path / "imagesTr" / f"{name}_0000.nii.gz", drawn)
        drawn.labels(tmp_path / "labelsTr" / f"{name}.nii.gz", {1: (30, 3), 2: (10, 4), 3: (20, 2)})
    labels = {"background": 0, "vessel": 1, "lymph_node": 2, "ignore": 3}
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": {"0": "CT"}, "labels": labels}))
    for name in ("anna_0000", "bert"):
        predict(tmp_path / "out" / name, drawn)
    anna, bert = evaluate_pairs(find_pairs(tmp_path, tmp_path / "out"))
    assert (anna.name, bert.name) == ("anna", "bert")
    for case in (anna, bert):
        assert [(node.id, node.found_by) for node in case.nodes] == [(1, 2)]
        assert "predicted nodes where the truth is not complete" in case.warnings[0]


def test_dicom_studies_are_read_with_their_masks(tmp_path, drawn):
    for name in ("anna", "bert"):
        folder = tmp_path / "data" / name
        write_ct_series(hu(drawn), folder / "ct", identity=name, patient_name="A", body_part="CHEST", kernel="B30")
        drawn.labels(folder / "nodes.nii.gz", {1: (10, 4)})
        predict(tmp_path / "out" / name, drawn)
    (tmp_path / "data" / "cases.csv").write_text("name,4R\nanna,malignant\nbert,benign\n")
    anna, bert = evaluate_pairs(find_pairs(tmp_path / "data", tmp_path / "out"))
    assert [(node.found_by, node.dice) for node in anna.nodes] == [(2, 1.0)]
    assert (anna.patient.positive, bert.patient.positive) == (True, False)


def test_masks_beside_the_dicom_of_their_cts_are_no_data_set(tmp_path, drawn):
    write_ct_series(hu(drawn), tmp_path / "t" / "anna", identity="a", patient_name="A", body_part="CHEST", kernel="B30")
    drawn.mask(tmp_path / "t" / "anna.nii.gz", (0, 2))
    (pair,) = find_pairs(tmp_path / "t", tmp_path / "t")
    assert pair.labelled is None and pair.truth.name == "anna.nii.gz"


def test_a_year_in_a_name_is_no_channel(data):
    (data.parent / "out" / "bert").rename(data.parent / "out" / "bert_2021")
    with pytest.raises(BadInputError, match="no prediction for bert"):
        find_pairs(data, data.parent / "out")


def test_a_folder_of_exported_masks_is_no_data_set(tmp_path, drawn):
    for name in ("anna", "bo"):
        drawn.mask(tmp_path / "t" / name / "mask.nii.gz", (0, 2))
    assert [pair.labelled for pair in find_pairs(tmp_path / "t", tmp_path / "t")] == [None, None]
