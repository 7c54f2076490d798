"""P1, Shevtsov et al.: Tables 1 to 3 and what the text reads off Figures 4 to 6."""

from __future__ import annotations

import numpy as np

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.controls import by_rules
from nodewise.evaluate.groups import STRATA_MM
from nodewise.evaluate.labelled import histology_by
from nodewise.evaluate.pairs import TRUTH_FILE
from nodewise.evaluate.papers.printed import (
    P1_FIGURE_4,
    P1_FIGURE_5,
    P1_FIGURE_6,
    P1_TABLE_1,
    P1_TABLE_2,
    P1_TABLE_3,
    STATIONS_P1,
    Cells,
)
from nodewise.evaluate.papers.table import HERE, NO_VALUE, PaperTable, beside, figure, shown, what_of, why_not
from nodewise.evaluate.patient_groups import have_maps, in_first, ranking_of, stations
from nodewise.evaluate.record import Case
from nodewise.io.truthfile import read_truth
from nodewise.metrics.bootstrap import deviation
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import froc, recall_at
from nodewise.metrics.object_dice import object_dice
from nodewise.metrics.record import restrict
from nodewise.values.station import Station

_AUC = ("patient_auc", "patient_auc_size")
_DIFFERENCE = "patient_auc_over_size"
_STATIONS = ("station_top1", "station_top2", "station_top3")


def tables(cohort: Cohort) -> tuple[PaperTable, ...]:
    """P1's tables on a cohort, beside its own."""
    without = cohort.figures["patient_auc_without_bulk_rule"].value
    told = (what_of(cohort, "station_top1"), why_not(cohort, *_STATIONS))
    return (
        beside(
            "P1",
            P1_TABLE_1,
            _histology(cohort),
            "As annotated where the truth has histology by station, else counted from the true nodes: a station with "
            "any malignant node.",
        ),
        beside(
            "P1",
            P1_TABLE_2,
            [(f"{HERE}, d > {above_mm:.0f} mm", _stratum(cohort, above_mm)) for above_mm in STRATA_MM],
            "avgRecall with its 95 % interval; objDSC ± standard deviation over cases, missed nodes counted 0 "
            "(in brackets without them).",
        ),
        beside(
            "P1",
            P1_TABLE_3,
            [(f"{HERE}: {case.name}", _patient(case)) for case in cohort.cases],
            "d and p of predicted nodes; 1 for p above 30 mm.",
        ),
        beside("P1", P1_FIGURE_4, [(HERE, _cells(cohort, *_STATIONS)), *_rules(cohort), *_each_station(cohort)], *told),
        beside("P1", P1_FIGURE_5, [(HERE, (_recall(cohort, 5.0, 10.0), _recall(cohort, 10.0, 3.0)))]),
        beside(
            "P1",
            P1_FIGURE_6,
            [(HERE, _cells(cohort, *_AUC))],
            f"Without the rule that more than 30 mm is malignant the first is {shown(without)}." if without else "",
            f"On the same patients the first is above the second by {figure(cohort, _DIFFERENCE)}."
            if cohort.figures[_DIFFERENCE].value is not None
            else "",
            why_not(cohort, *_AUC),
        ),
    )


def _cells(cohort: Cohort, *names: str) -> Cells:
    return tuple(figure(cohort, name) for name in names)


def _stratum(cohort: Cohort, above_mm: float) -> Cells:
    records = [restrict(case.instances, above_mm) for case in cohort.cases]
    spread = deviation(np.array([object_dice(record) for record in records]))
    d = f"d{above_mm:.0f}"
    every, hit = cohort.figures[f"obj_dsc_all_{d}"].value, cohort.figures[f"obj_dsc_hit_{d}"].value
    return figure(cohort, f"avg_recall_{d}"), f"{shown(every, deviation=spread)} ({shown(hit)})"


def _recall(cohort: Cohort, above_mm: float, false_positives: float) -> str:
    curve = froc(component_hits([restrict(case.instances, above_mm) for case in cohort.cases]))
    return shown(float(recall_at(curve, false_positives)[0]))


def _patient(case: Case) -> Cells:
    patient = case.patient
    status = NO_VALUE if patient.positive is None else "+" if patient.positive else "0"
    return status, shown(patient.size_mm, 0), shown(patient.score_bulk)


def _histology(cohort: Cohort) -> list[tuple[str, Cells]]:
    """Patients by the status of each of P1's stations."""
    found = [_by_station(case) for case in cohort.cases]
    rows: list[tuple[str, Cells]] = []
    for station in STATIONS_P1:
        status = [patient.get(station, "n/a") for patient in found]
        rows.append((f"{HERE}, {station}", tuple(str(status.count(name)) for name in P1_TABLE_1.columns)))
    return rows


def _rules(cohort: Cohort) -> list[tuple[str, Cells]]:
    """The same of the stations by landmarks and planes, where they stand beside learned ones."""
    ruled = by_rules(cohort.cases)
    if not ruled:
        return []
    shares = stations(ruled).statistic(np.ones(len(ruled), dtype=np.int64))
    return [(f"{HERE}, by landmarks and planes", tuple(map(shown, shares)))]


def _each_station(cohort: Cohort) -> list[tuple[str, Cells]]:
    """Share of each station's nodes that the first one, two or three names hold."""
    by_map = have_maps(cohort.cases)
    counted = [n for case in cohort.cases for n in case.nodes if ranking_of(n, by_map=by_map) is not None]
    if cohort.figures[_STATIONS[0]].value is None:
        return []
    rows: list[tuple[str, Cells]] = []
    for station in Station:
        nodes = [node for node in counted if node.station is station]
        shares = [sum(in_first(node, k, by_map=by_map) for node in nodes) / max(1, len(nodes)) for k in (1, 2, 3)]
        cells = [
            shown(share) if cohort.figures[_STATIONS[k]].value is not None else NO_VALUE
            for k, share in enumerate(shares)
        ]
        if nodes:
            rows.append((f"{station.code} (n = {len(nodes)})", tuple(cells)))
    return rows


def _by_station(case: Case) -> dict[str, str]:
    """Benign or malignant of each station: as annotated, else where nodes are of known status."""
    annotated = _annotated(case)
    if annotated is not None:
        return annotated
    status: dict[str, str] = {}
    for node in case.nodes:
        if node.station is None or node.status is None:
            continue
        name = node.station.code if node.station.code in STATIONS_P1 else node.station.zone
        if node.status.malignant or name not in status:
            status[name] = "malignant" if node.status.malignant else "benign"
    return status


def _annotated(case: Case) -> dict[str, str] | None:
    labelled = case.pair.labelled if case.pair else None
    if labelled is not None:
        return dict(histology_by(STATIONS_P1, labelled)) if labelled.histology else None
    path = case.pair.truth / TRUTH_FILE if case.pair else None
    known = read_truth(path).station_histology if path and path.is_file() else None
    return None if known is None else dict(known)
