"""A reference laid over a patient by organ masks: similarity, affine, then a diffeomorphism (P3, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.registration.flow import exponential
from nodewise.anatomy.registration.linear import GRID_MM, affine, similarity
from nodewise.anatomy.registration.structures import (
    Channels,
    centroid,
    channels,
    every_label,
    present,
    rank_channel,
    span,
)
from nodewise.anatomy.registration.variational import Effort, register
from nodewise.anatomy.registration.warp import Warp, folded_share, points_of
from nodewise.values.grid import Floats, Grid, Point
from nodewise.values.volume import Volume

BONES = "bones"
LATTICE_MM = 3.0
MARGIN_MM = 20.0
PADDING_MM = 60.0
ANCHORS = ("heart_ventricle_left", "heart", "trachea", "aorta")
"""Whose middle the similarity starts from, the first that both have: P3 takes the left ventricle."""
MIDDLES = ("heart", "aorta", "trachea", "esophagus", "superior_vena_cava")
APART_MM = 15.0
"""Middles of organs so near on average are never a failure: chests differ."""
NEEDED = 3
"""Of the structures in the mediastinum, so many must be in both."""
EFFORT = Effort(levels=(100, 60, 10))


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A label map of organs with the names of its labels."""

    organs: Volume
    names: Mapping[int, str]


def common_structures(patient: Labelled, reference: Labelled) -> tuple[str, ...]:
    """The structures that both hold; empty where they are too few to register by."""
    both = present(patient.organs, patient.names) & present(reference.organs, reference.names)
    return tuple(sorted(both)) if len(both - {BONES}) >= NEEDED else ()


def register_organs(
    patient: Labelled, reference: Labelled, effort: Effort = EFFORT, *, literal: bool = False, deform: bool = True
) -> Warp:
    """The map between a patient and a reference by their organs.

    Args:
        patient: on any grid.
        reference: likewise.
        effort: of the deformation.
        literal: register the labels' numbers as one grey image, as P3's program does, not one channel a structure.
        deform: whether to go beyond the affine map.

    Raises:
        ValueError: they have too few structures in common (see ``common_structures``).
    """
    shared = common_structures(patient, reference)
    if not shared:
        raise ValueError("too few structures are in both label maps")
    matrix = linear_map(patient, reference, shared)
    lattice = reference_lattice(reference, shared)
    if not deform:
        still = np.zeros((3, *lattice.shape), np.float32)
        return Warp(matrix, lattice, still, still, 0.0, "organs, affine")
    # the reference's lattice as it lies in the patient: nothing is resampled twice
    there = Grid(lattice.shape, np.linalg.inv(matrix) @ lattice.affine)
    fixed, moving = _images(patient, reference, shared, there, lattice, literal)
    velocity = register(fixed, moving, effort, seen=_seen(patient, there)).velocity
    return flow_warp(matrix, lattice, velocity, "organs, literal" if literal else "organs")


def flow_warp(matrix: Floats, lattice: Grid, velocity: Channels, method: str) -> Warp:
    """The warp of an affine map and a velocity in voxels of ``lattice``; its inverse is that of −velocity."""
    import torch

    flow = torch.from_numpy(np.ascontiguousarray(velocity, np.float32))
    both = []
    for sign in (1, -1):
        moved = exponential(sign * flow).numpy()
        both.append(np.einsum("ab,bxyz->axyz", lattice.affine[:3, :3], moved).astype(np.float32))
    return Warp(matrix, lattice, both[0], both[1], folded_share(both[0], lattice), method)


def _seen(patient: Labelled, there: Grid) -> npt.NDArray[np.bool_]:
    """Which voxels of the lattice lie inside the patient's map: beyond a cut scan nothing is known."""
    index = patient.organs.grid.to_index(points_of(there))
    return np.asarray(((index > -0.5) & (index < np.array(patient.organs.grid.shape) - 0.5)).all(axis=-1))


def _images(
    patient: Labelled, reference: Labelled, shared: tuple[str, ...], there: Grid, lattice: Grid, literal: bool
) -> tuple[Channels, Channels]:
    if literal:
        order = tuple(sorted({*patient.names.values(), *reference.names.values()}))
        return (
            rank_channel(patient.organs, patient.names, shared, order, there),
            rank_channel(reference.organs, reference.names, shared, order, lattice),
        )
    return (
        channels(patient.organs, patient.names, shared, there),
        channels(reference.organs, reference.names, shared, lattice),
    )


def linear_map(patient: Labelled, reference: Labelled, shared: tuple[str, ...]) -> Floats:
    """P3's similarity and the affine map composed with it, 4×4, from LPS mm of patient to reference.

    A step that leaves the middles of organs farther apart than the shift of one organ does is not taken: the
    correlation of masks has false maxima, a vertebra or two away.
    """
    fixed, fixed_grid = _union(patient, shared)
    moving, moving_grid = _union(reference, shared, padded=True)
    start = _start(patient, reference)
    first = similarity(fixed, fixed_grid, moving, moving_grid, start)
    if start is None:
        return affine(fixed, fixed_grid, moving, moving_grid, first)
    shift = np.eye(4)
    shift[:3, 3] = np.subtract(start[1], start[0])
    middles = _middles(patient, reference)
    most = max(_apart(shift, middles), APART_MM)
    first = first if _apart(first, middles) <= most else shift
    found = affine(fixed, fixed_grid, moving, moving_grid, first)
    return found if _apart(found, middles) <= most else first


def _middles(patient: Labelled, reference: Labelled) -> tuple[Floats, Floats]:
    """Middles (n, 3) in LPS mm of the organs that both have, of each side."""
    found = [
        (a, b)
        for name in MIDDLES
        if (a := centroid(patient.organs, patient.names, name)) is not None
        and (b := centroid(reference.organs, reference.names, name)) is not None
    ]
    return np.array([a for a, _ in found]), np.array([b for _, b in found])


def _apart(matrix: Floats, middles: tuple[Floats, Floats]) -> float:
    moved = middles[0] @ matrix[:3, :3].T + matrix[:3, 3]
    return float(np.linalg.norm(moved - middles[1], axis=1).mean())


def _union(side: Labelled, shared: tuple[str, ...], *, padded: bool = False) -> tuple[Channels, Grid]:
    """How much of each voxel of 4 mm along the patient's axes the structures fill.

    No farther than the map reaches, or ``padded`` with nothing: ITK leaves out points that fall beside the moving
    image, so that without a border the best match is one that shows little of it.
    """
    low, high = span(side.organs, every_label(side.names, shared))
    edges = side.organs.grid.to_lps(side.organs.grid.corners)
    low, high = low - MARGIN_MM, high + MARGIN_MM
    if padded:
        grid = _over(low - PADDING_MM, high + PADDING_MM, GRID_MM)
    else:
        grid = _over(np.maximum(low, edges.min(axis=0)), np.minimum(high, edges.max(axis=0)), GRID_MM)
    filled = channels(side.organs, side.names, shared, grid).sum(axis=0)
    return np.minimum(filled, 1).astype(np.float32), grid


def _start(patient: Labelled, reference: Labelled) -> tuple[Point, Point] | None:
    for name in ANCHORS:
        a, b = (centroid(side.organs, side.names, name) for side in (patient, reference))
        if a is not None and b is not None:
            return (float(a[0]), float(a[1]), float(a[2])), (float(b[0]), float(b[1]), float(b[2]))
    return None


def reference_lattice(reference: Labelled, shared: tuple[str, ...]) -> Grid:
    """Voxels of 3 mm around the structures in the mediastinum, where the deformation is found."""
    low, high = span(reference.organs, every_label(reference.names, tuple(name for name in shared if name != BONES)))
    return _over(low - MARGIN_MM, high + MARGIN_MM, LATTICE_MM)


def _over(low: Floats, high: Floats, spacing_mm: float) -> Grid:
    shape = np.maximum(2, np.ceil((high - low) / spacing_mm)).astype(int)
    shape += shape % 2  # so that two threads can share it out evenly
    x, y, z = (low + spacing_mm / 2).tolist()
    return Grid.of((int(shape[0]), int(shape[1]), int(shape[2])), (spacing_mm,) * 3, (x, y, z))
