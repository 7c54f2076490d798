"""Small vessels that wind through the fat of the mediastinum."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.chest.ribcage import sternum_back
from nodewise.phantom.draw.shapes import Floats, curve
from nodewise.phantom.geometry import Tissue


def small_vessels(pen: Pen, near: Floats) -> list[Part]:
    """15 to 70 vessels of 0.5 to 2.6 mm that wind through the fat, from points ``near`` the organs."""
    parts = []
    for _ in range(int(pen.rng.integers(15, 71))):
        at = near[pen.rng.integers(len(near))]
        n = int(pen.rng.integers(4, 9))
        heading = pen.rng.normal(0, 1, 3)
        steps = heading / np.linalg.norm(heading) + pen.rng.normal(0, 0.5, (n, 3))
        way = at + np.cumsum(steps * pen.between(3, 7), axis=0)
        parts.append(Part("small_vessel", Tissue.VESSEL_SMALL, curve(way, pen.between(0.25, 1.3), 2.0)))
    for side in (-1, 1):  # internal thoracic vessels beside the sternum
        way = pen.way([(side * 26, float(sternum_back(w)) + 3, w) for w in (60, 30, -20, -85)])
        parts.append(Part("internal_thoracic", Tissue.VESSEL_SMALL, curve(way, pen.between(0.9, 1.4))))
    return parts
