"""``evaluation.html``: one page that needs no network, the same for the same data."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import jinja2

from nodewise.evaluate.cohort import Cohort, Figure
from nodewise.evaluate.crop import Crop, Picture, picture
from nodewise.evaluate.curves import confusions, froc_curves, overlap_curve, roc_curves, size_bars
from nodewise.evaluate.figures import bar_plot, line_plot, step_plot
from nodewise.evaluate.papers.picture import PaperPicture
from nodewise.evaluate.papers.table import AS_PRINTED, PaperTable
from nodewise.evaluate.record import Case
from nodewise.evaluate.scan import ct_of
from nodewise.evaluate.tables import Cell, case_row, points_of, probability
from nodewise.metrics.froc import OperatingPoint

log = logging.getLogger(__name__)
WORST = 8
_AT_FP = (0.125, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
GROUPS = {
    "Detection": (
        "detection_rate_0", "detection_rate_50", "lesion_precision", "fp_per_volume", "ln_found_pooled",
        "ln_found_mean", "avg_recall_d0", "avg_recall_d5", "avg_recall_d10", "ap", "cpm",
    ),
    "Segmentation": (
        "dice_mean", "dice_pooled", "assd_lnq_mean", "assd_surfel_mean", "assd_pooled_mean", "precision_mean",
        "precision_pooled", "recall_mean", "recall_pooled", "obj_dsc_all_d0", "obj_dsc_all_d5", "obj_dsc_all_d10",
        "obj_dsc_hit_d0", "obj_dsc_hit_d5", "obj_dsc_hit_d10", "panoptic_quality", "f1_aggregated",
    ),
    "Detection of P5 (radius within 0.5 to 1.5 of the true one)": (
        "mfroc", "best_f1", "recall_at_3fp", "recall_at_precision_15", "mrecall_precision_10_20",
    ),
    "Stations and patients": (
        "station_top1", "station_top2", "station_top3", "patient_auc", "patient_auc_without_bulk_rule",
        "patient_auc_size", "patient_auc_over_size", "n_category_accuracy_8", "n_category_kappa_8",
        "n_category_accuracy_9", "n_category_kappa_9",
    ),
}  # fmt: skip
"""Figures of the page by what they say; every figure of ``summary.json`` is in one of them."""


@dataclass(frozen=True, slots=True)
class Worst:
    """A picture of what went wrong, and where."""

    case: str
    node: int
    size_mm: float
    at_mm: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class Point:
    """A row of the operating-point table; ``why`` says what is special about it."""

    point: OperatingPoint
    why: str


def page(
    cohort: Cohort,
    made: Mapping[str, Cell],
    papers: Sequence[PaperTable] = (),
    pictures: Sequence[PaperPicture] = (),
) -> str:
    """The whole page.

    Args:
        cohort: what to show.
        made: how it was made, by name; shown at the foot.
        papers: tables of papers beside this data's, where they were asked for.
        pictures: their figures, drawn for this data.
    """
    curves, x_end = froc_curves(cohort)
    roc, overlap = roc_curves(cohort), overlap_curve(cohort)
    return (
        _environment()
        .get_template("evaluation.html.jinja")
        .render(
            cohort=cohort,
            made=made,
            groups=GROUPS,
            rows=[case_row(case) for case in cohort.cases],
            nodes=sum(len(case.nodes) for case in cohort.cases),
            froc=step_plot(curves, "false positives a case", "recall", x_end) if curves else "",
            sizes=bar_plot(size_bars(cohort), "short axis of the true node", "recall") if curves else "",
            roc=line_plot(roc, "1 − specificity", "sensitivity", diagonal=True) if roc else "",
            overlap=line_plot(overlap, "share of the node that has to be covered", "detection rate") if overlap else "",
            confusions=confusions(cohort.cases),
            points=chosen_points(points_of(cohort)),
            missed=_worst(cohort.cases, "missed"),
            spurious=_worst(cohort.cases, "false"),
            papers=papers,
            pictures=pictures,
            as_printed=AS_PRINTED,
            warnings=[(case.name, line) for case in cohort.cases for line in case.warnings],
        )
    )


def chosen_points(points: Sequence[OperatingPoint]) -> list[Point]:
    """The points that a table has room for: at usual numbers of false positives, the best F1, and the chosen one."""
    best = max(points, key=_f1, default=None)
    kept: dict[float, list[str]] = {}
    for fp in _AT_FP:
        below = [point for point in points if point.false_positives <= fp + 1e-9 and math.isfinite(point.threshold)]
        if below and below[-1].false_positives > 0:
            kept.setdefault(below[-1].threshold, [])
    for point in points:
        if not math.isfinite(point.threshold):
            continue
        if point is best:
            kept.setdefault(point.threshold, []).append("best F1 of node and false positive")
        if point.chosen:
            kept.setdefault(point.threshold, []).append("chosen: as predicted")
    return [Point(point, ", ".join(kept[point.threshold])) for point in points if point.threshold in kept]


def _f1(point: OperatingPoint) -> float:
    if not point.recall or math.isnan(point.recall) or math.isnan(point.precision):
        return 0.0
    return 2 * point.precision * point.recall / (point.precision + point.recall)


def _worst(cases: Sequence[Case], kind: Literal["missed", "false"]) -> list[Worst]:
    """The largest missed nodes, or the largest false positives, of the whole cohort."""
    crops: list[tuple[Case, Crop]] = [(case, crop) for case in cases for crop in case.crops if crop.kind == kind]
    crops.sort(key=lambda pair: (-pair[1].size_mm, pair[0].name, pair[1].node))
    kept = crops[:WORST]
    shown: dict[int, Worst] = {}
    for case in {id(case): case for case, _ in kept}.values():
        ct = ct_of(case)
        for rank, (owner, crop) in enumerate(kept):
            if owner is case:
                shown[rank] = Worst(case.name, crop.node, crop.size_mm, crop.at_mm, picture(crop, ct))
    return [shown[rank] for rank in sorted(shown)]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nodewise.evaluate", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["interval"] = interval
    environment.filters["probability"] = lambda logit: f"{probability(logit):.4f}"
    return environment


def number(value: Cell, digits: int = 2) -> str:
    """A cell of a table: a dash where there is nothing."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def interval(figure: Figure, digits: int = 2) -> str:
    """The bounds of an interval, or nothing."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.{digits}f} – {figure.high:.{digits}f}"
