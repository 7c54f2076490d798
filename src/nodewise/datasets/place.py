"""Labels on the CT's own voxels."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from nodewise.image.onto import labels_onto
from nodewise.io.mask import read_mask
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

log = logging.getLogger(__name__)


def on_ct(path: Path, grid: Grid, name: str, *, unplaced: bool = False, resampled: bool = False) -> Volume:
    """A label map on the CT's voxels: the same grid, or a part of it as a DICOM SEG may be.

    What reaches beyond the CT may do so where it holds no label.

    Args:
        path: what ``read_mask`` reads.
        grid: the CT's.
        name: of the case, for messages.
        unplaced: labels of the CT's shape lie on its voxels whatever place their header gives; a warning says so.
        resampled: labels on other voxels take the nearest ones, with a warning, instead of being refused.

    Returns:
        LABEL on ``grid``.

    Raises:
        BadInputError: the file cannot be read, or its labels do not lie on the CT's voxels.
    """
    labels = read_mask(path)
    if labels.grid.same_as(grid, tolerance_mm=0.1 * min(grid.spacing)):
        return Volume(labels.array, grid, Quantity.LABEL)
    if unplaced and labels.grid.shape == grid.shape:
        log.warning("%s: the labels give another place than the CT's: they were laid on its voxels", name)
        return Volume(labels.array, grid, Quantity.LABEL)
    try:
        box = grid.box_of(labels.grid)
    except ValueError as error:
        if resampled:
            moved, told = labels_onto(labels, grid)
            for line in ("the labels lie on other voxels than the CT: they took the nearest", *told):
                log.warning("%s: %s", name, line)
            return moved
        raise BadInputError(
            f"{name}: {path.name} ({_words(labels.grid)}) does not lie on the voxels of the CT ({_words(grid)}): "
            "resample it onto the CT"
        ) from error
    inside = box.clipped(grid.shape)
    kept = labels.array[inside.shifted((-box.start[0], -box.start[1], -box.start[2])).slices]
    if np.count_nonzero(kept) < np.count_nonzero(labels.array):
        raise BadInputError(f"{name}: {path.name} ({_words(labels.grid)}) reaches beyond the CT ({_words(grid)})")
    array = np.zeros(grid.shape, labels.array.dtype, order="F")
    array[inside.slices] = kept
    return Volume(array, grid, Quantity.LABEL)


def _words(grid: Grid) -> str:
    size, spacing = "×".join(map(str, grid.shape)), "×".join(f"{s:.3g}" for s in grid.spacing)
    return f"{size} of {spacing} mm from {', '.join(f'{o:.0f}' for o in grid.origin)}"
