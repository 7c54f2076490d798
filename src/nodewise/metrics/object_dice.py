"""Dice of each true instance with its own prediction, so that large ones do not hide small ones (P1, section 4.3.3)."""

from __future__ import annotations

from nodewise.metrics.record import InstanceRecord


def object_dice(record: InstanceRecord, *, only_hit: bool = False) -> float:
    """The objDSC of one case: mean over its true instances of the largest Dice with any prediction; NaN without truth.

    Missed ones count 0, as the paper writes it; ``only_hit`` leaves them out (then NaN where all are missed). The
    cohort's figure is the mean over the cases where it is defined.
    """
    counted = ~record.truth_ignored & (record.matches.found | (not only_hit))
    return float(record.matches.best_dice[counted].mean()) if counted.any() else float("nan")
