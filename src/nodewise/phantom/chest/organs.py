"""Oesophagus, thymus, thyroid and cricoid as shapes in the world, placed about the carina."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen, pushed
from nodewise.phantom.chest.ribcage import sternum_back
from nodewise.phantom.draw.shapes import Tube, ball, curve
from nodewise.phantom.geometry import Tissue

CRICOID_W = 113.0
"""Template height of the cricoid's lower margin."""


def oesophagus(pen: Pen, obstacles: Sequence[Part] = ()) -> list[Part]:
    """A collapsed oval behind trachea and left atrium, squeezed between ``obstacles``, with air here and there."""
    p = pen.person
    width, depth = pen.between(5.5, 9), pen.between(3, 5)
    behind = (p.trachea + 2) / p.scale[1] + depth + 1
    way = pen.way(
        [(3, -37 + behind, 134), (5, -32 + behind, 100), (6, -22 + behind, 66), (7, -10 + behind, 30), (7, 15, 2),
         (7, 20, -25), (6, 23, -55), (8, 20, -85), (13, 9, -116), (22, -2, -140), (30, -8, -150)],
        0.8,
    )  # fmt: skip
    bulge = pen.rng.uniform(0.85, 1.2, len(way))
    body = curve(way, width * bulge, flat=width / depth)
    whole = pushed(Part("esophagus", Tissue.OESOPHAGUS, body), obstacles, 0.3)
    assert isinstance(whole.shape, Tube)
    body, parts = whole.shape, [whole]
    for _ in range(int(pen.rng.integers(0, 5))):
        n = len(body.points)
        start = int(pen.rng.integers(2, n - 12))
        piece = slice(start, start + int(pen.rng.integers(3, 11)))
        r = body.radii[piece] * pen.between(0.2, 0.55)
        air = Tube(body.points[piece] + pen.rng.normal(0, 0.8, 3) * (1, 0.5, 0), r, flat=pen.between(1, 1.6))
        parts.append(Part("oesophagus_air", Tissue.OESOPHAGUS_AIR, air, organ="esophagus"))
    return parts


def thymus(pen: Pen) -> list[Part]:
    """Two lobes before the great vessels; in many people only streaks in fat, or nothing."""
    p = pen.person
    if pen.rng.random() > 0.65:
        return []
    z = (p.arch_top - 18) / p.scale[2]
    tall, thick = pen.between(16, 34), pen.between(2.0, 7)
    parts = []
    for side in (-1, 1):
        at = pen.way([(2 + side * 9, float(sternum_back(z)) + 6 + thick, z - 4)], 0.8)[0]
        tilt = np.deg2rad(side * pen.between(15, 40))
        c, s = np.cos(tilt), np.sin(tilt)
        axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        parts.append(Part("thymus", Tissue.THYMUS, ball(at, (pen.between(8, 15), thick, tall), axes)))
    return parts


def neck_front(pen: Pen, trachea: Tube) -> list[Part]:
    """Thyroid with its isthmus, and the cricoid as the thick end of the airway's wall."""
    p = pen.person
    wide = p.trachea + 8.0
    parts = []
    middle = trachea.points[int(np.abs(trachea.points[:, 2] - p.world([(0, 0, 92)])[0, 2]).argmin())]
    for side in (-1, 1):
        at = np.add(middle, (side * wide, -1, 6)) + pen.rng.normal(0, 1, 3)
        size = (pen.between(6, 8.5), pen.between(8, 10.5), pen.between(17, 24))
        parts.append(Part("thyroid", Tissue.THYROID, ball(at, size), organ="thyroid_gland"))
    bridge = curve(np.add(middle, [(-wide, -5, -4), (0, -p.trachea - 4.5, -3), (wide, -5, -4)]), 3.4)
    parts.append(Part("isthmus", Tissue.THYROID, bridge, organ="thyroid_gland"))
    low = p.world([(0, 0, CRICOID_W)])[0, 2] + 2.5
    ring = trachea.points[trachea.points[:, 2] > low]
    if len(ring) > 1:
        parts.append(Part("cricoid", Tissue.CARTILAGE, Tube(ring, np.full(len(ring), p.trachea + 3.2))))
    return parts
