"""Salivary glands and thyroid; the muscles of chewing and of the floor of the mouth, which lie about them."""

from __future__ import annotations

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.geometry import Tissue


def jaw_muscles(b: Brush) -> list[Piece]:
    """Masseter, pterygoids, digastric, mylohyoid and geniohyoid of one side."""
    m = Tissue.MUSCLE
    masseter = [
        (54, 51, -12, 8, 2, 86),
        (66, 54, -13, 16, 5.5, 84),
        (92, 56, -14, 16, 6, 80),
        (108, 59, -18, 11, 4, 76),
    ]
    inner = [(60, 38, -6, 8, 3, 80), (72, 37, -6, 13, 5.5, 78), (96, 32, -6, 12, 6, 66), (108, 26, -6, 6, 4, 60)]
    return [
        b.stack("masseter", m, masseter, rim=0.8),
        b.stack("medial_pterygoid", m, inner, rim=0.8),
        b.stack(
            "lateral_pterygoid",
            m,
            [(100, 38, 2, 10, 6, 40), (108, 36, 0, 13, 8, 40), (118, 34, -4, 10, 6, 40)],
            rim=0.6,
        ),
        b.stack("temporalis", m, [(104, 58, -34, 8, 4, 80), (120, 60, -34, 16, 6, 84), (150, 64, -30, 24, 7, 88)]),
        b.ball("mylohyoid", m, (18, -34, 57), (22, 27, 2.6), tilt=(0, -28, 0), loose=0.5),
        b.tube("geniohyoid", m, [(5, -60, 62), (5, -38, 57), (5, -21, 51)], [4.5, 5, 4], loose=0.4),
        b.tube("digastric", m, [(8, -63, 55), (13, -42, 50.5), (17, -18, 49.5)], [4.2, 4.6, 2.6], loose=0.4, rim=0.5),
        b.tube("digastric", m, [(18, -14, 49.5), (33, 8, 62), (52, 34, 100)], [2.6, 4, 4.6], loose=0.4, rim=0.5),
        b.tube("stylohyoid", m, [(20, -11, 50), (31, 8, 66), (40, 20, 100)], [1.6, 2, 2.2], loose=0.4),
        b.ball("buccinator", m, (47, -44, 80), (2, 14, 12), tilt=(0, 0, 22), loose=0.4),
        b.tube("lip", m, [(0, -82, 82), (22, -76, 82), (40, -60, 82)], [7, 6, 3]),
    ]


def glands(b: Brush) -> list[Piece]:
    """Parotid, submandibular, sublingual and thyroid gland of one side."""
    g, swell = Tissue.GLAND, b.between(0.85, 1.2)
    parotid = [
        (52, 53, 16, 5, 3, 80), (60, 54, 13, 10 * swell, 6, 80), (84, 56, 7, 18 * swell, 8 * swell, 86),
        (104, 58, 6, 16, 7, 86), (114, 60, 10, 8, 4, 86),
    ]  # fmt: skip
    low = b.between(-32, -22)
    lobe = [
        (low, 17, 8, 5, 4, 80), (low + 8, 18, 6, 11 * swell, 7.5, 76), (-6, 19, 4, 13 * swell, 8 * swell, 76),
        (10, 20.5, 4, 10, 5.5, 76), (24, 20, 3, 5, 3, 76),
    ]  # fmt: skip
    return [
        b.stack("parotid_gland", g, parotid, lobes=0.05, rim=0.5),
        b.ball("parotid_gland", g, (44, 15, 84), (9, 8, 18), loose=0.5),
        b.ball("submandibular_gland", g, (35, -13, 50), (8.5 * swell, 16, 12.5), tilt=(0, 0, -22), rim=1.0, loose=0.5),
        b.ball("sublingual_gland", g, (17, -46, 66), (5, 14, 6), tilt=(0, 0, 20)),
        b.stack("thyroid_gland", Tissue.THYROID, lobe, lobes=0.04, loose=0.3, rim=0.6),
        b.tube(
            "thyroid_gland", Tissue.THYROID, [(16, -2, -8), (9, -10, -9), (0, -11.5, -9)], [4.5, 3.2, 2.4], loose=0.1
        ),
    ]
