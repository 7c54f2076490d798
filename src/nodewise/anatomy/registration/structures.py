"""Which organs a registration looks at, and their masks on a lattice.

Names are TotalSegmentator's, of its versions 1 and 2 (Wasserthal et al. 2023).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.values.box import Box
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Volume

Channels = npt.NDArray[np.float32]

STRUCTURES: Mapping[str, tuple[str, ...]] = {
    "bones": ("vertebrae_", "rib_", "sternum", "scapula_", "clavicula_"),
    "heart": ("heart",),
    "aorta": ("aorta",),
    "trachea": ("trachea",),
    "oesophagus": ("esophagus",),
}
"""P3's, by how their names begin."""

VESSELS: Mapping[str, tuple[str, ...]] = {
    "veins": ("superior_vena_cava", "brachiocephalic_vein_"),
    "branches": ("brachiocephalic_trunk", "common_carotid_artery_", "subclavian_artery_"),
}
"""Ours beside them: they bound stations 2, 3a and 4."""

SUPERSAMPLED = 2


def labels_of(names: Mapping[int, str], beginnings: tuple[str, ...]) -> tuple[int, ...]:
    """The labels of a map whose names begin so.

    >>> labels_of({1: "aorta", 2: "rib_left_1", 3: "rib_right_1"}, ("rib_",))
    (2, 3)
    """
    return tuple(label for label, name in names.items() if name.startswith(beginnings))


def present(organs: Volume | None, names: Mapping[int, str]) -> frozenset[str]:
    """Which of the structures a map holds, by our names."""
    if organs is None:
        return frozenset()
    there = set(np.unique(organs.array).tolist())
    every = {**STRUCTURES, **VESSELS}
    return frozenset(name for name, begin in every.items() if there.intersection(labels_of(names, begin)))


def channels(organs: Volume, names: Mapping[int, str], wanted: tuple[str, ...], grid: Grid) -> Channels:
    """How much of each voxel each structure fills, (structures, nx, ny, nz) from 0 to 1.

    Args:
        organs: LABEL on any grid.
        names: of its labels.
        wanted: names in ``STRUCTURES`` or ``VESSELS``.
        grid: any affine, sheared ones included; each voxel is looked at in eight places.
    """
    fine = resample(organs, finer(grid, SUPERSAMPLED)).array
    every = {**STRUCTURES, **VESSELS}
    out = np.empty((len(wanted), *grid.shape), np.float32)
    for n, name in enumerate(wanted):
        table = np.zeros(int(fine.max()) + 1, bool)
        table[[label for label in labels_of(names, every[name]) if label < table.size]] = True
        out[n] = _mean(table[fine], SUPERSAMPLED)
    return out


def finer(grid: Grid, factor: int) -> Grid:
    """The same voxels, each cut into ``factor`` along each axis."""
    affine = grid.affine.copy()
    affine[:3, :3] /= factor
    affine[:3, 3] = grid.to_lps([(1 / factor - 1) / 2] * 3)
    return Grid((grid.shape[0] * factor, grid.shape[1] * factor, grid.shape[2] * factor), affine)


def centroid(organs: Volume, names: Mapping[int, str], beginning: str) -> Floats | None:
    """Middle in LPS mm of what is called so; None where there is nothing."""
    labels = labels_of(names, (beginning,))
    places = np.argwhere(np.isin(organs.array, labels)) if labels else np.empty((0, 3))
    return organs.grid.to_lps(places.mean(axis=0)) if len(places) else None


def span(organs: Volume, labels: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Lowest and highest LPS mm of the labels' voxel centres; of the whole volume where there are none."""
    there = np.isin(organs.array, labels)
    part = organs.grid.crop(Box.around(there)) if there.any() else organs.grid
    points = part.to_lps(part.corners)
    return points.min(axis=0), points.max(axis=0)


def every_label(names: Mapping[int, str], wanted: tuple[str, ...]) -> tuple[int, ...]:
    """The labels of several structures, by our names."""
    every = {**STRUCTURES, **VESSELS}
    return tuple(label for name in wanted for label in labels_of(names, every[name]))


def rank_channel(
    organs: Volume, names: Mapping[int, str], wanted: tuple[str, ...], order: tuple[str, ...], grid: Grid
) -> Channels:
    """Label numbers as grey values from 0 to 1, as P3's program registers them; (1, nx, ny, nz).

    ``order`` numbers the names for both sides; what is not of the ``wanted`` structures is 0.
    """
    rank = np.zeros(max(*names, int(organs.array.max())) + 1, np.float32)
    for label in every_label(names, wanted):
        rank[label] = (1 + order.index(names[label])) / len(order)
    return _mean(rank[resample(organs, finer(grid, SUPERSAMPLED)).array], SUPERSAMPLED)[None]


def _mean(array: npt.NDArray[np.generic], factor: int) -> Channels:
    a, b, c = (n // factor for n in array.shape)
    cut = array.reshape(a, factor, b, factor, c, factor)
    return np.asarray(cut.mean(axis=(1, 3, 5), dtype=np.float32))
