"""Outline of head, neck and shoulders with the fat under the skin, and the muscles of the neck.

Template of the whole package: LPS mm, the origin in the airway at the lower border of the cricoid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.draw.sections import Cut, Stack
from nodewise.phantom.geometry import Tissue

LOW_MM, HIGH_MM = -92.0, 136.0

# z, x, y, half width, half depth: without the fat under the skin.
_NECK = [
    (-64, 0, 36, 60, 56), (-20, 0, 36, 59, 60), (20, 0, 36, 57, 60), (60, 0, 35, 58, 60), (90, 0, 34, 64, 66),
    (120, 0, 32, 70, 73), (150, 0, 30, 72, 77),
]  # fmt: skip
_FACE = [
    (37, 0, -14, 10, 8), (40, 0, -18, 24, 20), (46, 0, -24, 38, 35), (53, 0, -25, 48, 48), (68, 0, -22, 57, 58),
    (95, 0, -16, 62, 70), (125, 0, -10, 66, 77), (150, 0, -8, 68, 80),
]  # fmt: skip
_SHOULDERS = [
    (-100, 0, 40, 196, 84), (-90, 0, 40, 194, 82), (-66, 0, 43, 184, 66), (-50, 0, 47, 165, 55),
    (-36, 0, 53, 134, 46), (-22, 0, 60, 98, 38), (-10, 0, 66, 72, 32), (2, 0, 70, 52, 27),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Build:
    """How strong and how held: ``firm`` mm that muscles are thicker, ``rise`` mm that the shoulders are lifted."""

    firm: float
    rise: float

    def raised(self, rows: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
        """Sections with those below the cricoid lifted with the shoulders, the lowest most and carried on downwards."""
        z, *rest = rows[0]
        whole = [(z - 40, *rest), *rows]
        return [(z + self.rise * float(np.clip((20 - z) / 60, 0, 1)), *rest) for z, *rest in whole]


def draw_build(rng: np.random.Generator) -> Build:
    """Draw how one person is built."""
    return Build(firm=float(rng.uniform(-0.4, 1.8)), rise=float(np.clip(rng.normal(5, 9), -8, 24)))


def outline(brush: Brush, build: Build) -> tuple[Piece, ...]:
    """Shoulders, neck and face inside the fat under the skin, all of fat."""
    return (
        brush.stack("shoulders", Tissue.FAT, build.raised(_SHOULDERS), power=2.6, loose=0),
        brush.stack("neck", Tissue.FAT, _NECK, power=2.1, loose=0),
        brush.stack("face", Tissue.FAT, _FACE, power=2.3, loose=0),
    )


def skin(brush: Brush, inside: tuple[Piece, ...]) -> list[Piece]:
    """Skin, the fat under it, and platysma."""
    fat = brush.frame.fat
    nose = brush.tube("nose", Tissue.MUSCLE, [(0, -84, 106), (0, -92, 118), (0, -84, 140)], [10, 9, 7], loose=0.2)
    muscle, soft = Tissue.MUSCLE, Tissue.FAT
    neck, face = inside[1].shape, inside[2].shape
    top, low = brush.world((0, 30, 66)), float(brush.world((0, 0, -52))[2])
    sheet = [Cut(Cut(Cut(s, 1, float(top[1])), 2, float(top[2])), 2, low, beyond=True) for s in (neck, face)]
    inner = [Cut(p.shape, 2, low - 3, beyond=True) for p in inside[1:]]
    return [
        nose,
        *(Piece("", muscle, p.shape, grow=fat + 1.8) for p in inside),
        *(Piece("", soft, p.shape, grow=fat) for p in inside),
        *(Piece("", muscle, s, grow=0.7) for s in sheet),
        *(Piece("", soft, s, grow=-0.9) for s in inner),
    ]


def bed(brush: Brush, build: Build) -> list[Piece]:
    """What fills the nape and the back between the named muscles."""
    m = Tissue.MUSCLE
    parts = [brush.stack("autochthon", m, _NAPE, power=2.3, loose=0.3, only=(Tissue.FAT,))]
    for side in (-1, 1):
        b = brush.sided(side)
        parts += [
            b.stack("shoulder_muscles", m, build.raised(_BACK), power=2.4, only=(Tissue.FAT,)),
            b.ball("buccinator", m, (34, -52, 84), (13, 20, 16), tilt=(0, 0, 30), loose=0.4, only=(Tissue.FAT,)),
        ]
    return parts


_NAPE = [
    (-92, 0, 88, 38, 26), (-60, 0, 78, 34, 24), (-20, 0, 64, 34, 23), (20, 0, 56, 37, 24), (60, 0, 56, 38, 26),
    (96, 0, 66, 42, 22), (110, 0, 72, 40, 16),
]  # fmt: skip
_BACK = [(-92, 70, 92, 50, 16, -10), (-60, 66, 86, 46, 14, -12), (-40, 62, 74, 34, 11, -20), (-24, 54, 70, 20, 8, -24)]


def muscles(brush: Brush, build: Build) -> list[Piece]:
    """The muscles of one side, deep ones first."""
    m = Tissue.MUSCLE
    s = brush.stack
    rim = brush.between(0.5, 1.0)
    drawn = [
        s("autochthon", m, _MULTIFIDUS, rim=rim),
        s("autochthon", m, _SEMISPINALIS, rim=rim, lobes=0.04),
        s("autochthon", m, _SPLENIUS, rim=rim, lobes=0.04),
        s("longus_colli", m, _LONGUS, rim=0.4, loose=0.4),
        s("middle_scalene", m, _MIDDLE_SCALENE, rim=rim),
        s("levator_scapulae", m, build.raised(_LEVATOR), rim=rim, lobes=0.04),
        s("shoulder_muscles", m, build.raised(_SHOULDER), power=2.4),
        s("pectoralis_major", m, _PECTORAL, power=2.4),
        s("trapezius", m, build.raised(_TRAPEZIUS), rim=rim, lobes=0.02),
        s("anterior_scalene", m, _ANTERIOR_SCALENE, rim=rim, loose=0.6),
        s("strap_muscles", m, _STRAP, rim=rim, loose=0.6),
        brush.tube("strap_muscles", m, [(9, -18, 40), (22, -8, 10), (34, 4, -14), (56, 30, -34)], [3, 2.8, 2.2, 3]),
        s("sternocleidomastoid", m, _STERNOCLEIDOMASTOID, rim=rim, loose=0.8, lobes=0.03),
    ]
    return [replace(p, grow=build.firm if isinstance(p.shape, Stack) else 0.0) for p in drawn]


# z, x, y, half length, half width, turn of the length from left to back in degrees.
_STERNOCLEIDOMASTOID = [
    (-68, 15, -17, 7, 3, 5), (-55, 20, -17, 13, 4.5, 14), (-30, 30, -12, 16, 5.2, 32), (0, 41, -1, 17, 5.6, 50),
    (20, 46, 7, 16.5, 5.8, 60), (60, 53.5, 25, 16, 6.5, 80), (95, 58, 40, 12, 7, 92), (106, 58, 42, 8, 6, 92),
]  # fmt: skip
_TRAPEZIUS = [
    (-92, 66, 106, 66, 6, -12), (-66, 72, 98, 66, 7, -14), (-40, 76, 80, 62, 8, -16), (-16, 52, 76, 44, 7.5, -30),
    (10, 37, 78, 32, 5.5, -36), (40, 27, 85, 24, 4, -28), (80, 18, 92, 15, 3, -14), (100, 12, 98, 8, 2, -8),
]  # fmt: skip
_LEVATOR = [
    (-62, 80, 82, 7, 5, 0), (-40, 68, 72, 11, 7, 30), (-10, 52, 58, 11, 7, 55), (20, 43, 50, 11, 6.5, 65),
    (60, 35, 42, 9, 5.5, 72), (90, 30, 36, 5, 4, 80),
]  # fmt: skip
_ANTERIOR_SCALENE = [
    (-56, 44, 22, 8, 5, 20), (-46, 41, 23, 9, 6, 30), (-20, 34, 26, 8.5, 6, 40), (10, 27, 27, 6, 4.5, 40),
    (40, 23, 24, 3, 2.5, 40),
]  # fmt: skip
_MIDDLE_SCALENE = [
    (-60, 58, 48, 12, 7, 40), (-40, 53, 46, 14, 8.5, 42), (-10, 42, 43, 11.5, 8, 48), (20, 35, 39, 8, 6.5, 50),
    (64, 29, 32, 4, 3.5, 50),
]  # fmt: skip
_LONGUS = [
    (-60, 7, 36, 5, 2.6, 10), (-20, 8, 27, 6, 3, 12), (20, 8, 15.5, 6.5, 3.4, 12), (60, 8, 11, 6.5, 4, 12),
    (100, 8, 13, 6.5, 5, 12), (118, 7, 13, 5, 4, 12),
]  # fmt: skip
_MULTIFIDUS = [
    (-92, 17, 96, 14, 12, 0), (-60, 15, 86, 13, 12, 0), (-20, 13, 70, 11.5, 11, 0), (20, 12, 60, 11, 9, 0),
    (70, 12, 57, 10, 8, 0), (96, 10, 60, 7, 7, 0),
]  # fmt: skip
_SEMISPINALIS = [
    (-80, 15, 100, 11, 5, -6), (-40, 15, 87, 12, 8, -10), (0, 15, 75, 12.5, 8.5, -14), (50, 16, 71, 13, 8.5, -14),
    (95, 16, 76, 13, 9, -10), (112, 14, 82, 10, 7, -8),
]  # fmt: skip
_SPLENIUS = [
    (-60, 17, 103, 12, 3, -8), (-20, 24, 84, 19, 4.5, -28), (20, 27, 74, 20, 5, -36), (60, 33, 67, 21, 5.5, -38),
    (96, 44, 58, 16, 6, -38), (108, 50, 52, 9, 5, -40),
]  # fmt: skip
_STRAP = [
    (-74, 13, -14, 9, 2.8, 5), (-40, 12, -11, 11, 3.2, 16), (0, 12, -17, 10, 3.0, 24), (24, 12, -21, 9, 2.8, 30),
    (40, 9, -20, 8, 2.6, 20),
]  # fmt: skip
_SHOULDER = [
    (-92, 120, 62, 58, 44, 0), (-70, 116, 64, 56, 36, -6), (-52, 110, 66, 46, 22, -10), (-40, 104, 68, 34, 12, -12),
]  # fmt: skip
_PECTORAL = [(-92, 66, -20, 54, 12, 22), (-78, 70, -10, 50, 9, 24), (-66, 78, 0, 36, 5, 24)]
