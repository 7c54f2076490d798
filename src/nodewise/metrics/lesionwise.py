"""Lesions found, as the BraTS 2023 program counts them: truth is dilated, and what then touches is one lesion (P3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.metrics.instances import Bools, Spacing, components, shape_of, support
from nodewise.metrics.matching import match
from nodewise.values.box import Box, Index3


@dataclass(frozen=True, slots=True)
class LesionCounts:
    """One case: ``found`` and ``missed`` true lesions after merging, and predictions that touch none.

    LN found of P3 is found / (found + missed), pooled over cases or averaged over them.
    """

    found: int
    missed: int
    false_positives: int

    @property
    def rate(self) -> float:
        """Share found, found / (found + missed); NaN where there is no truth."""
        lesions = self.found + self.missed
        return self.found / lesions if lesions else float("nan")


def count_lesions(truth: npt.NDArray[Any], prediction: npt.NDArray[Any], *, dilations: int = 2) -> LesionCounts:
    """Dilate by steps to the 18 neighbours, on the voxel grid whatever its spacing, as P3's program does.

    True components (26-connected) whose dilations touch are one lesion; it is found if any predicted voxel lies in the
    dilated lesion. No lesion is left out for being small.

    Raises:
        ValueError: the shapes differ.
    """
    from scipy import ndimage

    structure = ndimage.generate_binary_structure(3, 2)

    def dilate(mask: Bools) -> Bools:
        return np.asarray(ndimage.binary_dilation(mask, structure, iterations=dilations)) if dilations else mask

    return _count(truth, prediction, dilate, (dilations, dilations, dilations))


def count_lesions_mm(
    truth: npt.NDArray[Any], prediction: npt.NDArray[Any], spacing: Spacing, dilation_mm: float
) -> LesionCounts:
    """The same with a dilation by a ball of ``dilation_mm`` between voxel centres, which does not depend on the grid.

    Raises:
        ValueError: the shapes differ.
    """
    from scipy import ndimage

    x, y, z = (int(dilation_mm / s) + 1 for s in spacing)

    def dilate(mask: Bools) -> Bools:
        return np.asarray(ndimage.distance_transform_edt(~mask, sampling=spacing) <= dilation_mm)

    return _count(truth, prediction, dilate, (x, y, z))


def _count(
    truth: npt.NDArray[Any], prediction: npt.NDArray[Any], dilate: Callable[[Bools], Bools], reach: Index3
) -> LesionCounts:
    """The components of the dilated truth are the merged lesions, each dilated again: what overlaps them is a hit."""
    if truth.shape != prediction.shape:
        raise ValueError(f"truth of shape {truth.shape} and prediction of {prediction.shape} do not match")
    box = support(truth, prediction)
    if box is None:
        return LesionCounts(0, 0, 0)
    crop = box.expanded(reach).clipped(shape_of(truth)).slices
    matches = match(components(_dilated(truth[crop], dilate, reach)), components(prediction[crop]))
    found = int(matches.found.sum())
    return LesionCounts(found, matches.truth_ids.size - found, int((~matches.hits).sum()))


def _dilated(truth: npt.NDArray[Any], dilate: Callable[[Bools], Bools], reach: Index3) -> Bools:
    """The dilated mask, component by component in its own box."""
    from scipy import ndimage

    labels = components(truth)
    dilated = np.zeros(truth.shape, dtype=bool, order="F")
    for number, slices in enumerate(ndimage.find_objects(labels.T), start=1):
        z, y, x = slices
        around = Box((x.start, y.start, z.start), (x.stop, y.stop, z.stop)).expanded(reach).clipped(shape_of(truth))
        dilated[around.slices] |= dilate(labels[around.slices] == number)
    return dilated
