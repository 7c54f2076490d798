"""Lymph nodes of the neck and the abdomen: their shapes, what is inside them, and where they find room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.draw.brush import Piece, paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Blob, Floats, ball, rotation
from nodewise.phantom.drawn_node import DrawnNode, paint_node
from nodewise.phantom.geometry import Tissue
from nodewise.values.node import Status

Labels = npt.NDArray[np.uint8]

_YIELDS = (Tissue.MUSCLE, Tissue.GLAND, Tissue.VESSEL_SMALL, Tissue.LYMPHOID)
_TRIES = 20  # places and shapes for each node; the last seven a little smaller


@dataclass(frozen=True, slots=True)
class Wanted:
    """A node to be placed; ``short_mm`` is its smallest diameter."""

    place: str
    status: Status
    short_mm: float


def draw_short(rng: np.random.Generator, median: float, spread_log: float, low: float, high: float) -> float:
    """A node's smallest diameter: log-normal about ``median`` between ``low`` and ``high``, mm."""
    return float(np.clip(median * np.exp(rng.normal(0, spread_log)), low, high))


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """Nodes that found room, and the fat laid first where a large one pushes muscle or gland aside."""

    nodes: tuple[DrawnNode, ...]
    room: tuple[Piece, ...]


def settle(
    canvas: Canvas,
    places: Labels,
    names: Mapping[int, str],
    wanted: Sequence[Wanted],
    rng: np.random.Generator,
    upright: float = 0.0,
) -> Settled:
    """Give every node a place in the fat of the planning ``canvas``, the largest first; those without are left out.

    Args:
        canvas: everything but the nodes; the nodes found are painted on it.
        places: label map on the canvas, of every tissue.
        names: code of each label.
        wanted: what to place.
        rng: draws places, shapes and what is inside.
        upright: how much the long axes keep to z, 0 to 1.
    """
    depth = ndimage.distance_transform_edt(canvas.tissue == Tissue.FAT, sampling=canvas.grid.spacing)
    room = depth.astype(np.float32).ravel(order="F")
    flat = places.ravel(order="F")
    number = {code: n for n, code in names.items()}
    nodes: list[DrawnNode] = []
    cleared: list[Piece] = []
    for want in sorted(wanted, key=lambda w: -w.short_mm):
        here = np.flatnonzero((flat == number[want.place]) & (room > 0))
        if here.size == 0:
            continue
        soft = want.status.malignant or want.short_mm > 9
        near = [n for n in nodes if n.place == want.place] if rng.random() < 0.35 else []
        for attempt in range(_TRIES):
            short = want.short_mm * (1.0 if attempt < 13 else 0.85)
            at = _beside(rng, near, short) if near and attempt < 4 else _spot(canvas, room, here, short, rng)
            shape = oval(rng, at, short, want.status, upright)
            if _fits(canvas, places, shape, number[want.place], soft):
                break
        else:
            continue
        if soft:
            cleared.append(Piece("", Tissue.FAT, shape, _YIELDS, 0.6))
            paint_pieces(canvas, cleared[-1:])
        ragged = float(rng.uniform(1.5, 4.0)) if want.status is Status.EXTRANODAL else 0.0
        node = DrawnNode(shape, want.place, want.status, contents(rng, shape, want), ragged)
        paint_node(canvas, len(nodes) + 1, node)
        if (canvas.nodes == len(nodes) + 1).any():
            nodes.append(node)
    return Settled(tuple(nodes), tuple(cleared))


def paint_nodes(canvas: Canvas, places: Labels, names: Mapping[int, str], nodes: Sequence[DrawnNode]) -> None:
    """Paint the nodes, and keep of ``places`` only fat, small vessels, and nodes.

    What a node fills beyond the named places belongs to its own.
    """
    holds = (canvas.tissue == Tissue.FAT) | (canvas.tissue == Tissue.VESSEL_SMALL)
    places *= holds
    number = {code: n for n, code in names.items()}
    for n, node in enumerate(nodes, 1):
        paint_node(canvas, n, node)
    own = np.array([0, *(number[n.place] for n in nodes)], np.uint8)
    beyond = (canvas.nodes > 0) & (places == 0)
    places[beyond] = own[canvas.nodes[beyond]]


def oval(rng: np.random.Generator, centre: Floats, short: float, status: Status, upright: float) -> Blob:
    """A bean, or an ellipsoid with lobes; benign nodes are long ovals, malignant ones rounder and more lobed."""
    bad = status.malignant
    middle = rng.uniform(1.0, 1.25)
    longest = middle * rng.uniform(1.0, 1.45 if bad else 1.9)
    radii = 0.5 * short * np.array([1.0, middle, longest])
    axes = rotation(rng)
    if upright > 0:
        way = axes[:, 2] * np.sign(axes[2, 2] or 1.0) * (1 - upright) + np.array([0, 0, upright])
        basis = np.column_stack([way, axes[:, 0], axes[:, 1]])
        axes = np.linalg.qr(basis)[0][:, [1, 2, 0]]
    centres, sizes = [centre], [radii]
    for _ in range(int(rng.choice(4, p=(0.3, 0.35, 0.2, 0.15) if bad else (0.6, 0.3, 0.1, 0.0)))):
        centres.append(centre + axes @ (rng.uniform(-0.75, 0.75, 3) * radii * (0.5, 0.7, 1)))
        sizes.append(radii * rng.uniform(0.5, 0.85, 3))
    return Blob(np.array(centres), np.array(sizes), np.asarray(axes))


def contents(rng: np.random.Generator, shape: Blob, want: Wanted) -> tuple[tuple[Tissue, Blob], ...]:
    """Fatty hilum in a third of larger benign nodes, necrosis in half of larger malignant ones, rarely calcium."""
    draw, centre, radii = rng.random(), shape.centres[0], shape.radii[0]
    aside = shape.axes @ (radii * rng.uniform(-0.3, 0.3, 3))
    wide = rng.uniform(0.45, 0.8)
    if want.status.malignant and want.short_mm >= 7:
        if draw < (0.65 if want.status is Status.EXTRANODAL else 0.42):
            return ((Tissue.NODE_NECROSIS, ball(centre + 0.5 * aside, radii * wide, shape.axes)),)
        if draw > 0.97:
            return ((Tissue.NODE_CALCIUM, ball(centre + aside, np.full(3, 1.2), shape.axes)),)
    elif not want.status.malignant and want.short_mm >= 4.5:
        if draw < 0.35:
            way = shape.axes[:, 0] * radii[0] * 0.35
            return ((Tissue.NODE_HILUM, ball(centre + way, radii * (0.35, 0.35, 0.55), shape.axes)),)
        if draw > 0.98:
            return ((Tissue.NODE_CALCIUM, ball(centre + aside, np.full(3, 1.2), shape.axes)),)
    return ()


def _beside(rng: np.random.Generator, others: Sequence[DrawnNode], short: float) -> Floats:
    """A place that touches a node already there."""
    other = others[int(rng.integers(len(others)))].shape
    way = rng.normal(0, 1, 3)
    reach = 0.5 * short + float(other.radii[0].mean())
    return np.asarray(other.centres[0] + way / np.linalg.norm(way) * reach * rng.uniform(0.8, 1.15))


def _spot(
    canvas: Canvas, room: npt.NDArray[np.float32], here: npt.NDArray[np.intp], short: float, rng: np.random.Generator
) -> Floats:
    """A place among the voxels ``here``: about as deep in the fat as the node is thick, or the deepest there are."""
    space = room[here]
    r = 0.5 * short
    fits = here[(space >= 0.75 * r) & (space <= r + rng.uniform(1, 5))]
    if fits.size == 0:
        fits = here[np.argsort(space, kind="stable")[-max(1, space.size // 40) :]]
    index = np.unravel_index(int(rng.choice(fits)), canvas.tissue.shape, order="F")
    return np.asarray(canvas.grid.to_lps(index) + rng.uniform(-0.4, 0.4, 3) * canvas.grid.spacing)


def _fits(canvas: Canvas, places: Labels, shape: Blob, label: int, soft: bool) -> bool:
    """Whether enough of the shape finds fat, or what yields, and most of it lies in its place."""
    part = canvas.window(shape, canvas.step)
    if part is None:
        return False
    distance = canvas.distance(shape, part, canvas.step)
    inside = distance < 0
    if not inside.any():
        inside = distance <= distance.min()
    tissue = canvas.tissue[part][inside]
    if (canvas.nodes[part][distance < -0.5 * canvas.step] > 0).any():
        return False
    fat = (tissue == Tissue.FAT).mean()
    if (places[part][inside] == label).mean() < 0.65:
        return False
    if soft:
        return bool(np.isin(tissue, (Tissue.FAT, *_YIELDS)).mean() > 0.8 and fat > 0.25)
    return bool(fat > 0.75)
