"""P1, Shevtsov et al.: Figures 2 and 4 to 7 drawn for this data, and how far its probabilities hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from nodewise.evaluate.cohort import Cohort
from nodewise.evaluate.controls import by_rules
from nodewise.evaluate.curves import froc_curves, roc_curves, station_confusion
from nodewise.evaluate.figures import holds, lines, matrix, steps
from nodewise.evaluate.gallery import PREDICTION, TRUTH, alone, heights_of, middle_of, station_levels, three_planes
from nodewise.evaluate.pairs import NODES_FILE
from nodewise.evaluate.papers.picture import PaperPicture, photographed, plotted
from nodewise.evaluate.patient_groups import have_maps
from nodewise.evaluate.read import RULES_FILE, STATIONS_FILE
from nodewise.evaluate.record import Case, PredictedNode
from nodewise.evaluate.scan import ct_of, true_nodes, true_stations
from nodewise.io.itk import read_labels
from nodewise.io.mask import read_mask
from nodewise.metrics.reliability import reliability
from nodewise.values.node import BULK_MM
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Volume

log = logging.getLogger(__name__)
LEVELS = 6
P1 = "P1"


def pictures(cohort: Cohort) -> tuple[PaperPicture, ...]:
    """Every figure that the data allows, in the paper's order."""
    made = (_maps(cohort), *_confusions(cohort), _froc(cohort), _roc(cohort), _gallery(cohort), _holds(cohort))
    return tuple(picture for picture in made if picture is not None)


def _maps(cohort: Cohort) -> PaperPicture | None:
    """Figure 2: the stations of one patient, those of truth beside those named."""
    for case in cohort.cases:
        rows = list(_station_maps(case))
        ct = ct_of(case)
        if len(rows) < 2 or ct is None:
            continue
        heights, low, high = heights_of(rows[0][1], LEVELS)
        strips = [(station_levels(ct, stations, heights, low, high), words) for words, stations in rows]
        title = f"Figure 2: stations of {case.name} at {LEVELS} levels"
        return photographed(P1, "P1-figure-2", title, "From the head down; the patient's left at the right.", strips, 1)
    return None


def _station_maps(case: Case) -> Iterator[tuple[str, Volume]]:
    """Truth first, then what the prediction's folder holds."""
    if case.pair is None or case.pair.prediction is None:
        return
    if not any(node.station for node in case.nodes):
        return
    places = (
        ("truth", true_stations(case)),
        ("as predicted", case.pair.prediction / STATIONS_FILE),
        ("by landmarks and planes", case.pair.prediction / RULES_FILE),
    )
    for words, path in places:
        if path is not None and path.exists():
            stations = read_mask(path)
            if stations.array.any():
                yield words, stations


def _confusions(cohort: Cohort) -> Iterator[PaperPicture]:
    """Figure 4, of the stations as predicted and, where they stand beside learned ones, of those by rules."""
    how = "of every true node, by the map of stations" if have_maps(cohort.cases) else "of the nodes found, as named"
    for name, words, cases in (
        ("", "as predicted", cohort.cases),
        ("-rules", "by landmarks and planes", by_rules(cohort.cases)),
    ):
        table = station_confusion(cases) if cases else None
        if table is None:
            continue
        named = sum(map(sum, table.counts))
        hit = sum(c for r, row in enumerate(table.counts) for k, c in enumerate(row) if table.right[r][k])
        size = (max(5.4, 1.9 + 0.42 * len(table.columns)), max(3.0, 1.3 + 0.42 * len(table.rows)))
        yield plotted(
            P1,
            f"P1-figure-4{name}",
            f"Figure 4: stations {words}, {hit} of {named} right",
            f"Stations {how}; shaded by their share of the row, right ones framed.",
            matrix(table.rows, table.columns, table.counts, table.right),
            size,
        )


def _froc(cohort: Cohort) -> PaperPicture | None:
    curves, end = froc_curves(cohort)
    if not curves:
        return None
    caption = "A hit shares any voxel. Band: 95 % interval. Ring: the predictions as they are."
    draw = steps(curves, "false positives a case", "recall", end)
    return plotted(P1, "P1-figure-5", "Figure 5: FROC by short axis of the true node", caption, draw)


def _roc(cohort: Cohort) -> PaperPicture | None:
    curves = roc_curves(cohort)
    if not curves:
        return None
    caption = "Node-positive patients by their highest probability, 1 above 30 mm, and by the largest short axis found."
    draw = lines(curves, "1 − specificity", "sensitivity", diagonal=True)
    return plotted(P1, "P1-figure-6", "Figure 6: patients, malignancy against size", caption, draw)


def _gallery(cohort: Cohort) -> PaperPicture | None:
    """Figure 7: the node of each patient that is likeliest malignant."""
    shown = []
    for case in cohort.cases:
        node = _suspect(case)
        ct = ct_of(case) if node else None
        if node is None or ct is None or case.pair is None or case.pair.prediction is None:
            continue
        mask = alone(closest_lps(read_labels(case.pair.prediction / NODES_FILE)), node.id)
        outlines = [(mask, PREDICTION)]
        truth = true_nodes(case)
        if truth is not None:
            outlines.insert(0, (truth, TRUTH))
        shown.append((three_planes(ct, middle_of(mask), outlines), _said_of(case, node)))
    if not shown:
        return None
    caption = (
        "The node found with the highest probability p of malignancy (1 above 30 mm), d its short axis: axial, coronal "
        "and sagittal, 64 mm wide, in blue; true nodes in yellow."
    )
    return photographed(P1, "P1-figure-7", "Figure 7: the most suspicious node of each patient", caption, shown, 3)


def _suspect(case: Case) -> PredictedNode | None:
    judged = [node for node in case.predicted if node.malignancy is not None]
    return max(judged, key=lambda n: (_probability(n), n.short_axis_mm, -n.id), default=None)


def _probability(node: PredictedNode) -> float:
    return 1.0 if node.short_axis_mm > BULK_MM else node.malignancy or 0.0


def _said_of(case: Case, node: PredictedNode) -> str:
    true = next((t for t in case.nodes if t.id == node.hits), None)
    what = "no node" if true is None else true.status.value if true.status else "a node"
    station = f" · {node.station.code}" if node.station else ""
    status = "" if case.patient.positive is None else " · N+" if case.patient.positive else " · N0"
    return f"{case.name} · d {node.short_axis_mm:.0f} mm · p {_probability(node):.2f}{station} · true: {what}{status}"


def _holds(cohort: Cohort) -> PaperPicture | None:
    """Probabilities of nodes that are known, and of patients, against what came true."""
    status = {(case.name, node.id): node.status for case in cohort.cases for node in case.nodes}
    nodes = [
        (node.malignancy, found.malignant)
        for case in cohort.cases
        for node in case.predicted
        if node.malignancy is not None and node.hits and (found := status[case.name, node.hits])
    ]
    patients = [
        (case.patient.score_bulk, case.patient.positive)
        for case in cohort.cases
        if case.patient.score_bulk is not None and case.patient.positive is not None
    ]
    curves = [
        (name, reliability(np.array([p for p, _ in pairs]), np.array([t for _, t in pairs], dtype=bool), bins))
        for name, pairs, bins in (("nodes found", nodes, 10), ("patients", patients, 5))
        if pairs
    ]
    if not curves:
        return None
    caption = "In bins of equal width; on the dashed line what is given comes true. Error: expected calibration error."
    return plotted(P1, "P1-reliability", "How far the probabilities of malignancy hold", caption, holds(curves))
