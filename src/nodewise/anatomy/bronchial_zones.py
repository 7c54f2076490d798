"""Points along the bronchi, each with the station that lies about it: 10 to 14.

Rusch et al., J Thorac Oncol 4:568-577, 2009, table 1: 10 beside the main bronchi, 11 between the origins of the lobar
bronchi, 12 beside the lobar, 13 beside the segmental, 14 beside the subsegmental bronchi.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.organ_masks import AIRWAY, Floats, Organs
from nodewise.anatomy.working import Array, Mask
from nodewise.image.components import components

STEP_MM = 3.0
INTERLOBAR_MM = 6.0  # of the left main bronchus's end, where the lobar bronchi leave it
LOBES_PART_MM, SEGMENTAL_MM = 3.0, 12.0  # first piece of a lobar bronchus, and of a segmental one
BRANCH_MM = 6.0  # what is shorter is no branch
DEEPEST_MM = 70.0


@dataclass(frozen=True, slots=True, eq=False)
class Bronchi:
    """Points (n, 3) LPS mm along the bronchi, and of each its ``zone`` (10 to 14) and two questions.

    Attributes:
        on_left: whether it lies on the left.
        main: whether it is of a main bronchus or the bronchus intermedius.
    """

    points: Floats
    zone: npt.NDArray[np.int64]
    on_left: npt.NDArray[np.bool_]
    main: npt.NDArray[np.bool_]


def bronchi(organs: Organs) -> Bronchi | None:
    """From the masks of main, intermediate and lobar bronchi; None without both main ones."""
    right, left = organs.mask("main_bronchus_right"), organs.mask("main_bronchus_left")
    trachea, middle = organs.mask("trachea"), organs.mask("bronchus_intermedius")
    if right is None or left is None or trachea is None:
        return None
    air = organs.mask(*AIRWAY)
    assert air is not None
    middle = np.zeros_like(air) if middle is None else middle
    rest, mm = air & ~(right | left | middle | trachea), organs.mm
    to_left = _depth(trachea, left, mm)
    interlobar = float(to_left[np.isfinite(to_left)].max(initial=0.0)) - INTERLOBAR_MM
    of_right, of_left = _depth(right | middle, rest, mm), _depth(left, rest, mm)
    parts = (
        _main(organs, _depth(trachea, right, mm), np.inf, on_left=False),
        _main(organs, _depth(right, middle, mm), 0.0, on_left=False),  # from the upper lobe's bronchus on: 11
        _main(organs, to_left, interlobar, on_left=True),
        _lobar(organs, np.where(of_right <= of_left, of_right, np.inf), on_left=False),
        _lobar(organs, np.where(of_left < of_right, of_left, np.inf), on_left=True),
    )
    return Bronchi(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


_Columns = tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def _main(organs: Organs, depth: Array, interlobar: float, *, on_left: bool) -> _Columns:
    """Of a main bronchus: 10, and 11 from the depth ``interlobar`` on."""
    pieces = _pieces(organs, depth)
    n = len(pieces.depth)
    return pieces.points, np.where(pieces.depth > interlobar, 11, 10), np.full(n, on_left), np.ones(n, bool)


def _lobar(organs: Organs, depth: Array, *, on_left: bool) -> _Columns:
    """Of lobar bronchi and what follows: 12 as long as more than one segment lies beyond, then 13, then 14."""
    pieces = _pieces(organs, depth)
    n = len(pieces.depth)
    order = np.argsort(pieces.depth)
    beyond, ends, single = pieces.depth.copy(), np.zeros(n, np.int64), np.zeros(n)
    for c in order[::-1]:
        ends[c] = max(ends[c], 1)
        up = pieces.before[c]
        if up >= 0:
            beyond[up] = max(beyond[up], beyond[c])
            ends[up] += ends[c] if beyond[c] - pieces.depth[up] >= BRANCH_MM else 0
    for c in order:
        up = pieces.before[c]
        single[c] = single[up] if up >= 0 and ends[up] == 1 else pieces.depth[c]
    zone = np.where(ends > 1, 12, np.where(pieces.depth - single < SEGMENTAL_MM, 13, 14))
    zone[(pieces.depth < LOBES_PART_MM) & (ends > 1)] = 11
    return pieces.points, zone, np.full(n, on_left), np.zeros(n, bool)


def _depth(start: Mask, within: Mask, mm: float) -> npt.NDArray[np.float32]:
    """Shortest way in mm inside ``within`` from where it touches ``start``, to ``DEEPEST_MM``; infinite elsewhere."""
    depth = np.full(within.shape, np.inf, np.float32)
    index = np.argwhere(within)
    sources = np.flatnonzero(_touched(index, start)) if len(index) else np.zeros(0, np.int64)
    if sources.size == 0:
        return depth
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    pairs, steps = _neighbours(index)
    size = (len(index), len(index))
    edges = coo_array((mm * np.linalg.norm(steps, axis=1), (pairs[:, 0], pairs[:, 1])), shape=size).tocsr()
    depth[tuple(index.T)] = dijkstra(edges, directed=False, indices=sources, min_only=True, limit=DEEPEST_MM)
    return depth


def _neighbours(index: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of 26-neighbours among voxels (n, 3), each once: their numbers (m, 2), and the step between them (m, 3)."""
    low = index.min(axis=0) - 1
    number = np.full(index.max(axis=0) - low + 2, -1, np.int64)
    number[tuple((index - low).T)] = np.arange(len(index))
    pairs, steps = [], []
    for step in itertools.product((-1, 0, 1), repeat=3):
        if step > (0, 0, 0):
            other = number[tuple((index - low + step).T)]
            there = np.flatnonzero(other >= 0)
            pairs.append(np.column_stack([there, other[there]]))
            steps.append(np.tile(step, (len(there), 1)))
    return np.concatenate(pairs), np.concatenate(steps)


def _touched(index: npt.NDArray[np.int64], start: Mask) -> Mask:
    """Which voxels have one of ``start`` among their 26 neighbours."""
    padded = np.pad(start, 1)
    steps = itertools.product((0, 1, 2), repeat=3)
    return np.asarray(np.logical_or.reduce([padded[tuple((index + step).T)] for step in steps]))


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Bronchi cut by shells ``STEP_MM`` apart.

    Attributes:
        points: centre of each piece, on the axis of its bronchus; LPS mm.
        depth: of each, mean.
        before: number of the piece that it hangs on, −1 for the first.
    """

    points: Floats
    depth: Floats
    before: npt.NDArray[np.int64]


def _pieces(organs: Organs, depth: Array) -> _Pieces:
    index = np.argwhere(np.isfinite(depth))
    if len(index) == 0:
        return _Pieces(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64))
    deep, low = depth[tuple(index.T)], index.min(axis=0)
    shell = 1 + (deep / STEP_MM).astype(np.int64)
    shells = np.zeros(index.max(axis=0) - low + 1, np.int32)
    shells[tuple((index - low).T)] = shell
    labels, n = components(shells)
    piece = labels[tuple((index - low).T)].astype(np.int64) - 1
    counts = np.bincount(piece, minlength=n)
    centres = np.column_stack([np.bincount(piece, index[:, m], minlength=n) / counts for m in range(3)])
    before = np.full(n, -1, np.int64)
    pairs, _ = _neighbours(index)
    for a, b in (pairs.T, pairs.T[::-1]):
        down = shell[b] == shell[a] + 1
        before[piece[b[down]]] = piece[a[down]]
    return _Pieces(organs.labels.grid.to_lps(centres), np.bincount(piece, deep, minlength=n) / counts, before)
