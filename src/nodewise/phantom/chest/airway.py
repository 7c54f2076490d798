"""Trachea with its rings, main and lobar bronchi, and the bronchi of the segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Floats, Tube, curve
from nodewise.phantom.geometry import Tissue

CENTRAL = {
    "trachea": "trachea",
    "right_main": "main_bronchus_right",
    "left_main": "main_bronchus_left",
    "intermediate": "bronchus_intermedius",
}
"""Organ of each central airway."""

LOBAR = ("right_upper", "right_middle", "right_lower", "left_upper", "left_division", "lingular", "left_lower")

SEGMENTS: Mapping[str, tuple[str, tuple[float, float, float]]] = {
    "R1": ("right_upper", (-50, 5, 62)), "R2": ("right_upper", (-78, 42, 18)), "R3": ("right_upper", (-72, -50, 5)),
    "R4": ("right_middle", (-95, -35, -60)), "R5": ("right_middle", (-62, -70, -70)),
    "R6": ("right_lower", (-68, 58, -38)), "R7": ("right_lower", (-45, 0, -100)),
    "R8": ("right_lower", (-88, -28, -108)),
    "R9": ("right_lower", (-98, 24, -112)), "R10": ("right_lower", (-62, 58, -122)),
    "L1": ("left_division", (55, 14, 62)), "L2": ("left_division", (80, 42, 22)), "L3": ("left_division", (76, -50, 8)),
    "L4": ("lingular", (98, -42, -50)), "L5": ("lingular", (84, -68, -76)),
    "L6": ("left_lower", (68, 58, -38)), "L8": ("left_lower", (94, -20, -108)), "L9": ("left_lower", (100, 26, -113)),
    "L10": ("left_lower", (62, 58, -120)),
}  # fmt: skip
"""Lobar bronchus of each bronchopulmonary segment, and where in the template the segment ends."""


def airway(pen: Pen) -> list[Part]:
    """Trachea, main and lobar bronchi, with walls; the carina lies near the template's origin."""
    p = pen.person
    t, b = p.trachea, p.bronchus
    lobar = 0.72 * b
    top = pen.way([(0, -36, 134), (0, -32, 100), (1, -22, 66)], 0.8)
    trachea = np.vstack([top, p.world([(0.5, -10, 30), (0, -1.5, 6)])])
    right = np.vstack([p.world([(-1, -1, 7)]), pen.way([(-13, 3, -12), (-22, 6, -27), (-26, 6, -47)], 0.5)])
    left = np.vstack([p.world([(1, -1, 7)]), pen.way([(13, 4, -7), (27, 10, -19), (38, 14, -30)], 0.5)])
    r_up, r_mid, l_end = 0.6 * right[1] + 0.4 * right[2], right[3], left[3]
    size = p.scale

    def branch(start: Floats, *steps: tuple[float, float, float]) -> Floats:
        return np.vstack([start, *(start + size * s for s in steps)])

    upper = branch(l_end, (7, -6, 2), (11, -11, 4))
    ways = {
        "trachea": (trachea, [t, t, t, t, t * 0.97]),
        "right_main": (right[:3], [b * 1.02, b * 1.06, b * 0.88]),
        "intermediate": (right[2:], [b * 0.86, b * 0.8]),
        "left_main": (left, [b * 1.0, b * 0.98, b * 0.92, b * 0.86]),
        "right_upper": (branch(r_up, (-9, 1, 2), (-17, 1, 5)), [lobar, lobar * 0.95, 3.2]),
        "right_middle": (branch(r_mid, (-8, -12, -7), (-14, -24, -13)), [lobar * 0.8, 3.2, 2.6]),
        "right_lower": (branch(r_mid, (-4, 7, -14), (-9, 12, -29)), [lobar, lobar * 0.95, 3.2]),
        "left_upper": (upper, [lobar, lobar, lobar * 0.9]),
        "left_division": (branch(upper[-1], (4, -4, 6), (7, -6, 12)), [lobar * 0.85, 3.4, 2.8]),
        "lingular": (branch(upper[-1], (4, -7, -5), (8, -15, -12)), [lobar * 0.75, 3.0, 2.4]),
        "left_lower": (branch(l_end, (3, 6, -14), (9, 12, -30)), [lobar, lobar * 0.95, 3.2]),
    }
    wall = pen.between(0.9, 1.6)
    parts = []
    for name, (way, radii) in ways.items():
        thick = wall if name in CENTRAL else wall * 0.75
        organ = CENTRAL.get(name, "lobar_bronchi")
        parts.append(Part(name, Tissue.AIRWAY_LUMEN, curve(way, radii, 2.5), Tissue.AIRWAY_WALL, thick, organ))
    return parts


def segmental(pen: Pen, air: Sequence[Part]) -> list[Part]:
    """Bronchi of the segments, named as these; they start where their lobar bronchus ends."""
    ways = {p.name: p.shape for p in air}
    parts = []
    for name, (lobe, end) in SEGMENTS.items():
        lobar = ways[lobe]
        assert isinstance(lobar, Tube)
        goal = pen.way([end], 3.0)[0]
        start = lobar.points[-1] if name not in ("R6", "L6") else lobar.points[len(lobar.points) // 2]
        heading = lobar.points[-1] - lobar.points[-3]
        bend = start + 0.3 * (goal - start) + 0.8 * heading + pen.rng.normal(0, 2, 3)
        way = curve([start, bend, start + 0.72 * (goal - start), goal], [2.6, 1.6, 0.7, 0.4], 4.0)
        parts.append(Part(name, Tissue.AIRWAY_LUMEN, way, Tissue.AIRWAY_WALL, 0.7, "lobar_bronchi"))
    return parts


def rings(pen: Pen, air: Sequence[Part]) -> list[Part]:
    """Cartilages of trachea and main bronchi, open at the back and some of them calcified; painted into the wall."""
    parts = []
    bone = pen.person.calcified * pen.between(0.2, 0.9)
    for part in air:
        if part.name not in ("trachea", "right_main", "left_main"):
            continue
        tube = part.shape
        assert isinstance(tube, Tube)
        arc = np.deg2rad(np.linspace(-215, 35, 13))
        for at in range(1, len(tube.points) - 1, 2):
            along = tube.points[at + 1] - tube.points[at - 1]
            along /= np.linalg.norm(along)
            across = np.cross((0, 1.0, 0), along)
            across /= np.linalg.norm(across)
            back = np.cross(along, across)
            r = tube.radii[at] + 0.5 * part.wall_mm
            way = tube.points[at] + r * (np.cos(arc)[:, None] * across + np.sin(arc)[:, None] * back)
            tissue = Tissue.BONE if pen.rng.random() < bone else Tissue.CARTILAGE
            rod = Tube(way, np.full(len(way), 0.5 * part.wall_mm + 0.35))
            parts.append(Part("ring", tissue, rod, organ=part.organ))
    return parts
