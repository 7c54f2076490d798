"""Lumbar and lower thoracic spine, sacrum, iliac wings and the lower ribs: bone with marrow inside."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.draw.brush import Brush, Piece, with_marrow
from nodewise.phantom.geometry import Tissue

# Height of each vertebral body's centre, and y of the column's middle by height.
BODIES = {"L5": -34, "L4": 0, "L3": 35, "L2": 69, "L1": 102, "T12": 134, "T11": 163, "T10": 190}
_COLUMN = np.array([(-66, 57), (-34, 44), (0, 37), (35, 35), (69, 38), (102, 42), (134, 47), (163, 50), (210, 50)])


def column(z: float) -> float:
    """Template y of the middle of the vertebral bodies at template height ``z``."""
    return float(np.interp(z, _COLUMN[:, 0], _COLUMN[:, 1]))


def skeleton(brush: Brush) -> list[Piece]:
    """Every bone, and the spinal canal."""
    parts: list[Piece] = []
    for name, z in BODIES.items():
        parts += _vertebra(brush, f"vertebrae_{name}", float(z))
    sacrum = [
        (-140, 0, 98, 34, 10),
        (-118, 0, 90, 44, 15),
        (-92, 0, 76, 52, 20),
        (-66, 0, 60, 50, 20),
        (-54, 0, 52, 27, 17),
    ]
    parts += with_marrow(brush.stack("sacrum", Tissue.BONE, sacrum, power=2.4, loose=0.3), 1.6)
    canal = [(0, column(z) + 26, z) for z in (-60, -20, 20, 60, 100, 150, 210)]
    parts.append(brush.tube("", Tissue.SPINAL_CANAL, canal, [9, 11, 11, 11, 10.5, 9.5, 9], flat=1.3, loose=0.2))
    parts.append(brush.tube("spinal_cord", Tissue.SPINAL_CANAL, canal[4:], 5.2, flat=1.2, loose=0.2))
    for side in (-1, 1):
        b = brush.sided(side)
        wing = [
            (-140, 104, 6, 38, 6, 119), (-100, 98, 22, 50, 6, 120), (-60, 95, 32, 56, 5.5, 121),
            (-20, 96, 38, 44, 5.5, 122), (-4, 98, 40, 26, 6, 122), (2, 98, 40, 14, 4, 122),
        ]  # fmt: skip
        parts += with_marrow(b.stack("hip", Tissue.BONE, wing, power=2.4, loose=0.4), 1.5)
        parts += _ribs(b)
    return parts


def _vertebra(brush: Brush, name: str, z: float) -> list[Piece]:
    """Body, pedicles, arch and processes of one vertebra, and the disc below it."""
    y = column(z)
    wide = float(np.interp(z, (-34, 102, 190), (26, 22, 17.5)))
    deep, half = 0.7 * wide + 0.5, float(np.interp(z, (-34, 102, 190), (13, 12.5, 10.5)))
    tilt = 0.03 if z > 60 else -0.05
    body = [
        (z - half, 0, y - tilt * half, wide, deep), (z - half + 3, 0, y, wide * 0.95, deep * 0.96),
        (z, 0, y, wide * 0.88, deep * 0.93), (z + half - 3, 0, y, wide * 0.95, deep * 0.96),
        (z + half, 0, y + tilt * half, wide, deep),
    ]  # fmt: skip
    below = column(z - half - 5)
    disc = [(z - half - 10, 0, below + 0.5, wide * 0.97, deep * 0.98), (z - half, 0, y, wide * 0.97, deep * 0.98)]
    bone = Tissue.BONE
    parts = [
        brush.stack("", Tissue.CARTILAGE, disc, power=2.5, loose=0.2),
        *with_marrow(brush.stack(name, bone, body, power=2.5, loose=0.2), 1.6),
        brush.tube(name, bone, [(0, y + 38, z - 2), (0, y + 46, z - 8), (0, y + 58, z - 14)], [4, 5, 5], flat=0.7),
    ]
    for side in (-1, 1):
        b = brush.sided(side)
        parts += [
            b.tube(
                name, bone, [(wide * 0.62, y + deep - 2, z + 4), (wide * 0.68, y + deep + 12, z + 3)], 5.5, loose=0.2
            ),
            b.tube(
                name,
                bone,
                [(wide * 0.7, y + deep + 12, z), (9, y + 38, z - 4), (0, y + 40, z - 5)],
                [5.5, 4, 4],
                loose=0.2,
            ),
            b.tube(
                name, bone, [(wide * 0.7, y + deep + 10, z + 2), (wide + 22, y + deep + 14, z + 6)], [4.5, 3], loose=0.5
            ),
            b.ball(name, bone, (wide * 0.75, y + deep + 15, z - 14), (6.5, 7, 9), loose=0.3),
        ]
    return parts


def _ribs(b: Brush) -> list[Piece]:
    """Ribs 7 to 12 of one side, and the costal margin."""
    parts: list[Piece] = []
    word = "left" if b.side > 0 else "right"
    for number, top, end in ((12, 132, 25), (11, 160, -5), (10, 188, -38), (9, 214, -52), (8, 240, -60), (7, 266, -64)):
        angle = np.deg2rad(np.linspace(68, end, 14))
        fall = (68 - np.rad2deg(angle)) * 0.58
        way = [(128 * np.cos(t), 2 + 88 * np.sin(t), top - f) for t, f in zip(angle, fall, strict=True)]
        parts += with_marrow(b.tube(f"rib_{word}_{number}", Tissue.BONE, way, 4.8, loose=0.6), 1.5)
        if number < 11:
            x, y, z = way[-1]
            margin = [(x, y, z), (x - 18, y - 7, z + 4), (max(x - 52, 14), -92, z + 44)]
            parts.append(b.tube("costal_cartilages", Tissue.CARTILAGE, margin, 5, loose=0.3))
    return parts
