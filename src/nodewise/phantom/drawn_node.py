"""A lymph node as drawn, and how it is painted behind all that is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.phantom.canvas import Canvas
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.shapes import Blob
from nodewise.values.node import Status


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


def paint_node(canvas: Canvas, number: int, node: DrawnNode, bulge: float = 1.5) -> None:
    """Paint a node: it fills fat behind all that is there, and pushes lung aside with a rim of ``bulge`` mm."""
    part = canvas.window(node.shape, bulge + canvas.step)
    if part is None:
        return
    d = canvas.distance(node.shape, part, bulge + canvas.step)
    if (canvas.tissue[part] == Tissue.LUNG).any():
        canvas.fill(Tissue.FAT, d - bulge, part, (Tissue.LUNG,))
    top, other, share = canvas.tissue[part], canvas.other[part], canvas.share[part]
    room = top == Tissue.FAT
    amount = np.clip(0.5 - d / canvas.step, 0, 1)
    behind = room & (other != Tissue.FAT) & (share < 250) & (amount >= 0.5)
    plain = room & ~behind
    inside = plain & (amount >= 0.5)
    other[inside] = Tissue.FAT
    share[inside] = (amount[inside] * 255).astype(np.uint8)
    top[inside | behind] = node.tissue
    edge = plain & (amount > 0.05) & ~inside
    other[edge] = node.tissue
    share[edge] = (255 * (1 - amount[edge])).astype(np.uint8)
    rest = ~room & (other == Tissue.FAT) & (amount >= 0.5)
    other[rest] = node.tissue
    canvas.nodes[part][inside | behind] = number
    for tissue, shape in node.inside:
        canvas.paint(tissue, shape, only=(node.tissue,))
