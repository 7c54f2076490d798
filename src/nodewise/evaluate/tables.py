"""``cases.csv``, ``nodes.csv``, ``operating_points.csv`` and ``summary.json``."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.record import Case, PredictedNode, TrueNode
from nodewise.evaluate.stations import same_station, wrong_side
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import OperatingPoint, froc, operating_points
from nodewise.metrics.object_dice import object_dice

Cell = str | int | float | bool | None
Row = dict[str, Cell]


def case_row(case: Case) -> Row:
    """One case; what is not defined is None. Lengths in mm, volumes in ml."""
    found = sum(node.found_by is not None for node in case.nodes)
    patient = case.patient
    return {
        "case": case.name,
        "nodes": len(case.nodes),
        "found": found,
        "missed": len(case.nodes) - found,
        "predicted": len(case.predicted),
        "false_positives": sum(node.hits is None for node in case.predicted),
        "dice": case.voxels.dice(),
        "assd_lnq_mm": case.assd_mm["lnq"],
        "assd_surfel_mm": case.assd_mm["surfel"],
        "assd_pooled_mm": case.assd_mm["pooled"],
        "precision": case.voxels.precision,
        "recall": case.voxels.recall,
        "ln_found": case.lesions.rate,
        "obj_dsc_all": object_dice(case.instances),
        "obj_dsc_hit": object_dice(case.instances, only_hit=True),
        "true_volume_ml": sum(node.volume_mm3 for node in case.nodes) / 1000,
        "predicted_volume_ml": sum(node.volume_mm3 for node in case.predicted) / 1000,
        "node_positive": patient.positive,
        "patient_score": patient.score,
        "patient_score_bulk": patient.score_bulk,
        "largest_predicted_short_axis_mm": patient.size_mm,
        "primary_side": patient.side.value if patient.side else None,
        "n_category_8_true": patient.category_8,
        "n_category_8_named": patient.named_8,
        "n_category_9_true": patient.category_9,
        "n_category_9_named": patient.named_9,
        "seconds": case.seconds,
        "warnings": "; ".join(case.warnings),
    }


def node_rows(case: Case) -> list[Row]:
    """Every true node, then every false positive."""
    return [
        *(_true_row(case.name, node) for node in case.nodes),
        *(_false_row(case.name, node) for node in case.predicted if node.hits is None),
    ]


def point_rows(points: Sequence[OperatingPoint]) -> list[Row]:
    """The operating-point table: scores as probabilities."""
    return [
        {
            "threshold": probability(point.threshold),
            "threshold_logit": point.threshold,
            "recall": point.recall,
            "fp_per_case": point.false_positives,
            "precision": point.precision,
            "chosen": point.chosen,
        }
        for point in points
    ]


def points_of(cohort: Cohort) -> tuple[OperatingPoint, ...]:
    """Every operating point of all true nodes; chosen is that of the predictions as they are, with all they hold."""
    return operating_points(froc(component_hits([case.instances for case in cohort.cases])), -math.inf)


def summary(cohort: Cohort, made: Mapping[str, Cell]) -> dict[str, object]:
    """``summary.json``, flat: NAME, NAME_low, NAME_high and NAME_n_undefined of every figure, and ``notes``.

    Args:
        cohort: the figures.
        made: how: threshold, connectivity, …
    """
    content: dict[str, object] = {
        **made,
        "n_cases": len(cohort.cases),
        "n_nodes": sum(len(case.nodes) for case in cohort.cases),
        "n_predicted": sum(len(case.predicted) for case in cohort.cases),
        "n_empty_truth": sum(not case.nodes for case in cohort.cases),
        "n_empty_prediction": sum(not case.predicted for case in cohort.cases),
        "n_empty_both": sum(not case.nodes and not case.predicted for case in cohort.cases),
        "bootstraps": cohort.bootstraps,
        "seed": cohort.seed,
    }
    for name, figure in cohort.figures.items():
        content[name] = figure.value
        content[f"{name}_low"] = figure.low
        content[f"{name}_high"] = figure.high
        content[f"{name}_n_undefined"] = figure.n_undefined
    content["notes"] = {name: figure.note for name, figure in cohort.figures.items() if figure.note}
    return content


def write_tables(cohort: Cohort, made: Mapping[str, Cell], folder: Path) -> None:
    """Write the three tables and the summary into a folder that is there."""
    _write(folder / "cases.csv", [case_row(case) for case in cohort.cases])
    nodes = [row for case in cohort.cases for row in node_rows(case)]
    _write(folder / "nodes.csv", nodes, NODE_COLUMNS)
    _write(folder / "operating_points.csv", point_rows(points_of(cohort)))
    text = json.dumps(summary(cohort, made), indent=2, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def probability(logit: float) -> float:
    """Of a score that is kept as a logit; infinite stays infinite."""
    if math.isinf(logit):
        return logit
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


NODE_COLUMNS = (
    "case", "kind", "id", "found", "found_by", "dice", "covered", "short_axis_mm", "volume_mm3", "status", "place",
    "control", "station_named", "station_second", "station_on_map", "station_on_map_share", "station_right",
    "wrong_side", "malignancy", "class_named", "score", "score_logit", "centroid_x_lps_mm", "centroid_y_lps_mm",
    "centroid_z_lps_mm",
)  # fmt: skip


def _true_row(case: str, node: TrueNode) -> Row:
    first = node.on_map[0] if node.on_map else None
    named = node.named or first
    return _row(case, "true", node) | {
        "found": node.found_by is not None,
        "found_by": node.found_by,
        "covered": node.covered,
        "status": node.status.value if node.status else None,
        "place": node.place or None,
        "station_named": node.named.code if node.named else None,
        "station_second": node.second.code if node.second else None,
        "station_on_map": first.code if first else None,
        "station_on_map_share": node.on_map_share,
        "station_right": same_station(node.station, named) if node.station and named else None,
        "wrong_side": wrong_side(node.station, named) if node.station and named else None,
        "class_named": node.named_status.value if node.named_status else None,
    }


def _false_row(case: str, node: PredictedNode) -> Row:
    return _row(case, "false positive", node) | {
        "control": node.control or None,
        "station_named": node.station.code if node.station else None,
        "class_named": node.status.value if node.status else None,
    }


def _row(case: str, kind: str, node: TrueNode | PredictedNode) -> Row:
    """What both kinds have."""
    x, y, z = node.centroid_lps_mm
    return {
        "case": case,
        "kind": kind,
        "id": node.id,
        "dice": node.dice,
        "short_axis_mm": node.short_axis_mm,
        "volume_mm3": node.volume_mm3,
        "malignancy": node.malignancy,
        "score": None if node.score is None else probability(node.score),
        "score_logit": node.score,
        "centroid_x_lps_mm": x,
        "centroid_y_lps_mm": y,
        "centroid_z_lps_mm": z,
    }


def _write(path: Path, rows: Sequence[Row], columns: Sequence[str] | None = None) -> None:
    names = list(columns or rows[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: Cell) -> str | int | float:
    """Empty where not defined; six decimals."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return round(value, 6) if isinstance(value, float) else value
