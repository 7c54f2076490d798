"""The great vessels and the small ones, as shapes in the world, placed about the carina."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.pen import Part, Pen
from nodewise.phantom.shapes import Floats, Tube, curve


def aorta(pen: Pen) -> list[Part]:
    """Ascending aorta, arch, descending aorta and the three branches."""
    p = pen.person
    r = p.aorta
    top = (p.arch_top - r * 0.88) / p.scale[2]
    wide = pen.between(4, 16) if p.unfolded else 0.0
    trachea_side = (p.trachea + 2.0 + r + pen.between(0.5, 4)) / p.scale[0]
    ascending = pen.way(
        [(2, -36, -62), (-6, -46, -38), (-9 - wide * 0.6, -48, -12), (-7 - wide * 0.5, -43, min(top - 10, 14))], 1.2
    )
    arch = p.world([(1, -34, top - 2), (trachea_side * 0.62, -21, top), (trachea_side + 1, -4, top)])
    arch[:, :2] += pen.rng.normal(0, p.jitter * 0.5, 2)
    descending = pen.way(
        [
            (25 + wide * 0.6, 15, top - 16),
            (25 + wide * 0.7, 24, -18),
            (24 + wide * 0.8, 27, -60),
            (20 + wide * 0.8, 26, -110),
            (7, 20, -180),
        ],
        1.3,
    )
    radii = np.array([1.02, 1.1, 1.08, 1.0, 0.95, 0.9, 0.88, 0.84, 0.82, 0.79, 0.76, 0.72]) * r
    first, second, third = arch[0] + (-3, 2, 2), arch[1] + (-1, 2, 3), arch[2] + (-1, -3, 3)
    sz = p.scale
    branches = [
        ("brachiocephalic_trunk", first, [(-8, 3, 22), (-15, 3, 40), (-26, 2, 62)], [6.8, 6.2, 5.8, 5.2]),
        ("left_common_carotid", second, [(2, -2, 24), (4, -4, 50), (10, -8, 95)], [4.4, 3.8, 3.6, 3.4]),
        ("left_subclavian", third, [(1, -2, 24), (10, -4, 48), (40, -12, 74)], [5.6, 5.0, 4.8, 4.2]),
    ]
    parts = [Part("aorta", Tissue.VESSEL_ARTERY, curve(np.vstack([ascending, arch, descending]), radii))]
    for name, start, steps, size in branches:
        way = start + np.vstack([[(0, 0, -4)], np.asarray(steps) * sz + pen.rng.normal(0, p.jitter, (len(steps), 3))])
        parts.append(Part(name, Tissue.VESSEL_ARTERY, curve(way, np.asarray(size) * p.calibre)))
    trunk = parts[1].shape
    assert isinstance(trunk, Tube)
    end = trunk.points[-1]
    parts.append(
        Part(
            "right_subclavian",
            Tissue.VESSEL_ARTERY,
            curve([end, np.add(end, (-28, 2, 12)), np.add(end, (-62, -4, 12))], [4.6, 4.4, 4]),
        )
    )
    parts.append(
        Part(
            "right_common_carotid",
            Tissue.VESSEL_ARTERY,
            curve([end, np.add(end, (1, -3, 24)), np.add(end, (4, -4, 60))], [3.8, 3.5, 3.4]),
        )
    )
    return parts


def veins(pen: Pen) -> list[Part]:
    """Superior and inferior vena cava, brachiocephalic veins, azygos with its arch."""
    p = pen.person
    cross = (p.arch_top + p.vein_cross) / p.scale[2]
    join = cross - 7
    cava = pen.way([(-29, -35, join), (-30, -33, 10), (-29, -31, -30), (-27, -33, -62)], 1.0)
    down = pen.between(3, 12) / p.scale[2]
    azygos = pen.way([(-3, 26, -178), (-5, 30, -90), (-7, 28, -20)], 0.8)
    bend = p.world([(-10, 24, down - 6), (-17 - p.trachea * 0.2, 10, down + 2), (-23, -10, down + 3)])
    bend = np.vstack([bend, [cava[1] + (1, 4, 0) + p.world([(0, 0, down - 7)])[0] * (0, 0, 1) - p.carina * (0, 0, 1)]])
    return [
        Part(
            "superior_vena_cava",
            Tissue.VESSEL_VEIN,
            curve(cava, np.array([8.2, 8.8, 9.2, 10]) * p.calibre, flat=pen.between(0.9, 1.25)),
        ),
        pen.tube(
            "left_brachiocephalic_vein",
            Tissue.VESSEL_VEIN,
            [
                (66, -30, cross + 48),
                (46, -44, cross + 34),
                (26, -56, cross + 14),
                (2, -58, cross + 5),
                (-18, -48, cross),
                (-28, -37, join + 2),
            ],
            [6, 6.5, 7, 7, 7, 7.5],
            flat=pen.between(0.75, 1.0),
        ),
        pen.tube(
            "right_brachiocephalic_vein",
            Tissue.VESSEL_VEIN,
            [(-29, -36, join), (-32, -38, cross + 14), (-38, -40, cross + 34), (-62, -30, cross + 48)],
            [8, 7.5, 7, 6.5],
        ),
        Part(
            "azygos",
            Tissue.VESSEL_VEIN,
            curve(np.vstack([azygos, bend]), np.array([3.2, 3.6, 4, 4.2, 4.5, 4.6, 4.6]) * p.calibre),
        ),
        pen.tube(
            "inferior_vena_cava",
            Tissue.VESSEL_VEIN,
            [(-24, -22, -86), (-24, -12, -120), (-22, 2, -180)],
            [11, 11.5, 11],
        ),
    ]


def pulmonary(pen: Pen) -> list[Part]:
    """Pulmonary trunk with its two arteries, and the four veins."""
    p = pen.person
    z = (p.lung_artery - 9.5 * p.calibre) / p.scale[2]  # centre of the left artery's highest piece
    art, ven = Tissue.VESSEL_PULMONARY, Tissue.VESSEL_PULMONARY_VEIN
    fork = (23.0, -33.0, z - 8)
    return [
        pen.tube(
            "pulmonary_trunk", art, [(14, -60, -64), (22, -54, -44), (24, -44, z - 14), fork], [12, 13, 13, 12.5], 0.7
        ),
        pen.tube(
            "right_pulmonary_artery",
            art,
            [
                fork,
                (6, -24, z - 11),
                (-12, -19, z - 12),
                (-30, -12, z - 13),
                (-38, -6, z - 22),
                (-38, 2, -52),
                (-44, 16, -80),
            ],
            [11, 10, 10, 9.5, 8, 6.5, 4],
            0.6,
        ),
        pen.tube(
            "right_truncus_anterior", art, [(-24, -14, z - 11), (-36, -14, z + 4), (-50, -14, z + 22)], [6.5, 5, 3], 0.6
        ),
        pen.tube(
            "left_pulmonary_artery",
            art,
            [fork, (32, -14, z + 1), (40, 6, z - 1), (46, 20, z - 16), (47, 24, -50), (52, 30, -80)],
            [11, 10, 9.5, 8.5, 6.5, 4],
            0.5,
        ),
        pen.tube("left_upper_artery", art, [(41, 0, z + 2), (52, -6, z + 14), (62, -14, z + 30)], [5, 4, 2.5], 0.6),
        pen.tube(
            "right_superior_vein",
            ven,
            [(-16, -10, -46), (-34, -18, -40), (-46, -22, -30), (-60, -24, -8)],
            [6.5, 6.5, 5, 3],
        ),
        pen.tube("right_inferior_vein", ven, [(-16, 0, -54), (-36, 10, -60), (-60, 22, -72)], [6.5, 6, 3]),
        pen.tube(
            "left_superior_vein", ven, [(24, -10, -44), (40, -16, -36), (50, -22, -22), (62, -30, -2)], [6.5, 6, 5, 3]
        ),
        pen.tube("left_inferior_vein", ven, [(24, 0, -52), (42, 14, -56), (64, 26, -70)], [6.5, 6, 3]),
    ]


def small_vessels(pen: Pen, near: Floats) -> list[Part]:
    """15 to 70 vessels of 0.5 to 2.6 mm that wind through the fat, from points ``near`` the organs."""
    parts = []
    for _ in range(int(pen.rng.integers(15, 71))):
        at = near[pen.rng.integers(len(near))]
        n = int(pen.rng.integers(4, 9))
        heading = pen.rng.normal(0, 1, 3)
        steps = heading / np.linalg.norm(heading) + pen.rng.normal(0, 0.5, (n, 3))
        way = at + np.cumsum(steps * pen.between(3, 7), axis=0)
        parts.append(Part("small_vessel", Tissue.VESSEL_SMALL, curve(way, pen.between(0.25, 1.3) if n else 1.0, 2.0)))
    # internal thoracic vessels beside the sternum
    for side in (-1, 1):
        way = pen.way([(side * 27, -62, 80), (side * 28, -72, 30), (side * 28, -76, -20), (side * 27, -74, -80)])
        parts.append(Part("internal_thoracic", Tissue.VESSEL_SMALL, curve(way, pen.between(0.9, 1.4))))
    return parts
