"""Overlap of two masks, voxel by voxel: Dice, precision, recall, and the confusion of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Floats, Ints, support


@dataclass(frozen=True, slots=True)
class VoxelCounts:
    """Voxels of one case (or slice) that are true and predicted, predicted only, and true only."""

    true_positives: int
    false_positives: int
    false_negatives: int

    def dice(self, both_empty: float = 1.0) -> float:
        """2 |P ∩ T| / (|P| + |T|); 0 where one is empty, ``both_empty`` where both are (SimpleITK says inf there)."""
        size = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / size if size else both_empty

    @property
    def precision(self) -> float:
        """TP / (TP + FP); NaN where nothing is predicted."""
        predicted = self.true_positives + self.false_positives
        return self.true_positives / predicted if predicted else float("nan")

    @property
    def recall(self) -> float:
        """TP / (TP + FN); NaN where nothing is true."""
        true = self.true_positives + self.false_negatives
        return self.true_positives / true if true else float("nan")


def count_voxels(truth: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> VoxelCounts:
    """Count what is not 0 in two arrays of the same shape (x, y, z).

    Raises:
        ValueError: the shapes differ.
    """
    _same_shape(truth, prediction)
    box = support(truth, prediction)
    if box is None:
        return VoxelCounts(0, 0, 0)
    t, p = truth[box.slices] != 0, prediction[box.slices] != 0
    both = int(np.count_nonzero(t & p))
    return VoxelCounts(both, int(np.count_nonzero(p)) - both, int(np.count_nonzero(t)) - both)


def count_voxels_by_slice(truth: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> tuple[VoxelCounts, ...]:
    """The same for each slice along z that holds any voxel of either (P4 averages by slice, then by study).

    Raises:
        ValueError: the shapes differ.
    """
    _same_shape(truth, prediction)
    box = support(truth, prediction)
    if box is None:
        return ()
    t, p = truth[box.slices] != 0, prediction[box.slices] != 0
    both, true, predicted = (np.count_nonzero(a, axis=(0, 1)) for a in (t & p, t, p))
    rows = zip(both, true, predicted, strict=True)
    return tuple(VoxelCounts(int(b), int(q - b), int(a - b)) for b, a, q in rows if a or q)


def voxel_confusion(truth: npt.NDArray[np.integer], prediction: npt.NDArray[np.integer], classes: int) -> Ints:
    """(classes, classes) voxels of each true class (row) that were given each class (column); class 0 is background.

    Raises:
        ValueError: the shapes differ, or a value is not below ``classes``.
    """
    _same_shape(truth, prediction)
    table = np.zeros((classes, classes), dtype=np.int64)
    table[0, 0] = truth.size
    box = support(truth, prediction)
    if box is None:
        return table
    t, p = truth[box.slices].T.ravel().astype(np.int64), prediction[box.slices].T.ravel().astype(np.int64)
    if min(t.min(), p.min()) < 0 or max(t.max(), p.max()) >= classes:
        lowest, highest = min(t.min(), p.min()), max(t.max(), p.max())
        raise ValueError(f"classes are 0 to {classes - 1}, but {lowest if lowest < 0 else highest} was found")
    table += np.bincount(t * classes + p, minlength=classes**2).reshape(classes, classes)
    table[0, 0] -= t.size
    return table


def normalised(confusion: Ints, by: Literal["truth", "prediction"]) -> Floats:
    """Each row of a confusion matrix (or each column) as shares of its sum; NaN where the sum is 0 (P4, Table S4)."""
    whole = confusion.sum(axis=1 if by == "truth" else 0, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(whole > 0, confusion / whole, np.nan))


def _same_shape(truth: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> None:
    if truth.shape != prediction.shape:
        raise ValueError(f"truth of shape {truth.shape} and prediction of {prediction.shape} do not match")
