"""Ribs by number and side, their cartilages, and the sternum."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.chest.spine import Vertebra
from nodewise.phantom.chest.thorax import cavity_section
from nodewise.phantom.draw.shapes import Floats, Tube, ball, curve
from nodewise.phantom.geometry import Tissue

# Of each rib: how far its front end lies below its head, and how far from the midline (template mm).
_FALL = (26, 44, 62, 76, 88, 96, 102, 104, 98, 88, 52, 26)
_FRONT = (40, 42, 44, 47, 52, 60, 72, 86, 98, 108, 122, 108)
_STERNUM = ((70, -44), (60, -50), (30, -70), (0, -83), (-40, -93), (-100, -97), (-200, -97))


def sternum_back(w: float | Floats) -> Floats:
    """Template y of the back of the sternum at template height ``w``."""
    table = np.array(_STERNUM[::-1], float)
    return np.asarray(np.interp(w, table[:, 0], table[:, 1]))


def hollow(name: str, tube: Tube, cortex: float, organ: str = "") -> list[Part]:
    """Bone and the marrow inside it."""
    inner = Tube(tube.points, np.maximum(tube.radii - cortex * tube.flat**0.5, 0.7), tube.flat * 1.1)
    return [Part(name, Tissue.BONE, tube, organ=organ), Part(name, Tissue.MARROW, inner, organ=organ)]


def sternum(pen: Pen) -> list[Part]:
    """Manubrium and body; the sternal angle lies at the height of the carina."""
    p = pen.person
    notch = p.notch / p.scale[2]
    rows = [(notch, 24.0), (notch - 14, 28.0), (0.35 * notch, 17.0), (2, 15.5), (-35, 17), (-72, 18), (-92, 9)]
    way = p.world([(0, float(sternum_back(w)) - 5.0, w) for w, _ in rows])
    way += pen.rng.normal(0, 0.8, 3)
    tube = curve(way, np.array([r for _, r in rows]) * p.scale[0], flat=3.7)
    return hollow("sternum", tube, 0.9)


def ribs(pen: Pen, column: list[Vertebra]) -> list[Part]:
    """Twelve ribs a side and the cartilages of the first ten, calcified in some."""
    thoracic = [v for v in column if v.name[0] == "T"]
    parts: list[Part] = []
    for side, word in ((-1, "right"), (1, "left")):
        ends = []
        for n, vertebra in enumerate(thoracic):
            way, end = _rib(pen, side, n, vertebra)
            ends.append(end)
            thick = pen.between(3.3, 3.9) * (1.15 if 0 < n < 10 else 0.95)
            for up in (-1, 1):  # two rods one over the other: a rib is twice as high as it is thick
                rod = Tube(np.add(way, (0, 0, up * (2.5 if n else 1.0))), np.full(len(way), thick))
                parts += hollow("rib", rod, 1.2, f"rib_{word}_{n + 1}")
        parts += _cartilages(pen, side, ends)
    bone = [p for p in parts if p.tissue is Tissue.BONE]
    return [
        *(p for p in parts if p.tissue is Tissue.CARTILAGE),
        *bone,
        *(p for p in parts if p.tissue is Tissue.MARROW),
    ]


def _rib(pen: Pen, side: int, n: int, v: Vertebra) -> tuple[Floats, Floats]:
    """A rib's way from its head to its cartilage in the world, and its front end in the template."""
    p = pen.person
    wide = float(v.radii[0])
    start = [v.at(side * (wide + 1), -8, 0.9 * v.radii[2]), v.at(side * 26, 5, 0.3 * v.radii[2])]
    first = float((v.canal[2] - p.carina[2]) / p.scale[2])
    last = first - _FALL[n]
    t = np.linspace(0, 1, 22)
    half = cavity_section(p, last)[0]
    front = (0.0, 0.55)[n - 10] if n > 9 else -np.arccos(min(_FRONT[n] / (half + 6), 0.98))
    angle = 1.08 + t * (front - 1.08)
    w = first - 3 - (_FALL[n] - 3) * t**1.15
    way = np.array([_on_wall(p, side, an, h) for an, h in zip(angle, w, strict=True)])
    return curve(np.vstack([start, p.world(way)]), 1.0, 7.0).points, way[-1]


def _on_wall(p: Habitus, side: int, angle: float, w: float) -> tuple[float, float, float]:
    """Template place 6 mm outside the cavity; ``angle`` from the side (0) to the back."""
    a, b, c = cavity_section(p, w)
    cos, sin = np.cos(angle), np.sin(angle)
    rho = ((abs(cos) / (a + 6)) ** 2.35 + (abs(sin) / (b + 6)) ** 2.35) ** (-1 / 2.35)
    y = c + rho * sin - float(p.bent(w)) * np.clip((c + rho * sin + 20) / 60, 0, 1)
    return (side * rho * cos, float(y), w)


def _cartilages(pen: Pen, side: int, ends: list[Floats]) -> list[Part]:
    """Ribs 1 to 7 reach the sternum, 8 to 10 each the cartilage above."""
    p, rng = pen.person, pen.rng
    notch = p.notch / p.scale[2]
    seats = np.interp(np.arange(7), (0, 1, 6), (notch - 16, 0.3 * notch, -88))
    parts: list[Part] = []
    above = None
    for n, end in enumerate(ends[:10]):
        if n < 7:
            seat = np.array([side * (24 if n == 0 else 15), float(sternum_back(seats[n])) - 4, seats[n]])
        else:
            assert above is not None
            seat = above
        middle = 0.5 * (end + seat) + (0, -2 if n < 6 else 2, -6 if n > 3 else 0)
        tube = curve(p.world([end, middle, seat]), [5.2, 5.2, 4.8], 3.0)
        above = middle
        parts.append(Part("costal_cartilage", Tissue.CARTILAGE, tube, organ="costal_cartilages"))
        for at in tube.points[rng.random(len(tube.points)) < 0.55 * p.calcified]:
            place = at + rng.normal(0, 2.2, 3)
            parts.append(Part("calcified", Tissue.BONE, ball(place, rng.uniform(1, 3, 3)), organ="costal_cartilages"))
    return parts
