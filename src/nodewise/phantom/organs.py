"""Airway, heart, oesophagus, thymus and thyroid as shapes in the world, placed about the carina."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.pen import Part, Pen, pushed
from nodewise.phantom.shapes import Tube, ball, curve


def airway(pen: Pen) -> list[Part]:
    """Trachea, main and lobar bronchi, with walls; the carina lies near the template's origin."""
    p = pen.person
    t, b = p.trachea, p.bronchus
    lobar = 0.72 * b
    top = pen.way([(0, -36, 132), (0, -31, 100), (1, -22, 66)], 0.8)
    trachea = np.vstack([top, p.world([(0.5, -11, 30), (0, -1.5, 6)])])
    right = np.vstack([p.world([(-1, -1, 7)]), pen.way([(-13, 3, -14), (-21, 5, -27), (-26, 5, -46)], 0.5)])
    left = np.vstack([p.world([(1, -1, 7)]), pen.way([(13, 4, -7), (27, 10, -19), (37, 14, -30)], 0.5)])
    r_up, r_mid, l_end = right[1] + (-2, 1, -1), right[3], left[3]
    size = p.scale
    ways = {
        "trachea": (trachea, [t, t, t, t, t * 0.97]),
        "right_main": (right[:3], [b * 1.02, b * 1.06, b * 0.86]),
        "intermediate": (right[2:], [b * 0.86, b * 0.8]),
        "left_main": (left, [b * 1.0, b * 0.98, b * 0.93, b * 0.9]),
        "right_upper": (
            np.array([r_up, r_up + size * (-14, 3, 3), r_up + size * (-26, 0, 12)]),
            [lobar, lobar * 0.9, 2.6],
        ),
        "right_middle": (
            np.array([r_mid, r_mid + size * (-9, -16, -9), r_mid + size * (-18, -34, -20)]),
            [lobar * 0.8, 3, 2],
        ),
        "right_lower": (
            np.array([r_mid, r_mid + size * (-5, 8, -18), r_mid + size * (-14, 22, -44)]),
            [lobar, lobar * 0.9, 2.6],
        ),
        "left_upper": (
            np.array([l_end, l_end + size * (9, -8, 1), l_end + size * (18, -24, 14)]),
            [lobar, lobar * 0.9, 2.5],
        ),
        "left_lower": (
            np.array([l_end, l_end + size * (3, 6, -16), l_end + size * (12, 18, -44)]),
            [lobar, lobar * 0.9, 2.6],
        ),
    }
    wall = pen.between(0.9, 1.7)
    return [
        Part(n, Tissue.AIRWAY_LUMEN, curve(w, r, 2.5), Tissue.AIRWAY_WALL, wall if n in _CENTRAL else wall * 0.8)
        for n, (w, r) in ways.items()
    ]


_CENTRAL = ("trachea", "right_main", "left_main", "intermediate")


def heart(pen: Pen) -> list[Part]:
    """Muscle and the four chambers; the apex points left, forward and down."""
    p = pen.person
    grow = pen.between(0.9, 1.15)
    axis = np.array([0.66, -0.52, -0.54])
    axis = axis / np.linalg.norm(axis)
    side = np.cross(axis, (0, 0, 1.0))
    side /= np.linalg.norm(side)
    turn = np.column_stack([axis, side, np.cross(axis, side)])

    def chamber(
        name: str, tissue: Tissue, at: tuple[float, float, float], radii: tuple[float, float, float], turned: bool
    ) -> Part:
        r = np.asarray(radii) * grow * p.scale.mean()
        return Part(name, tissue, ball(pen.way([at], 0.8)[0], r, turn if turned else None))

    return [
        chamber("heart_body", Tissue.HEART, (14, -36, -82), (56, 38, 36), True),
        chamber("left_ventricle_wall", Tissue.HEART, (40, -34, -92), (46, 31, 31), True),
        chamber("right_ventricle", Tissue.HEART_RIGHT, (14, -58, -88), (38, 18, 26), True),
        chamber("right_atrium", Tissue.HEART_RIGHT, (-25, -34, -74), (21, 24, 30), False),
        chamber("left_ventricle", Tissue.HEART_LEFT, (38, -34, -91), (36, 20, 20), True),
        chamber("left_atrium", Tissue.HEART_LEFT, (4, -8, -54), (30, 17, 20), False),
    ]


def oesophagus(pen: Pen, obstacles: Sequence[Part] = ()) -> list[Part]:
    """A collapsed oval behind trachea and left atrium, squeezed between ``obstacles``, with air here and there."""
    p = pen.person
    width, depth = pen.between(5, 9), pen.between(3, 5.2)
    half = np.array([p.trachea + 2, 0, 0])
    behind = float(half[0]) / p.scale[1] + depth + 1
    way = pen.way(
        [
            (4, -36 + behind, 132),
            (5, -31 + behind, 100),
            (6, -22 + behind, 66),
            (7, -9 + behind, 30),
            (7, 14, 2),
            (7, 17, -25),
            (6, 17, -55),
            (8, 16, -85),
            (12, 8, -120),
            (18, -2, -150),
        ],
        0.8,
    )
    bulge = pen.rng.uniform(0.85, 1.2, len(way))
    body = curve(way, width * bulge, flat=width / depth)
    whole = pushed(Part("oesophagus", Tissue.OESOPHAGUS, body), obstacles, 0.3)
    assert isinstance(whole.shape, Tube)
    body, parts = whole.shape, [whole]
    for _ in range(int(pen.rng.integers(0, 5))):
        n = len(body.points)
        start = int(pen.rng.integers(2, n - 12))
        piece = slice(start, start + int(pen.rng.integers(3, 11)))
        r = body.radii[piece] * pen.between(0.2, 0.55)
        off = pen.rng.normal(0, 0.8, 3) * (1, 0.5, 0)
        parts.append(
            Part("oesophagus_air", Tissue.OESOPHAGUS_AIR, Tube(body.points[piece] + off, r, flat=pen.between(1, 1.6)))
        )
    return parts


def front(pen: Pen) -> list[Part]:
    """Thymus (in many people only streaks of it) and thyroid."""
    p = pen.person
    parts = []
    if pen.rng.random() < 0.65:
        z = (p.arch_top - 18) / p.scale[2]
        tall, thick = pen.between(16, 34), pen.between(2.0, 7)
        for side in (-1, 1):
            at = pen.way([(2 + side * 9, -66, z - 4)], 1.2)[0]
            tilt = np.deg2rad(side * pen.between(15, 40))
            c, s = np.cos(tilt), np.sin(tilt)
            axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
            parts.append(Part("thymus", Tissue.THYMUS, ball(at, (pen.between(8, 15), thick, tall), axes)))
    for side in (-1, 1):
        at = pen.way([(side * 19, -30, 120)], 0.8)[0]
        parts.append(
            Part("thyroid", Tissue.THYROID, ball(at, (pen.between(6, 9), pen.between(8, 11), pen.between(16, 26))))
        )
    return parts
