"""The aorta with its arch and the arteries that leave it, and the ligamentum arteriosum."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Floats, Tube, curve
from nodewise.phantom.geometry import Tissue

_ART = Tissue.VESSEL_ARTERY


def aorta(pen: Pen) -> list[Part]:
    """Ascending aorta, arch, descending aorta and the three branches."""
    p = pen.person
    r = p.aorta
    top = (p.arch_top - r * 0.9) / p.scale[2]
    wide = pen.between(5, 17) if p.unfolded else pen.between(-2, 3)
    beside = (p.trachea + 2.0 + r + pen.between(0.5, 4)) / p.scale[0]
    ascending = pen.way(
        [(2, -29, -62), (-6, -37, -38), (-10 - wide * 0.5, -39, -12), (-8 - wide * 0.4, -36, min(top - 10, 14))], 1.0
    )
    arch = p.world([(0, -29, top - 2), (beside * 0.62, -17, top), (beside + 1, -2, top)])
    arch[:, :2] += pen.rng.normal(0, p.jitter * 0.5, 2)
    descending = pen.way(
        [(28 + wide * 0.6, 11, top - 16), (30 + wide * 0.7, 18, -18), (29 + wide * 0.8, 22, -60),
         (24 + wide * 0.8, 24, -110), (9, 22, -180)],
        1.0,
    )  # fmt: skip
    radii = np.array([1.02, 1.1, 1.08, 1.0, 0.95, 0.9, 0.88, 0.84, 0.82, 0.79, 0.76, 0.72]) * r
    whole = curve(np.vstack([ascending, arch, descending]), radii)
    return [Part("aorta", _ART, whole), *_branches(pen, arch)]


def _branches(pen: Pen, arch: Floats) -> list[Part]:
    """Brachiocephalic trunk in front of the trachea, left carotid and left subclavian beside it."""
    p = pen.person
    first, second, third = arch[0] + (-3, 2, 2), arch[1] + (-1, 2, 3), arch[2] + (-1, -3, 3)
    neck = p.world([(-14, -34, 128), (17, -36, 128)])
    roof = (p.notch + 12 - p.arch_top, p.notch + 20 - p.arch_top)  # the subclavians cross the first rib

    def way(start: Floats, *steps: tuple[float, float, float]) -> Floats:
        points: Floats = start + np.vstack([[(0, 0, -4)], np.asarray(steps) * p.scale])
        points[2:] += pen.rng.normal(0, p.jitter, (len(steps) - 1, 3))
        return points

    trunk = way(first, (-8, 3, 20), (-15, 3, 34), (-19, 3, 42))
    carotid = np.vstack([way(second, (2, -3, 24), (3, -4, 42)), neck[1], neck[1] + (1, 0, 22)])
    end = trunk[-1]
    high = max(roof[0], 14.0)
    left = way(third, (1, 2, 0.6 * high), (9, 0, high), (32, -6, high + 8), (66, -14, high - 6))
    right_carotid = np.vstack([end, np.add(end, (1, -4, 16)), neck[0], neck[0] + (-1, 0, 22)])
    right = np.add(end, [(0, 0, 0), (-10, 3, 10), (-30, 0, max(roof[1] - 42, 8)), (-62, -8, 2)])
    named = (
        ("brachiocephalic_trunk", trunk, (6.8, 6.4, 6.0, 5.6)),
        ("common_carotid_artery_left", carotid, (4.2, 3.8, 3.6, 3.4, 3.4)),
        ("subclavian_artery_left", left, (5.6, 5.2, 5.0, 4.4, 4.0)),
        ("common_carotid_artery_right", right_carotid, (4.0, 3.7, 3.5, 3.4)),
        ("subclavian_artery_right", right, (5.0, 4.8, 4.4, 4.0)),
    )
    return [Part(name, _ART, curve(w, np.array(r) * p.calibre)) for name, w, r in named]


def ligament(main: Tube, artery: Tube, pen: Pen) -> Part:
    """The ligamentum arteriosum: from the left pulmonary artery's start to the arch's underside, calcified in some."""
    top = int(np.argmax(main.points[:, 2]))
    arch, radii = main.points[top : top + 9], main.radii[top : top + 9]
    high = int(np.argmax(artery.points[:, 2]))
    start = artery.points[max(high - 1, 0)] + (0, 0, 0.85 * artery.radii[high])
    seat = int(np.argmin(np.hypot(arch[:, 0] - start[0], arch[:, 1] - start[1]) + np.abs(np.arange(len(arch)) - 2)))
    end = arch[seat] - (0, 0, 0.9 * radii[seat])
    tissue = Tissue.BONE if pen.rng.random() < 0.25 * pen.person.calcified + 0.05 else Tissue.PERICARDIUM
    return Part("ligamentum_arteriosum", tissue, curve([start, end], [1.5, 1.8]))
