"""The descending aorta beside the spine, and the top of its arch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.spine import Canal, best_path
from nodewise.anatomy.tubes import circle_scores
from nodewise.anatomy.walls import Walls
from nodewise.anatomy.working import Array, Mask, eroded
from nodewise.image.components import components

RADII_MM = np.arange(9.0, 21.1, 1.5)
DARK_HU = -200.0
MINIMUM_SCORE = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Descending:
    """Circles of the descending aorta: slices (n,) from feet to head, centres (n, 2) and radii (n,) in voxels."""

    slices: npt.NDArray[np.int64]
    centres: npt.NDArray[np.float64]
    radii: npt.NDArray[np.float64]
    score: float


def blood_hu(hu: Array, canal: Canal, carina: npt.NDArray[np.float64], spacing_mm: float) -> float:
    """Median of the soft tissue where the heart lies, 30 to 70 mm below the carina: above 100 with contrast."""
    x, y = canal.centres[int(carina[2])]
    top = int(carina[2])
    box = _box(hu.shape, (x - 15 / spacing_mm, x + 45 / spacing_mm), (y - 100 / spacing_mm, y - 50 / spacing_mm))
    part = hu[box][:, :, max(top - int(70 / spacing_mm), 0) : max(top - int(20 / spacing_mm), 1)]
    soft = part[(part > -20.0) & (part < 700.0)]
    return float(np.median(soft)) if soft.size else 40.0


def find_descending(
    hu: Array, canal: Canal, carina: npt.NDArray[np.float64], blood: float, spacing_mm: float, side: int = 1
) -> Descending | None:
    """Bright circles on a dark ground beside the spine, 80 to 2 mm below the carina, on the left (``side`` −1: right).

    Circle score: inside − ring − 2 SD in HU, the best path over the slices by dynamic programming.
    """
    k0, k1 = max(int(carina[2] - 80 / spacing_mm), 0), int(carina[2] - 2 / spacing_mm)
    if k1 - k0 < 10:
        return None
    x, y = canal.centres[k0:k1].mean(axis=0)
    reach = (x - 25 / spacing_mm, x + 75 / spacing_mm) if side > 0 else (x - 75 / spacing_mm, x + 25 / spacing_mm)
    box = _box(hu.shape, reach, (y - 85 / spacing_mm, y + 15 / spacing_mm))
    part = hu[box][:, :, k0:k1]
    # unenhanced blood is darker than bone, so bone can be told from it and taken away
    top = blood + 100.0
    level = np.where(part > 160.0, DARK_HU, part) if blood < 100.0 else part
    level = np.clip(level, DARK_HU, top).astype(np.float32)
    score, radius = circle_scores(level, RADII_MM, spacing_mm)
    i, j = np.ogrid[: part.shape[0], : part.shape[1]]
    away = (side * (i + box[0].start - x) * spacing_mm > 6.0) & ((j + box[1].start - y) * spacing_mm < -8.0)
    score[~away] = -1e3
    path = best_path(score)
    at = (path[:, 0], path[:, 1], np.arange(k1 - k0))
    mean = float(np.median(score[at]))
    if mean < MINIMUM_SCORE:
        return None
    corner = np.array([box[0].start, box[1].start])
    centres = ndimage.gaussian_filter1d(path.astype(float), 2.0, axis=0) + corner
    radii = ndimage.median_filter(radius[at], 5) / spacing_mm
    return Descending(np.arange(k0, k1), centres, radii, mean)


def _box(shape: tuple[int, ...], x: tuple[float, float], y: tuple[float, float]) -> tuple[slice, slice]:
    return (slice(max(int(x[0]), 0), min(int(x[1]), shape[0])), slice(max(int(y[0]), 0), min(int(y[1]), shape[1])))


def arch_top(
    hu: Array,
    left_lung: Mask,
    canal: Canal,
    walls: Walls,
    aorta: Descending,
    blood: float,
    spacing_mm: float,
    radius_mm: float = 7.0,
) -> tuple[float, float, float] | None:
    """Highest place (voxels) of the thick soft tissue left of the trachea that hangs together with the aorta.

    Only what lies medial to the left lung and within 40 mm in front of the trachea is searched, to 95 mm above.
    """
    k0 = int(aorta.slices[-1] - 18 / spacing_mm)
    k1 = min(k0 + int(110 / spacing_mm), hu.shape[2])
    x, y, left = walls.x[k0:k1], walls.y[k0:k1], walls.left[k0:k1]
    spread = 65 / spacing_mm
    box = _box(hu.shape, (x.min(), x.max() + spread), (y.min() - spread, y.max() + spread))
    part = hu[box][:, :, k0:k1]
    i = (np.arange(part.shape[0]) + box[0].start)[:, None, None]
    j = (np.arange(part.shape[1]) + box[1].start)[None, :, None]
    low = min((blood + 50.0) / 2.0, 100.0) if blood > 100.0 else -10.0
    soft = (part > low) & (i > left) & (i < left + 50 / spacing_mm) & (j > y - 40 / spacing_mm)
    soft &= ~np.logical_or.accumulate(left_lung[box][:, :, k0:k1], axis=0)
    if blood > 100.0:
        soft |= ndimage.binary_closing(soft, np.ones((3, 3, 3), bool))  # the flap of a dissection
    centre = canal.centres[k0:k1]
    soft &= np.hypot(i - centre[:, 0], j - centre[:, 1] + 18 / spacing_mm) * spacing_mm > 20.0  # a vertebra's body
    labels, _ = components(eroded(soft, radius_mm / spacing_mm))
    at = np.column_stack([np.rint(aorta.centres).astype(int), aorta.slices])[aorta.slices >= k0]
    at = at - (box[0].start, box[1].start, k0)
    seeds = labels[tuple(at[((at >= 0) & (at < labels.shape)).all(axis=1)].T)]
    if not seeds.any():
        return None
    thick = labels == np.bincount(seeds[seeds > 0]).argmax()
    top = int(np.flatnonzero(thick.any(axis=(0, 1)))[-1])
    a, b = (float(c.mean()) for c in np.nonzero(thick[:, :, top]))
    return (a + box[0].start, b + box[1].start, top + k0 + radius_mm / spacing_mm)
