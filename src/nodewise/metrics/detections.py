"""A cohort under one rule of what a hit is: the scores at which truth is found, and those of the false positives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nodewise.metrics.instances import Bools, Floats, Ints
from nodewise.metrics.matching import one_to_one, overlap_of
from nodewise.metrics.record import InstanceRecord

Measure = Literal["dice", "iou"]
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """All that FROC and precision–recall curves need; ignored instances are gone.

    Several predictions on one true instance find it once and none of them is false; one prediction over several true
    instances finds each of them.

    Attributes:
        cases: number of cases, those without any instance included.
        truth_case, truth_score: (T,) the case of each true instance and the score of what finds it; −∞ where missed.
        false_case, false_score: (F,) the case and the score of each prediction that hits nothing.
    """

    cases: int
    truth_case: Ints
    truth_score: Floats
    false_case: Ints
    false_score: Floats


def component_hits(records: Sequence[InstanceRecord]) -> Detections:
    """P1, section 4.3.1: any shared voxel is a hit; truth is found at the hit-logit, the score of its largest Dice."""
    return _gather(records, [_best_dice(r) for r in records])


def radius_hits(records: Sequence[InstanceRecord], low: float = 0.5, high: float = 1.5) -> Detections:
    """P5: a hit shares a voxel and its radius is within ``low`` to ``high`` of the true one.

    Truth is found at the highest score of its hits; further hits on it are not false (our reading).
    """
    return _gather(records, [_radius(r, low, high) for r in records])


def overlap_hits(records: Sequence[InstanceRecord], at_least: float = 0.1, measure: Measure = "dice") -> Detections:
    """picai_eval's rule: one prediction an instance, assigned for the largest sum of Dice (or IoU) of ``at_least``.

    A prediction that reaches ``at_least`` with an instance that another one was assigned to is not false.
    """
    return _gather(records, [_assigned(r, at_least, measure) for r in records])


def _best_dice(record: InstanceRecord) -> tuple[Floats, Bools]:
    m = record.matches
    score = np.full(m.truth_ids.size, -np.inf)
    score[m.found] = record.score[np.searchsorted(m.predicted_ids, m.best_prediction[m.found])]
    return score, m.hits


def _radius(record: InstanceRecord, low: float, high: float) -> tuple[Floats, Bools]:
    m = record.matches
    t, p = m.pair_indices
    share = record.predicted_radius_mm[p] / record.truth_radius_mm[t]
    hit = (share >= low - _ROUNDING) & (share <= high + _ROUNDING)
    return _highest(record, t[hit], p[hit])


def _assigned(record: InstanceRecord, at_least: float, measure: Measure) -> tuple[Floats, Bools]:
    m = record.matches
    t, p = m.pair_indices
    enough = overlap_of(m, measure) >= at_least
    assigned = one_to_one(m, np.where(enough, overlap_of(m, measure), 0))
    score, _ = _highest(record, t[assigned], p[assigned])
    hits = np.zeros(m.predicted_ids.size, dtype=bool)
    hits[p[enough]] = True
    return score, hits


def _highest(record: InstanceRecord, t: Ints, p: Ints) -> tuple[Floats, Bools]:
    score = np.full(record.matches.truth_ids.size, -np.inf)
    np.maximum.at(score, t, record.score[p])
    hits = np.zeros(record.matches.predicted_ids.size, dtype=bool)
    hits[p] = True
    return score, hits


def _gather(records: Sequence[InstanceRecord], hits: Sequence[tuple[Floats, Bools]]) -> Detections:
    truth = [score[~r.truth_ignored] for r, (score, _) in zip(records, hits, strict=True)]
    false = [r.score[~hit & ~r.predicted_ignored] for r, (_, hit) in zip(records, hits, strict=True)]
    return Detections(
        cases=len(records),
        truth_case=np.repeat(np.arange(len(records)), [s.size for s in truth]),
        truth_score=np.concatenate([np.zeros(0), *truth]),
        false_case=np.repeat(np.arange(len(records)), [s.size for s in false]),
        false_score=np.concatenate([np.zeros(0), *false]),
    )
