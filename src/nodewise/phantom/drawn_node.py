"""A lymph node as drawn, and how it is painted behind all that is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.draw.canvas import Canvas, Slices
from nodewise.phantom.draw.shapes import Axes, Blob, Field, Floats, curve
from nodewise.phantom.geometry import Tissue
from nodewise.values.node import Status

PUSHED = (Tissue.LUNG, Tissue.EFFUSION, Tissue.CONSOLIDATION)
"""What gives way to a node that bulges out of the mediastinum."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnNode:
    """A node before it is moulded to what lies beside it.

    Attributes:
        place: code of its station (chest), level (neck) or compartment (abdomen).
        inside: tissues within it (hilum, necrosis, calcium) and their shapes, painted in order.
        ragged_mm: how far an irregular border reaches into the fat (extranodal extension).
    """

    shape: Blob
    place: str
    status: Status
    inside: tuple[tuple[Tissue, Blob], ...] = ()
    ragged_mm: float = 0.0

    @property
    def tissue(self) -> Tissue:
        """What most of it is made of."""
        return Tissue.NODE_POSITIVE if self.status.malignant else Tissue.NODE

    def distance(self, axes: Axes, reach: float) -> Field:
        """Signed distance at ``axes`` (x, y, z; each 1-D, mm) of its border, spikes included."""
        d = self.shape.distance(axes, reach)
        if self.ragged_mm == 0:
            return d
        x, y, z = (a - np.float32(c) for a, c in zip(axes, self.shape.centres[0], strict=True))
        length = np.sqrt((z**2)[:, None, None] + ((x**2)[None, :] + (y**2)[:, None])[None])
        ways, heights = _spikes(self)
        reach_out = np.zeros_like(length)
        for (a, b, c), height in zip(ways.astype(np.float32), heights.astype(np.float32), strict=True):
            cosine = (z * c)[:, None, None] + ((x * a)[None, :] + (y * b)[:, None])[None]
            cosine /= np.maximum(length, 1e-3)
            np.maximum(reach_out, height * np.exp(_NARROW * (cosine - 1)), out=reach_out)
        return np.asarray(d - np.float32(self.ragged_mm) * (reach_out.T - np.float32(0.3)))


_NARROW = np.float32(45.0)  # half as high 10° off its axis


def _spikes(node: DrawnNode) -> tuple[Floats, Floats]:
    """Directions (n, 3) and relative heights of the spikes of an irregular border: always the same for one node."""
    rng = np.random.default_rng(np.abs(np.rint(node.shape.centres[0] * 1000)).astype(np.uint64))
    ways = rng.normal(0, 1, (36, 3))
    return ways / np.linalg.norm(ways, axis=1, keepdims=True), rng.uniform(0.3, 1.5, 36)


def paint_node(canvas: Canvas, number: int, node: DrawnNode, bulge: float = 1.5) -> None:
    """Paint a node: it fills fat behind all that is there, and pushes lung aside with a rim of ``bulge`` mm.

    One too small or too moulded to fill most of any voxel keeps one voxel, whose share says how little of it is node.
    """
    reach = max(bulge, 1.5 * node.ragged_mm) + canvas.step
    part = canvas.window(node.shape, reach)
    if part is None:
        return
    x, y, z = (axis[s] for axis, s in zip(canvas.axes, part, strict=True))
    d = node.distance((x, y, z), reach)
    if np.isin(canvas.tissue[part], PUSHED).any():
        canvas.fill(Tissue.FAT, d - bulge, part, PUSHED)
    other = canvas.other[part]  # nor is any left at the edge of what is fat already
    other[(canvas.tissue[part] == Tissue.FAT) & (d <= 0) & np.isin(other, PUSHED)] = Tissue.FAT
    own = _fill_fat(canvas, part, d, node.tissue)
    canvas.nodes[part][own] = number
    if not own.any():
        _keep_one(canvas, number, node, part, d)
        return
    for tissue, shape in node.inside:
        inner = canvas.distance(shape, part, canvas.step)
        canvas.fill(tissue, np.where(own, inner, np.float32(1e3)), part, (node.tissue,))
    if node.ragged_mm > 0:
        _haze(canvas, part, d, node)
        _strands(canvas, node)


def _fill_fat(canvas: Canvas, part: Slices, d: Field, tissue: Tissue) -> npt.NDArray[np.bool_]:
    """Paint ``tissue`` where ``d`` is negative and fat is; returns the voxels that are now mostly it."""
    top, other, share = canvas.tissue[part], canvas.other[part], canvas.share[part]
    room = top == Tissue.FAT
    amount = np.clip(0.5 - d / canvas.step, 0, 1)
    amount *= _one_piece(room & (amount >= 0.5))
    behind = room & (other != Tissue.FAT) & (share < 250) & (amount >= 0.5)
    plain = room & ~behind
    inside = plain & (amount >= 0.5)
    other[inside] = Tissue.FAT
    share[inside] = (amount[inside] * 255).astype(np.uint8)
    top[inside | behind] = tissue
    edge = plain & (amount > 0.05) & ~inside
    other[edge] = tissue
    share[edge] = (255 * (1 - amount[edge])).astype(np.uint8)
    rest = ~room & (other == Tissue.FAT) & (amount >= 0.5)
    other[rest] = tissue
    return np.asarray(inside | behind)


def _one_piece(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True but on and beside all parts of ``mask`` except the largest: a node lies on one side of a vessel."""
    parts, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count < 2:
        return np.ones(mask.shape, np.bool_)
    kept = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return np.asarray(kept | ~ndimage.binary_dilation(mask & ~kept, np.ones((3, 3, 3))))


def _keep_one(canvas: Canvas, number: int, node: DrawnNode, part: Slices, d: Field) -> None:
    """Give a node that filled no voxel the deepest one of fat, if that lies within a voxel of it."""
    away = np.where(canvas.tissue[part] == Tissue.FAT, d, np.float32(1e3))
    i = np.unravel_index(int(np.argmin(away)), away.shape)
    if away[i] > canvas.step:
        return
    volume = 4 / 3 * np.pi * float(node.shape.radii[0].prod())
    canvas.tissue[part][i], canvas.other[part][i], canvas.nodes[part][i] = node.tissue, Tissue.FAT, number
    canvas.share[part][i] = int(np.clip(255 * volume / canvas.step**3, 60, 180))


def _haze(canvas: Canvas, part: Slices, d: Field, node: DrawnNode) -> None:
    """Cloud the fat around an irregular border."""
    top, other, share = canvas.tissue[part], canvas.other[part], canvas.share[part]
    amount = 0.38 * np.clip(1 - d / (1.5 * node.ragged_mm), 0, 1)
    clouded = (top == Tissue.FAT) & (d > 0) & (amount > 0.02) & ((other == Tissue.FAT) | (share > 250))
    other[clouded] = node.tissue
    share[clouded] = (255 * (1 - amount[clouded])).astype(np.uint8)


def _strands(canvas: Canvas, node: DrawnNode) -> None:
    """Thin strands from the border into the fat; they fill less than half of a voxel and are not part of the node."""
    ways, heights = _spikes(node)
    reach = np.sqrt(node.shape.radii[0] ** 2 @ (ways @ node.shape.axes).T ** 2) + node.ragged_mm
    for way, height, start in list(zip(ways, heights, reach, strict=True))[::3]:
        points = node.shape.centres[0] + way * start * 0.8 + np.array([0, 0.5, 1])[:, None] * way * 8 * height
        points[1] += 1.2 * np.roll(way, 1)
        strand = curve(points, [0.7, 0.6, 0.4], 2.0)
        part = canvas.window(strand, canvas.step)
        if part is not None:
            canvas.fill(node.tissue, canvas.distance(strand, part, canvas.step), part, (Tissue.FAT,), full=_FAINT)


_FAINT = 0.48  # of a voxel: under half, so that none becomes part of the node
