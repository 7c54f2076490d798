"""Outline of the trunk with the fat under the skin, its muscles, the cavity, diaphragm, and what shows of the chest.

Template of the whole package: LPS mm, the origin in the midline at the height of the iliac crests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.draw.sections import Cut, Within
from nodewise.phantom.geometry import Tissue

LOW_MM, HIGH_MM = -118.0, 182.0
_VISCERAL_MM = 14.0

# z, x, y, half width, half depth: without the fat under the skin.
_TRUNK = [
    (-140, 0, 6, 152, 94), (-60, 0, 3, 147, 93), (-10, 0, 0, 139, 92), (40, 0, 0, 135, 92), (100, 0, 0, 138, 96),
    (160, 0, 0, 142, 99), (210, 0, 0, 142, 99),
]  # fmt: skip
_CAVITY = [
    (-140, 0, -12, 114, 72), (-60, 0, -13, 121, 73), (-10, 0, -11, 120, 75), (40, 0, -9, 117, 77),
    (100, 0, -4, 124, 85), (160, 0, -2, 129, 89), (210, 0, -2, 129, 89),
]  # fmt: skip
_LUNGS = [
    (84, 0, 76, 96, 4), (100, 0, 60, 114, 22), (125, 0, 34, 124, 52), (150, 0, 2, 129, 86), (210, 0, -2, 129, 89),
]  # fmt: skip


def _swollen(rows: Sequence[tuple[float, ...]], visceral: float) -> list[tuple[float, ...]]:
    """Sections widened, mostly forwards, by fat within."""
    grow = _VISCERAL_MM * (visceral - 0.5)
    return [(z, x, y - 0.6 * grow, a + grow, b + 0.6 * grow) for z, x, y, a, b in rows]


def outline(brush: Brush, visceral: float) -> Piece:
    """The trunk inside the fat under its skin; ``visceral`` 0 to 1."""
    return brush.stack("trunk", Tissue.MUSCLE, _swollen(_TRUNK, visceral), power=2.5, loose=0)


def hollow(brush: Brush, visceral: float) -> Piece:
    """The cavity, filled with fat."""
    return brush.stack("", Tissue.FAT, _swollen(_CAVITY, visceral), power=2.35, loose=0)


def shell(brush: Brush, trunk: Piece, cavity: Piece, visceral: float) -> list[Piece]:
    """Skin, fat, the muscle layers of the flanks, the cavity, lung above the diaphragm."""
    muscle, soft = Tissue.MUSCLE, Tissue.FAT
    fat = brush.frame.fat
    low, high = (float(brush.world((0, 0, z))[2]) for z in (-45, 85))
    lungs = brush.stack(
        "lung_lower_lobe_right", Tissue.LUNG, _swollen(_LUNGS, visceral), power=2.35, only=(soft,), loose=0
    )
    middle = float(brush.world((0, 0, 150))[0])
    left = Piece("lung_lower_lobe_left", Tissue.LUNG, Cut(lungs.shape, 0, middle, beyond=True), (Tissue.LUNG,))
    layers = []
    for n, depth in enumerate((5.4, 6.2, 10.8, 11.6)):
        belt = Cut(Cut(trunk.shape, 2, high + depth), 2, low - depth, beyond=True)
        layers.append(Piece("", (soft, muscle)[n % 2], belt, (), -depth))
    return [
        Piece("", muscle, trunk.shape, (), fat + 1.8),
        Piece("", soft, trunk.shape, (), fat),
        trunk,
        *layers,
        *_back(brush, trunk, visceral),
        cavity,
        lungs,
        left,
        *_diaphragm(brush),
    ]


def _diaphragm(brush: Brush) -> list[Piece]:
    """Domes, crura, and the fat that surrounds heart, aorta and oesophagus above them."""
    rise = brush.rng.normal(0, 6, 2)
    domes = [
        brush.ball("", Tissue.FAT, (-63, -2, 76 + rise[0]), (80, 95, 97), loose=0, only=(Tissue.LUNG,)),
        brush.ball("", Tissue.FAT, (64, -2, 70 + rise[1]), (74, 92, 90), loose=0, only=(Tissue.LUNG,)),
        brush.ball("", Tissue.FAT, (0, -6, 84), (64, 90, 74), loose=0, only=(Tissue.LUNG,)),
        brush.tube("", Tissue.FAT, [(4, 24, 100), (6, 22, 150), (6, 24, 210)], 24, only=(Tissue.LUNG,)),
    ]
    heart = brush.ball("heart", Tissue.HEART, (20, -34, 206), (54, 44, 36), tilt=(0, 18, 0))
    return [
        *domes,
        *(Piece("diaphragm", Tissue.MUSCLE, d.shape, (Tissue.LUNG,), 2.6) for d in domes[:3]),
        Piece("", Tissue.FAT, heart.shape, (Tissue.LUNG,), 5.0),
        Piece("pericardium", Tissue.PERICARDIUM, heart.shape, (Tissue.LUNG, Tissue.FAT), 1.2),
        heart,
    ]


def _back(brush: Brush, trunk: Piece, visceral: float) -> list[Piece]:
    """Erector spinae and rectus abdominis of both sides."""
    m = Tissue.MUSCLE
    front = 1.2 * _VISCERAL_MM * (visceral - 0.5)
    straight = [(z, x, y - front, *rest) for z, x, y, *rest in _RECTUS]
    parts = []
    for side in (-1, 1):
        b = brush.sided(side)
        rectus = b.stack("rectus_abdominis", m, straight, power=2.6, rim=1.0)
        parts += [
            b.stack("autochthon", m, _ERECTOR, power=2.3, rim=1.2, lobes=0.03),
            b.stack("autochthon", m, _MULTIFIDUS, rim=0.5, lobes=0.03),
            b.stack("gluteus_maximus", m, _GLUTEUS_MAXIMUS, rim=1.4),
            b.stack("gluteus_medius", m, _GLUTEUS_MEDIUS, rim=1.4),
            replace(rectus, shape=Within(rectus.shape, trunk.shape, 1.2)),
        ]
    return parts


# z, x, y, half length, half width, turn in degrees.
_ERECTOR = [
    (-120, 26, 104, 18, 8, -10), (-60, 34, 84, 24, 14, -14), (0, 38, 72, 25, 18, -10), (60, 38, 70, 26, 18, -8),
    (120, 34, 76, 24, 15, -8), (210, 28, 82, 20, 12, -6),
]  # fmt: skip
_MULTIFIDUS = [(-120, 12, 96, 9, 9, 0), (-60, 14, 84, 11, 14, 0), (20, 13, 74, 10, 14, 0), (210, 10, 80, 8, 11, 0)]
_GLUTEUS_MAXIMUS = [(-140, 78, 88, 46, 15, -28), (-90, 72, 92, 30, 11, -30), (-50, 66, 94, 10, 5, -30)]
_GLUTEUS_MEDIUS = [(-140, 124, 22, 42, 14, 116), (-80, 117, 30, 46, 14, 120), (-24, 114, 38, 26, 7, 122)]
_RECTUS = [
    (-140, 22, -83, 20, 6.5, 4), (-40, 32, -85, 30, 6, 5), (60, 36, -86, 33, 5.5, 6), (130, 34, -92, 31, 4.5, 5),
]  # fmt: skip


def deep_muscles(b: Brush) -> list[Piece]:
    """Psoas with iliacus, quadratus lumborum and crus of one side, painted over the fat of the cavity."""
    m = Tissue.MUSCLE
    crus = [(6, 14, 150), (12, 20, 120), (13, 24, 85), (9, 24, 58)]
    return [
        b.stack("quadratus_lumborum", m, _QUADRATUS, lobes=0.04, rim=0.6),
        b.stack("iliopsoas", m, _ILIACUS, rim=0.6),
        b.stack("iliopsoas", m, _PSOAS, lobes=0.04, rim=0.8),
        b.tube("diaphragm", m, crus, [3.5, 5, 4.5, 2.5], flat=0.6, loose=0.5),
    ]


_QUADRATUS = [(-8, 80, 56, 14, 7, 20), (30, 72, 56, 17, 8.5, 16), (80, 60, 58, 15, 7, 12), (118, 50, 62, 10, 4, 10)]
_PSOAS = [
    (-140, 66, -26, 15, 15, 0), (-100, 64, -8, 18, 16, 0), (-60, 54, 14, 22, 17, 30), (0, 44, 32, 22, 17, 60),
    (50, 37, 36, 15, 13, 70), (110, 29, 44, 6, 5, 70),
]  # fmt: skip
_ILIACUS = [(-140, 92, -8, 34, 11, 118), (-80, 87, 26, 44, 9, 121), (-30, 88, 34, 36, 6, 122), (-8, 92, 34, 18, 3, 122)]
