"""Vertebrae with their processes, discs and canal.

Heights of the bodies after Panjabi et al., Spine 1991;16:888 (thoracic vertebrae), widths as on four real chest CTs;
the carina lies before T5.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Drum, Floats, Tube, curve
from nodewise.phantom.geometry import Tissue

LEVELS = ("C4", "C5", "C6", "C7", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1")
_HEIGHT = (146, 131, 115.5, 99, 81, 61, 40, 18.5, -3.5, -26, -49, -72.5, -96.5, -121.5, -147.5, -174.5, -203)
_WIDTH = (11, 11.5, 12.5, 14, 15.5, 15.3, 15, 15, 15.2, 15.6, 16.2, 16.8, 17.4, 18, 19, 20.4, 21.5)  # halves
_DEPTH = (8, 8, 8.5, 9, 9.6, 10.6, 11.8, 12.6, 13.2, 13.8, 14.4, 15, 15.4, 15.8, 16.2, 16.6, 17)
_CANAL = ((-215, 56), (-175, 60), (-80, 63), (-30, 62), (0, 59.5), (30, 53), (60, 42), (90, 26), (128, 10), (150, 6))
_CANAL_MM = 8.0


def canal_line(w: Floats) -> Floats:
    """Template y of the canal's centre at template heights ``w``, without the person's kyphosis."""
    table = np.array(_CANAL, float)
    return np.asarray(np.interp(w, table[:, 0], table[:, 1]))


@dataclass(frozen=True, slots=True, eq=False)
class Vertebra:
    """One vertebra's place in the world.

    Attributes:
        name: its level, such as ``T5``. centre: of the body. canal: centre of the canal at that height.
        axes: 3×3, unit vectors to the left, to the back and upwards, in columns.
        radii: half width, depth and height of the body, mm.
    """

    name: str
    centre: Floats
    canal: Floats
    axes: Floats
    radii: Floats

    def at(self, left: float, back: float, up: float) -> Floats:
        """World place by mm from the canal's centre."""
        return np.asarray(self.canal + self.axes @ (left, back, up))


def vertebrae(pen: Pen) -> list[Vertebra]:
    """The column from C4 to L1, with a little scoliosis."""
    p = pen.person
    w = np.array(_HEIGHT, float)
    sway = np.interp(w, (-205, -60, 40, 146), pen.rng.normal(0, 1.8, 4))
    canal = p.world(np.column_stack([sway, canal_line(w), w]))
    size = float(p.scale[:2].mean())
    tangent = np.gradient(canal, axis=0)
    found = []
    for n, name in enumerate(LEVELS):
        up = -tangent[n] / np.linalg.norm(tangent[n])
        left = p.world([(1, 0, 0)])[0] - p.world([(0, 0, 0)])[0]
        left = left - (left @ up) * up
        left /= np.linalg.norm(left)
        axes = np.column_stack([left, np.cross(up, left), up])
        pitch = float(np.linalg.norm(canal[min(n + 1, len(w) - 1)] - canal[max(n - 1, 0)]))
        pitch /= 2 if 0 < n < len(w) - 1 else 1
        radii = np.array([_WIDTH[n] * size, _DEPTH[n] * size, 0.5 * pitch * (0.74 if name[0] == "C" else 0.82)])
        centre = canal[n] - axes[:, 1] * (_CANAL_MM - 1.0 + radii[1])
        found.append(Vertebra(name, centre, canal[n], axes, radii))
    return found


def spine(pen: Pen, column: list[Vertebra]) -> list[Part]:
    """Bodies, arches and processes as bone with marrow inside, discs, and the canal with fat about the cord."""
    worn = pen.between(0.45, 1.0)
    parts: list[Part] = []
    for upper, lower in pairwise(column):
        parts.append(_disc(upper, lower, worn))
    for v in column:
        parts += _vertebra(pen, v)
    line = np.array([v.canal for v in column])
    r = float(pen.person.scale[0]) * (_CANAL_MM - 0.3)
    forward = np.array([0, -0.9, 0])
    return [
        *parts,
        Part("epidural_fat", Tissue.FAT, curve(line, r)),
        Part("dural_sac", Tissue.SPINAL_CANAL, curve(line + forward, r - 1.4), organ="spinal_cord"),
    ]


def _disc(upper: Vertebra, lower: Vertebra, worn: float) -> Part:
    middle, gap = 0.5 * (upper.centre + lower.centre), float(np.linalg.norm(upper.centre - lower.centre))
    radii = 0.5 * (upper.radii + lower.radii)
    radii[2] = max(0.5 * gap - radii[2] + 0.6, 1.2)
    return Part("disc", Tissue.CARTILAGE, Drum(middle, lower.axes, radii * (0.99, 0.99, 0.6 + 0.4 * worn)))


def _vertebra(pen: Pen, v: Vertebra) -> list[Part]:
    """One vertebra; what stands behind slopes down most in mid-chest."""
    organ, size = f"vertebrae_{v.name}", float(v.radii[1]) / 12
    cortex = np.array([1.0, 1.0, 1.1])
    body = Drum(v.centre, v.axes, v.radii, 0.09)
    parts = [Part("vertebra", Tissue.BONE, body, organ=organ)]
    inner = Part("vertebra", Tissue.MARROW, Drum(v.centre, v.axes, v.radii - cortex, 0.09), organ=organ)
    neck, low = v.name[0] == "C", v.name in ("T11", "T12", "L1")
    slope = 0.35 if neck or low else float(np.interp(v.canal[2] - pen.person.carina[2], (-130, -50, 90), (0.6, 1, 0.5)))
    long, wide = (17.0, 22.0) if neck else (18.0 + 5 * size, 24.0 if low else 27.0 + 4 * size)
    rods = [(v.at(0, 10.5, -3), v.at(0, 12 + long, -3 - slope * 0.8 * long), 3.1, 4.0)]
    up = 0.15 * float(v.radii[2])
    for side in (-1, 1):
        waist = side * 0.72 * float(v.radii[0])
        rods += [
            (v.at(waist, -_CANAL_MM, up), v.at(side * 11.5, 1, up - 1), 4.0, 4.2),
            (v.at(side * 11.5, 1, up), v.at(side * 1.5, 11.5, -5), 3.2, 3.0),
            (v.at(side * 12, 2, 0), v.at(side * wide, 2 + (4.0 if neck else 0.42 * wide), 2), 4.4, 4.6),
            (v.at(side * 11.5, 3, v.radii[2] * 0.9), v.at(side * 11.5, 3.5, -v.radii[2] * 0.9), 3.4, 3.4),
        ]
    scale = max(size, 0.75) ** 0.5
    for a, b, ra, rb in rods:
        parts.append(Part("vertebra", Tissue.BONE, Tube(np.array([a, b]), np.array([ra, rb]) * scale), organ=organ))
    for a, b, ra, rb in rods:
        thin = np.maximum(np.array([ra, rb]) * scale - 1.5, 0.6)
        parts.append(Part("vertebra", Tissue.MARROW, Tube(np.array([a, b]), thin), organ=organ))
    return [*parts, inner]


def as_tube(column: list[Vertebra]) -> Part:
    """The bodies as one tube, to keep other organs off it."""
    r = np.array([v.radii[0] for v in column])
    flat = float(np.mean([v.radii[0] / v.radii[1] for v in column]))
    return Part("vertebral_column", Tissue.BONE, Tube(np.array([v.centre for v in column]), r, flat))
