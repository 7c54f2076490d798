"""Clavicles, shoulder blades and upper arms with the muscles about them, and those of back and neck."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.chest.ribcage import hollow, sternum_back
from nodewise.phantom.chest.spine import Vertebra
from nodewise.phantom.draw.shapes import Floats, ball, curve
from nodewise.phantom.geometry import Tissue

_BLADE = np.deg2rad(37)  # of the shoulder blade to the frontal plane


def girdle_bones(pen: Pen) -> list[Part]:
    """Clavicle, scapula and head of the humerus of both sides."""
    p = pen.person
    notch = p.notch / p.scale[2]
    parts: list[Part] = []
    for side, word in ((-1, "right"), (1, "left")):
        y = float(sternum_back(notch)) - 6
        way = pen.way([(side * 17, y, notch + 3), (side * 36, y - 3, notch + 9), (side * 90, y + 26, notch + 24),
                       (side * 142, 14, notch + 34)], 0.6)  # fmt: skip
        parts += hollow("clavicle", curve(way, [10.5, 7.5, 5.6, 6.5]), 1.7, f"clavicula_{word}")
        organ = f"scapula_{word}"
        blade = pen.way([(side * 108, 55, 12)], 0.7)[0]
        plate = ball(blade, (34, 3.0, 58), _turned(side))
        ridge = blade + _turned(side) @ ([side * 8, 13, 42])
        neck = p.world([(side * 138, 16, 66)])[0]
        tip = p.world([(side * 156, 22, 96)])[0]
        edge = blade + _turned(side) @ ([side * 30, 0, -20])
        parts += [
            Part("scapula", Tissue.BONE, plate, organ=organ),
            *hollow("scapula", curve([edge, 0.5 * (edge + neck) + (side * 2, -3, 0), neck], [4.2, 5, 8]), 1.4, organ),
            *hollow("scapula", curve([ridge - (side * 22, -6, 6), ridge, tip], [3.2, 4.5, 6]), 1.4, organ),
        ]
        head = pen.way([(side * 163, -2, 84)], 0.7)[0]
        arm = f"humerus_{word}"
        parts += [
            Part("humerus", Tissue.BONE, ball(head, (22.5, 22.5, 24)), organ=arm),
            Part("humerus", Tissue.MARROW, ball(head, (20.5, 20.5, 22)), organ=arm),
        ]
    return parts


def _turned(side: int) -> Floats:
    """Axes of a shoulder blade: along it outwards and forwards, through it to the back, and up."""
    c, s = np.cos(_BLADE), np.sin(_BLADE)
    return np.array([[c, side * s, 0], [-side * s, c, 0], [0, 0, 1.0]])


def muscles(pen: Pen, column: list[Vertebra]) -> list[Part]:
    """Muscles of shoulder blade, armpit, back and neck; fat planes part them."""
    p, m = pen.person, Tissue.MUSCLE
    bulk = pen.between(0.85, 1.15)
    parts: list[Part] = []
    for side, word in ((-1, "right"), (1, "left")):
        blade, turn = p.world([(side * 108, 55, 12)])[0], _turned(side)
        parts += [
            Part("subscapularis", m, ball(blade + turn @ (side * 6, -9, 0), (38, 10.0 * bulk, 60), turn)),
            Part("infraspinatus", m, ball(blade + turn @ (side * 4, 11, -4), (38, 12.0 * bulk, 60), turn)),
            Part("supraspinatus", m, ball(blade + turn @ (side * 6, -4, 62), (48, 15, 26), turn)),
            Part("teres", m, ball(p.world([(side * 143, 24, 2)])[0], (18 * bulk, 26 * bulk, 60))),
            Part("pectoralis_minor", m, curve(p.world([(side * 60, -82, -4), (side * 92, -58, 34),
                 (side * 128, -18, 66)]), [10, 11, 7], flat=0.8)),
            Part("pectoral_fold", m, curve(p.world([(side * 92, -76, 26), (side * 120, -52, 40),
                 (side * 150, -22, 56)]), [8, 11, 12], flat=1.1)),
            Part("deltoid", m, ball(p.world([(side * 170, 2, 76)])[0], (32, 42, 50))),
        ]  # fmt: skip
        parts += _back(column, side, word, bulk)
        parts += _neck(pen, column, side, bulk)
    return parts


def _back(column: list[Vertebra], side: int, word: str, bulk: float) -> list[Part]:
    """Erector spinae between spinous and transverse processes; multifidus beside it, and rhomboids."""
    way = np.array([v.at(side * 24, 23, 0) for v in column])
    deep = np.array([v.at(side * 9, 19, 0) for v in column])
    r = np.interp(np.arange(len(column)), (0, 4, 9, 16), (15, 18, 21, 27)) * bulk
    organ = f"autochthon_{word}"
    return [
        Part("erector_spinae", Tissue.MUSCLE, curve(way, r, 6.0, flat=1.75), organ=organ),
        Part("multifidus", Tissue.MUSCLE, curve(deep, r * 0.36, 6.0, flat=0.75), organ=organ),
    ]


def _neck(pen: Pen, column: list[Vertebra], side: int, bulk: float) -> list[Part]:
    p, m = pen.person, Tissue.MUSCLE
    notch = p.notch / p.scale[2]
    y = float(sternum_back(notch))
    upper = [v for v in column if v.name in ("C4", "C5", "C6", "C7", "T1", "T2")]
    front = np.array([v.centre + v.axes @ (side * 8.0, -v.radii[1] - 3, 0) for v in upper])
    beside = np.array([v.centre + v.axes @ (side * (v.radii[0] + 13), 4, 0) for v in upper[:5]])
    strap = p.world([(side * 12, y - 2, notch + 2), (side * 15, -50, 96), (side * 12, -56, 140)])
    mastoid = p.world([(side * 20, y - 8, notch + 8), (side * 33, -46, 98), (side * 50, -22, 140)])
    return [
        Part("longus_colli", m, curve(front, 5.0 * bulk, flat=1.5)),
        Part("scalene", m, curve(np.vstack([beside, p.world([(side * 50, 4, 78)])]), 9.5 * bulk)),
        Part("levator", m, curve(np.add(beside, (side * 14, 16, 0)), 10.5 * bulk)),
        Part("strap_muscle", m, curve(strap, 7.0 * bulk, flat=2.6)),
        Part("sternomastoid", m, curve(mastoid, 9.0 * bulk, flat=1.3)),
    ]
