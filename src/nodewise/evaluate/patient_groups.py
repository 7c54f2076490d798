"""Figures of stations and patients: stations named rightly, N status, N category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nodewise.evaluate.group import Group
from nodewise.evaluate.record import Case, TrueNode
from nodewise.evaluate.stations import same_station
from nodewise.metrics.bootstrap import pooled
from nodewise.metrics.names import kappa
from nodewise.metrics.roc import auc
from nodewise.staging.rules import CATEGORIES
from nodewise.values.station import Station


def ranking_of(node: TrueNode, *, by_map: bool) -> tuple[Station, ...] | None:
    """Stations that a prediction gives a true node, likeliest first; None where the node does not count.

    ``by_map``: for every true node in a known station (P1, Figure 4). Otherwise: the names in the assessment, for the
    true nodes that were found.
    """
    if node.station is None:
        return None
    if by_map:
        return node.on_map
    if node.found_by is None:
        return None
    return tuple(station for station in (node.named, node.second) if station)


def have_maps(cases: Sequence[Case]) -> bool:
    """Whether every prediction has a map of stations where there are true nodes in known ones."""
    nodes = [node for case in cases for node in case.nodes if node.station]
    return bool(nodes) and all(node.on_map is not None for node in nodes)


def stations(cases: Sequence[Case]) -> Group:
    """P1, Figure 4: the true station is the first, or among the first two or three, that the prediction names."""
    names = ("station_top1", "station_top2", "station_top3")
    by_map = have_maps(cases)
    known = [[n for n in case.nodes if ranking_of(n, by_map=by_map) is not None] for case in cases]
    counts = np.array([len(nodes) for nodes in known])
    named = any(ranking_of(node, by_map=by_map) for nodes in known for node in nodes)
    right = np.array(
        [[sum(in_first(node, k, by_map=by_map) for node in nodes) for nodes in known] for k in (1, 2, 3)],
        dtype=np.int64,
    )
    if not any(node.station for case in cases for node in case.nodes):
        why = "no true node has a known station"
    elif not named:
        why = "no prediction names stations"
    else:
        why = "assessments name two stations at most: a map of stations in every prediction's folder is needed"
    how = (
        "by the prediction's map of stations, over all true nodes in a known station"
        if by_map
        else "by the names in the assessments, over the true nodes that were found"
    )
    kept = 3 if by_map else 2

    def statistic(weights: npt.NDArray[np.int64]) -> Sequence[float]:
        shares = [pooled(row, counts, weights) if named else np.nan for row in right]
        return [share if k < kept else np.nan for k, share in enumerate(shares)]

    notes = dict.fromkeys(names[:kept], how) if named else {}
    return Group(names, statistic, why, {name: int((counts == 0).sum()) for name in names}, notes)


def in_first(node: TrueNode, k: int, *, by_map: bool) -> bool:
    """Whether the true station is among the first ``k`` that the prediction gives a node."""
    ranking = ranking_of(node, by_map=by_map)
    return bool(node.station and ranking and any(same_station(node.station, name) for name in ranking[:k]))


def patients(cases: Sequence[Case]) -> tuple[Group, ...]:
    """P1, Figure 6; patients whose N status is not known are left out."""
    positive = np.array([bool(case.patient.positive) for case in cases])
    known = np.array([case.patient.positive is not None for case in cases])
    scores: dict[str, Sequence[float | None]] = {
        "patient_auc": [case.patient.score_bulk for case in cases],
        "patient_auc_without_bulk_rule": [case.patient.score for case in cases],
        "patient_auc_size": [case.patient.size_mm for case in cases],
    }
    groups = (_patient_auc(name, values, positive, known) for name, values in scores.items())
    return (*groups, _over_size(cases, positive, known))


def _over_size(cases: Sequence[Case], positive: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> Group:
    """By how much the area of malignancy is above that of size, on the same patients of every draw."""
    kept = known & np.array([case.patient.score_bulk is not None for case in cases])
    score = np.array([case.patient.score_bulk or 0.0 for case in cases], dtype=np.float64)
    size = np.array([case.patient.size_mm for case in cases], dtype=np.float64)

    def statistic(weights: npt.NDArray[np.int64]) -> Sequence[float]:
        areas = [auc(positive[kept], values[kept], weights[kept]) for values in (score, size)]
        return (areas[0] - areas[1],)

    name = "patient_auc_over_size"
    return Group((name,), statistic, "one of the two areas is not defined", {name: int((~kept).sum())})


def _patient_auc(
    name: str, values: Sequence[float | None], positive: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]
) -> Group:
    kept = known & np.array([value is not None for value in values])
    score = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if not known.any():
        why = "the truth does not say which patients are node-positive"
    elif not kept.any():
        why = "no prediction gives a probability of malignancy, or none from before the rule of 30 mm (schema 1.0)"
    else:
        why = "all patients are node-positive, or none is"
    return Group(
        (name,),
        lambda weights: (auc(positive[kept], score[kept], weights[kept]),),
        why,
        {name: int((~kept).sum())},
    )


def categories(cases: Sequence[Case], edition: int) -> Group:
    """Accuracy and κ of the N category over the cases where it is both known and named."""
    pairs = [(getattr(c.patient, f"category_{edition}"), getattr(c.patient, f"named_{edition}")) for c in cases]
    kept = np.array([bool(true and named) for true, named in pairs])
    true = [pair[0] for pair, keep in zip(pairs, kept, strict=True) if keep]
    named = [pair[1] for pair, keep in zip(pairs, kept, strict=True) if keep]
    right = np.array([bool(t and t == n) for t, n in pairs])
    names = (f"n_category_accuracy_{edition}", f"n_category_kappa_{edition}")
    if not any(pair[0] for pair in pairs):
        why = f"the truth gives no N category of edition {edition}"
    elif not kept.any():
        why = f"no prediction gives an N category of edition {edition} for the true side of the primary"
    else:
        why = "agreement by chance is not defined where all cases have one category"
    return Group(
        names,
        lambda w: (pooled(right, kept, w), kappa(true, named, CATEGORIES[edition], weights=w[kept])),
        why,
        {name: int((~kept).sum()) for name in names},
    )
