"""The figures of ``summary.json``, in groups that share what they are computed from.

Each group is a function of how often each case is drawn, so that a bootstrap touches no voxel. Definitions are those of
``nodewise.metrics``; the papers' sections are cited there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nodewise.evaluate.group import Group
from nodewise.evaluate.patient_groups import categories, patients, stations
from nodewise.evaluate.record import Case
from nodewise.metrics.bootstrap import mean, pooled
from nodewise.metrics.detection import count_detections
from nodewise.metrics.detections import component_hits, overlap_hits, radius_hits
from nodewise.metrics.froc import CPM, MFROC, average_precision, average_recall, best_f1, froc, mean_recall, recall_at
from nodewise.metrics.instances import Floats
from nodewise.metrics.macro import case_curves, mean_recall_at_precision, recall_at_precision
from nodewise.metrics.object_dice import object_dice
from nodewise.metrics.panoptic import aggregated_f1, count_pairs, panoptic_quality
from nodewise.metrics.record import restrict
from nodewise.staging.rules import CATEGORIES

STRATA_MM = (0.0, 5.0, 10.0)
BAND_X = tuple(round(x, 3) for x in [*np.arange(0, 1, 0.025).tolist(), *np.linspace(1, 10, 91).tolist()])
"""False positives a case at which the FROC's band is drawn."""
_NO_TRUTH = "there is no true node"
_ONE_POINT = "no prediction has scores that tell detections apart: the curve has a single point"
_SOME_UNSCORED = "some predictions are bare masks: their nodes all rank first"


def groups_of(cases: Sequence[Case]) -> tuple[Group, ...]:
    """Every group, in the order of ``summary.json``."""
    return (
        *_voxels(cases),
        _lesions(cases),
        _detection(cases),
        *(_stratum(cases, above_mm) for above_mm in STRATA_MM),
        _oncology(cases),
        _curves(cases),
        stations(cases),
        *patients(cases),
        *(categories(cases, edition) for edition in CATEGORIES),
        _pairs(cases),
    )


def _means(names: Mapping[str, Floats], why: str) -> Group:
    """Means over the cases where defined."""
    return Group(
        tuple(names),
        lambda weights: [mean(values, weights) for values in names.values()],
        why,
        {name: int(np.isnan(values).sum()) for name, values in names.items()},
    )


def _voxels(cases: Sequence[Case]) -> tuple[Group, ...]:
    voxels = [case.voxels for case in cases]
    both = np.array([[v.true_positives, v.false_positives, v.false_negatives] for v in voxels])
    tp, fp, fn = both.T
    distances = {f"assd_{how}_mean": np.array([c.assd_mm[how] for c in cases]) for how in ("lnq", "surfel", "pooled")}
    return (
        _means({"dice_mean": np.array([v.dice() for v in voxels])}, ""),
        _means(distances, "no case has both a true and a predicted node"),
        _means({"precision_mean": np.array([v.precision for v in voxels])}, "nothing was predicted"),
        _means({"recall_mean": np.array([v.recall for v in voxels])}, _NO_TRUTH),
        Group(
            ("dice_pooled", "precision_pooled", "recall_pooled"),
            lambda w: (pooled(2 * tp, 2 * tp + fp + fn, w), pooled(tp, tp + fp, w), pooled(tp, tp + fn, w)),
            "nothing is there to count",
        ),
    )


def _lesions(cases: Sequence[Case]) -> Group:
    found = np.array([case.lesions.found for case in cases])
    lesions = found + np.array([case.lesions.missed for case in cases])
    rates = np.array([case.lesions.rate for case in cases])
    return Group(
        ("ln_found_pooled", "ln_found_mean"),
        lambda weights: (pooled(found, lesions, weights), mean(rates, weights)),
        _NO_TRUTH,
        {"ln_found_pooled": int((lesions == 0).sum()), "ln_found_mean": int(np.isnan(rates).sum())},
    )


def _detection(cases: Sequence[Case]) -> Group:
    any_part = [count_detections(case.instances) for case in cases]
    half = [count_detections(case.instances, above=0.5) for case in cases]
    truths, detected = np.array([c.truths for c in any_part]), np.array([c.detected for c in any_part])
    false, over_half = np.array([c.false_positives for c in any_part]), np.array([c.detected for c in half])
    ones, empty = np.ones(len(cases), dtype=np.int64), int((truths == 0).sum())
    return Group(
        ("detection_rate_0", "detection_rate_50", "lesion_precision", "fp_per_volume"),
        lambda w: (
            pooled(detected, truths, w),
            pooled(over_half, truths, w),
            pooled(detected, detected + false, w),
            pooled(false, ones, w),
        ),
        f"{_NO_TRUTH}, or nothing was predicted",
        {"detection_rate_0": empty, "detection_rate_50": empty, "lesion_precision": int((detected + false == 0).sum())},
    )


def _stratum(cases: Sequence[Case], above_mm: float) -> Group:
    """P1: FROC and object Dice of the true nodes larger than a bound."""
    records = [restrict(case.instances, above_mm) for case in cases]
    detections = component_hits(records)
    dice = np.array([object_dice(record) for record in records])
    dice_hit = np.array([object_dice(record, only_hit=True) for record in records])
    d = f"d{above_mm:.0f}"

    def statistic(weights: npt.NDArray[np.int64]) -> Sequence[float]:
        curve = froc(detections, weights)
        return [average_recall(curve), mean(dice, weights), mean(dice_hit, weights), *recall_at(curve, BAND_X).tolist()]

    return Group(
        (f"avg_recall_{d}", f"obj_dsc_all_{d}", f"obj_dsc_hit_{d}"),
        statistic,
        f"{_NO_TRUTH} larger than {above_mm:.0f} mm, or none was found",
        {f"obj_dsc_all_{d}": int(np.isnan(dice).sum()), f"obj_dsc_hit_{d}": int(np.isnan(dice_hit).sum())},
        _ranked_note(cases, f"avg_recall_{d}"),
        band=len(BAND_X),
    )


def _oncology(cases: Sequence[Case]) -> Group:
    """P5: a hit needs a radius like the true one."""
    detections = radius_hits([case.instances for case in cases])
    each = case_curves(detections)
    names = ("mfroc", "best_f1", "recall_at_3fp", "recall_at_precision_15", "mrecall_precision_10_20")

    def statistic(weights: npt.NDArray[np.int64]) -> Sequence[float]:
        curve = froc(detections, weights)
        return (
            mean_recall(curve, MFROC),
            best_f1(curve),
            float(recall_at(curve, 3.0)[0]),
            recall_at_precision(each, 0.15, weights),
            mean_recall_at_precision(each, weights),
        )

    return Group(names, statistic, _NO_TRUTH, notes=_ranked_note(cases, *names))


def _curves(cases: Sequence[Case]) -> Group:
    records = [case.instances for case in cases]
    overlapping, touching = overlap_hits(records), component_hits(records)
    return Group(
        ("ap", "cpm"),
        lambda w: (average_precision(froc(overlapping, w)), mean_recall(froc(touching, w), CPM)),
        _NO_TRUTH,
        notes=_ranked_note(cases, "ap", "cpm"),
    )


def _pairs(cases: Sequence[Case]) -> Group:
    """Segmentation and detection in one: panoptic quality (IoU > 0.5) and HECKTOR's aggregated F1 (IoU > 0.3)."""
    half = [count_pairs(case.instances) for case in cases]
    third = [count_pairs(case.instances, above_iou=0.3) for case in cases]
    return Group(
        ("panoptic_quality", "f1_aggregated"),
        lambda w: (panoptic_quality(half, w), aggregated_f1(third, w)),
        "there is neither a true nor a predicted node",
    )


def _ranked_note(cases: Sequence[Case], *names: str) -> Mapping[str, str]:
    ranked = [case.ranked or not case.predicted for case in cases]
    if all(ranked):
        return {}
    return dict.fromkeys(names, _ONE_POINT if not any(case.ranked for case in cases) else _SOME_UNSCORED)
