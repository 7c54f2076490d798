"""Aorta, caval and portal veins, and the mesenteric vessels, whose courses name the compartments of nodes."""

from __future__ import annotations

from collections.abc import Sequence

from nodewise.phantom.draw.brush import Brush, Piece
from nodewise.phantom.geometry import Tissue

_ARTERY, _VEIN, _SMALL = Tissue.VESSEL_ARTERY, Tissue.VESSEL_VEIN_LATE, Tissue.VESSEL_SMALL
Way = Sequence[tuple[float, float, float]]

_AORTA: Way = [(7, 25, 212), (6, 20, 160), (5, 13, 118), (4, 7, 70), (3, 6, 35), (2, 9, 4)]
_CAVA: Way = [(-10, 17, -16), (-20, 12, 5), (-25, 10, 40), (-26, 11, 90), (-25, 12, 130), (-23, 6, 165), (-20, -4, 190)]
_SMA: Way = [(4, 4, 103), (4, -12, 93), (2, -25, 66), (-6, -31, 30), (-26, -30, -10), (-52, -22, -40)]
_SMV: Way = [(-62, -26, -42), (-36, -34, -8), (-15, -36, 32), (-9, -28, 66), (-8, -17, 87)]
_BRANCHES, _INFERIOR = "mesenteric_branches", "inferior_mesenteric_artery"
# Compartment of nodes along each, the artery's organ, and its way.
_COLIC: tuple[tuple[str, str, Way], ...] = (
    ("ileocolic", _BRANCHES, [(-26, -30, -10), (-58, -20, -28), (-84, -10, -44)]),
    ("right colic", _BRANCHES, [(-7, -30, 36), (-46, -12, 26), (-84, 4, 16)]),
    ("middle colic", _BRANCHES, [(2, -24, 70), (-6, -44, 60), (-36, -58, 50)]),
    ("middle colic", _BRANCHES, [(-6, -44, 60), (20, -58, 46), (46, -58, 50)]),
    ("left colic", _BRANCHES, [(10, 0, 30), (46, 10, 30), (94, 26, 50)]),
    ("sigmoid", _INFERIOR, [(22, 0, -10), (44, 2, -40), (62, -8, -62)]),
    ("inferior mesenteric", _INFERIOR, [(3, -1, 42), (10, -1, 20), (24, 2, -18), (26, 14, -60), (12, 34, -110)]),
)


def great_vessels(brush: Brush) -> list[Piece]:
    """Aorta to the iliac forks, inferior caval vein, renal vessels."""
    r = brush.between(0.9, 1.25)
    parts = [
        brush.tube("inferior_vena_cava", _VEIN, _CAVA, [9, 9.5, 10, 10.5, 11, 11.5, 12], flat=1.25, loose=0.6, rim=0.6),
        brush.tube(
            "iliac_vena_left", _VEIN, [(-10, 17, -16), (10, 25, -34), (42, 30, -74), (60, 4, -140)], [8, 7, 6.5, 6]
        ),
        brush.tube(
            "iliac_vena_right", _VEIN, [(-10, 17, -16), (-24, 26, -40), (-44, 30, -74), (-62, 4, -140)], [8, 7, 6.5, 6]
        ),
        brush.tube(
            "renal_vein_left",
            _VEIN,
            [(48, 38, 88), (22, 8, 90), (2, -5, 91), (-24, 6, 90)],
            [4.5, 4.5, 4, 5],
            loose=0.4,
        ),
        brush.tube("renal_vein_right", _VEIN, [(-48, 38, 76), (-26, 14, 84)], [4.5, 5], loose=0.4),
        brush.tube("aorta", _ARTERY, _AORTA, [11.5 * r, 11 * r, 10 * r, 9 * r, 8.6 * r, 8.2 * r], loose=0.5, rim=0.8),
    ]
    for side in (-1, 1):
        b = brush.sided(side)
        parts += [
            b.tube(
                "iliac_artery",
                _ARTERY,
                [(2 * side, 9, 4), (20, 15, -28), (42, 20, -70), (58, -10, -140)],
                [6.5, 5.6, 5, 4.6],
            ),
            b.tube(
                "renal_artery",
                _ARTERY,
                [(4, 10, 92), (24, 20, 90), (48, 40, 86 if side > 0 else 78)],
                [3, 2.6, 2.2],
                loose=0.4,
            ),
        ]
    return parts


def portal_vessels(brush: Brush) -> list[Piece]:
    """Coeliac trunk with its branches, portal and splenic vein, the veins within the liver."""
    winding = [(4, -8, 116), (28, 6, 118), (48, 6, 112), (68, 26, 122), (92, 36, 120)]
    veins = [
        [(-22, 8, 164), (-52, 12, 150), (-88, 26, 132)], [(-22, 4, 166), (-40, -24, 148), (-58, -48, 122)],
        [(-20, 0, 166), (-4, -28, 150), (24, -44, 136)],
    ]  # fmt: skip
    deep: list[Way] = [
        [(-40, -6, 118), (-64, 0, 122), (-88, 18, 112)], [(-56, -2, 120), (-74, -34, 112), (-84, -44, 92)],
        [(-38, -8, 118), (-14, -32, 128), (22, -40, 132)], [(-64, 2, 122), (-80, 8, 144)],
    ]  # fmt: skip
    return [
        brush.tube("coeliac_trunk", _ARTERY, [(5, 6, 116), (4, -8, 116)], 3.4, loose=0.3),
        brush.tube("coeliac_trunk", _ARTERY, winding, [2.6, 2.4, 2.4, 2.2, 1.8]),
        brush.tube("coeliac_trunk", _ARTERY, [(4, -8, 116), (-16, -16, 108), (-36, -14, 112)], [2.4, 2.2, 1.8]),
        brush.tube("coeliac_trunk", _SMALL, [(4, -8, 116), (18, -8, 132), (34, -4, 128)], 1.3),
        brush.tube(
            "portal_vein_and_splenic_vein",
            _VEIN,
            [(-8, -15, 88), (-22, -12, 104), (-42, -6, 118)],
            [6.5, 6.5, 6],
            loose=0.4,
            rim=0.5,
        ),
        brush.tube(
            "portal_vein_and_splenic_vein",
            _VEIN,
            [(-8, -15, 89), (28, -2, 103), (62, 20, 113), (92, 34, 117)],
            [4.5, 4.2, 4, 3.2],
            loose=0.4,
        ),
        *(brush.tube("hepatic_veins", _VEIN, w, [4.5, 3.5, 1.5]) for w in veins),
        *(
            brush.tube("portal_vein_and_splenic_vein", _VEIN, w, [4.5, *([2.8] if len(w) > 2 else []), 1.2])
            for w in deep
        ),
    ]


def mesenteric_vessels(brush: Brush) -> tuple[list[Piece], dict[str, list[Piece]]]:
    """Superior and inferior mesenteric artery and vein with their branches.

    Returns:
        What is painted, and the courses along which nodes of each compartment lie.
    """
    sma = brush.tube("superior_mesenteric_artery", _ARTERY, _SMA, [3.8, 3.6, 3.4, 3, 2.4, 1.6], loose=0.5, rim=1.0)
    smv = brush.tube("superior_mesenteric_vein", _VEIN, _SMV, [2.4, 4, 5.2, 5.6, 6], loose=0.5, rim=0.5)
    parts, courses = [sma, smv], {"mesenteric": [sma, smv]}
    for place, organ, way in _COLIC:
        artery = brush.tube(organ, _SMALL, way, [2.2, 1.8, 1.4] if len(way) == 3 else 2.0)
        vein = brush.tube(_BRANCHES, _SMALL, [(x + 4, y + 2, z + 4) for x, y, z in way], 2.0)
        parts += [artery, vein]
        courses.setdefault(place, []).append(artery)
    for side in (1, -1):
        for _ in range(int(brush.rng.integers(7, 12))):
            branch = _branch(brush, side)
            parts += branch
            courses["mesenteric"] += branch[:1]
    return parts, courses


def _branch(brush: Brush, side: int) -> list[Piece]:
    """A jejunal (1) or ileal (-1) artery with its vein, from the trunk towards the bowel."""
    z = brush.between(10, 84) if side > 0 else brush.between(-34, 24)
    start = (2.0 - 0.4 * max(0, 30 - z), -27.0, z)
    if side > 0:
        end = (brush.between(34, 84), brush.between(-62, -8), z - brush.between(10, 56))
    else:
        end = (brush.between(-60, 50), brush.between(-64, -6), z - brush.between(34, 76))
    middle = tuple(0.5 * (a + b) + brush.between(-9, 9) for a, b in zip(start, end, strict=True))
    thick = brush.between(1.0, 1.9)
    way = [start, (middle[0], middle[1], middle[2]), end]
    beside = [(x + 3.5, y + 2, z + 2.5) for x, y, z in way]
    parts = [
        brush.tube(_BRANCHES, _SMALL, way, [thick, thick * 0.8, 0.6]),
        brush.tube(_BRANCHES, _SMALL, beside, [thick * 1.2, thick, 0.7]),
    ]
    for _ in range(2):
        tip = tuple(c + float(d) for c, d in zip(end, brush.rng.normal(0, 12, 3), strict=True))
        parts.append(brush.tube(_BRANCHES, _SMALL, [way[1], (tip[0], tip[1], tip[2])], [thick * 0.6, 0.5]))
    return parts
