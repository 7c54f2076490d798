"""Tables: one row a node, and one row a case of a cohort."""

from __future__ import annotations

import csv
from pathlib import Path

from nodewise.io.casefile import AssessmentRecord, NodeRecord, record_of
from nodewise.values.assessment import Assessment

Cell = str | int | float
NODE_COLUMNS = (
    "id",
    "station",
    "station_confidence",
    "station_method",
    "station_second",
    "malignancy_probability",
    "malignancy_method",
    "drives_category",
    "short_axis_mm",
    "long_axis_mm",
    "short_axis_max_slice_mm",
    "short_axis_ellipsoid_mm",
    "volume_mm3",
    "equivalent_radius_mm",
    "mean_hu",
    "uptake_suvbw",
    "score",
    "centroid_x_lps_mm",
    "centroid_y_lps_mm",
    "centroid_z_lps_mm",
)


def nodes_csv(assessment: Assessment, path: Path) -> None:
    """Write one row a node, in the order of ``assessment.findings``, under ``NODE_COLUMNS``; empty where absent."""
    record = record_of(assessment)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NODE_COLUMNS)
        writer.writeheader()
        writer.writerows(_row(node, node.id in drivers_of(record)) for node in record.nodes)


def summary_row(name: str, record: AssessmentRecord) -> dict[str, Cell]:
    """One case of a cohort's ``summary.csv``; several ids in one cell are parted by spaces."""
    stage, nodes = record.stage, record.nodes
    return {
        "study": name,
        "study_id": record.study.id,
        "tnm_edition": stage.edition,
        "primary_side": stage.primary_side,
        "n_category": stage.category,
        "at_least": "yes" if stage.at_least else "no",
        "n_category_if_left": stage.if_left.category if stage.if_left else "",
        "n_category_if_right": stage.if_right.category if stage.if_right else "",
        "driving_nodes": " ".join(str(node) for node in sorted(drivers_of(record))),
        "nodes": len(nodes),
        "nodes_at_threshold": sum(node.malignancy >= stage.threshold for node in nodes),
        "largest_short_axis_mm": max((node.short_axis_mm for node in nodes), default=""),
        "largest_malignancy_probability": max((node.malignancy for node in nodes), default=""),
        "node_volume_mm3": round(sum(node.volume_mm3 for node in nodes), 3),
        "warnings": len(record.warnings),
        "model": record.provenance.model,
        "seconds": round(sum(record.provenance.seconds.values()), 1),
        "peak_memory_mb": "" if record.provenance.peak_memory_mb is None else record.provenance.peak_memory_mb,
    }


def drivers_of(record: AssessmentRecord) -> frozenset[int]:
    """Ids of the nodes that make the category, for whichever side the primary may be on."""
    answers = [answer for answer in (record.stage, record.stage.if_left, record.stage.if_right) if answer]
    return frozenset(node for answer in answers for node in answer.driving_nodes)


def _row(node: NodeRecord, drives: bool) -> dict[str, Cell]:
    x, y, z = node.centroid_lps_mm
    named = node.model_dump(include=set(NODE_COLUMNS))
    return named | {
        "station_second": node.station_second or "",
        "malignancy_probability": node.malignancy,
        "drives_category": "yes" if drives else "no",
        "uptake_suvbw": "" if node.uptake is None else node.uptake,
        "centroid_x_lps_mm": x,
        "centroid_y_lps_mm": y,
        "centroid_z_lps_mm": z,
    }
