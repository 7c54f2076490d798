"""Where the trachea divides, and the two trees below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.working import Array, Mask
from nodewise.image.components import components
from nodewise.values.box import Box

SMALLEST_PART_MM2 = 25.0
LASTING_MM = 9.0
EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The first lasting division of the trachea.

    Attributes:
        point: (3,) voxels, between the nearest edges of the two parts.
        right, left: sections (nx, ny) of the two main bronchi in the slice of the division.
        at_edge: the scan ends before the two parts were seen to last.
    """

    point: npt.NDArray[np.float64]
    right: Mask
    left: Mask
    at_edge: bool


def find_split(airway: Mask, start: tuple[int, int, int], spacing_mm: float) -> Split | None:
    """Follow the tracheal section from ``start`` (a voxel of the lumen) to the feet until it divides in two."""
    labels, _ = ndimage.label(airway[:, :, start[2]], structure=EIGHT)
    section = labels == labels[start[0], start[1]] if labels[start[0], start[1]] else airway[:, :, start[2]]
    lasting = round(LASTING_MM / spacing_mm)
    for k in range(start[2] - 1, -1, -1):
        labels, _ = ndimage.label(airway[:, :, k], structure=EIGHT)
        touched = np.unique(labels[ndimage.binary_dilation(section, EIGHT)])
        touched = touched[touched > 0]
        if touched.size == 0:
            return None
        areas = np.array([np.count_nonzero(labels == t) for t in touched]) * spacing_mm**2
        parts = touched[areas >= SMALLEST_PART_MM2]
        below = max(k - lasting, 0)
        if parts.size >= 2:
            pair = _lasting_pair(airway[:, :, below : k + 1], [labels == p for p in parts])
            if pair is not None:
                return _split(pair, k, at_edge=k - below < lasting)
        section = np.isin(labels, touched)
    return None


def _lasting_pair(slab: Mask, parts: list[Mask]) -> tuple[Mask, Mask] | None:
    """The two largest parts of the slab's top slice that reach its bottom without meeting."""
    labels, _ = components(slab)
    reaching = set(np.unique(labels[:, :, 0]).tolist()) - {0}
    named = {int(labels[:, :, -1][part][0]): part for part in sorted(parts, key=np.count_nonzero)}
    lasting = [part for name, part in named.items() if name in reaching]
    return (lasting[-1], lasting[-2]) if len(lasting) >= 2 else None


def _split(pair: tuple[Mask, Mask], k: int, at_edge: bool) -> Split | None:
    right, left = sorted(pair, key=lambda part: float(np.nonzero(part)[0].mean()))
    a, b = np.argwhere(right), np.argwhere(left)
    apart = np.abs(b.mean(axis=0) - a.mean(axis=0))
    if apart[0] < apart[1]:
        return None
    squares = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    i, j = np.unravel_index(int(np.argmin(squares)), squares.shape)
    middle = (a[i] + b[j]) / 2.0
    return Split(np.array([middle[0], middle[1], float(k)]), right, left, at_edge)


@dataclass(frozen=True, slots=True, eq=False)
class Bronchus:
    """One main bronchus and what it leads to.

    Attributes:
        depth: how far along the airway from the carina, mm, in every airway voxel on this side below it, cropped to
            ``box``; not a number elsewhere.
        path: (n, 3) voxels, centres of wavefronts about 3 mm apart from the carina outward.
        depth_mm: (n,) distance along the airway of each.
        forks: indices into ``path`` of every division.
    """

    depth: npt.NDArray[np.float32]
    box: Box
    path: npt.NDArray[np.float64]
    depth_mm: npt.NDArray[np.float64]
    forks: tuple[int, ...]


def bronchi(airway: Mask, split: Split, spacing_mm: float) -> tuple[Bronchus, Bronchus]:
    """The right and the left bronchial tree, told apart by the shorter way to the two parts of the split."""
    box = Box.around(airway[:, :, : int(split.point[2]) + 1])
    below = airway[box.slices]
    in_plane = box.slices[:2]
    right = _depth(below, split.right[in_plane], spacing_mm)
    left = _depth(below, split.left[in_plane], spacing_mm)
    of_right = np.isfinite(right) & (right <= left)
    of_left = np.isfinite(left) & ~of_right
    return _bronchus(right, of_right, box, downwards=True), _bronchus(left, of_left, box, downwards=False)


def _depth(below: Mask, section: Mask, spacing_mm: float) -> npt.NDArray[np.float32]:
    """Distance in mm along the airway from ``section`` in its top slice, to 75 mm; infinite elsewhere."""
    front = np.zeros(below.shape, bool)
    front[:, :, -1] = section
    depth = np.where(front, np.float32(0), np.float32(np.inf))
    seen = front.copy()
    structures = (ndimage.generate_binary_structure(3, 1), ndimage.generate_binary_structure(3, 3))
    for step in range(1, int(75.0 / (1.2 * spacing_mm))):
        seen, before = ndimage.binary_dilation(seen, structures[step % 2], mask=below), seen
        new = seen & ~before
        if not new.any():
            break
        depth[new] = 1.2 * spacing_mm * step
    return depth


def _bronchus(depth: Array, tree: Mask, box: Box, downwards: bool) -> Bronchus:
    """Walk outward in bins of 3 mm; at a fork go on downwards, or to the larger part, noting the first lasting one."""
    points = np.argwhere(tree)
    bins = (depth[tree] / 3.0).astype(int)
    path: list[npt.NDArray[np.float64]] = []
    forks: list[int] = []
    previous = points[bins == 0]
    for b in range(int(bins.max(initial=-1)) + 1):
        parts = [p for p in _parts(points[bins == b]) if _touch(p, previous)] if b else [previous]
        if not parts:
            break
        path.append((parts[0] if len(parts) == 1 else np.concatenate(parts)).mean(axis=0))
        if len(parts) > 1:
            forks.append(b)
            parts.sort(key=(lambda p: float(p[:, 2].mean())) if downwards else (lambda p: -len(p)))
            path[-1] = parts[0].mean(axis=0)
        previous = parts[0]
    along = np.asarray(3.0 * np.arange(len(path)) + 1.5, dtype=np.float64)
    return Bronchus(
        np.where(tree, depth, np.float32(np.nan)),
        box,
        np.array(path).reshape(-1, 3) + box.start,
        along,
        tuple(forks),
    )


def _parts(points: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Connected groups of voxels of at least four, largest first."""
    if len(points) == 0:
        return []
    low = points.min(axis=0)
    mask = np.zeros(points.max(axis=0) - low + 1, bool)
    mask[tuple((points - low).T)] = True
    labels, n = ndimage.label(mask, structure=np.ones((3, 3, 3), bool))
    names = labels[tuple((points - low).T)]
    groups = [points[names == i + 1] for i in range(n)]
    return sorted((g for g in groups if len(g) >= 4), key=len, reverse=True)


def _touch(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> bool:
    return bool(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2).min() <= 3)
