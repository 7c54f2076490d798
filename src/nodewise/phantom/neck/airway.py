"""Nose, mouth, pharynx, larynx and trachea: walls, cartilages and lumen; tongue, tonsils, oesophagus."""

from __future__ import annotations

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.geometry import Tissue

_STILL = 0.15

# z, x, y, half width, half depth of the lumen.
_PHARYNX = [
    (36, 0, 0, 9, 5), (44, 0, 1, 13, 6), (60, 0, 1, 12.5, 6.5), (80, 0, 3, 11, 6), (96, 0, 5, 11, 5),
    (112, 0, 4, 13, 8), (121, 0, 3, 10, 5),
]  # fmt: skip
_LARYNX = [
    (-2, 0, 0, 8.6, 9), (6, 0, 0, 7.6, 9), (12, 0, -1, 4, 10), (16, 0, -2, 1.7, 10.5), (19, 0, -2, 2, 10),
    (22, 0, -2, 6, 9.5), (30, 0, -2, 8, 8), (40, 0, -1, 9, 5.5),
]  # fmt: skip
_TRACHEA = [(-100, 0, 28, 8.6, 8), (-60, 0, 13, 8.4, 8), (-20, 0, 2, 8.4, 8.2), (0, 0, 0, 8.6, 9)]


def throat(brush: Brush) -> list[Piece]:
    """Walls first, then tongue and tonsils, then cartilages, then every lumen."""
    muscle, mucosa = Tissue.MUSCLE, Tissue.MUCOSA
    s, b = brush.stack, brush.ball
    larynx = s("larynx", Tissue.AIRWAY_LUMEN, _LARYNX, loose=_STILL)
    pharynx = s("pharynx", Tissue.AIRWAY_LUMEN, _PHARYNX, power=2.4, lobes=0.05, loose=_STILL)
    trachea = s("trachea", Tissue.AIRWAY_LUMEN, _TRACHEA, loose=_STILL)
    oral = brush.between(0.5, 3.5)
    parts = [
        Piece("pharynx", muscle, pharynx.shape, (), 4.2),
        s("pharynx", mucosa, _HYPOPHARYNX, power=2.4, loose=_STILL),
        Piece("larynx", mucosa, larynx.shape, (), 2.4),
        s("larynx", muscle, [(11, 0, -3, 9, 13), (16, 0, -3, 9, 14), (20, 0, -3, 8, 13)], loose=_STILL),
        b("", muscle, (0, -32, 66), (33, 36, 15), loose=0.3, only=(Tissue.FAT,)),
        b("tongue", muscle, (0, -34, 79), (28, 33, 18.5), loose=0.4, rim=0.8),
        b("genioglossus", Tissue.FAT, (0, -36, 66), (0.8, 18, 8), loose=_STILL),
        b("tongue", muscle, (0, -13, 68), (20, 13, 20), loose=0.4),
        b("tongue", Tissue.LYMPHOID, (0, -4.5, 62), (14, 4, 9), loose=_STILL),
        b("soft_palate", muscle, (0, -6, 94), (14, 13, 3.6), tilt=(-20, 0, 0), loose=_STILL),
        b("adenoid", Tissue.LYMPHOID, (0, 10, 116), (9, 4, 7), loose=_STILL),
        *_nose(brush),
    ]
    for side in (-1, 1):
        tonsil = brush.between(0.7, 1.3)
        parts.append(
            brush.sided(side).ball(
                "tonsil", Tissue.LYMPHOID, (14.5, 0, 75), (4.5 * tonsil, 8 * tonsil, 11), loose=_STILL
            )
        )
    parts += _cartilages(brush)
    parts += [
        Piece("trachea", Tissue.AIRWAY_WALL, trachea.shape, (), 1.8),
        brush.ball("oral_cavity", Tissue.AIRWAY_LUMEN, (0, -36, 97), (20, 26, oral), loose=_STILL),
        pharynx,
        larynx,
        trachea,
        *(brush.sided(side).stack("pharynx", Tissue.AIRWAY_LUMEN, _PYRIFORM, loose=_STILL) for side in (-1, 1)),
        b("epiglottis", Tissue.CARTILAGE, (0, -6, 46), (9, 1.5, 17), tilt=(12, 0, 0), loose=_STILL),
        *_oesophagus(brush),
    ]
    return parts


_HYPOPHARYNX = [(0, 0, 12, 11, 3), (8, 0, 12, 15, 3.4), (24, 0, 9, 19, 5), (40, 0, 6, 19, 7), (46, 0, 5, 17, 7)]
_PYRIFORM = [(12, 15, 8, 1.2, 2.5, 40), (24, 15, 5, 2.6, 5.5, 20), (36, 14, 2, 4.5, 5, 10), (44, 11, 0, 4, 4, 0)]


def _nose(brush: Brush) -> list[Piece]:
    """The nasal cavity with septum and conchae."""
    hollow = [
        (102, 0, -40, 11, 34),
        (112, 0, -36, 10, 37),
        (118, 0, -36, 10, 36),
        (134, 0, -34, 5, 30),
        (140, 0, -34, 4, 28),
    ]
    parts = [
        brush.stack("nasal_cavity", Tissue.AIRWAY_LUMEN, hollow, power=2.6, loose=_STILL),
        brush.ball("skull", Tissue.BONE, (0, -42, 118), (1.2, 34, 20), loose=_STILL),
    ]
    for side in (-1, 1):
        concha = [(6.5, -36, 106, 2.6, 20, 4.5), (5.5, -32, 118, 2.2, 16, 4.5)]
        parts += [
            brush.sided(side).ball("concha", Tissue.MUCOSA, (x, y, z), (a, b, c), loose=_STILL)
            for x, y, z, a, b, c in concha
        ]
    return parts


def _cartilages(brush: Brush) -> list[Piece]:
    """Thyroid, cricoid and arytenoid cartilages, ossified in part with age."""
    old = brush.rng.random() < 0.5
    firm = Tissue.BONE if old else Tissue.CARTILAGE
    parts: list[Piece] = []
    for side in (-1, 1):
        b = brush.sided(side)
        plate = [
            (9, 14, 1, 10, 1.5, 56),
            (14, 12.5, -5, 16, 1.6, 56),
            (30, 12.5, -6, 17, 1.6, 56),
            (35, 15, 0, 11, 1.3, 56),
        ]
        parts += [
            b.stack("thyroid_cartilage", Tissue.CARTILAGE, plate, loose=_STILL),
            b.tube(
                "thyroid_cartilage",
                firm,
                [(21, 9, 4), (22, 9, 20), (22, 8, 34), (23, 8, 44)],
                [1.6, 1.7, 1.6, 1.2],
                loose=_STILL,
            ),
            b.ball("larynx", firm, (5.5, 6, 23), (2.2, 2.6, 5), loose=_STILL),
        ]
    ring = [(0.5, 0, 0, 11.6, 12), (6.5, 0, 0, 11.4, 12)]
    parts += [
        brush.stack("cricoid_cartilage", firm, ring, loose=_STILL),
        brush.ball("cricoid_cartilage", firm, (0, 10.5, 11), (10, 2.8, 10.5), loose=_STILL),
        brush.ball("cricoid_cartilage", Tissue.MARROW, (0, 10.5, 11), (8, 1.2, 8), loose=_STILL),
        brush.stack("larynx", Tissue.MUCOSA, [(0.3, 0, 0, 9.6, 10), (7, 0, 0, 9.2, 10)], loose=_STILL),
    ]
    return parts


def _oesophagus(brush: Brush) -> list[Piece]:
    """Collapsed, sometimes with a little air."""
    way = [(0.0, 13.5, 2.0), (2.0, 17.0, -20.0), (4.0, 28.0, -60.0), (4.0, 42.0, -100.0)]
    wall = brush.tube("esophagus", Tissue.OESOPHAGUS, way, [8, 7.5, 7.5, 8], flat=1.5, loose=_STILL)
    if brush.rng.random() < 0.5:
        return [wall]
    gas = brush.tube("esophagus", Tissue.OESOPHAGUS_AIR, way[2:], [2.4, 2.0], flat=1.5, loose=_STILL)
    return [wall, gas]
