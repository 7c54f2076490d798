"""The trachea and the bronchial tree: dark tubes that hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.working import Array, Mask
from nodewise.image.components import components

HOLE_HU = -600.0
LOWEST_HU, HIGHEST_HU, STEP_HU = -980.0, -700.0, 20.0
MAXIMUM_ML = 130.0
LEAK_RATIO, FILLED_ML = 1.6, 15.0
MINIMUM_ML = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Trachea:
    """A chain of round air holes, one a slice: ``slices`` (n,) from feet to head, ``centres`` (n, 2) in voxels."""

    slices: npt.NDArray[np.int64]
    centres: npt.NDArray[np.float64]


def find_trachea(hu: Array, body: Mask, spacing_mm: float) -> Trachea | None:
    """The longest chain of round air holes near the body's midline; None where there is none of 20 mm."""
    holes = _round_holes(hu, body, spacing_mm)
    chain = _longest_chain(holes, spacing_mm)
    if len(chain) * spacing_mm < 20.0:
        return None
    found = holes[chain]
    return Trachea(found[:, 2].astype(np.int64), found[:, :2])


def grow_airway(hu: Array, trachea: Trachea, spacing_mm: float) -> Mask:
    """The air connected to the trachea at the highest threshold before it leaks into a lung.

    Only 95 mm to each side and 130 mm below the chain are searched.
    """
    low, high = _search_box(hu.shape, trachea, spacing_mm)
    part = _median(hu[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    seed = np.column_stack([np.rint(trachea.centres).astype(int), trachea.slices]) - low
    best = np.zeros(part.shape, bool)
    volume = 0.0
    for threshold in np.arange(LOWEST_HU, HIGHEST_HU + 1, STEP_HU):
        labels = components(part < threshold, connectivity=6)[0]
        names, counts = np.unique(labels[tuple(seed.T)], return_counts=True)
        names, counts = names[names > 0], counts[names > 0]
        if names.size == 0:
            continue
        grown = labels == names[np.argmax(counts)]
        ml = float(np.count_nonzero(grown)) * spacing_mm**3 / 1000.0
        if ml > MAXIMUM_ML or (volume > FILLED_ML and ml > LEAK_RATIO * volume):
            break
        best, volume = grown, ml
    airway = np.zeros(hu.shape, bool)
    airway[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = best
    return airway


def _search_box(
    shape: tuple[int, ...], trachea: Trachea, spacing_mm: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    x, y = trachea.centres.mean(axis=0)
    reach = 95.0 / spacing_mm
    low = np.array([x - reach, y - reach, trachea.slices[0] - 130.0 / spacing_mm]).astype(np.int64)
    high = np.array([x + reach, y + reach, trachea.slices[-1] + 1]).astype(np.int64)
    return np.maximum(low, 0), np.minimum(high, shape)


def _round_holes(hu: Array, body: Mask, spacing_mm: float) -> npt.NDArray[np.float64]:
    """Round air holes in axial slices near the midline: (n, 3) of centre x, y and slice, in voxels."""
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[:, :, 1] = ndimage.generate_binary_structure(2, 1)
    labels, n = ndimage.label((hu < HOLE_HU) & body, structure=in_plane)
    area = np.bincount(labels.ravel(order="K"), minlength=n + 1)[1:] * spacing_mm**2
    keep = np.flatnonzero((area >= 60.0) & (area <= 700.0))
    boxes = ndimage.find_objects(labels)
    rows: list[tuple[float, float, float]] = []
    for index in keep:
        box = boxes[index]
        hole = labels[box][:, :, 0] == index + 1
        sides = sorted(hole.shape)
        if sides[1] > 2.2 * sides[0] or hole.sum() < 0.55 * hole.size:
            continue
        x, y = (float(c.mean()) for c in np.nonzero(hole))
        rows.append((x + box[0].start, y + box[1].start, float(box[2].start)))
    found = np.array(rows).reshape(-1, 3)
    columns = np.asarray(body.any(axis=1))  # (nx, nz)
    middle = np.arange(columns.shape[0]) @ columns / np.maximum(columns.sum(axis=0), 1)
    near = np.abs(found[:, 0] - middle[found[:, 2].astype(int)]) * spacing_mm < 45.0
    return np.asarray(found[near])


def _longest_chain(holes: npt.NDArray[np.float64], spacing_mm: float) -> npt.NDArray[np.int64]:
    """Indices, feet to head, of the longest run of holes whose centres move under 4 mm from slice to slice."""
    order = np.argsort(holes[:, 2], kind="stable")
    length = np.ones(len(holes))
    before = np.full(len(holes), -1)
    for i in order:
        below = np.flatnonzero((holes[i, 2] - holes[:, 2] > 0) & (holes[i, 2] - holes[:, 2] <= 2))
        near = below[np.hypot(*(holes[below, :2] - holes[i, :2]).T) * spacing_mm < 4.0]
        if near.size:
            best = near[np.argmax(length[near])]
            length[i], before[i] = length[best] + 1, best
    chain: list[int] = []
    i = int(np.argmax(length)) if len(holes) else -1
    while i >= 0:
        chain.append(i)
        i = int(before[i])
    return np.array(chain[::-1], dtype=np.int64)


def _median(hu: Array) -> Array:
    """Median of each voxel and its neighbours: sharp kernels otherwise break the tube into specks."""
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(hu.T))
    return np.asarray(sitk.GetArrayFromImage(sitk.Median(image, (1, 1, 1)))).T
