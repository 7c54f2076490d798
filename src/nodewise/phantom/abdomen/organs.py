"""Liver, gallbladder, spleen, pancreas, kidneys and adrenals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.draw.sections import Within
from nodewise.phantom.draw.shapes import Shape
from nodewise.phantom.geometry import Tissue

_FAT = (Tissue.FAT,)


def solid_organs(brush: Brush, cavity: Shape) -> list[Piece]:
    """Liver, gallbladder and spleen, painted over the fat of the cavity alone, so that they mould to its wall."""
    big = brush.between(-14, 10)
    liver = Tissue.LIVER
    right = [
        (36 - big, -104, 30, 8, 12), (56 - big, -101, 24, 22, 36), (80, -87, 8, 43, 68), (100, -72, 0, 57, 82),
        (130, -63, -2, 66, 88), (155, -60, -4, 62, 80), (172, -58, -4, 40, 52), (184, -58, -4, 8, 10),
    ]  # fmt: skip
    left = [
        (84, -6, -66, 16, 8), (98, 0, -58, 32, 20), (116, 10, -48, 46, 30), (138, 16, -40, 50, 36),
        (156, 12, -32, 46, 34), (168, 6, -30, 30, 22),
    ]  # fmt: skip
    spleen = [
        (66, 104, 36, 6, 6, 120), (80, 103, 40, 26, 13, 122), (108, 99, 40, 44, 19, 126), (135, 90, 38, 46, 21, 128),
        (154, 78, 34, 28, 16, 128), (162, 74, 32, 8, 6, 128),
    ]  # fmt: skip
    return [
        _inside(brush.stack("liver", liver, right, power=2.3, lobes=0.03, only=_FAT), cavity),
        _inside(brush.stack("liver", liver, left, power=2.2, lobes=0.05, only=_FAT), cavity),
        brush.ball("liver", liver, (-10, 2, 122), (15, 13, 22), only=_FAT),
        brush.ball("", Tissue.FAT, (-2, -18, 116), (1.6, 26, 24), tilt=(0, 0, 20), only=(liver,)),
        brush.ball("", Tissue.FAT, (-36, -12, 98), (20, 9, 12), tilt=(0, 0, 15), only=(liver,)),
        brush.ball("gallbladder", Tissue.BOWEL_WALL, (-54, -50, 70), (14.5, 27, 14), tilt=(20, 0, -20)),
        brush.ball("gallbladder", Tissue.BILE, (-54, -50, 70), (13, 25, 12.5), tilt=(20, 0, -20), loose=0),
        _inside(brush.stack("spleen", Tissue.SPLEEN, spleen, lobes=0.04, only=_FAT), cavity),
    ]


def _inside(piece: Piece, cavity: Shape) -> Piece:
    """An organ where it lies within the cavity, 1 mm off its wall."""
    return replace(piece, shape=Within(piece.shape, cavity, 1.0))


def pancreas(brush: Brush) -> list[Piece]:
    """Head in the duodenum's bend, tail at the spleen; lobed, thinner with age."""
    thin = brush.between(0.75, 1.15)
    way = [(-31, -2, 54), (-26, -8, 74), (-4, -22, 88), (26, -16, 98), (60, 8, 108), (84, 24, 116)]
    radii = [11 * thin, 13.5 * thin, 8 * thin, 9.5 * thin, 9.5 * thin, 6.5 * thin]
    body = brush.tube("pancreas", Tissue.PANCREAS, way, radii, only=_FAT)
    lobes = [
        brush.ball("pancreas", Tissue.PANCREAS, _along(brush, way), (r, r, r), loose=2.5, only=_FAT)
        for r in brush.rng.uniform(5, 9, 14) * thin
    ]
    return [body, *lobes]


def _along(brush: Brush, way: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """A point on a polyline, drawn evenly over its pieces."""
    n = int(brush.rng.integers(len(way) - 1))
    t = brush.between(0, 1)
    x, y, z = ((1 - t) * a + t * b for a, b in zip(way[n], way[n + 1], strict=True))
    return (x, y, z)


def kidney(b: Brush) -> list[Piece]:
    """Kidney with sinus and pelvis, ureter and adrenal of one side; the right lies lower."""
    drop = 0.0 if b.side > 0 else -b.between(6, 20)
    k, long = Tissue.KIDNEY, b.between(-6, 6)
    rows = [
        (36 - long, 70, 38, 6, 6, 0), (44 - long, 68, 40, 19, 17, 20), (70, 63, 45, 27, 24, 30),
        (92, 60, 47, 26, 24, 35), (118, 55, 49, 25, 22, 40), (138 + long, 51, 50, 17, 15, 40),
        (146 + long, 50, 50, 5, 5, 40),
    ]  # fmt: skip
    pelvis = (38.0, 37.0, 86 + drop)
    ureter = [pelvis, (38, 24, 50 + drop), (39, 12, 10), (36, 6, -30), (40, 2, -66), (58, 30, -112), (60, 50, -140)]
    top = 138 + drop
    limb = ([(26, 20, top), (25, 30, top - 4), (24, 40, top - 10)], 2.2)
    if b.side < 0:
        limb = ([(28, 24, top), (32, 38, top - 8)], 2.3)
    first = [(26, 20, top), (30, 30, top - 6), (38, 40, top - 12)]
    return [
        b.stack("kidney", k, [(z + drop, *r) for z, *r in rows], lobes=0.03, rim=1.5),
        b.ball("", Tissue.FAT, (47, 42, 92 + drop), (13, 8, 25), tilt=(0, 0, 35), loose=0.4),
        b.ball("ureter", Tissue.URINE, (43, 39, 90 + drop), (9, 4, 9), tilt=(0, 0, 35), loose=0.4),
        b.tube("ureter", Tissue.URINE, ureter, 1.9, loose=0.5),
        b.tube("adrenal_gland", Tissue.ADRENAL_GLAND, first, 2.4, flat=1.3),
        b.tube("adrenal_gland", Tissue.ADRENAL_GLAND, limb[0], limb[1], flat=0.8),
    ]
