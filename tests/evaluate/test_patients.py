"""Stations, N status and N category of assessments, by hand."""

import json

import numpy as np
import pytest

from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.pairs import Pair, find_pairs
from nodewise.evaluate.run import evaluate_pairs
from nodewise.evaluate.stations import ranked_stations, same_station, wrong_side
from nodewise.evaluate.strata import stratum
from nodewise.evaluate.tables import node_rows
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


@pytest.fixture
def named(tmp_path, drawn):
    """Node 1 (12 mm, 4R) found whole, node 2 (6 mm, 4L) by half and named 4R, node 3 (3 mm) missed; one is false."""
    truth, prediction = tmp_path / "truth", tmp_path / "prediction"
    drawn.truth(
        truth / "a",
        {1: (0, 6), 2: (10, 4), 3: (20, 2)},
        [(1, 12, "4R", "malignant"), (2, 6, "4L", "benign"), (3, 3, "7", "benign")],
    )
    both = drawn.stage(
        "N2a", "unknown", at_least=True, if_left=drawn.stage("N3", "left"), if_right=drawn.stage("N2a", "right")
    )
    nodes = [(1, 11, "4R", None, 0.9, 0.8), (2, 5, "4R", "4L", 0.2, 0.7), (5, 4, "10L", None, 0.4, 0.6)]
    drawn.assessment(prediction / "a", {1: (0, 6), 2: (12, 4), 5: (30, 3)}, nodes, both)
    return truth, prediction


def test_each_node_has_its_fate(named):
    (case,) = evaluate_pairs(find_pairs(*named))
    fates = [(n.found_by, n.dice, n.named, n.second, n.malignancy) for n in case.nodes]
    assert fates == [
        (1, 1.0, Station.S4R, None, 0.9), (2, 0.5, Station.S4R, Station.S4L, 0.2), (None, 0.0, None, None, None),
    ]  # fmt: skip
    assert [n.hits for n in case.predicted] == [1, 2, None]
    assert case.seconds == 3.5
    rows = node_rows(case)
    assert [(row.get("station_right"), row.get("wrong_side")) for row in rows[:3]] == [
        (True, False), (False, True), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("above_mm", "nodes", "recall", "right", "wrong"),
    [(0, 3, 2 / 3, 1 / 2, 1), (5, 2, 1.0, 1 / 2, 1), (10, 1, 1.0, 1.0, 0), (20, 0, None, None, 0)],
)
def test_strata_of_the_terminal(named, above_mm, nodes, recall, right, wrong):
    found = stratum(evaluate_pairs(find_pairs(*named)), above_mm)
    assert (found.nodes, found.laterality_errors, found.false_positives_a_case) == (nodes, wrong, 1)
    assert found.recall == (None if recall is None else pytest.approx(recall))
    assert found.station_right == right


def test_stations_by_the_names_of_the_nodes_found(named):
    figures = summarize(evaluate_pairs(find_pairs(*named))).figures
    assert figures["station_top1"].value == 1 / 2
    assert figures["station_top2"].value == 1.0
    assert figures["station_top3"].value is None and "two stations at most" in figures["station_top3"].note
    assert "names in the assessments" in figures["station_top1"].note


def test_stations_by_the_map_of_the_prediction(named, drawn):
    """Over all true nodes: 4R holds node 1 and most of node 2, 4L is the nearest to node 3; 7 is 31 mm from node 1."""
    nodes = [(1, 11, "4R", None, 0.9, 0.8)]
    stations = {"4R": (0, 13), "4L": (13, 5), "7": (36, 2)}
    drawn.assessment(named[1] / "a", {1: (0, 6)}, nodes, stations=stations)
    cases = evaluate_pairs(find_pairs(*named))
    on_map = [[station.code for station in node.on_map] for node in cases[0].nodes]
    assert on_map == [["4R", "4L"], ["4R", "4L", "7"], ["4L", "4R", "7"]]
    assert [node.on_map_share for node in cases[0].nodes] == [1.0, 0.75, 0.0]
    figures = summarize(cases).figures
    assert [figures[f"station_top{k}"].value for k in (1, 2, 3)] == [pytest.approx(v) for v in (1 / 3, 2 / 3, 1)]
    assert "map" in figures["station_top1"].note


def test_distance_ranks_stations_that_hold_nothing():
    labels, stations = np.zeros((60, 5, 5), np.uint8), np.zeros((60, 5, 5), np.uint8)
    labels[20:22], stations[30:32], stations[5:10], stations[57:] = 1, 4, 9, 2
    grid = Grid.of((60, 5, 5), (1.0, 1.0, 1.0))
    volumes = [Volume(array, grid, Quantity.LABEL) for array in (labels, stations)]
    ranked, share = ranked_stations(volumes[0], 1, Box((20, 0, 0), (22, 5, 5)), volumes[1])
    assert [s.label for s in ranked] == [4, 9]  # 9 mm and 11 mm off; 36 mm is out of reach
    assert share == 0.0


@pytest.mark.parametrize(
    ("true", "named_", "right", "wrong"),
    [("4R", "4R", True, False), ("4R", "4L", False, True), ("7", "7R", True, False), ("3aL", "3a", True, False),
     ("5", "4R", False, True), ("5", "4L", False, False), ("10R", "11R", False, False)],
)  # fmt: skip
def test_names_and_sides(true, named_, right, wrong):
    assert same_station(Station(true), Station(named_)) is right
    assert wrong_side(Station(true), Station(named_)) is wrong


def test_the_category_is_that_of_the_true_side(named):
    """Primary on the left: 4R is contralateral, N3, in the edition stated and, by the rules, in the other."""
    (case,) = evaluate_pairs(find_pairs(*named))
    patient = case.patient
    assert (patient.category_8, patient.named_8, patient.category_9, patient.named_9) == ("N2", "N3", "N2a", "N3")
    figures = summarize([case]).figures
    assert figures["n_category_accuracy_9"].value == 0.0
    assert (patient.positive, patient.score, patient.size_mm) == (True, 0.9, 11)


def test_what_the_csv_says_of_a_patient_goes_first(named, drawn):
    said = {"n_positive": "no", "primary_side": "right", "n_category_9": "N0"}
    (case,) = evaluate_pairs([Pair("a", named[0] / "a", named[1] / "a", None, said)])
    assert (case.patient.positive, case.patient.side.value, case.patient.category_9) == (False, "right", "N0")
    assert case.patient.named_9 == "N2a"


@pytest.mark.parametrize("said", [{"n_positive": "perhaps"}, {"primary_side": "up"}, {"n_category_8": "N2a"}])
def test_a_cell_that_means_nothing_is_refused(named, said):
    with pytest.raises(BadInputError, match=next(iter(said.values()))):
        evaluate_pairs([Pair("a", named[0] / "a", named[1] / "a", None, said)])


@pytest.fixture
def table_3(tmp_path, drawn):
    """P1's Table 3 as patients: each has one node of the printed diameter and probability, drawn and found."""
    patients = [("N0", 11, 0.29), ("N0", 14, 0.41), ("N2", 38, 0.6), ("N2", 14, 0.54), ("N2", 14, 0.54),
                ("N0", 21, 0.83), ("N2", 15, 0.61), ("N2", 11, 0.96)]  # fmt: skip
    for number, (category, mm, p) in enumerate(patients):
        status = "benign" if category == "N0" else "malignant"
        nine = "N2a" if category == "N2" else "N0"
        drawn.truth(
            tmp_path / "t" / f"{number}", {1: (0, 6)}, [(1, mm, "4L", status)], n_category_8=category, n_category_9=nine
        )
        stage = drawn.stage("N2a" if p >= 0.5 else "N0", "left")
        drawn.assessment(tmp_path / "p" / f"{number}", {1: (0, 6)}, [(1, mm, "4L", None, p, 0.9)], stage)
    return tmp_path / "t", tmp_path / "p"


def test_the_patients_of_p1(table_3):
    """0.80 and 0.567 by the printed table; patient 2 with p between 0.54 and 0.83 before the rule of 30 mm: 0.73."""
    cohort = summarize(evaluate_pairs(find_pairs(*table_3)), bootstraps=20)
    figures = cohort.figures
    assert figures["patient_auc"].value == pytest.approx(12 / 15)
    assert figures["patient_auc_size"].value == pytest.approx(8.5 / 15)
    assert figures["patient_auc_without_bulk_rule"].value == pytest.approx(11 / 15)
    assert figures["n_category_accuracy_8"].value == figures["n_category_accuracy_9"].value == pytest.approx(7 / 8)
    assert figures["n_category_kappa_8"].value == pytest.approx((7 / 8 - 36 / 64) / (1 - 36 / 64))
    assert figures["station_top1"].value == 1.0


def test_one_class_of_patients_has_no_auc(named):
    figure = summarize(evaluate_pairs(find_pairs(*named))).figures["patient_auc"]
    assert figure.value is None and "all patients are node-positive, or none is" in figure.note


def test_a_missing_prediction_counts_as_n0(named, drawn):
    pair = find_pairs(named[0], named[1])[0]
    (case,) = evaluate_pairs([Pair(pair.name, pair.truth, None)])
    assert (case.patient.score, case.patient.named_8, case.patient.named_9) == (0.0, "N0", "N0")


def test_classes_follow_the_assessments_own_threshold(named):
    record = json.loads((named[1] / "a" / "assessment.json").read_text())
    record["stage"]["threshold"] = 0.15
    (named[1] / "a" / "assessment.json").write_text(json.dumps(record))
    (case,) = evaluate_pairs(find_pairs(*named))
    assert [n.status.value for n in case.predicted] == ["malignant"] * 3
    assert case.confusion.tolist()[2] == [0, 0, 96, 0]
    assert case.confusion.tolist()[1] == [32 + 32, 0, 32, 0]
