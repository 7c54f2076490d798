"""The story held against truth: predicted nodes and stations beside the true ones.

Truth is a folder as ``nodewise phantom`` writes it (OUT/truth), a prediction one as ``nodewise predict`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ValidationError

from nodewise.image.onto import labels_onto
from nodewise.io.casefile import AssessmentRecord, read_record
from nodewise.io.itk import read_labels
from nodewise.metrics.matching import match
from nodewise.values.errors import BadInputError
from nodewise.values.orientation import closest_lps
from nodewise.values.station import Side, Station


class KnownNode(BaseModel):
    """One node of ``truth.json``; what else is said of it there is left alone."""

    id: int
    short_axis_mm: float
    station: Station


class Known(BaseModel):
    """``truth.json``: the nodes, and the primary's side and the N category by either edition where they are known."""

    nodes: list[KnownNode]
    primary_side: Literal["left", "right"] | None = None
    n_category_8: str | None = None
    n_category_9: str | None = None


@dataclass(frozen=True, slots=True)
class TrueNode:
    """One node of the truth, and what became of it.

    Attributes:
        found_by: id of the predicted node that overlaps it best; None where it was missed.
        dice: with that node; 0 where it was missed.
        named: the station that the prediction gave it; None where it was missed.
    """

    id: int
    short_axis_mm: float
    station: Station
    found_by: int | None
    dice: float
    named: Station | None


@dataclass(frozen=True, slots=True)
class Case:
    """One patient: every true node, and the predicted nodes that hit none."""

    name: str
    nodes: tuple[TrueNode, ...]
    false_positives: int
    category_true: str | None
    category_named: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a cohort for nodes with a short axis of at least ``from_mm``.

    Attributes:
        recall: found / all true nodes, pooled; None where there are none.
        false_positives_a_case: predicted nodes that overlap no true node of any size.
        dice_found: mean over the nodes found.
        station_right: of the nodes found; sides are compared where both names have one.
        laterality_errors: nodes found whose side was named wrongly.
    """

    from_mm: float
    cases: int
    nodes: int
    recall: float | None
    false_positives_a_case: float
    dice_found: float | None
    station_right: float | None
    laterality_errors: int


def evaluate_folders(truth: Path, prediction: Path) -> list[Case]:
    """Every patient of ``truth`` whose name is also in ``prediction``.

    Raises:
        BadInputError: a folder is not there, or a patient has no prediction.
    """
    names = sorted(p.parent.name for p in truth.glob("*/truth.json"))
    if not names:
        raise BadInputError(
            f"{truth} holds no truth: expected folders with truth.json, as nodewise phantom writes them"
        )
    missing = [name for name in names if not (prediction / name / "assessment.json").is_file()]
    if missing:
        raise BadInputError(
            f"{prediction} has no assessment of {', '.join(missing)}: run nodewise predict on them first"
        )
    return [evaluate_case(truth / name, prediction / name) for name in names]


def evaluate_case(truth: Path, prediction: Path) -> Case:
    """One patient; the two grids may differ: truth is put onto the prediction's.

    Raises:
        BadInputError: a file is missing or not what it should be.
    """
    known = _read_truth(truth / "truth.json")
    record = read_record(prediction / "assessment.json")
    predicted = closest_lps(read_labels(prediction / "nodes.nii.gz"))
    true, _ = labels_onto(read_labels(truth / "nodes.nii.gz"), predicted.grid)
    pairs = match(true.array, predicted.array)
    best = {
        int(t): (int(p), float(d))
        for t, p, d in zip(pairs.truth_ids, pairs.best_prediction, pairs.best_dice, strict=True)
    }
    stations = {node.id: Station(node.station) for node in record.nodes}
    nodes = []
    for node in known.nodes:
        found_by, dice = best.get(node.id, (0, 0.0))
        nodes.append(
            TrueNode(
                id=node.id,
                short_axis_mm=node.short_axis_mm,
                station=node.station,
                found_by=found_by or None,
                dice=dice,
                named=stations.get(found_by),
            )
        )
    return Case(
        name=truth.name,
        nodes=tuple(nodes),
        false_positives=int((~pairs.hits).sum()),
        category_true=known.n_category_8 if record.stage.edition == 8 else known.n_category_9,
        category_named=_category(record, known.primary_side),
        seconds=_seconds(record),
    )


def _read_truth(path: Path) -> Known:
    try:
        return Known.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its start"
        raise BadInputError(f"{path}: is not a truth of nodewise, at {where}: {first['msg']}") from error


def summarize(cases: Sequence[Case], from_mm: float) -> Summary:
    """Pooled figures for the nodes of at least ``from_mm`` short axis."""
    nodes = [n for case in cases for n in case.nodes if n.short_axis_mm >= from_mm]
    found = [n for n in nodes if n.found_by is not None]
    return Summary(
        from_mm=from_mm,
        cases=len(cases),
        nodes=len(nodes),
        recall=len(found) / len(nodes) if nodes else None,
        false_positives_a_case=_mean([c.false_positives for c in cases]) or 0.0,
        dice_found=_mean([n.dice for n in found]),
        station_right=_mean(
            [n.named is not None and n.named.zone == n.station.zone and not _wrong_side(n) for n in found]
        ),
        laterality_errors=sum(_wrong_side(n) for n in found),
    )


def _category(record: AssessmentRecord, primary_side: str | None) -> str:
    """The category named, for the true side of the primary where the assessment was made for both."""
    both = {"left": record.stage.if_left, "right": record.stage.if_right}
    return (both.get(primary_side or "") or record.stage).category


def _wrong_side(node: TrueNode) -> bool:
    sides = {_side_of(node.station), _side_of(node.named)} - {None}
    return len(sides) == 2


def _side_of(station: Station | None) -> Side | None:
    if station in (Station.S5, Station.S6):
        return Side.LEFT
    return None if station is None else station.side


def _seconds(record: AssessmentRecord) -> float:
    return float(sum(record.provenance.seconds.values()))


def _mean(values: Iterable[float]) -> float | None:
    kept = list(values)
    return float(np.mean(kept)) if kept else None
