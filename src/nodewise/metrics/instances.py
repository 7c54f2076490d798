"""Instances in arrays: connected components, where they lie, how large they are, their scores."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
Connectivity = Literal[6, 18, 26]


def components(mask: npt.NDArray[Any], connectivity: Connectivity = 26) -> npt.NDArray[np.uint32]:
    """Connected parts of a 3-D mask, numbered from 1 (SimpleITK's own connectivity is 6).

    Only the box around what is not 0 is looked at.
    """
    import cc3d

    labels = np.zeros(mask.shape, dtype=np.uint32, order="F")
    box = support(mask)
    if box is not None:
        cropped = np.pad(mask[box.slices] != 0, 1)  # cc3d 4.1 fails on the first and the last of three voxels in a row
        parts = cc3d.connected_components(np.asfortranarray(cropped), connectivity=connectivity, out_dtype=np.uint32)
        labels[box.slices] = parts[1:-1, 1:-1, 1:-1]
    return labels


def support(*arrays: npt.NDArray[Any]) -> Box | None:
    """The smallest box outside which every one of these 3-D arrays of one shape is 0; None where all are."""
    shape_of(arrays[0])
    z = _ends(np.logical_or.reduce([a.T.any(axis=(1, 2)) for a in arrays]))  # x fastest: whole slices are quickest
    if z is None:
        return None
    flat = np.logical_or.reduce([a[:, :, z[0] : z[1]].T.any(axis=0) for a in arrays])  # (y, x)
    x, y = _ends(flat.any(axis=0)), _ends(flat.any(axis=1))
    return Box((x[0], y[0], z[0]), (x[1], y[1], z[1])) if x and y else None


def _ends(hit: Bools) -> tuple[int, int] | None:
    """The first True and what follows the last; None without any."""
    places = np.flatnonzero(hit)
    return (int(places[0]), int(places[-1]) + 1) if places.size else None


def peaks(labels: npt.NDArray[np.integer], ids: Ints, values: npt.NDArray[np.floating]) -> Floats:
    """(N,) the largest of ``values`` inside each instance: P1's self-logit where they are logits (section 4.3.1)."""
    box = support(labels)
    if box is None:
        return np.zeros(0)
    labels, values = labels[box.slices].T, values[box.slices].T
    inside = labels != 0
    highest = np.full(ids.size, -np.inf)
    np.maximum.at(highest, np.searchsorted(ids, labels[inside]), values[inside])
    return highest


def logits(probability: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """log(p / (1 − p)) in float32, of p held to 1e-7 … 1 − 1e-7 so that 0 and 1 stay finite."""
    p = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p)).astype(np.float32)


def sphere_radius_mm(voxels: Ints, spacing: Spacing) -> Floats:
    """Radius of the sphere of the same volume, (3V / 4π)^⅓, in mm (P5; the paper leaves its radius undefined)."""
    return np.asarray(np.cbrt(voxels * float(np.prod(spacing)) * 3 / (4 * np.pi)))


def shape_of(array: npt.NDArray[Any]) -> tuple[int, int, int]:
    """The three lengths of a 3-D array.

    Raises:
        ValueError: it has not three axes.
    """
    if array.ndim != 3:
        raise ValueError(f"arrays of three axes are needed, not of {array.ndim}")
    return (array.shape[0], array.shape[1], array.shape[2])
