"""Glandular tissue of the female breast, strewn in its fat."""

from __future__ import annotations

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Blob, ball, rotation
from nodewise.phantom.geometry import Tissue


def glands(pen: Pen) -> list[Part]:
    """From none (all fat, as in many elderly women) to dense."""
    p = pen.person
    dense = pen.between(0, 1) ** 1.5
    parts: list[Part] = []
    if not p.female:
        return parts
    for side in (-1, 1):
        middle = p.world([(side * 80, -106 - 0.4 * p.fat, -36)])[0]
        for _ in range(int(4 + 18 * dense)):
            at = middle + pen.rng.normal(0, (14, 6, 13))
            size = pen.rng.uniform((5, 1.2, 4), (15, 3.5 + 4 * dense, 12))
            blob: Blob = ball(at, size, rotation(pen.rng))
            parts.append(Part("gland", Tissue.GLAND, blob))
    return parts
