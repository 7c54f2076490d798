"""How many true instances are found, at one operating point, by how much of them is covered (P4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Floats, support
from nodewise.metrics.record import InstanceRecord

SIZE_EDGES_MM = (5.0, 10.0, 15.0)  # bins < 5, 5–10, 10–15, ≥ 15 mm


@dataclass(frozen=True, slots=True)
class DetectionCounts:
    """One case: ``detected`` of ``truths`` instances, and ``false_positives`` predictions that cover no truth at all.

    Pooled over cases, detected / truths is the detection rate, detected / (detected + false_positives) what P4's
    equation prints under that name (``lesion_precision`` here), and false_positives / cases its FP a volume.
    """

    truths: int
    detected: int
    false_positives: int


def count_detections(record: InstanceRecord, above: float = 0.0) -> DetectionCounts:
    """True instances of which more than the share ``above`` lies under any prediction: |T ∩ P| / |T| > ``above``."""
    kept = ~record.truth_ignored
    return DetectionCounts(
        truths=int(kept.sum()),
        detected=int((record.matches.covered[kept] > above).sum()),
        false_positives=int((~record.matches.hits & ~record.predicted_ignored).sum()),
    )


def rate_by_overlap(records: Sequence[InstanceRecord], above: Sequence[float]) -> Floats:
    """(M,) pooled detection rate at each share to be covered (P4, Figure S3); NaN where there is no truth."""
    covered = np.concatenate([np.zeros(0), *(r.matches.covered[~r.truth_ignored] for r in records)])
    if not covered.size:
        return np.full(len(above), np.nan)
    return np.asarray((covered > np.asarray(above)[:, None]).mean(axis=1))


def rate_by_size(
    records: Sequence[InstanceRecord], edges_mm: Sequence[float] = SIZE_EDGES_MM, above: float = 0.0
) -> tuple[tuple[int, int], ...]:
    """(detected, truths) in each bin of size, lower edge included (P4, Figure S4); what has no size is in no bin."""
    size = np.concatenate([np.zeros(0), *(r.truth_size_mm[~r.truth_ignored] for r in records)])
    covered = np.concatenate([np.zeros(0), *(r.matches.covered[~r.truth_ignored] for r in records)])
    place = np.where(np.isnan(size), -1, np.searchsorted(np.asarray(edges_mm), size, side="right"))
    return tuple((int((covered[place == n] > above).sum()), int((place == n).sum())) for n in range(len(edges_mm) + 1))


def detection_rate_by_slice(
    truth_labels: npt.NDArray[np.integer], prediction: npt.NDArray[Any], above: float = 0.0
) -> float:
    """Mean over the slices along z that hold truth of the share of its instances detected there (P4's text).

    The paper's counts are of whole instances, which is why ``count_detections`` is what is reported.
    """
    box = support(truth_labels)
    if box is None:
        return float("nan")
    labels, predicted = truth_labels[box.slices], prediction[box.slices] != 0
    ids = np.unique(labels)
    x, y, z = np.nonzero(labels)
    code = z * ids.size + np.searchsorted(ids, labels[x, y, z])
    voxels = np.bincount(code, minlength=labels.shape[2] * ids.size)
    shared = np.bincount(code, weights=predicted[x, y, z], minlength=voxels.size)
    there = (voxels > 0).reshape(-1, ids.size)
    detected = (shared > above * voxels).reshape(-1, ids.size) & there
    slices = there.any(axis=1)
    return float((detected.sum(axis=1)[slices] / there.sum(axis=1)[slices]).mean())
