"""Every figure of ``summary.json`` on two cases small enough to do by hand, from a probability map.

Case a: nodes of 96, 64 and 32 voxels; found whole at 0.9, by half at 0.8 (32 of 64), missed; 48 false voxels at 0.85.
Case b: no node, 32 false voxels at 0.6. Short axes of the boxes: 2 · 4 L / √(L² + 16) mm.
"""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nodewise.evaluate.cohort import summarize
from nodewise.evaluate.page import GROUPS
from nodewise.evaluate.pairs import find_pairs
from nodewise.evaluate.run import evaluate_pairs
from nodewise.evaluate.tables import case_row, node_rows, points_of, summary

FIGURES = (
    "dice_mean", "assd_lnq_mean", "assd_surfel_mean", "assd_pooled_mean", "precision_mean", "recall_mean",
    "ln_found_pooled", "ln_found_mean", "detection_rate_0", "detection_rate_50", "lesion_precision", "fp_per_volume",
    "avg_recall_d0", "avg_recall_d5", "avg_recall_d10", "obj_dsc_all_d0", "obj_dsc_all_d5", "obj_dsc_all_d10",
    "obj_dsc_hit_d0", "obj_dsc_hit_d5", "obj_dsc_hit_d10", "mfroc", "best_f1", "recall_at_3fp",
    "recall_at_precision_15", "mrecall_precision_10_20", "ap", "cpm", "station_top1", "station_top2", "station_top3",
    "patient_auc", "patient_auc_size", "n_category_accuracy_8", "n_category_accuracy_9", "n_category_kappa_8",
    "n_category_kappa_9",
)  # fmt: skip
BY_HAND = {
    "dice_mean": 256 / 400 / 2,
    "precision_mean": 128 / 208 / 2,
    "recall_mean": 128 / 192,
    "dice_pooled": 256 / (256 + 80 + 32 + 64),
    "precision_pooled": 128 / 240,
    "recall_pooled": 128 / 192,
    "ln_found_pooled": 1 / 2,  # nodes 1 and 2 lie 4 voxels apart: dilated by two they are one lesion
    "ln_found_mean": 1 / 2,
    "detection_rate_0": 2 / 3,
    "detection_rate_50": 1 / 3,  # just half of node 2 is not more than half
    "lesion_precision": 2 / 4,
    "fp_per_volume": 2 / 2,
    "avg_recall_d0": (50 * 1 / 3 + 451 * 2 / 3)
    / 501,  # 0.85 is false and comes before 0.8: half a false positive a case
    "avg_recall_d5": (50 * 1 / 2 + 451 * 1) / 501,
    "avg_recall_d10": None,
    "obj_dsc_all_d0": (1 + 0.5 + 0) / 3,
    "obj_dsc_all_d5": (1 + 0.5) / 2,
    "obj_dsc_all_d10": None,
    "obj_dsc_hit_d0": (1 + 0.5) / 2,
    "obj_dsc_hit_d5": (1 + 0.5) / 2,
    "obj_dsc_hit_d10": None,
    "mfroc": 2 / 3,
    "best_f1": 4 / 6,
    "recall_at_3fp": 2 / 3,
    "recall_at_precision_15": 2 / 3,
    "mrecall_precision_10_20": 2 / 3,
    "ap": 1 / 3 * 1 + 1 / 3 * 2 / 3,
    "cpm": (2 * 1 / 3 + 5 * 2 / 3) / 7,
    "panoptic_quality": 1 / (1 + 3 / 2 + 2 / 2),
    "f1_aggregated": 2 / (2 + 2 / 2 + 1 / 2),
}
UNDEFINED = {"dice_mean": 0, "assd_lnq_mean": 1, "recall_mean": 1, "precision_mean": 0, "obj_dsc_all_d0": 1,
             "obj_dsc_all_d10": 2, "ln_found_mean": 1, "patient_auc": 2, "n_category_kappa_8": 2}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(two_cases):
    return summarize(evaluate_pairs(find_pairs(*two_cases)), bootstraps=50)


@pytest.mark.parametrize("name", BY_HAND)
def test_figures_by_hand(cohort, name):
    assert cohort.figures[name].value == (None if BY_HAND[name] is None else pytest.approx(BY_HAND[name]))


@pytest.mark.parametrize("name", UNDEFINED)
def test_undefined_cases_are_counted(cohort, name):
    assert cohort.figures[name].n_undefined == UNDEFINED[name]


def test_surface_distance_by_scipy(cohort, drawn):
    """The half-sum over contours of case a; case b has no truth and is left out."""
    true = drawn.array({1: (0, 6), 2: (10, 4), 3: (20, 2)}, np.uint8) > 0
    predicted = drawn.array({1: (0, 6), 2: (12, 4), 3: (30, 3)}, np.uint8) > 0
    contours = [m & ~ndimage.binary_erosion(m, border_value=1) for m in (true, predicted)]
    away = [ndimage.distance_transform_edt(~c) for c in contours]
    expected = (away[0][contours[1]].mean() + away[1][contours[0]].mean()) / 2
    assert cohort.figures["assd_lnq_mean"].value == pytest.approx(expected)


def test_the_summary_is_flat_whole_and_json(cohort):
    content = json.loads(json.dumps(summary(cohort, {"threshold": 0.5}), allow_nan=False))
    for name in FIGURES:
        assert {name, f"{name}_low", f"{name}_high", f"{name}_n_undefined"} <= content.keys()
        assert content[name] is not None or content["notes"][name]
    assert all(not isinstance(value, dict | list) for key, value in content.items() if key != "notes")
    counts = {
        "n_cases": 2,
        "n_nodes": 3,
        "n_predicted": 4,
        "n_empty_truth": 1,
        "n_empty_prediction": 0,
        "n_empty_both": 0,
    }
    assert {key: content[key] for key in counts} == counts
    assert "patient" in content["notes"]["patient_auc"] or "probability" in content["notes"]["patient_auc"]


def test_every_figure_is_on_the_page(cohort):
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(cohort.figures)


def test_intervals_hold_the_figure_and_are_the_same_again(cohort, two_cases):
    again = summarize(evaluate_pairs(find_pairs(*two_cases)), bootstraps=50)
    for name, figure in cohort.figures.items():
        assert figure == again.figures[name]
        if figure.value is not None:
            assert figure.low <= figure.value + 1e-12 and figure.value <= figure.high + 1e-12, name
    assert (cohort.figures["fp_per_volume"].low, cohort.figures["fp_per_volume"].high) == (1.0, 1.0)
    assert (cohort.figures["dice_mean"].low, cohort.figures["dice_mean"].high) == (0.0, pytest.approx(0.64))


def test_one_case_has_no_intervals(two_cases):
    cohort = summarize(evaluate_pairs(find_pairs(two_cases[0] / "a.nii.gz", two_cases[1] / "a.nii.gz")))
    assert cohort.figures["dice_mean"].value == pytest.approx(0.64)
    assert (cohort.figures["dice_mean"].low, cohort.bootstraps) == (None, 0)


def test_rows_of_cases_and_nodes(cohort):
    a, b = (case_row(case) for case in cohort.cases)
    assert (a["nodes"], a["found"], a["missed"], a["predicted"], a["false_positives"]) == (3, 2, 1, 3, 1)
    assert (b["nodes"], b["found"], b["predicted"], b["false_positives"], b["dice"]) == (0, 0, 1, 1, 0.0)
    assert math.isnan(b["recall"]) and math.isnan(b["assd_lnq_mm"])
    rows = node_rows(cohort.cases[0])
    assert [row["kind"] for row in rows] == ["true"] * 3 + ["false positive"]
    assert [row.get("dice") for row in rows] == [1.0, 0.5, 0.0, 0.0]
    assert [row.get("covered") for row in rows[:3]] == [1.0, 0.5, 0.0]
    assert [row["score"] for row in rows] == [pytest.approx(0.9), pytest.approx(0.8), None, pytest.approx(0.85)]
    assert rows[0]["short_axis_mm"] == pytest.approx(2 * 24 / math.sqrt(52))
    assert rows[0]["volume_mm3"] == 96
    assert rows[0]["centroid_x_lps_mm"] == 2.5


def test_operating_points(cohort):
    points = [(p.recall, p.false_positives, p.precision, p.chosen) for p in points_of(cohort)]
    expected = [(1 / 3, 0, 1, False), (1 / 3, 0.5, 1 / 2, False), (2 / 3, 0.5, 2 / 3, False), (2 / 3, 1, 1 / 2, True)]
    assert points[1:] == [pytest.approx(row) for row in expected]
    assert points[0][:2] == (0, 0)


def test_a_higher_threshold_leaves_detections_out(two_cases):
    from nodewise.evaluate.read import Reading

    cohort = summarize(evaluate_pairs(find_pairs(*two_cases), Reading(threshold=0.82)), bootstraps=0)
    assert cohort.figures["detection_rate_0"].value == pytest.approx(1 / 3)
    assert cohort.figures["fp_per_volume"].value == pytest.approx(1 / 2)


def test_a_bare_mask_is_said_to_have_no_scores(two_cases, tmp_path, drawn):
    masks = tmp_path / "masks"
    drawn.mask(masks / "a.nii.gz", (0, 6), (12, 4), (30, 3))
    drawn.mask(masks / "b.nii.gz", (0, 2))
    cohort = summarize(evaluate_pairs(find_pairs(two_cases[0], masks)), bootstraps=10)
    assert cohort.figures["dice_mean"].value == pytest.approx(0.32)
    assert cohort.figures["avg_recall_d0"].value == pytest.approx(401 / 501 * 2 / 3)  # one point, at 1 FP a case
    assert "single point" in cohort.figures["avg_recall_d0"].note


@pytest.mark.parametrize(("both", "dice"), [(True, 1.0), (False, 0.0)])
def test_empty_masks(tmp_path, drawn, both, dice):
    drawn.mask(tmp_path / "t" / "a.nii.gz", *(() if both else ((0, 3),)))
    drawn.mask(tmp_path / "p" / "a.nii.gz")
    cohort = summarize(evaluate_pairs(find_pairs(tmp_path / "t", tmp_path / "p")))
    assert cohort.figures["dice_mean"].value == dice
    assert cohort.figures["assd_lnq_mean"].value is None and cohort.figures["assd_lnq_mean"].note
    assert cohort.figures["precision_mean"].value is None and "predicted" in cohort.figures["precision_mean"].note
    assert cohort.figures["fp_per_volume"].value == 0
    assert cohort.figures["detection_rate_0"].value == (None if both else 0.0)
    assert cohort.figures["mfroc"].value == (None if both else 0.0)


def test_several_processes_give_the_same(two_cases):
    one, two = (evaluate_pairs(find_pairs(*two_cases), jobs=jobs) for jobs in (1, 2))
    assert case_row(one[0]) == case_row(two[0])
    assert [node_rows(case) for case in one] == [node_rows(case) for case in two]


def test_the_document_names_every_figure_and_column(cohort):
    from nodewise.evaluate.read import Reading
    from nodewise.evaluate.tables import NODE_COLUMNS, point_rows
    from nodewise.evaluate.write import made_by

    text = (Path(__file__).resolve().parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)`", text))
    content = summary(cohort, made_by(Reading()))
    suffixes = ("_low", "_high", "_n_undefined")
    wanted = {key for key in content if not key.endswith(suffixes)} | {*case_row(cohort.cases[0]), *NODE_COLUMNS}
    assert wanted | {*point_rows(points_of(cohort))[0]} <= named
