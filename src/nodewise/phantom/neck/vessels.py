"""Arteries and veins of the neck."""

from __future__ import annotations

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.neck.bones import column

_ARTERY, _VEIN, _SMALL = Tissue.VESSEL_ARTERY, Tissue.VESSEL_VEIN_LATE, Tissue.VESSEL_SMALL


def great_vessels(brush: Brush) -> list[Piece]:
    """Of both sides and the middle; the carotid forks at about the height of the hyoid."""
    parts = [
        brush.tube("brachiocephalic_trunk", _ARTERY, [(2, 6, -104), (-8, 6, -84), (-17, 12, -68)], [6.5, 6, 5.5]),
        brush.tube("brachiocephalic_vein_left", _VEIN, [(24, 4, -70), (14, -6, -84), (-18, -6, -100)], [6, 6.5, 7]),
        brush.tube("brachiocephalic_vein_right", _VEIN, [(-26, 2, -66), (-26, 0, -84), (-26, 0, -104)], [6.5, 7, 8]),
    ]
    dominant = 1 if brush.rng.random() < 0.3 else -1
    for side in (-1, 1):
        parts += _side(brush.sided(side), 1.2 if side == dominant else 0.9)
    return parts


def _side(b: Brush, vein: float) -> list[Piece]:
    fork = b.between(30, 52)
    turn = b.between(-2, 2)
    low = [(14.0, 14.0, -104.0), (16, 14, -72)] if b.side > 0 else [(17.0, 12.0, -68.0)]
    common = [*low, (19, 14, -48), (22, 10, -20), (24.5, 8.5, 14), (26, 9, fork)]
    inner = [(26, 9.5, fork - 3), (28.5, 13, fork + 16), (29 + turn, 15, 84), (27, 17, 106), (25, 15, 124)]
    outer = [(26, 8, fork - 3), (26, 3, fork + 14), (34, 4, 84), (44, 12, 98), (46, 14, 116)]
    jugular = [
        (27, 4, -64),
        (30, 7, -40),
        (32, 5, -10),
        (34.5, 8, 14),
        (37, 16, 50),
        (37, 21, 84),
        (33, 23, 112),
        (30, 21, 124),
    ]
    size = [6.2, 6, 6, 6, 6, 5.4, 5, 4.6]
    start = (17, 15, -66) if b.side < 0 else (22, 24, -100)
    neck = [(17, column(z) + 4.5, z) for z in (-8.0, 20.0, 60.0, 90.0)]
    bulb = b.ball("common_carotid_artery", _ARTERY, (26.5, 9.5, fork), (4.6, 4.4, 7), loose=0.2)
    return [
        b.tube(
            "internal_jugular_vein",
            _VEIN,
            jugular,
            [r * vein for r in size],
            flat=b.between(0.8, 1.2),
            loose=0.5,
            rim=0.6,
        ),
        b.tube("common_carotid_artery", _ARTERY, common, 3.6, loose=0.4, rim=0.8),
        b.tube("internal_carotid_artery", _ARTERY, inner, [3.6, 2.8, 2.6, 2.6, 2.6], loose=0.4, rim=0.8),
        b.tube("external_carotid_artery", _ARTERY, outer, [3, 2.4, 2.1, 1.9, 1.6], loose=0.4, rim=0.6),
        bulb,
        b.tube(
            "vertebral_artery",
            _ARTERY,
            [(24, 26, -52), (19, 34, -22), *neck, (26, 32, 101), (20, 46, 108), (6, 44, 122)],
            1.9,
            loose=0.3,
        ),
        b.tube(
            "subclavian_artery",
            _ARTERY,
            [start, (26, 28, -56), (44, 32, -52), (66, 34, -58), (110, 40, -74)],
            [4.6, 4.6, 4.4, 4, 3.6],
        ),
        b.tube("subclavian_vein", _VEIN, [(27, 3, -66), (44, 8, -60), (66, 18, -64), (110, 34, -80)], [6, 5.4, 5, 4.6]),
        b.tube(
            "external_jugular_vein",
            _VEIN,
            [(56, 22, 72), (57, 18, 48), (54, 6, 20), (50, 8, -10), (46, 14, -40), (40, 8, -60)],
            [1.8, 2, 2, 2.2, 2.2, 2.4],
            loose=0.6,
        ),
        b.tube("anterior_jugular_vein", _SMALL, [(9, -26, 36), (9, -27, 10), (10, -27, -20), (12, -26, -48)], 1.3),
        *_branches(b, fork),
    ]


def _branches(b: Brush, fork: float) -> list[Piece]:
    """Facial and lingual vessels, thyroid arteries, the transverse cervical artery, and twigs in the fat."""
    parts = [
        b.tube(
            "facial_artery",
            _SMALL,
            [(27, 4, fork + 12), (30, -8, 64), (40, -16, 54), (50, -24, 58), (52, -34, 74)],
            1.2,
        ),
        b.tube("facial_vein", _SMALL, [(36, 12, 46), (40, -2, 46), (46, -18, 50), (52, -26, 62), (54, -36, 80)], 1.5),
        b.tube("lingual_artery", _SMALL, [(26, 4, fork + 8), (22, -8, 56), (12, -24, 62)], 1.1),
        b.tube("superior_thyroid_artery", _SMALL, [(25, 6, fork), (20, -2, 34), (18, -4, 20)], 1.1),
        b.tube("transverse_cervical_artery", _SMALL, [(26, 20, -44), (44, 18, -34), (58, 40, -28), (68, 56, -30)], 1.2),
        b.tube("retromandibular_vein", _VEIN, [(50, 10, 108), (52, 12, 84), (54, 18, 66)], 2),
    ]
    for _ in range(int(b.rng.integers(5, 14))):
        x, y, z = b.between(22, 52), b.between(-6, 44), b.between(-50, 80)
        turn = b.rng.normal(0, 6, (2, 3))
        parts.append(
            b.tube(
                "",
                _SMALL,
                [(x, y, z), *((x + p[0], y + p[1], z + p[2] * 2 + 8) for p in turn.cumsum(axis=0))],
                b.between(0.5, 1.1),
                only=(Tissue.FAT,),
            )
        )
    return parts
