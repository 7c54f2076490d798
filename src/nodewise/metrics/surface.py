"""Average symmetric surface distance in millimetres, as three programs define it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Bools, Floats, Spacing, shape_of, support
from nodewise.metrics.surfels import areas_mm2, neighbour_codes

Method = Literal["lnq", "surfel", "pooled"]


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceDistances:
    """Distance in mm of every surface element of one mask to the nearest of the other, and the weight of each.

    Attributes:
        from_truth, from_prediction: (A,), (B,) in mm.
        truth_weight, prediction_weight: (A,), (B,) area in mm² of surfels, 1 for contour voxels.
    """

    from_truth: Floats
    from_prediction: Floats
    truth_weight: Floats
    prediction_weight: Floats


def assd(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], spacing: Spacing, method: Method = "lnq") -> float:
    """Average symmetric surface distance of what is not 0 in two masks, in mm; NaN where either is empty.

    ``lnq``: ½ mean over the contour voxels of the prediction + ½ mean over those of the truth, as in the LNQ2023 script
    (contour: voxels with a background neighbour across a face; the border of the image is no surface). ``surfel``: the
    same half-sum over surface elements weighted by their area, as DeepMind's surface-distance has it. ``pooled``: the
    mean over both sets of contour voxels together, as MONAI's ``symmetric=True``.

    Raises:
        ValueError: the shapes differ.
    """
    distances = surfel_distances if method == "surfel" else contour_distances
    return mean_distance(distances(truth, prediction, spacing), pooled=method == "pooled")


def mean_distance(distances: SurfaceDistances, *, pooled: bool = False) -> float:
    """ASSD of measured distances: half the sum of two weighted means, or one mean over both sets; NaN of no surface."""
    d = distances
    if not d.from_truth.size or not d.from_prediction.size:
        return float("nan")
    truth, prediction = d.from_truth @ d.truth_weight, d.from_prediction @ d.prediction_weight
    if pooled:
        return float((truth + prediction) / (d.truth_weight.sum() + d.prediction_weight.sum()))
    return float(truth / d.truth_weight.sum() + prediction / d.prediction_weight.sum()) / 2


def contour_distances(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], spacing: Spacing) -> SurfaceDistances:
    """Distances between the centres of contour voxels, all weights 1: those of ``lnq`` and ``pooled``.

    Raises:
        ValueError: the shapes differ.
    """
    cropped = _cropped(truth, prediction)
    t, p = (np.argwhere(_contour(mask)) * np.asarray(spacing) for mask in cropped)
    return _between(t, p, np.ones(len(t)), np.ones(len(p)))


def surfel_distances(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], spacing: Spacing) -> SurfaceDistances:
    """Distances between the corners at which eight voxels meet that are not all alike, weighted by the area there.

    Raises:
        ValueError: the shapes differ.
    """
    areas = areas_mm2(spacing)
    points, weights = [], []
    for mask in _cropped(truth, prediction):
        codes = neighbour_codes(mask)
        corners = np.nonzero((codes != 0) & (codes != 255))
        points.append(np.stack(corners, axis=1) * np.asarray(spacing))
        weights.append(areas[codes[corners]])
    return _between(points[0], points[1], weights[0], weights[1])


def _cropped(truth: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> tuple[Bools, Bools]:
    """Both masks in the box around them, with one voxel more where the image has it: its border is no surface."""
    if truth.shape != prediction.shape:
        raise ValueError(f"truth of shape {truth.shape} and prediction of {prediction.shape} do not match")
    box = support(truth, prediction)
    if box is None:
        return np.zeros((0, 0, 0), dtype=bool), np.zeros((0, 0, 0), dtype=bool)
    crop = box.expanded(1).clipped(shape_of(truth)).slices
    return truth[crop] != 0, prediction[crop] != 0


def _contour(mask: Bools) -> Bools:
    """Voxels of the mask with a face neighbour outside it; what lies beyond the array is not outside."""
    inside = mask.copy(order="K")
    for axis in range(3):
        here, there = inside.swapaxes(0, axis), mask.swapaxes(0, axis)
        here[1:] &= there[:-1]
        here[:-1] &= there[1:]
    return mask & ~inside


def _between(truth: Floats, prediction: Floats, truth_weight: Floats, prediction_weight: Floats) -> SurfaceDistances:
    """Nearest distances between two sets of points (A, 3) and (B, 3) in mm; nothing where either is empty."""
    from scipy.spatial import KDTree

    if not len(truth) or not len(prediction):
        nothing = np.zeros(0)
        return SurfaceDistances(nothing, nothing, nothing, nothing)
    from_truth = KDTree(prediction).query(truth)[0]
    from_prediction = KDTree(truth).query(prediction)[0]
    return SurfaceDistances(from_truth, from_prediction, truth_weight, prediction_weight)
