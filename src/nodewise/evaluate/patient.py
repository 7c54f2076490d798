"""What is true and what is said of the patient as a whole: N status, N category, side of the primary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.evaluate.pairs import Pair
from nodewise.evaluate.read import Prediction, Truth
from nodewise.io.casefile import AssessmentRecord
from nodewise.metrics.roc import with_bulk
from nodewise.staging.rules import CATEGORIES, n_category
from nodewise.values.errors import BadInputError
from nodewise.values.node import BULK_MM
from nodewise.values.station import Side, Station

_YES, _NO = {"yes", "true", "+", "n+", "positive"}, {"no", "false", "-", "n0", "negative"}
_UNKNOWN = {"", "unknown", "n/a", "na"}


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient; None is not known or not said.

    Attributes:
        positive: whether any node is metastatic in truth.
        category_8, category_9: true N category of either edition.
        score: the highest probability of malignancy of any predicted node before a rule of bulk, 0 without a node;
            None too where an older assessment (schema 1.0) holds only what that rule made of it.
        score_bulk: the same where a short axis over 30 mm counts as malignant (P1, Node-RADS).
        size_mm: the largest short axis of any predicted node, 0 without a node.
        named_8, named_9: N category that the prediction gives for the true side of the primary.
    """

    positive: bool | None
    side: Side | None
    category_8: str | None
    category_9: str | None
    score: float | None
    score_bulk: float | None
    size_mm: float
    named_8: str | None
    named_9: str | None


def patient_of(pair: Pair, truth: Truth, prediction: Prediction, size_mm: float) -> Patient:
    """Truth from the CSV of pairs where it says something, else from the truth's file; the rest from the assessment.

    Raises:
        BadInputError: a cell of the CSV cannot be understood.
    """
    given = dict(pair.patient or {})
    known = truth.record
    side = _side(given.get("primary_side", known.primary_side if known else ""), pair.name)
    category_8 = _category(given.get("n_category_8", known.n_category_8 if known else None), 8, pair.name)
    category_9 = _category(given.get("n_category_9", known.n_category_9 if known else None), 9, pair.name)
    record = prediction.record
    absent = pair.prediction is None
    return Patient(
        positive=_positive(given.get("n_positive"), category_8 or category_9, truth, pair.name),
        side=side,
        category_8=category_8,
        category_9=category_9,
        score=_score(record) if record else 0.0 if absent else None,
        score_bulk=_score_bulk(record) if record else 0.0 if absent else None,
        size_mm=size_mm,
        named_8=named_category(record, side, 8) if record else "N0" if absent else None,
        named_9=named_category(record, side, 9) if record else "N0" if absent else None,
    )


def named_category(record: AssessmentRecord, side: Side | None, edition: int) -> str | None:
    """The category that an assessment gives for the true side of the primary.

    In its own edition it is the one stated (for that side where both answers are given). In the other edition it
    follows by the rules from the nodes that the assessment counts as metastatic; None where the side is not known.
    """
    stage = record.stage
    if stage.edition == edition:
        both = {Side.LEFT: stage.if_left, Side.RIGHT: stage.if_right}
        answer = both[side] if side else None
        if answer or side is None or stage.primary_side in ("unknown", side.value):
            return (answer or stage).category
    if side is None:
        return None
    metastatic = [Station(node.station) for node in record.nodes if node.malignancy >= stage.threshold]
    return n_category(metastatic, side, edition).name


def _score(record: AssessmentRecord) -> float | None:
    before = [node.malignancy_before_bulk for node in record.nodes]
    said = [node.malignancy if p is None else p for node, p in zip(record.nodes, before, strict=True)]
    lost = record.schema_version == "1.0" and any(
        node.short_axis_mm > BULK_MM and node.malignancy == 1.0 for node in record.nodes
    )
    return None if lost else max(said, default=0.0)


def _score_bulk(record: AssessmentRecord) -> float:
    if not record.nodes:
        return 0.0
    probability = np.array([node.malignancy for node in record.nodes])
    return float(with_bulk(probability, np.array([node.short_axis_mm for node in record.nodes]), BULK_MM).max())


def _positive(cell: str | None, category: str | None, truth: Truth, name: str) -> bool | None:
    if cell is not None:
        word = cell.lower()
        if word in _YES or (word.isdecimal() and int(word) > 0):
            return True
        if word in _NO or word == "0":
            return False
        if word not in _UNKNOWN:
            raise BadInputError(f"{name}: n_positive is {cell}: give 1 or 0, yes or no")
    if category:
        return category != "N0"
    if truth.record is None or any(node.malignant is None for node in truth.record.nodes):
        return None
    return any(node.malignant for node in truth.record.nodes)


def _side(cell: str, name: str) -> Side | None:
    word = cell.lower()
    if word in _UNKNOWN:
        return None
    if word not in ("left", "right"):
        raise BadInputError(f"{name}: primary_side is {cell}: give left, right or unknown")
    return Side(word)


def _category(cell: str | None, edition: int, name: str) -> str | None:
    if cell is None or cell.lower() in _UNKNOWN:
        return None
    if cell not in CATEGORIES[edition]:
        raise BadInputError(f"{name}: no N category {cell} in edition {edition}: {', '.join(CATEGORIES[edition])}")
    return cell
