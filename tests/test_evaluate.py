"""Predictions held against a truth that a person can check by eye: three nodes in a row on a small grid."""

import json

import numpy as np
import pytest

from nodewise.evaluate import evaluate_folders, summarize
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((40, 12, 12), (1.0, 1.0, 1.0))
NODE = {
    "station_confidence": 0.5, "station_method": "drawn", "station_second": None, "centroid_lps_mm": (0, 0, 0),
    "short_axis_mm": 1, "long_axis_mm": 1, "short_axis_max_slice_mm": 1, "short_axis_ellipsoid_mm": 1,
    "axes_endpoints_lps_mm": {"long": ((0, 0, 0), (1, 0, 0)), "short": ((0, 0, 0), (0, 1, 0))}, "volume_mm3": 1,
    "equivalent_radius_mm": 1, "mean_hu": 40, "score": 1, "malignancy": 0.1, "malignancy_method": "drawn",
}  # fmt: skip


def _labels(boxes):
    array = np.zeros(GRID.shape, np.uint8, order="F")
    for label, (start, length) in boxes.items():
        array[start : start + length, 2:6, 2:6] = label
    return Volume(array, GRID, Quantity.LABEL)


def _stage(category, side, **more):
    base = {"edition": 9, "at_least": False, "reason": "", "probability": {}, "driving_nodes": [], "rule": ""}
    none = {"if_left": None, "if_right": None}
    return base | none | {"threshold": 0.5, "category": category, "primary_side": side} | more


def _truth(folder, boxes, nodes):
    folder.mkdir(parents=True)
    write_nifti(_labels(boxes), folder / "nodes.nii.gz")
    known = [{"id": i, "short_axis_mm": mm, "station": station} for i, mm, station in nodes]
    text = json.dumps({"nodes": known, "n_category_9": "N2a", "primary_side": "left"})
    (folder / "truth.json").write_text(text)


def _prediction(folder, boxes, stations, stage):
    folder.mkdir(parents=True)
    write_nifti(_labels(boxes), folder / "nodes.nii.gz")
    made = {"model": "", "trained_on": "", "weights_sha256": "", "versions": {}, "seconds": {"a": 1.5, "b": 2}}
    record = {
        "schema_version": "1.0",
        "study": {"id": "x", "facts": {}, "left_out": []},
        "nodes": [NODE | {"id": i, "station": s} for i, s in stations.items()],
        "stage": stage,
        "landmarks": {},
        "warnings": [],
        "provenance": made | {"peak_memory_mb": None, "command": "", "device": "cpu", "settings": {}},
        "research_use_only": True,
    }
    (folder / "assessment.json").write_text(json.dumps(record))


@pytest.fixture
def folders(tmp_path):
    """Node 1 (12 mm, 4R) is found whole, node 2 (6 mm, 4L) half and named 4R, node 3 (3 mm) missed; one is false."""
    truth, prediction = tmp_path / "truth", tmp_path / "prediction"
    _truth(truth / "a", {1: (0, 6), 2: (10, 4), 3: (20, 2)}, [(1, 12.0, "4R"), (2, 6.0, "4L"), (3, 3.0, "7")])
    both = _stage("N2a", "unknown", at_least=True, if_left=_stage("N3", "left"), if_right=_stage("N2a", "right"))
    _prediction(prediction / "a", {1: (0, 6), 2: (12, 4), 5: (30, 3)}, {1: "4R", 2: "4R", 5: "10L"}, both)
    return truth, prediction


def test_each_node_has_its_fate(folders):
    (case,) = evaluate_folders(*folders)
    one, two, three = case.nodes
    assert (one.found_by, one.dice, one.named) == (1, 1.0, Station.S4R)
    assert (two.found_by, two.dice, two.named) == (2, pytest.approx(2 * 2 / (4 + 4)), Station.S4R)
    assert (three.found_by, three.dice, three.named) == (None, 0.0, None)
    assert case.false_positives == 1
    assert case.seconds == 3.5


def test_the_category_is_that_of_the_true_side(folders):
    (case,) = evaluate_folders(*folders)
    assert (case.category_true, case.category_named) == ("N2a", "N3")


@pytest.mark.parametrize(
    ("from_mm", "nodes", "recall", "right", "wrong_side"),
    [(0, 3, 2 / 3, 1 / 2, 1), (5, 2, 1.0, 1 / 2, 1), (10, 1, 1.0, 1.0, 0), (20, 0, None, None, 0)],
)
def test_figures_of_a_cohort(folders, from_mm, nodes, recall, right, wrong_side):
    figures = summarize(evaluate_folders(*folders), from_mm)
    assert figures.nodes == nodes
    assert figures.recall == (None if recall is None else pytest.approx(recall))
    assert figures.station_right == (None if right is None else pytest.approx(right))
    assert figures.laterality_errors == wrong_side
    assert figures.false_positives_a_case == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "at its start"),
        ("[]", "at its start"),
        ("{}", "at nodes"),
        ('{"nodes": [{"id": 1, "short_axis_mm": 5, "station": "4"}]}', "at nodes.0.station"),
        ('{"nodes": [{"id": 1, "station": "4R"}]}', "at nodes.0.short_axis_mm"),
        ('{"nodes": [], "primary_side": "unknown"}', "at primary_side"),
    ],
)
def test_a_truth_that_is_none_is_refused_in_one_line(folders, text, words):
    (folders[0] / "a" / "truth.json").write_text(text)
    with pytest.raises(BadInputError, match=words) as caught:
        evaluate_folders(*folders)
    assert "\n" not in str(caught.value)


def test_a_patient_without_a_prediction_is_named(folders):
    (folders[0] / "b").mkdir()
    (folders[0] / "b" / "truth.json").write_text('{"nodes": []}')
    with pytest.raises(BadInputError, match="no assessment of b"):
        evaluate_folders(*folders)


def test_truth_on_another_grid_is_put_onto_the_predictions(folders):
    """The same truth at half the spacing along x: nothing changes."""
    before = evaluate_folders(*folders)
    fine = Grid.of((80, 12, 12), (0.5, 1.0, 1.0), (-0.25, 0.0, 0.0))
    array = _labels({1: (0, 6), 2: (10, 4), 3: (20, 2)}).array.repeat(2, axis=0)
    write_nifti(Volume(np.asfortranarray(array), fine, Quantity.LABEL), folders[0] / "a" / "nodes.nii.gz")
    assert evaluate_folders(*folders) == before


def test_nothing_to_compare_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="holds no truth"):
        evaluate_folders(tmp_path, tmp_path)
