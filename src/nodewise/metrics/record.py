"""What is kept of one case: every figure of instances, and every bootstrap of it, is computed from these records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Bools, Floats, Ints, Spacing, peaks, sphere_radius_mm
from nodewise.metrics.matching import Matches, break_ties, match


@dataclass(frozen=True, slots=True, eq=False)
class InstanceRecord:
    """The instances of one case. T true and P predicted ones, in the order of ``matches``; voxels are done with.

    Attributes:
        matches: who overlaps whom.
        truth_size_mm, predicted_size_mm: (T,), (P,) diameters by which strata are made; NaN where not known.
        truth_radius_mm, predicted_radius_mm: (T,), (P,) of the spheres of the same volumes.
        score: (P,) of each prediction; larger is surer. P1's self-logit where the scores come from a map of logits.
        truth_ignored, predicted_ignored: (T,), (P,) left out of every figure: see ``restrict``.
    """

    matches: Matches
    truth_size_mm: Floats
    predicted_size_mm: Floats
    truth_radius_mm: Floats
    predicted_radius_mm: Floats
    score: Floats
    truth_ignored: Bools
    predicted_ignored: Bools


def record_instances(
    truth_labels: npt.NDArray[np.integer],
    predicted_labels: npt.NDArray[np.integer],
    spacing: Spacing,
    *,
    scores: npt.NDArray[np.floating] | Mapping[int, float] | None = None,
    truth_size_mm: Mapping[int, float] | None = None,
    predicted_size_mm: Mapping[int, float] | None = None,
) -> InstanceRecord:
    """Touch the voxels of one case, once.

    Args:
        truth_labels: integers, 0 for background, one value an instance.
        predicted_labels: the same, of the same shape.
        spacing: of a voxel along each axis, in mm.
        scores: a map of the same shape, of which each prediction takes its highest value (float32 logits for
            P1's FROC), or the score of each predicted id; every prediction has score 1 where not given.
        truth_size_mm: diameter of each true id; what is missing is not known.
        predicted_size_mm: the same of the predictions.

    Raises:
        ValueError: shapes differ, a label is negative, or a prediction has no finite score.
    """
    matches = match(truth_labels, predicted_labels)
    score = _scores(scores, predicted_labels, matches.predicted_ids)
    return InstanceRecord(
        matches=break_ties(matches, score),
        truth_size_mm=_sizes(truth_size_mm, matches.truth_ids),
        predicted_size_mm=_sizes(predicted_size_mm, matches.predicted_ids),
        truth_radius_mm=sphere_radius_mm(matches.truth_voxels, spacing),
        predicted_radius_mm=sphere_radius_mm(matches.predicted_voxels, spacing),
        score=score,
        truth_ignored=np.zeros(matches.truth_ids.size, dtype=bool),
        predicted_ignored=np.zeros(matches.predicted_ids.size, dtype=bool),
    )


def restrict(record: InstanceRecord, above_mm: float, *, drop_small_unmatched: bool = False) -> InstanceRecord:
    """The stratum d > ``above_mm`` (P1, Table 2; what happens to the others is our reading).

    Truth that is not larger is ignored: neither found nor missed. A prediction whose best hit is ignored is so too:
    neither right nor false. A prediction that hits nothing stays a false positive whatever its size, unless
    ``drop_small_unmatched`` leaves out those that are not larger either. A bound of 0 keeps what has no size.

    Raises:
        ValueError: a size is needed that is not known.
    """
    if above_mm <= 0:
        return record
    m = record.matches
    ignored = record.truth_ignored | ~_larger(record.truth_size_mm, above_mm, "truth")
    best = np.searchsorted(m.truth_ids, m.best_truth[m.hits])
    predicted = record.predicted_ignored.copy()
    predicted[m.hits] |= ignored[best]
    if drop_small_unmatched:
        predicted[~m.hits] |= ~_larger(record.predicted_size_mm[~m.hits], above_mm, "prediction")
    return replace(record, truth_ignored=ignored, predicted_ignored=predicted)


def _larger(size_mm: Floats, above_mm: float, of: str) -> Bools:
    if np.isnan(size_mm).any():
        raise ValueError(f"the size of {int(np.isnan(size_mm).sum())} instances of the {of} is not known")
    return size_mm > above_mm


def _scores(
    scores: npt.NDArray[np.floating] | Mapping[int, float] | None, labels: npt.NDArray[np.integer], ids: Ints
) -> Floats:
    if scores is None:
        return np.ones(ids.size)
    if isinstance(scores, np.ndarray):
        if scores.shape != labels.shape:
            raise ValueError(f"scores of shape {scores.shape} and prediction of {labels.shape} do not match")
        found = peaks(labels, ids, scores)
    else:
        found = _sizes(scores, ids)
    if not np.isfinite(found).all():
        raise ValueError(f"prediction {int(ids[~np.isfinite(found)][0])} has no finite score")
    return found


def _sizes(known: Mapping[int, float] | None, ids: Ints) -> Floats:
    return np.array([(known or {}).get(int(i), np.nan) for i in ids], dtype=np.float64)
