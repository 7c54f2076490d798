"""The tumour, and what else may be in the lungs."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.body import Tumour
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.pen import Part, Pen
from nodewise.phantom.shapes import Blob, Floats, ball, rotation
from nodewise.values.station import Side


def illness(pen: Pen) -> tuple[list[Part], Tumour]:
    """The tumour on its side, and what else may be in the lungs."""
    p, rng = pen.person, pen.rng
    sign = 1 if p.primary is Side.LEFT else -1
    central = rng.random() < 0.35
    at = (sign * pen.between(42, 60), pen.between(-20, 25), pen.between(-50, 10))
    if not central:
        at = (sign * pen.between(50, 100), pen.between(-40, 50), pen.between(-70, 80))
    centre = p.world([at])[0]
    r = 0.5 * float(np.clip(28 * np.exp(rng.normal(0, 0.45)), 10, 60))
    parts = [Part("tumour", Tissue.TUMOUR, _lumpy(rng, centre, r))]
    if p.distractor == "consolidation":
        side = int(rng.choice((-1, 1)))
        hilum = p.world([(side * pen.between(45, 70), pen.between(-10, 40), pen.between(-75, 10))])[0]
        parts.append(Part("consolidation", Tissue.CONSOLIDATION, _lumpy(rng, hilum, pen.between(10, 38))))
    if p.distractor == "effusion":
        side = int(rng.choice((-1, 1)))
        low = p.world([(side * 70, 92 - pen.between(0, 18), pen.between(-140, -90))])[0]
        parts.append(Part("effusion", Tissue.EFFUSION, ball(low, (75, pen.between(18, 45), pen.between(50, 90)))))
    size = 2 * r
    site = "main bronchus" if central else "lung"
    return parts, Tumour(
        site, p.primary, size, _t_category(size), (float(centre[0]), float(centre[1]), float(centre[2]))
    )


def _t_category(diameter_mm: float) -> str:
    """T by diameter alone (UICC TNM, 8th and 9th edition)."""
    bounds = ((10, "T1a"), (20, "T1b"), (30, "T1c"), (40, "T2a"), (50, "T2b"), (70, "T3"))
    return next((name for limit, name in bounds if diameter_mm <= limit), "T4")


def _lumpy(rng: np.random.Generator, centre: Floats, r: float) -> Blob:
    """A lobulated mass of about radius ``r`` mm."""
    n = int(rng.integers(3, 7))
    way = rng.normal(0, 0.45 * r, (n, 3))
    way[0] = 0
    return Blob(centre + way, np.abs(rng.normal(0.8, 0.15, (n, 3))).clip(0.4, 1.1) * r, rotation(rng))
