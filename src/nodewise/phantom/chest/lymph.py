"""Where a patient's lymph nodes lie: in the fat of their stations, moulded to vessels, airway and one another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.body import Tumour
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.chest.spread import Wanted, spread
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Floats
from nodewise.phantom.drawn_node import PUSHED, DrawnNode, paint_node
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.node_shape import draw_node, scaled, volume_mm3
from nodewise.values.station import Station

Labels = npt.NDArray[np.uint8]
_SIZES = (*(1.0,) * 10, 0.8, 0.8, *(0.6,) * 3, *(0.45,) * 4, *(0.35,) * 4)  # of what is wanted, in each attempt


@dataclass(frozen=True, slots=True, eq=False)
class _Room:
    """Where nodes can go on the planning canvas.

    Attributes:
        space: how far each voxel of fat or lung is from an organ or a large vessel, mm; flat, in Fortran order.
        fat: flat indices of the fat of each station, by its label.
    """

    canvas: Canvas
    stations: Labels
    space: npt.NDArray[np.float32]
    fat: Mapping[int, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a shape finds room.

    Attributes:
        free: share of its volume. core: share of its inner part. own: share in its station.
        moulded: share of its surface that lies on something else than fat or lung.
    """

    free: float
    core: float
    own: float
    moulded: float


def place_nodes(
    canvas: Canvas, stations: Labels, tumour: Tumour, rng: np.random.Generator, hard: Collection[Hard] = ()
) -> list[DrawnNode]:
    """Draw a patient's nodes and paint them on the planning ``canvas``; those that find no room are left out."""
    soft = np.isin(canvas.tissue, (Tissue.FAT, Tissue.VESSEL_SMALL, *PUSHED))  # small vessels do not hold a node up
    space = ndimage.distance_transform_edt(soft, sampling=canvas.grid.spacing).astype(np.float32).ravel(order="F")
    space -= np.float32(0.5 * canvas.step)  # from the surface, not from the middle of the next voxel
    flat = stations.ravel(order="F") * (canvas.tissue.ravel(order="F") == Tissue.FAT)
    here = np.flatnonzero(flat)
    room = _Room(canvas, stations, space, {int(n): here[flat[here] == n] for n in np.unique(flat[here])})
    found: list[DrawnNode] = []
    for wanted in spread(rng, tumour, hard):
        node = _placed(room, wanted, found, rng)
        if node is None:
            continue
        paint_node(canvas, len(found) + 1, node)
        if (canvas.nodes == len(found) + 1).any():
            found.append(node)
    return found


def _placed(room: _Room, wanted: Wanted, found: Sequence[DrawnNode], rng: np.random.Generator) -> DrawnNode | None:
    """The best of several places and shapes, grown until it is as large as wanted."""
    beside = [n for n in found if n.place == wanted.station.code] if wanted.touching else []
    goal = float(rng.uniform(0.25, 0.75)) if rng.random() < 0.85 else 0.0
    best, best_cost = None, 1.0
    for attempt, size in enumerate(_SIZES):
        if size < 0.8 and best is not None:
            break
        short = max(2.8, wanted.short_mm * size)
        near = bool(beside) and attempt < 7
        at = _beside(rng, beside, short) if near else _free(room, wanted.station, short, goal > 0, rng)
        if at is None:
            continue
        facing = _facing(room, at) if goal > 0 and rng.random() < 0.75 else None
        node = draw_node(rng, at, short, wanted.station.code, wanted.status, facing)
        fit = _fit(room, node, wanted.station)
        if fit.own < 0.7 or fit.free < 0.45 or fit.core < 0.75:
            continue
        cost = 0.6 * (1 - fit.free) + (1 - fit.core) + 1.3 * abs(fit.moulded - goal) * (not near) + 0.02 * attempt
        if cost < best_cost:
            best, best_cost = node, cost
    return None if best is None else _grown(room, best, wanted.station)


def _grown(room: _Room, node: DrawnNode, station: Station) -> DrawnNode:
    """The node made larger until what finds room has the volume that was meant; it keeps to its station."""
    fit, shape = _fit(room, node, station), node.shape
    for _ in range(3):
        if fit.free > 0.93:
            break
        more = scaled(shape, float(np.clip(fit.free ** (-1 / 3), 1.0, 1.2)))
        trial = replace(node, shape=more)
        fit = _fit(room, trial, station)
        fit = replace(fit, free=fit.free * volume_mm3(more) / volume_mm3(node.shape))
        if fit.own < 0.7 or fit.core < 0.8:
            break
        shape = more
    return replace(node, shape=shape)


def _beside(rng: np.random.Generator, others: Sequence[DrawnNode], short: float) -> Floats:
    """A place that touches a node already there."""
    other = others[int(rng.integers(len(others)))].shape
    way = rng.normal(0, 1, 3)
    way /= np.linalg.norm(way)
    surface = 1 / np.linalg.norm((way @ other.axes) / other.radii[0])
    return np.asarray(other.centres[0] + way * (0.5 * short + surface) * rng.uniform(0.75, 1.0))


def _free(room: _Room, station: Station, short: float, hugging: bool, rng: np.random.Generator) -> Floats | None:
    """A place in the fat of the station: ``hugging`` what lies beside it, or loose."""
    here = room.fat.get(station.label)
    if here is None:
        return None
    here = here[room.canvas.tissue.ravel(order="K")[here] == Tissue.FAT]  # a view: the canvas is in Fortran order
    if here.size == 0:
        return None
    space, r = room.space[here], 0.5 * short
    low, high = (0.15 * r, 0.6 * r + 0.4) if hugging else (0.9 * r, r + 3)
    off = np.maximum(low - space, space - high)
    fits = here[off <= max(0.0, float(np.partition(off, min(off.size // 25, off.size - 1))[off.size // 25]))]
    index = np.unravel_index(int(rng.choice(fits)), room.canvas.tissue.shape, order="F")
    return np.asarray(room.canvas.grid.to_lps(index) + rng.uniform(-0.4, 0.4, 3) * room.canvas.grid.spacing)


def _facing(room: _Room, at: Floats) -> tuple[float, float] | None:
    """Direction (x, y) in which the room grows fastest; None at the grid's edge, and where it grows nowhere."""
    shape = room.canvas.tissue.shape
    i, j, k = np.rint(room.canvas.grid.to_index((at[0], at[1], at[2]))).astype(int)
    if not (0 < i < shape[0] - 1 and 0 < j < shape[1] - 1 and 0 <= k < shape[2]):
        return None
    here, row = int(i + shape[0] * (j + shape[1] * k)), shape[0]
    x, y = room.space[here + 1] - room.space[here - 1], room.space[here + row] - room.space[here - row]
    return (float(x), float(y)) if x or y else None


def _fit(room: _Room, node: DrawnNode, station: Station) -> _Fit:
    """How a node would lie if it were painted now."""
    canvas = room.canvas
    part = canvas.window(node.shape, 2 * canvas.step)
    if part is None:
        return _Fit(0, 0, 0, 0)
    distance = canvas.distance(node.shape, part, canvas.step)
    tissue, inside = canvas.tissue[part], distance < 0
    fat = tissue == Tissue.FAT
    room_here = fat | np.isin(tissue, PUSHED)
    taken = inside & room_here
    near = fat & (distance < 0.5 * canvas.step)  # a small node's own voxels are too few
    if not near.any():
        return _Fit(0, 0, 0, 0)
    own = float((room.stations[part][near] == station.label).mean())
    if not taken.any():
        return _Fit(1.0, 1.0, own, 0.0)
    core = distance < -0.55 * float(node.shape.radii[0].min())
    deep = float(room_here[core].mean()) if core.any() else 1.0
    rim = ndimage.binary_dilation(taken) & ~taken
    return _Fit(float(taken.sum() / inside.sum()), deep, own, float((~room_here & rim).sum() / max(1, rim.sum())))
