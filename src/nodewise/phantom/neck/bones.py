"""Bones and teeth of the neck, the lower face and the chest's upper end: bone with marrow inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.phantom.draw.brush import Brush, Piece, with_marrow
from nodewise.phantom.geometry import Tissue

# Height of each vertebral body's centre, and y of the column's middle by height.
_BODIES = {"C2": 88, "C3": 67, "C4": 49, "C5": 31, "C6": 13, "C7": -6, "T1": -26, "T2": -47, "T3": -69, "T4": -92}
_COLUMN = np.array([
    (-100, 66), (-67, 56), (-45, 48), (-25, 41), (-6, 35), (12, 30.5), (30, 26.5), (48, 23.5), (66, 22.5), (88, 23),
    (104, 25), (124, 27),
])  # fmt: skip


def column(z: float) -> float:
    """Template y of the middle of the vertebral bodies at template height ``z``."""
    return float(np.interp(z, _COLUMN[:, 0], _COLUMN[:, 1]))


def spine(brush: Brush) -> list[Piece]:
    """Vertebrae with discs, processes, canal and cord."""
    parts: list[Piece] = []
    still = 0.25
    for name, z in _BODIES.items():
        parts += _vertebra(brush, f"vertebrae_{name}", float(z))
    ring = [(22 * np.cos(t), 33 + 17 * np.sin(t), 104.0) for t in np.linspace(0, 2 * np.pi, 17)]
    parts.append(brush.tube("vertebrae_C1", Tissue.BONE, ring, 4.5, loose=still))
    parts.append(brush.tube("vertebrae_C2", Tissue.BONE, [(0, 24, 86), (0, 21, 98), (0, 20, 108)], 5, loose=still))
    for side in (-1, 1):
        mass = brush.sided(side).ball("vertebrae_C1", Tissue.BONE, (20, 28, 104), (8, 10, 8), loose=still)
        parts += with_marrow(mass)
    canal = [(0, column(z) + 17, z) for z in (-96, -60, -20, 20, 60, 100, 124)]
    cord = [(0, column(z) + 17, z) for z in (-96, -20, 60, 124)]
    parts.append(brush.tube("", Tissue.SPINAL_CANAL, canal, [9, 9.5, 10.5, 11, 11, 12, 13], flat=1.35, loose=still))
    parts.append(brush.tube("spinal_cord", Tissue.SPINAL_CANAL, cord, [5.5, 6.4, 6.4, 6], flat=1.4, loose=still))
    return parts


def _vertebra(brush: Brush, name: str, z: float) -> list[Piece]:
    """Body, pillars, arch and processes of one vertebra, and the disc below it."""
    y, wide = column(z), float(np.interp(z, (-92, -26, 88), (16, 15.5, 11.5)))
    deep, half = 0.72 * wide, 7.0 if z > -20 else 8.0
    drop = float(np.interp(z, (-92, -6, 80), (-26, -8, -3)))
    long = float(np.interp(z, (-92, -6, 49, 88), (52, 52, 38, 42)))
    body = [(z - half, 0, y + 0.6, wide, deep), (z, 0, y, wide * 0.93, deep * 0.95), (z + half, 0, y - 0.6, wide, deep)]
    disc = [(z - half - 5.5, 0, y + 0.8, wide * 0.95, deep), (z - half, 0, y + 0.7, wide * 0.95, deep)]
    parts = [brush.stack("", Tissue.CARTILAGE, disc, power=2.6, loose=0.2)]
    parts += with_marrow(brush.stack(name, Tissue.BONE, body, power=2.6, loose=0.2))
    parts.append(
        brush.tube(name, Tissue.BONE, [(0, y + 27, z - 2), (0, y + long - 6, z - 2 + drop)], [3.4, 3.8], flat=0.8)
    )
    for side in (-1, 1):
        b = brush.sided(side)
        parts += with_marrow(b.ball(name, Tissue.BONE, (wide + 4.5, y + 12, z), (6.5, 7.5, 11), loose=0.3))
        parts.append(b.tube(name, Tissue.BONE, [(wide, y + 16, z), (9, y + 26, z - 2), (0, y + 29, z - 2)], 3.1))
        reach = 12 if z > -10 else 24
        tip = (wide + reach, y + (6 if z > -10 else 24), z - 2 if z > -10 else z + 3)
        parts.append(b.tube(name, Tissue.BONE, [(wide - 2, y + 6 if z > -10 else y + 16, z), tip], [4.2, 3.2]))
        parts.append(b.tube("", Tissue.FAT, [(wide + 6, y + 2, z - 11), (wide + 8, y + 6, z - 8)], 3.4, loose=0.2))
    return parts


def face(brush: Brush) -> list[Piece]:
    """Skull base, upper and lower jaw with teeth, cheek bones, sinuses; hyoid."""
    bone, air, still = Tissue.BONE, Tissue.AIRWAY_LUMEN, 0.3
    parts = [
        brush.ball("skull", bone, (0, 60, 152), (67, 60, 47), loose=0),
        brush.ball("brain", Tissue.SPINAL_CANAL, (0, 60, 152), (61, 54, 41), loose=0),
        *with_marrow(brush.ball("skull", bone, (0, 8, 128), (17, 15, 10), loose=still)),
        brush.ball("skull", bone, (0, -36, 100), (20, 27, 2.2), loose=still),
    ]
    for side in (-1, 1):
        b = brush.sided(side)
        parts += with_marrow(
            b.tube("skull", bone, [(13, 14, 127), (38, 28, 125), (58, 36, 124)], [8, 9, 9], loose=still)
        )
        parts += [
            b.ball("skull", bone, (57, 38, 113), (8, 11, 15), loose=still),
            *(
                b.ball("skull", air, (57 + x, 38 + y, z), (2.6, 3.2, 3))
                for x, y, z in ((0, 2, 120), (2, -4, 116), (-1, 4, 112), (1, -1, 108))
            ),
            b.tube("skull", air, [(58, 24, 124), (74, 18, 124)], 3, loose=still),
            b.tube("skull", bone, [(40, -62, 112), (62, -38, 110), (68, -6, 116), (64, 10, 120)], [5, 4, 3, 4]),
            b.tube("skull", bone, [(24, -8, 122), (22, -6, 98)], [3, 2], flat=0.5, loose=still),
            Piece("skull", bone, (sinus := b.ball("", air, (27, -40, 117), (12, 16, 14))).shape, (), 1.6),
            sinus,
        ]
    return [*parts, *_jaws(brush), *_hyoid(brush)]


def _jaws(brush: Brush) -> list[Piece]:
    bone = Tissue.BONE
    arch = [(44, -12), (40, -34), (27, -58), (10, -69), (0, -71), (-10, -69), (-27, -58), (-40, -34), (-44, -12)]
    parts: list[Piece] = []
    jitter = 0.2
    for z, r, name in (
        (56, 5.6, "mandible"),
        (64, 5.0, "mandible"),
        (70, 4.4, "mandible"),
        (94, 5.0, "skull"),
        (100, 4.5, "skull"),
    ):
        way = [(x * (0.86 if z > 80 else 1), y * (0.95 if z > 80 else 1), float(z)) for x, y in arch]
        tube = brush.tube(name, bone, way, r, loose=jitter)
        parts += [tube, Piece(name, Tissue.MARROW, tube.shape, (), -1.9)] if z < 66 else [tube]
    for side in (-1, 1):
        b = brush.sided(side)
        ramus = [
            (54, 43, -12, 6, 3.6, 86), (64, 45.5, -8, 15, 3.8, 86), (90, 47, -6, 16, 3.2, 86),
            (104, 48, -4, 14, 2.6, 86), (108, 48, 6, 5, 4, 86), (117, 48, 8, 5, 6, 86),
        ]  # fmt: skip
        parts += with_marrow(b.stack("mandible", bone, ramus, loose=jitter), 1.5)
    return parts + _teeth(brush, arch)


def _teeth(brush: Brush, arch: Sequence[tuple[float, float]]) -> list[Piece]:
    """About fourteen a jaw; some are lost."""
    line = np.array(arch)
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    lost = brush.between(0.0, 0.5) ** 2
    parts = []
    for z, narrow, name in ((77, 0.97, "mandible"), (87, 0.88, "skull")):
        for s in np.linspace(at[0] + 4, at[-1] - 4, 14):
            if brush.rng.random() < lost:
                continue
            x, y = (float(np.interp(s, at, line[:, c])) * narrow for c in (0, 1))
            parts.append(brush.ball(name, Tissue.BONE, (x, y + 1, float(z)), (3.3, 3.3, 6.5), loose=0.3))
    return parts


def _hyoid(brush: Brush) -> list[Piece]:
    """Body and greater horns; the lower border of the body lies at 42 mm."""
    body = brush.tube("hyoid", Tissue.BONE, [(-11, -16, 45.5), (0, -19, 45.5), (11, -16, 45.5)], 3.5, loose=0)
    horns = [
        brush.sided(s).tube("hyoid", Tissue.BONE, [(10, -16, 46), (19, -4, 48), (23, 10, 51)], [2.8, 2, 1.8], loose=0)
        for s in (-1, 1)
    ]
    return [body, Piece("hyoid", Tissue.MARROW, body.shape, (), -1.5), *horns]


def chest_top(brush: Brush, rise: float) -> list[Piece]:
    """Apices of the lungs in their wall, first ribs, clavicles, manubrium, and shoulders lifted by ``rise`` mm."""
    parts: list[Piece] = []
    for side in (-1, 1):
        b = brush.sided(side)
        top = brush.between(-46, -36)
        lung = b.stack(
            "lung_upper_lobe",
            Tissue.LUNG,
            [
                (-110, 62, 42, 46, 62),
                (-90, 54, 44, 38, 50),
                (-70, 47, 44, 28, 36),
                (top - 10, 43, 43, 18, 20),
                (top, 42, 43, 3, 4),
            ],
            power=2.3,
        )
        wall = Piece("", Tissue.MUSCLE, lung.shape, (Tissue.FAT,), 5.0)
        parts += [wall, Piece("", Tissue.FAT, lung.shape, (), 0.8), lung]
        ribs = (
            [(22, 50, -28), (50, 56, -34), (62, 34, -44), (52, 4, -58), (24, -14, -72)],
            [(22, 62, -48), (60, 72, -52), (84, 48, -62), (80, 12, -78), (50, -16, -96)],
            [(22, 72, -70), (66, 88, -74), (100, 60, -84), (104, 30, -96)],
        )
        for number, way in enumerate(ribs, 1):
            name = f"rib_{'left' if side > 0 else 'right'}_{number}"
            tube = b.tube(name, Tissue.BONE, way, 5.2 if number == 1 else 4.6, loose=0.8)
            parts += with_marrow(Piece(name, tube.tissue, tube.shape), 1.6)
        clavicle = b.tube(
            "clavicula",
            Tissue.BONE,
            [(13, -22, -74), (46, -20, -60), (90, 10, -48 + 0.6 * rise), (140, 26, -42 + rise)],
            [8, 6, 6, 6],
        )
        parts += with_marrow(clavicle)
        parts += with_marrow(b.ball("humerus", Tissue.BONE, (158, 44, -74 + rise), (23, 23, 24)), 3)
        parts.append(b.ball("scapula", Tissue.BONE, (100, 90, -96 + rise), (38, 4, 46), tilt=(0, 0, -30)))
    parts += with_marrow(brush.ball("sternum", Tissue.BONE, (0, -24, -96), (27, 7, 24), loose=0.5))
    return parts
