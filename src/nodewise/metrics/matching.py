"""Which predicted instance lies on which true one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Bools, Floats, Ints, support


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Overlaps of one case; ids are label values, in rising order; a match of 0 is none.

    Attributes:
        truth_ids, truth_voxels: (T,) every true instance and its size.
        predicted_ids, predicted_voxels: (P,) every predicted instance and its size.
        pairs: (K, 2) true and predicted id of each pair that shares a voxel.
        pair_voxels, pair_dice: (K,) voxels shared, and Dice of the two instances.
        best_prediction, best_dice: (T,) prediction of the largest Dice (of equal ones the lower id), and that Dice.
        best_truth: (P,) true instance of the largest Dice; 0 marks a false positive.
    """

    truth_ids: Ints
    truth_voxels: Ints
    predicted_ids: Ints
    predicted_voxels: Ints
    pairs: Ints
    pair_voxels: Ints
    pair_dice: Floats
    best_prediction: Ints
    best_dice: Floats
    best_truth: Ints

    @property
    def found(self) -> Bools:
        """(T,) whether any prediction shares a voxel with the true instance."""
        return self.best_prediction > 0

    @property
    def hits(self) -> Bools:
        """(P,) whether the prediction shares a voxel with any true instance."""
        return self.best_truth > 0

    @property
    def pair_indices(self) -> tuple[Ints, Ints]:
        """(K,), (K,) the places of each pair in ``truth_ids`` and in ``predicted_ids``."""
        return np.searchsorted(self.truth_ids, self.pairs[:, 0]), np.searchsorted(self.predicted_ids, self.pairs[:, 1])

    @property
    def covered(self) -> Floats:
        """(T,) share of the true instance that lies under any prediction, |T ∩ P| / |T|, 0 to 1."""
        shared = np.bincount(self.pair_indices[0], weights=self.pair_voxels, minlength=self.truth_ids.size)
        return np.asarray(shared / self.truth_voxels)


def match(truth_labels: npt.NDArray[np.integer], predicted_labels: npt.NDArray[np.integer]) -> Matches:
    """Overlap of every true with every predicted instance, in one pass (P1, section 4.3.1: any shared voxel is a hit).

    Args:
        truth_labels: integers, 0 for background; every other value is one instance.
        predicted_labels: the same, of the same shape.

    Raises:
        ValueError: the shapes differ, or a label is negative.
    """
    if truth_labels.shape != predicted_labels.shape:
        raise ValueError(f"truth of shape {truth_labels.shape} and prediction of {predicted_labels.shape} do not match")
    box = support(truth_labels, predicted_labels)
    crop = (slice(0, 0),) * 3 if box is None else box.slices
    truth_labels, predicted_labels = truth_labels[crop].T, predicted_labels[crop].T  # arrays are kept x fastest
    in_truth, in_predicted = truth_labels != 0, predicted_labels != 0
    truth_ids, truth_voxels = _counts(truth_labels[in_truth])
    predicted_ids, predicted_voxels = _counts(predicted_labels[in_predicted])
    both = in_truth & in_predicted
    t = np.searchsorted(truth_ids, truth_labels[both])
    p = np.searchsorted(predicted_ids, predicted_labels[both])
    code, shared = np.unique(t * max(1, predicted_ids.size) + p, return_counts=True)
    t, p = np.divmod(code, max(1, predicted_ids.size))
    dice = 2.0 * shared / (truth_voxels[t] + predicted_voxels[p])
    best_prediction, best_dice = _best(t, predicted_ids[p], dice, truth_ids.size)
    return Matches(
        truth_ids=truth_ids,
        truth_voxels=truth_voxels,
        predicted_ids=predicted_ids,
        predicted_voxels=predicted_voxels,
        pairs=np.stack([truth_ids[t], predicted_ids[p]], axis=1),
        pair_voxels=shared.astype(np.int64),
        pair_dice=dice,
        best_prediction=best_prediction,
        best_dice=best_dice,
        best_truth=_best(p, truth_ids[t], dice, predicted_ids.size)[0],
    )


def break_ties(matches: Matches, score: Floats) -> Matches:
    """The same, where of predictions with equal Dice that of the higher ``score`` (P,) is the best."""
    t, p = matches.pair_indices
    order = np.lexsort((-p, score[p], matches.pair_dice))
    best = np.zeros(matches.truth_ids.size, dtype=np.int64)
    best[t[order]] = matches.predicted_ids[p[order]]
    return replace(matches, best_prediction=best)


def overlap_of(matches: Matches, measure: Literal["dice", "iou"]) -> Floats:
    """(K,) Dice or intersection over union of every pair that shares a voxel."""
    dice = matches.pair_dice
    return dice if measure == "dice" else dice / (2 - dice)


def one_to_one(matches: Matches, worth: Floats) -> Ints:
    """The pairs (places in ``matches.pairs``, rising) that give each instance one partner at most, of the largest sum.

    Args:
        matches: of one case.
        worth: (K,) of each pair, such as its IoU; a pair worth 0 is never taken.
    """
    from scipy.optimize import linear_sum_assignment

    t, p = matches.pair_indices
    table = np.zeros((matches.truth_ids.size, matches.predicted_ids.size))
    place = np.full(table.shape, -1, dtype=np.int64)
    table[t, p], place[t, p] = worth, np.arange(worth.size)
    rows, columns = linear_sum_assignment(table, maximize=True)
    taken = table[rows, columns] > 0
    return np.sort(place[rows[taken], columns[taken]])


def _counts(labels: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Each value and how often it occurs."""
    ids, voxels = np.unique(labels, return_counts=True)
    if ids.size and int(ids[0]) < 0:
        raise ValueError(f"labels are not negative, but {int(ids[0])} was found")
    return ids.astype(np.int64), voxels.astype(np.int64)


def _best(of: Ints, other_id: Ints, dice: Floats, count: int) -> tuple[Ints, Floats]:
    """For each of ``count`` instances the other's id of largest Dice, and that Dice; 0 where it has no pair."""
    order = np.lexsort((-other_id, dice))  # the last one written wins: largest Dice, then lowest id
    best_id, best_dice = np.zeros(count, dtype=np.int64), np.zeros(count)
    best_id[of[order]] = other_id[order]
    best_dice[of[order]] = dice[order]
    return best_id, best_dice
