"""The two lungs, as far as they hold air."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.working import Array, Mask, block_mean, closed, dilated, distance_to, enlarged, eroded
from nodewise.image.components import boxes, components

FACTOR = 2
LUNG_HU = -400.0
SMALLEST_ML = 80.0
GAS_HU = -960.0


@dataclass(frozen=True, slots=True, eq=False)
class Lungs:
    """Masks on the working lattice; a lung that was not found is empty."""

    right: Mask
    left: Mask


def find_lungs(hu: Array, body: Mask, airway: Mask, spacing_mm: float, carina: npt.ArrayLike | None) -> Lungs:
    """Air inside the body but not in the airway, in parts above 80 ml, told apart by the midline.

    Consolidation, tumour and effusion are left out. ``carina`` in voxels keeps gas pools of the abdomen out.
    """
    step = FACTOR * spacing_mm
    coarse = block_mean(hu, FACTOR)
    tube = block_mean(airway, FACTOR) > 0.25
    air = (coarse < LUNG_HU) & (block_mean(body, FACTOR) > 0.5) & ~dilated(tube, 3.0 / step)
    parts = _large_parts(air, coarse, step, None if carina is None else np.asarray(carina) / FACTOR)
    middle = _middle(body, carina) / FACTOR
    right, left = _two_sides(parts, middle, step)
    right, left = closed(right, 7.0 / step) & ~left & ~tube, closed(left, 7.0 / step) & ~right & ~tube
    return Lungs(_refined(right, hu), _refined(left, hu))


def _refined(lung: Mask, hu: Array) -> Mask:
    """Borders moved to the threshold on the finer lattice."""
    inner = enlarged(eroded(lung, 1.0, outside=True), FACTOR, hu.shape)
    outer = enlarged(dilated(lung, 1.0), FACTOR, hu.shape)
    own = enlarged(lung, FACTOR, hu.shape)
    return np.asarray(inner | (own & (hu < -250.0)) | (outer & (hu < -700.0)))


def _large_parts(air: Mask, hu: Array, step: float, carina: npt.NDArray[np.float64] | None) -> npt.NDArray[np.uint32]:
    """Labelled parts above 80 ml, without pools of gas more than 70 mm below the carina."""
    labels, n = components(air, connectivity=6)
    keep = np.zeros(n + 1, bool)
    for label, (box, voxels) in boxes(labels).items():
        if voxels * step**3 < SMALLEST_ML * 1000.0:
            continue
        part = labels[box.slices] == label
        height = box.start[2] + np.arange(box.shape[2]) @ part.sum(axis=(0, 1)) / voxels
        low = carina is not None and height < carina[2] - 70.0 / step
        keep[label] = not (low and float(np.median(hu[box.slices][part])) < GAS_HU)
    return np.where(keep[labels], labels, np.uint32(0))


def _middle(body: Mask, carina: npt.ArrayLike | None) -> float:
    if carina is not None:
        return float(np.asarray(carina)[0])
    columns = np.flatnonzero(body.any(axis=(1, 2)))
    return float(columns.mean()) if columns.size else body.shape[0] / 2.0


def _two_sides(parts: npt.NDArray[np.uint32], middle: float, step: float) -> tuple[Mask, Mask]:
    """Each part to the side of the midline most of it lies on; a part on both sides is divided."""
    right, left = np.zeros(parts.shape, bool), np.zeros(parts.shape, bool)
    cut = int(np.clip(round(middle), 1, parts.shape[0] - 1))
    for label in np.unique(parts[parts > 0]):
        part = parts == label
        share = np.count_nonzero(part[:cut]) / np.count_nonzero(part)
        if 0.2 < share < 0.8:
            one, other = _divided(part, cut, step)
            right |= one
            left |= other
        else:
            (right if share >= 0.8 else left)[part] = True
    return right, left


def _divided(joined: Mask, cut: int, step: float) -> tuple[Mask, Mask]:
    """Two lungs that touch: erode until two cores lie apart, then each voxel to the nearer core."""
    import cc3d

    for radius in np.arange(2.0, 12.1, 2.0):
        labels, n = cc3d.largest_k(eroded(joined, radius / step, outside=True), k=2, return_N=True, connectivity=6)
        if n < 2:
            continue
        cores = [labels == 1, labels == 2]
        share = [np.count_nonzero(c[:cut]) / np.count_nonzero(c) for c in cores]
        if max(share) > 0.8 and min(share) < 0.2 and min(map(np.count_nonzero, cores)) * step**3 > 40e3:
            one, other = (cores[0], cores[1]) if share[0] > share[1] else (cores[1], cores[0])
            nearer = distance_to(one) <= distance_to(other)
            return joined & nearer, joined & ~nearer
    side = np.zeros(joined.shape, bool)
    side[:cut] = True
    return joined & side, joined & ~side
