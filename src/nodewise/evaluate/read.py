"""One patient's truth and prediction from their files: instances on the truth's grid, and all that is said of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nodewise.datasets.case import LabelledCase
from nodewise.datasets.read import load_case
from nodewise.evaluate.labelled import places_of, status_of
from nodewise.evaluate.labels import Labelling, ids_of, instances_of, left_out, onto_truth, parts_of
from nodewise.evaluate.pairs import ASSESSMENT_FILE, NODES_FILE, TRUTH_FILE, Pair
from nodewise.image.components import Connectivity
from nodewise.image.resample import resample
from nodewise.io.casefile import AssessmentRecord, read_record
from nodewise.io.itk import is_image, read_map
from nodewise.io.mask import read_mask
from nodewise.io.truthfile import TruthRecord, read_truth
from nodewise.metrics.instances import logits, peaks
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Status
from nodewise.values.orientation import closest_lps
from nodewise.values.volume import Quantity, Volume

ANNOTATION_FILE, STATIONS_FILE, RULES_FILE, IGNORE_FILE, CONTROLS_FILE = (
    "annotation.json",
    "stations.nii.gz",
    "stations-rules.nii.gz",
    "ignore.nii.gz",
    "negatives.nii.gz",
)
_PARTIAL = "not all nodes are annotated: what finds one of the others counts as a false positive"


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are to be understood.

    Attributes:
        threshold: probability from which a voxel of a map is node.
        connectivity: of the components that a mask or a map is parted into.
        truth_labels, prediction_labels: what whole numbers mean; ``auto`` refuses what can be read in two ways.
        logits: whether a map that leaves 0 to 1 holds logits.
        strict: whether predictions where the truth is not complete count as false, instead of being left out.
    """

    threshold: float = 0.5
    connectivity: Connectivity = 26
    truth_labels: Labelling = "auto"
    prediction_labels: Labelling = "auto"
    logits: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise BadInputError(f"a threshold of {self.threshold} keeps all or nothing: give one above 0, up to 1")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of one patient.

    Attributes:
        labels: instances, LABEL, axes to left, back and head; every measure is taken on this grid.
        record: the phantom's truth, None for a bare mask and for a data set.
        places: station, level or compartment of the instances of which it is known, by id.
        status: of the instances whose status is known, by id.
        ignore: where nodes may lie that the truth does not hold, LABEL on the same grid; None where it is complete.
        controls: what was implanted that is no node, LABEL on the same grid, by the ids in ``record.negatives``.
    """

    labels: Volume
    record: TruthRecord | None = None
    places: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    status: Mapping[int, Status] = field(default_factory=lambda: MappingProxyType({}))
    ignore: Volume | None = None
    controls: Volume | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What was predicted for one patient, on the truth's grid.

    Attributes:
        labels: instances, LABEL.
        scores: by id, what detections are ranked by: the largest logit inside, or the logit of a node's score.
        ranked: whether those scores say more than that a node was found.
        record: the assessment, None for a mask or map.
        stations: its station map, None where there is none; rules: one by landmarks and planes beside a learned one.
        status: class of each instance where a class map was given.
    """

    labels: Volume
    scores: Mapping[int, float]
    ranked: bool
    record: AssessmentRecord | None = None
    stations: Volume | None = None
    rules: Volume | None = None
    status: Mapping[int, Status] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()


def read_true(pair: Pair, how: Reading) -> Truth:
    """The truth of one patient.

    Raises:
        BadInputError: not a mask, not instances, or either could be meant.
    """
    path = pair.truth
    if pair.labelled is not None:
        return _labelled(pair.labelled, how)
    if not (path / TRUTH_FILE).is_file():
        given = _map_of(path)
        if given.quantity is not Quantity.LABEL:
            raise BadInputError(f"{pair.name}: the truth {path.name} holds fractions: a mask or instances are needed")
        meant = _meant(path, how.truth_labels)
        labels, status = instances_of(given, meant, how.connectivity, f"{pair.name}: the truth {path.name}")
        return Truth(labels, status=status, warnings=_incomplete(path / ANNOTATION_FILE))
    record = read_truth(path / TRUTH_FILE)
    labels = _map_of(path / NODES_FILE)
    there = set(ids_of(labels))
    named = {node.id: Status(node.status) for node in record.nodes if node.status}
    ids = {node.id for node in record.nodes}
    told = (
        *_told(f"in {TRUTH_FILE} but not in {NODES_FILE}, left out", ids - there),
        *_told(f"in {NODES_FILE} but not in {TRUTH_FILE}, kept", there - ids),
    )
    ignore, controls = (_beside(path / name, labels.grid) for name in (IGNORE_FILE, CONTROLS_FILE))
    return Truth(labels, record, _places(record), named, ignore, controls, told)


def _places(record: TruthRecord) -> Mapping[int, str]:
    """Of each true node; the station of an implant was found by the rules themselves: no truth to hold them against."""
    implanted = record.made.get("made_by") == "implants"
    return {node.id: f"{node.place} by rules" if implanted else node.place for node in record.nodes}


def _labelled(case: LabelledCase, how: Reading) -> Truth:
    """A case of a data set, on its CT's grid; as in training several labels are instances, in however many parts."""
    loaded = load_case(case)
    where = f"{case.name}: the labels {case.nodes.name}"
    several = how.truth_labels == "auto" and len(ids_of(loaded.nodes)) > 1
    meant = "instances" if several else how.truth_labels
    labels, status = instances_of(loaded.nodes, meant, how.connectivity, where)
    places = places_of(loaded, labels)
    return Truth(
        labels,
        places=places,
        status=status or status_of(case, places),
        ignore=loaded.ignore,
        warnings=(_PARTIAL,) if case.annotation == "partial" else (),
    )


def read_predicted(pair: Pair, grid: Grid, how: Reading) -> Prediction:
    """The prediction of one patient on the truth's ``grid``; nothing of it is lost without a word.

    Labels take the nearest voxel, a map is interpolated linearly and then binarised.

    Raises:
        BadInputError: not a mask, map or assessment, or it lies wholly elsewhere.
    """
    path = pair.prediction
    if path is None:
        empty = Volume(np.zeros(grid.shape, np.uint8, order="F"), grid, Quantity.LABEL)
        return Prediction(empty, {}, True, warnings=("no prediction: counted as one without nodes",))
    if (path / ASSESSMENT_FILE).is_file():
        return _assessed(path, grid, pair.name)
    given = _map_of(path)
    where = f"{pair.name}: the prediction {path.name}"
    if given.quantity is Quantity.LABEL:
        labels, status = instances_of(given, _meant(path, how.prediction_labels), how.connectivity, where)
        moved, told = onto_truth(labels, grid, where)
        sure = float(logits(np.ones(1))[0])
        return Prediction(moved, dict.fromkeys(ids_of(moved), sure), False, status=status, warnings=told)
    if given.quantity is Quantity.LOGIT and not how.logits:
        span = f"{float(given.array.min()):.3g} to {float(given.array.max()):.3g}"
        raise BadInputError(
            f"{where} holds {span}, neither labels nor probabilities: if these are logits, say --logits"
        )
    return _from_map(given, grid, how, where)


def _assessed(folder: Path, grid: Grid, name: str) -> Prediction:
    """A folder as ``nodewise predict`` writes it."""
    record = read_record(folder / ASSESSMENT_FILE)
    labels, told = onto_truth(_map_of(folder / NODES_FILE), grid, f"{name}: the prediction")
    scores = {node.id: float(logits(np.array([node.score]))[0]) for node in record.nodes}
    unnamed = set(ids_of(labels)) - set(scores)
    if unnamed:
        raise BadInputError(
            f"{folder}: {NODES_FILE} has node {min(unnamed)} and {ASSESSMENT_FILE} has not: predict again"
        )
    stations, rules = (_beside(folder / name, grid) for name in (STATIONS_FILE, RULES_FILE))
    return Prediction(
        labels,
        scores,
        len(set(scores.values())) > 1,
        record,
        stations=stations if stations is not None and stations.array.any() else None,
        rules=rules,
        warnings=told,
    )


def _from_map(given: Volume, grid: Grid, how: Reading, where: str) -> Prediction:
    """A probability map or, of the same threshold, one of logits: components that rank by their largest logit."""
    is_probability = given.quantity is Quantity.PROBABILITY
    least = how.threshold if is_probability else float(logits(np.array([how.threshold]))[0])
    told = left_out(given.array >= least, given.grid, grid, where)
    values = resample(given, grid).array
    labels, n = parts_of(values >= least, how.connectivity)
    highest = peaks(labels, np.arange(1, n + 1), values)
    ranks = logits(highest) if is_probability else highest
    return Prediction(
        Volume(labels, grid, Quantity.LABEL), dict(enumerate(ranks.tolist(), start=1)), True, warnings=told
    )


def without_ignored(truth: Truth, prediction: Prediction) -> Prediction:
    """A prediction without the nodes that hit no truth and lie, by half or more, where truth is not complete."""
    if truth.ignore is None:
        return prediction
    labels = prediction.labels.array
    there = labels > 0
    ids, voxels = np.unique(labels[there], return_counts=True)
    ignored = np.isin(ids, np.unique(labels[there & (truth.labels.array > 0)]), invert=True)
    place = np.searchsorted(ids, labels[there & (truth.ignore.array > 0)])
    gone = ids[ignored & (2 * np.bincount(place, minlength=ids.size) >= voxels)]
    if not gone.size:
        return prediction
    kept = np.where(np.isin(labels, gone), 0, labels).astype(labels.dtype)
    told = f"{gone.size} predicted nodes where the truth is not complete, left out: {', '.join(map(str, gone[:8]))}"
    return replace(
        prediction,
        labels=prediction.labels.with_array(kept, Quantity.LABEL),
        warnings=(*prediction.warnings, told + (", …" if gone.size > 8 else "")),
    )


def _beside(path: Path, grid: Grid) -> Volume | None:
    """A label map beside the truth or the prediction, on the truth's grid; None where there is none."""
    return resample(_map_of(path), grid) if path.is_file() else None


def _map_of(path: Path) -> Volume:
    """Labels or numbers of a file, axes to left, back and head."""
    if path.is_dir() and (path / NODES_FILE).is_file():
        path = path / NODES_FILE
    return closest_lps(read_map(path)) if is_image(path) else read_mask(path)


def _meant(path: Path, labelling: Labelling) -> Labelling:
    """What labels mean: ``nodes.nii.gz``, given itself or by its folder, holds instances."""
    own = path.name == NODES_FILE or (path / NODES_FILE).is_file()
    return "instances" if labelling == "auto" and own else labelling


def _incomplete(annotation: Path) -> tuple[str, ...]:
    """What must be said of an annotation, as ``nodewise phantom`` writes it, that does not hold every node."""
    try:
        complete = json.loads(annotation.read_text(encoding="utf-8"))["complete"] if annotation.is_file() else True
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{annotation} is not an annotation by nodewise phantom") from error
    return () if complete else (_PARTIAL,)


def _told(what: str, ids: set[int]) -> tuple[str, ...]:
    return (f"node {', '.join(map(str, sorted(ids)))}: {what}",) if ids else ()
