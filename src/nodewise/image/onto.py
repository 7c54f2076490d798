"""Labels drawn on one grid put on another, and nothing lost without a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nodewise.image.components import boxes, components
from nodewise.image.resample import resample
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

Array = npt.NDArray[Any]
_EDGE = 0.5 + 1e-3  # voxels from the outermost centres to the edge, with room for rounding

KEPT = "smaller than the CT's voxels, kept as one voxel"
CROWDED = "smaller than the CT's voxels and beside another label, left out"
OUTSIDE = "outside the CT, left out"
CUT = "cut off by the CT's edge"


def labels_onto(mask: Volume, grid: Grid) -> tuple[Volume, tuple[str, ...]]:
    """A label map on ``grid``, each voxel taking the label at its centre, and what was changed, one line each.

    A 26-connected part that falls between the new voxels' centres is kept as the one voxel at its middle; that, and
    every part that lies outside the grid or is cut by its edge, makes a warning.

    Args:
        mask: LABEL or MASK on any grid: other spacing, orientation or field of view.
        grid: the CT's.

    Raises:
        BadInputError: there are labels, and all of them lie outside ``grid``.
    """
    values = mask.array.view(np.uint8) if mask.quantity is Quantity.MASK else mask.array
    if mask.grid.same_as(grid):
        return Volume(values, grid, Quantity.LABEL), ()
    parts, _ = components(values)
    where = {part: box for part, (box, _) in boxes(parts).items()}
    label_of = np.zeros(len(where) + 1, dtype=values.dtype)
    label_of[parts] = values
    moved = resample(Volume(parts, mask.grid, Quantity.LABEL), grid).array
    labels = label_of[moved]
    there = set(np.unique(moved).tolist())
    said: dict[str, list[int]] = {KEPT: [], CROWDED: [], OUTSIDE: [], CUT: []}
    for part, box in where.items():
        event = _event(parts, part, box, mask.grid, grid, labels, label_of[part], part in there)
        if event:
            said[event].append(int(label_of[part]))
    if where and len(said[OUTSIDE]) == len(where):
        raise BadInputError(
            f"the mask lies outside the CT: its labels cover {_span(where, mask.grid)}, the CT {_of(grid)}"
        )
    return Volume(labels, grid, Quantity.LABEL), tuple(_warning(event, found) for event, found in said.items() if found)


def _event(
    parts: Array, part: int, box: Box, old: Grid, new: Grid, labels: Array, label: int, is_there: bool
) -> str | None:
    """What happened to one part on its way; a part that fell between centres is set in ``labels`` here."""
    corners = new.to_index(old.to_lps(old.crop(box).corners + box.start))
    if is_there and _inside(corners, new).all():
        return None
    index = new.to_index(old.to_lps(np.argwhere(parts[box.slices] == part) + box.start))
    inside = _inside(index, new)
    if is_there:
        return None if inside.all() else CUT
    if not inside.any():
        return OUTSIDE
    index = index[inside]
    middle = index[np.linalg.norm(index - index.mean(axis=0), axis=1).argmin()]
    home = tuple(np.clip(np.rint(middle).astype(int), 0, np.asarray(new.shape) - 1))
    if labels[home]:
        return CROWDED
    labels[home] = label
    return KEPT


def _inside(index: Floats, grid: Grid) -> npt.NDArray[np.bool_]:
    return np.asarray(((index >= -_EDGE) & (index <= np.asarray(grid.shape) - 1 + _EDGE)).all(axis=1))


def _warning(event: str, labels: list[int]) -> str:
    names = ", ".join(str(n) for n in sorted(set(labels))[:8]) + (", …" if len(set(labels)) > 8 else "")
    count = "1 part" if len(labels) == 1 else f"{len(labels)} parts"
    return f"{count} of the mask (label {names}): {event}"


def _span(where: dict[int, Box], grid: Grid) -> str:
    starts, stops = ([getattr(b, end) for b in where.values()] for end in ("start", "stop"))
    low, high = np.min(starts, axis=0), np.max(stops, axis=0)
    return _of(grid.crop(Box(tuple(low.tolist()), tuple(high.tolist()))))


def _of(grid: Grid) -> str:
    corners = grid.to_lps(grid.corners)
    spans = zip("xyz", corners.min(axis=0), corners.max(axis=0), strict=True)
    return ", ".join(f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in spans) + " mm"
