"""One patient's record: the voxels of truth and prediction are touched here, once, and nowhere after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.evaluate.crop import Crop, Kind, crop_of
from nodewise.evaluate.labels import CLASSES
from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.patient import patient_of
from nodewise.evaluate.read import Prediction, Reading, Truth, read_predicted, read_true, without_ignored
from nodewise.evaluate.record import STATION_CODES, Case, Control, PredictedNode, TrueNode
from nodewise.evaluate.stations import ranked_stations
from nodewise.image.components import boxes
from nodewise.image.shape import measure
from nodewise.metrics.instances import Ints, support
from nodewise.metrics.lesionwise import count_lesions
from nodewise.metrics.overlap import count_voxels, voxel_confusion
from nodewise.metrics.record import InstanceRecord, record_instances
from nodewise.metrics.surface import contour_distances, mean_distance, surfel_distances
from nodewise.values.box import Box
from nodewise.values.grid import Grid, Point
from nodewise.values.node import Status
from nodewise.values.station import Station
from nodewise.values.volume import Volume

_MARGIN = 8  # voxels around all nodes: room for the dilations of LN found, and for a surface that is not the border
_CROPS = 6  # of each kind that a case may give to the worst of the cohort
_Labels = npt.NDArray[np.integer]
_Ranked = Mapping[int, tuple[tuple[Station, ...], float]]


@dataclass(frozen=True, slots=True, eq=False)
class _Instance:
    box: Box
    short_axis_mm: float
    volume_mm3: float
    centroid_lps_mm: Point


def evaluate_case(pair: Pair, how: Reading) -> Case:
    """Read one pair and measure it on the truth's grid.

    Raises:
        BadInputError: a file is missing or not what it should be.
    """
    truth = read_true(pair, how)
    prediction = read_predicted(pair, truth.labels.grid, how)
    if not how.strict:
        prediction = without_ignored(truth, prediction)
    box = support(truth.labels.array, prediction.labels.array) or Box((0, 0, 0), (1, 1, 1))
    box = box.expanded(_MARGIN).clipped(truth.labels.grid.shape)
    grid = truth.labels.grid.crop(box)
    true, predicted = (v.labels.array[box.slices].copy(order="F") for v in (truth, prediction))  # whole in memory
    sizes = {node.id: node.short_axis_mm for node in truth.record.nodes} if truth.record else {}
    given = {node.id: node.short_axis_mm for node in prediction.record.nodes} if prediction.record else {}
    true_parts, predicted_parts = _measured(true, grid, sizes), _measured(predicted, grid, given)
    instances = record_instances(
        true,
        predicted,
        grid.spacing,
        scores=prediction.scores,
        truth_size_mm={i: part.short_axis_mm for i, part in true_parts.items()},
        predicted_size_mm={i: part.short_axis_mm for i, part in predicted_parts.items()},
    )
    where = {i: part.box.shifted(box.start) for i, part in true_parts.items()}
    nodes = _true_nodes(instances, true_parts, truth, prediction, _rankings(truth.labels, where, prediction))
    controls = {} if truth.controls is None else _controls(truth, predicted, truth.controls.array[box.slices])
    found = _predicted_nodes(instances, predicted_parts, prediction, controls)
    contours = contour_distances(true, predicted, grid.spacing)
    return Case(
        name=pair.name,
        instances=instances,
        voxels=count_voxels(true, predicted),
        lesions=count_lesions(true, predicted),
        assd_mm={
            "lnq": mean_distance(contours),
            "surfel": mean_distance(surfel_distances(true, predicted, grid.spacing)),
            "pooled": mean_distance(contours, pooled=True),
        },
        nodes=nodes,
        predicted=found,
        patient=patient_of(pair, truth, prediction, max((n.short_axis_mm for n in found), default=0.0)),
        confusion=_confusion(true, predicted, nodes, found, truth.labels.array.size),
        ranked=prediction.ranked,
        seconds=sum(prediction.record.provenance.seconds.values()) if prediction.record else None,
        warnings=(*truth.warnings, *prediction.warnings),
        crops=_crops(nodes, found, true_parts, predicted_parts, truth.labels, prediction.labels, box),
        image=pair.image,
        controls=_covered(truth, prediction.labels),
        pair=pair,
    )


def _measured(labels: _Labels, grid: Grid, known: Mapping[int, float]) -> dict[int, _Instance]:
    """Where each instance lies and how large it is; short axes that are known already are kept."""
    found = {}
    for label, (box, voxels) in boxes(labels).items():
        mask = labels[box.slices] == label
        part = grid.crop(box)
        short = known.get(label)
        x, y, z = part.to_lps(np.argwhere(mask).mean(axis=0)).tolist()
        found[label] = _Instance(
            box=box,
            short_axis_mm=measure(mask, part).short_axis_mm if short is None else short,
            volume_mm3=voxels * grid.voxel_volume_mm3,
            centroid_lps_mm=(x, y, z),
        )
    return found


def _rankings(labels: Volume, where: Mapping[int, Box], prediction: Prediction) -> tuple[_Ranked, _Ranked]:
    """Stations of each true node on the prediction's map, and on the one by rules beside it."""
    by_map, by_rules = (
        {} if stations is None else {i: ranked_stations(labels, i, box, stations) for i, box in where.items()}
        for stations in (prediction.stations, prediction.rules)
    )
    return by_map, by_rules


def _true_nodes(
    instances: InstanceRecord,
    parts: Mapping[int, _Instance],
    truth: Truth,
    prediction: Prediction,
    ranked: tuple[_Ranked, _Ranked],
) -> tuple[TrueNode, ...]:
    matches = instances.matches
    named = {node.id: node for node in prediction.record.nodes} if prediction.record else {}
    status = _statuses(prediction)
    nodes = []
    for label, best, dice, covered in zip(
        matches.truth_ids.tolist(),
        matches.best_prediction.tolist(),
        matches.best_dice.tolist(),
        matches.covered.tolist(),
        strict=True,
    ):
        part, finder = parts[label], named.get(best)
        on_map, share = ranked[0].get(label, (None, None))
        nodes.append(
            TrueNode(
                id=label,
                short_axis_mm=part.short_axis_mm,
                volume_mm3=part.volume_mm3,
                centroid_lps_mm=part.centroid_lps_mm,
                slices=part.box.shape[2],
                place=truth.places.get(label, ""),
                status=truth.status.get(label),
                found_by=best or None,
                dice=dice,
                covered=covered,
                score=prediction.scores[best] if best else None,
                named=_station(finder.station) if finder else None,
                second=_station(finder.station_second) if finder else None,
                on_map=on_map,
                on_map_share=share,
                malignancy=finder.malignancy if finder else None,
                named_status=status.get(best),
                on_rules=ranked[1].get(label, (None, None))[0],
            )
        )
    return tuple(nodes)


def _predicted_nodes(
    instances: InstanceRecord,
    parts: Mapping[int, _Instance],
    prediction: Prediction,
    controls: Mapping[int, str],
) -> tuple[PredictedNode, ...]:
    matches = instances.matches
    named = {node.id: node for node in prediction.record.nodes} if prediction.record else {}
    best = np.zeros(matches.predicted_ids.size)
    np.maximum.at(best, matches.pair_indices[1], matches.pair_dice)
    status = _statuses(prediction)
    return tuple(
        PredictedNode(
            id=label,
            short_axis_mm=parts[label].short_axis_mm,
            volume_mm3=parts[label].volume_mm3,
            centroid_lps_mm=parts[label].centroid_lps_mm,
            score=prediction.scores[label],
            hits=hit or None,
            control="" if hit else controls.get(label, ""),
            dice=dice,
            station=_station(named[label].station) if label in named else None,
            malignancy=named[label].malignancy if label in named else None,
            status=status.get(label),
        )
        for label, hit, dice in zip(
            matches.predicted_ids.tolist(), matches.best_truth.tolist(), best.tolist(), strict=True
        )
    )


def _controls(truth: Truth, predicted: _Labels, controls: _Labels) -> dict[int, str]:
    """Kind of the control that each predicted node shares the most voxels with."""
    kind = {control.id: control.kind for control in truth.record.negatives} if truth.record else {}
    both = (predicted > 0) & (controls > 0)
    pairs, voxels = np.unique(np.stack([predicted[both], controls[both]]), axis=1, return_counts=True)
    order = np.argsort(voxels, kind="stable")  # the last one written wins: the most voxels
    return {int(node): kind.get(int(control), "unnamed") for node, control in pairs.T[order].tolist()}


def _covered(truth: Truth, prediction: Volume) -> tuple[Control, ...]:
    """Each control, and how much of it is predicted to be node."""
    if truth.controls is None or truth.record is None:
        return ()
    there = truth.controls.array[truth.controls.array > 0]
    under = truth.controls.array[(truth.controls.array > 0) & (prediction.array > 0)]
    ids = max((control.id for control in truth.record.negatives), default=0) + 1
    voxels, hit = (np.bincount(part, minlength=ids).tolist() for part in (there, under))
    return tuple(
        Control(c.id, c.kind, c.short_axis_mm, hit[c.id] / max(1, voxels[c.id])) for c in truth.record.negatives
    )


def _statuses(prediction: Prediction) -> Mapping[int, Status]:
    """Class of each predicted node: from a class map, or by the assessment's own threshold of malignancy."""
    if prediction.record is None:
        return prediction.status
    least = prediction.record.stage.threshold
    return {n.id: Status.MALIGNANT if n.malignancy >= least else Status.BENIGN for n in prediction.record.nodes}


def _confusion(
    true: _Labels, predicted: _Labels, nodes: tuple[TrueNode, ...], found: tuple[PredictedNode, ...], voxels: int
) -> Ints | None:
    """Of all ``voxels`` of the image those by class, where every node of either side has one."""
    if any(n.status is None for n in nodes) or any(n.status is None for n in found):
        return None
    number = {status: n for n, status in enumerate(CLASSES, start=1)}
    true_classes = _looked_up(true, {n.id: number[n.status] for n in nodes if n.status})
    given_classes = _looked_up(predicted, {n.id: number[n.status] for n in found if n.status})
    table = voxel_confusion(true_classes, given_classes, len(CLASSES) + 1)
    table[0, 0] += voxels - true.size
    return table


def _looked_up(labels: _Labels, values: Mapping[int, int]) -> npt.NDArray[np.uint8]:
    out = np.zeros(labels.shape, np.uint8, order="F")
    there = labels != 0
    ids = np.array(sorted(values), dtype=np.int64)
    out[there] = np.array([values[i] for i in ids.tolist()], np.uint8)[np.searchsorted(ids, labels[there])]
    return out


def _crops(
    nodes: tuple[TrueNode, ...],
    found: tuple[PredictedNode, ...],
    true_parts: Mapping[int, _Instance],
    predicted_parts: Mapping[int, _Instance],
    truth: Volume,
    prediction: Volume,
    within: Box,
) -> tuple[Crop, ...]:
    """Slices of the largest nodes missed and the largest false ones, whose boxes lie ``within`` a box of the grid."""
    missed = sorted((n for n in nodes if n.found_by is None), key=lambda n: (-n.short_axis_mm, n.id))[:_CROPS]
    false = sorted((n for n in found if n.hits is None), key=lambda n: (-n.short_axis_mm, n.id))[:_CROPS]

    def crop(kind: Kind, node: TrueNode | PredictedNode, part: _Instance) -> Crop:
        return crop_of(kind, node.id, node.short_axis_mm, part.box.shifted(within.start), truth, prediction)

    return (
        *(crop("missed", n, true_parts[n.id]) for n in missed),
        *(crop("false", n, predicted_parts[n.id]) for n in false),
    )


def _station(code: str | None) -> Station | None:
    return Station(code) if code in STATION_CODES else None
