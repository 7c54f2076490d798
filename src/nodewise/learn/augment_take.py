"""A patch taken out of a larger image and its labels through a transform, every array sampled once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.nn import functional

from nodewise.learn.augment_spatial import Matrix, Transform
from nodewise.learn.loss import IGNORE

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
_SPLINE_REACH = 10  # voxels after which a cubic spline has forgotten an edge: 0.27 to the power of that


def take_patch(
    image: Array,
    labels: Sequence[Array],
    centre: Sequence[float],
    patch: Sequence[int],
    transform: Transform,
    *,
    spacing: Sequence[float],
    swaps: Sequence[Labels | None],
    order: int = 1,
) -> tuple[Floats, tuple[Labels, ...]]:
    """The image, linear or cubic, and the labels, nearest, as the transform shows them.

    What lies outside the image repeats its edge and has the label ``IGNORE``. A transform that only flips, turns by
    quarters and shifts copies voxels as they are.

    Args:
        image: (channels, …) in 2-D or 3-D, of any number; only what is needed of it is read.
        labels: each of the image's spatial shape, uint8.
        centre: index in the image (a fraction, too) on which the patch is centred.
        patch: its voxels along each axis.
        transform: see ``draw_transform``.
        spacing: mm along each axis.
        swaps: for each of ``labels``, the table (256,) from a label to that of the other side, used where the
            transform mirrors; None for labels without sides. See ``nodewise.learn.augment_spatial``.
        order: 1 or 3, of the image's interpolation.

    Returns:
        float32 (channels, *patch) and uint8 of shape ``patch``.

    Raises:
        ValueError: a table loses a side, see ``check_swap``.
    """
    for table in swaps:
        if table is not None:
            check_swap(table)
    size, step = np.asarray(patch), np.asarray(spacing, np.float64)
    matrix = transform.matrix * step / step[:, None]
    start = np.asarray(centre, np.float64) + np.rint(transform.shift_mm / step) - matrix @ ((size - 1) / 2)
    if transform.knots is None and _keeps_voxels(matrix):
        taken, marked = _copied(image, labels, np.floor(start + 0.5), size, matrix)
    else:
        places = _places(start, size, matrix, _bend(transform, size, step))
        taken, marked = _sampled(image, labels, places, order)
    if transform.mirrored:
        pairs = zip(marked, swaps, strict=True)
        marked = tuple(one if table is None else np.take(table, one) for one, table in pairs)
    return taken, marked


def check_swap(table: Labels) -> None:
    """Refuse a table that would lose a side.

    Raises:
        ValueError: it is not (256,) uint8, does not leave IGNORE alone, or two swaps do not give a label back.
    """
    if table.shape != (256,) or table.dtype != np.uint8 or table[IGNORE] != IGNORE:
        raise ValueError(f"a table that swaps sides is uint8 (256,) and keeps {IGNORE}")
    kept = table != IGNORE
    if not np.array_equal(table[table[kept]], np.arange(256)[kept]):
        raise ValueError("swapping sides twice does not give every label back")


def _keeps_voxels(matrix: Matrix) -> bool:
    size = np.abs(matrix)
    return bool(((size == 0) | (size == 1)).all() and (size.sum(0) == 1).all() and (size.sum(1) == 1).all())


def _copied(
    image: Array, labels: Sequence[Array], start: Matrix, size: Array, matrix: Matrix
) -> tuple[Floats, tuple[Labels, ...]]:
    """Without interpolation: ``matrix`` only reorders and mirrors axes."""
    along = np.argmax(np.abs(matrix), axis=1)  # of each axis of the image, that of the patch which runs along it
    at = [
        np.asarray(first + row[j] * np.arange(size[j]), np.int64)
        for first, row, j in zip(start, matrix, along, strict=True)
    ]
    inside = [np.clip(i, 0, n - 1) for i, n in zip(at, image.shape[1:], strict=True)]
    low = [int(i.min()) for i in inside]
    box = tuple(slice(a, int(i.max()) + 1) for a, i in zip(low, inside, strict=True))
    mesh = np.ix_(*(i - a for i, a in zip(inside[::-1], low[::-1], strict=True)))  # x fastest, as the arrays lie
    order = np.argsort(along)
    outside = [np.flatnonzero(i != k) for i, k in zip(at, inside, strict=True)]
    taken = np.stack([np.asarray(channel[box].T, np.float32)[mesh].T for channel in image])
    marked = []
    for one in labels:
        found = np.asarray(one[box].T)[mesh].T
        for axis, beyond in enumerate(outside):
            found[(slice(None),) * axis + (beyond,)] = IGNORE
        marked.append(found.transpose(order))
    return taken.transpose(0, *(order + 1)), tuple(marked)


def _sampled(image: Array, labels: Sequence[Array], places: Floats, order: int) -> tuple[Floats, tuple[Labels, ...]]:
    """With interpolation, out of the part of the image which the places need."""
    reach = 1 if order == 1 else _SPLINE_REACH
    flat = places.reshape(len(places), -1)
    shape = np.array(image.shape[1:])
    low = np.clip(np.floor(flat.min(axis=1)).astype(int) - reach, 0, shape - 1)
    high = np.clip(np.ceil(flat.max(axis=1)).astype(int) + reach, low, shape - 1)
    box = tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist(), strict=True))
    places -= low.astype(np.float32).reshape(-1, *(1,) * (places.ndim - 1))
    part = np.stack([np.asarray(channel[box], np.float32).T for channel in image])
    if order == 1:
        taken = _linear(part, places)
    else:
        taken = np.stack([ndimage.map_coordinates(c, places[::-1], order=order, mode="nearest") for c in part])
    marked = _nearest([np.asarray(one[box]).T for one in labels], places) if labels else ()
    return taken.transpose(0, *range(taken.ndim - 1, 0, -1)), tuple(one.T for one in marked)


def _linear(part: Floats, places: Floats) -> Floats:
    """The channels (channels, z, y, x) at places (axis, …); beyond an edge, that edge."""
    grid = np.empty((1, *places.shape[1:], len(places)), np.float32)
    for axis, n in enumerate(part.shape[:0:-1]):  # from −1 to 1 across n voxels, edge to edge
        np.multiply(places[axis], np.float32(2 / n), out=grid[0, ..., axis])
        grid[..., axis] += np.float32(1 / n - 1)
    image, at = torch.from_numpy(part)[None], torch.from_numpy(grid)
    found: Floats = functional.grid_sample(image, at, "bilinear", "border", align_corners=False)[0].numpy()
    return found


def _nearest(parts: Sequence[Labels], places: Floats) -> list[Labels]:
    """Each label array (z, y, x) at places (axis, …); beyond an edge, IGNORE."""
    shape = parts[0].shape[::-1]
    index = np.rint(places).astype(np.int32)
    outside = np.zeros(places.shape[1:], bool)
    flat = np.zeros(places.shape[1:], np.int32)
    for axis in reversed(range(len(shape))):
        inside = np.clip(index[axis], 0, shape[axis] - 1)
        outside |= inside != index[axis]
        flat *= shape[axis]
        flat += inside
    found = [np.take(part, flat) for part in parts]
    if outside.any():
        for one in found:
            one[outside] = IGNORE
    return found


def _places(start: Matrix, size: Array, matrix: Matrix, bend: Floats | None) -> Floats:
    """Index in the image, along each of its axes, of each voxel of the patch: (axis, z, y, x)."""
    d = len(size)
    places = np.empty((d, *size[::-1]), np.float32)
    for axis in range(d):
        total: Array = np.asarray(start[axis])
        for j in range(d):  # x, which runs fastest, first
            along = (matrix[axis, j] * np.arange(size[j])).reshape(-1, *(1,) * j)
            if j == d - 1:
                np.add(total.astype(np.float32), along.astype(np.float32), out=places[axis])
            else:
                total = total + along
        if bend is not None:
            places[axis] += bend[axis]
    return places


def _bend(transform: Transform, size: Array, step: Matrix) -> Floats | None:
    """Cubic B-splines through the displaced knots, in voxels of the image at each voxel: (axis, z, y, x)."""
    if transform.knots is None:
        return None
    d = len(size)
    moved = np.tensordot(transform.matrix / step[:, None], transform.knots, 1)
    field = np.asarray(moved.transpose(0, *range(d, 0, -1)), np.float32)
    for axis, (n, s) in enumerate(zip(size, step, strict=True)):
        where = np.arange(n) * (s / transform.knots_mm)
        first = np.floor(where).astype(int)
        t = np.asarray(where - first, np.float32).reshape(-1, *(1,) * axis)
        weights = (1 - t) ** 3 / 6, (3 * t - 6) * t**2 / 6 + 2 / 3, ((3 - 3 * t) * t + 3) * t / 6 + 1 / 6, t**3 / 6
        total = np.take(field, first, d - axis) * weights[0]
        for i in (1, 2, 3):
            total += np.take(field, first + i, d - axis) * weights[i]
        field = total
    return field
