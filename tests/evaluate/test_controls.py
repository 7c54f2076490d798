"""Controls fired on, predictions where truth is not complete, and stations by rules beside learned ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nodewise.evaluate.case import evaluate_case
from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.controls import by_rules, fired_on, wrong_sides
from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.patient_groups import stations
from nodewise.evaluate.read import Reading
from nodewise.metrics.roc import auc
from nodewise.values.station import Station


@pytest.fixture(scope="module")
def implanted(tmp_path_factory, drawn):
    """A node that is found; a vessel of 10 voxels along x of which 2 are predicted, a muscle slip that is left alone;
    a prediction that lies where real nodes may be."""
    folder = tmp_path_factory.mktemp("implanted")
    truth = drawn.truth(folder / "t", {1: (0, 4)}, [(1, 4, "4R", "benign")])
    drawn.labels(truth / "negatives.nii.gz", {1: (10, 10), 2: (32, 4)})
    drawn.labels(truth / "ignore.nii.gz", {1: (25, 5)})
    path = truth / "truth.json"
    content = json.loads(path.read_text())
    more = {"centroid_lps_mm": [0, 0, 0], "short_axis_mm": 4, "long_axis_mm": 10, "volume_mm3": 160}
    content["negatives"] = [{"id": 1, "kind": "vessel", **more}, {"id": 2, "kind": "muscle", **more}]
    path.write_text(json.dumps(content))
    nodes = [(n, 4, "4R", None, 0.2, 0.9 - 0.1 * n) for n in (1, 2, 3)]
    return Pair("x", truth, drawn.assessment(folder / "p", {1: (0, 4), 2: (18, 4), 3: (25, 4)}, nodes))


def test_a_control_counts_by_the_share_that_is_predicted(implanted):
    case = evaluate_case(implanted, Reading())
    assert [(c.kind, c.covered) for c in case.controls] == [("vessel", 0.2), ("muscle", 0.0)]
    for covered, shares in ((0.0, [0.0, 1.0, 0.5]), (0.2, [0.0, 0.0, 0.0])):
        group = fired_on([case, case], covered)
        assert group.names == ("muscle", "vessel", "all")
        assert list(group.statistic(np.array([1, 1]))) == shares
    assert group.notes["all"] == "4 of them"


def test_where_truth_is_not_complete_predictions_are_left_out_or_false(implanted):
    lenient, strict = (evaluate_case(implanted, Reading(strict=how)) for how in (False, True))
    assert [node.id for node in lenient.predicted] == [1, 2] and [node.id for node in strict.predicted] == [1, 2, 3]
    assert any("left out: 3" in line for line in lenient.warnings) and not strict.warnings


def test_the_share_of_no_control_is_not_defined(two_cases, drawn, tmp_path):
    case = evaluate_case(Pair("a", drawn.mask(tmp_path / "t.nii.gz", (0, 3)), None), Reading())
    assert case.controls == () and np.isnan(fired_on([case]).statistic(np.array([1]))).all()


def test_stations_by_rules_stand_beside_learned_ones(tmp_path, drawn):
    truth = drawn.truth(tmp_path / "t", {1: (0, 4), 2: (10, 4)}, [(1, 4, "4R", None), (2, 4, "10L", None)])
    nodes = [(1, 4, "4R", None, 0.2, 0.9), (2, 4, "10L", None, 0.2, 0.8)]
    spans = {"4R": (0, 8), "10L": (8, 12)}
    predicted = drawn.assessment(tmp_path / "p", {1: (0, 4), 2: (10, 4)}, nodes, stations=spans)
    pair = Pair("x", truth, predicted)
    assert by_rules([evaluate_case(pair, Reading())]) == ()
    rules = {Station("4R").label: (0, 8), Station("10R").label: (8, 12)}
    drawn.labels(predicted / "stations-rules.nii.gz", rules)
    case = evaluate_case(pair, Reading())
    ruled = by_rules([case])
    one = np.array([1])
    assert stations([case]).statistic(one)[0] == 1.0 and stations(ruled).statistic(one)[0] == 0.5
    assert wrong_sides([case], by_map=True) == (0, 2) and wrong_sides(ruled, by_map=True) == (1, 2)
    assert wrong_sides([case], by_map=False) == (0, 2)


def test_a_station_that_rules_gave_is_no_truth(implanted):
    path = implanted.truth / "truth.json"
    content = json.loads(path.read_text())
    assert evaluate_case(implanted, Reading()).nodes[0].station is Station.S4R
    path.write_text(json.dumps(content | {"made": {"made_by": "implants"}}))
    node = evaluate_case(implanted, Reading()).nodes[0]
    assert node.station is None and node.place == "4R by rules"


def test_malignancy_over_size_is_paired_by_patient(tmp_path, drawn):
    """Four patients whose probabilities rank rightly and whose sizes do not: 1 − 0.25 on the same draws."""
    cases = []
    for n, (category, size, p) in enumerate([("N0", 9, 0.1), ("N0", 4, 0.3), ("N2", 5, 0.6), ("N2", 3, 0.9)]):
        known = {"n_category_8": category, "n_category_9": None}
        truth = drawn.truth(tmp_path / f"t{n}", {1: (0, 4)}, [(1, size, "4R", None)], **known)
        predicted = drawn.assessment(tmp_path / f"p{n}", {1: (0, 4)}, [(1, size, "4R", None, p, 0.9)])
        cases.append(evaluate_case(Pair(str(n), truth, predicted), Reading()))
    figures = summarize(cases, bootstraps=50).figures
    positive, size = np.array([False, False, True, True]), np.array([9.0, 4.0, 5.0, 3.0])
    assert figures["patient_auc_over_size"].value == pytest.approx(1 - auc(positive, size)) == 0.75
    assert figures["patient_auc_over_size"].low >= 0
