"""Connected components of a mask, the largest of them, and where each label lies."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box

Connectivity = Literal[6, 18, 26]
_TINY = 3  # voxels: cc3d 4.1 has no room for the two parts of the first and the last of three in a row


def components(mask: npt.NDArray[Any], connectivity: Connectivity = 26) -> tuple[npt.NDArray[np.uint32], int]:
    """Number the connected parts of a 3-D mask from 1; 0 is background. Of a label map: the parts of each label.

    Returns:
        Labels of the mask's shape, and how many parts there are.
    """
    import cc3d

    if mask.size <= _TINY:
        labels, n = components(np.pad(mask, 1), connectivity)
        return labels[1:-1, 1:-1, 1:-1], n
    labels, n = cc3d.connected_components(
        _writeable(mask), connectivity=connectivity, return_N=True, out_dtype=np.uint32
    )
    return labels, int(n)


def largest(mask: npt.NDArray[np.bool_], connectivity: Connectivity = 26) -> npt.NDArray[np.bool_]:
    """The part with the most voxels; nothing where the mask is empty."""
    labels, n = components(mask, connectivity)
    if n < 2:
        return mask
    counts = np.bincount(labels.ravel(order="K"))
    counts[0] = 0
    return np.asarray(labels == counts.argmax())


def boxes(labels: npt.NDArray[Any]) -> dict[int, tuple[Box, int]]:
    """The bounding box and the number of voxels of every label in a 3-D label map, in one pass, by rising label."""
    import cc3d

    if labels.size and int(labels.max()) >= labels.size:  # cc3d takes labels below the number of voxels only
        return _boxes_of_large(labels)
    statistics = cc3d.statistics(_writeable(labels), no_slice_conversion=True)
    counts, ends = statistics["voxel_counts"], statistics["bounding_boxes"].astype(int)
    return {int(label): (_box(ends[label]), int(counts[label])) for label in np.flatnonzero(counts) if label != 0}


def _boxes_of_large(labels: npt.NDArray[Any]) -> dict[int, tuple[Box, int]]:
    values, ranks = np.unique(labels, return_inverse=True)
    ranks = np.where(labels == 0, 0, ranks.reshape(labels.shape) + 1).astype(np.uint32)
    return {int(values[rank - 1]): found for rank, found in boxes(ranks).items()}


def _box(ends: npt.NDArray[np.int_]) -> Box:
    x0, x1, y0, y1, z0, z1 = (int(e) for e in ends)
    return Box((x0, y0, z0), (x1 + 1, y1 + 1, z1 + 1))


def _writeable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array or, as cc3d refuses what is read-only, a copy of it."""
    return np.require(array, requirements="W")
