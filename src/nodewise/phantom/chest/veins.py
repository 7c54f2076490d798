"""The great veins of the body: cavae, brachiocephalic veins, jugulars and the azygos."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Floats, Tube, curve
from nodewise.phantom.geometry import Tissue

# Contrast medium from an arm reaches the upper vena cava first; what comes from below or the head is late.
_VEIN, _LATE = Tissue.VESSEL_VEIN, Tissue.VESSEL_VEIN_LATE


def veins(pen: Pen) -> list[Part]:
    """Superior and inferior vena cava, brachiocephalic veins, azygos with its arch over the right main bronchus."""
    p = pen.person
    z = p.scale[2]
    cross = (p.arch_top + p.vein_cross + 7 * p.calibre) / z  # axis of the left vein before the trachea
    inlet = max(p.notch / z + 8, cross + 16)  # where the veins come in behind the clavicles
    join = cross - 8
    cava = pen.way([(-29, -30, join), (-30, -26, 10), (-29, -24, -30), (-27, -27, -62)], 1.0)
    named = [
        Part("superior_vena_cava", _VEIN,
             curve(cava, np.array([8.2, 8.8, 9.2, 10]) * p.calibre, flat=pen.between(0.9, 1.25))),
        pen.tube("brachiocephalic_vein_left", _VEIN,
                 [(84, -20, inlet + 6), (56, -34, inlet + 4), (32, -40, inlet - 2),
                  (16, -42, 0.4 * inlet + 0.6 * cross), (0, -44, cross + 1),
                  (-18, -40, cross - 3), (-28, -32, join + 1)],
                 [5, 6, 6.5, 7, 7, 7, 7.5], 0.8, flat=pen.between(0.75, 1.0)),
        pen.tube("brachiocephalic_vein_right", _VEIN,
                 [(-29, -31, join), (-31, -34, cross + 10), (-36, -36, inlet - 2), (-58, -28, inlet + 5),
                  (-84, -16, inlet + 6)], [8, 7.5, 7, 6, 5], 0.8),
        _azygos(pen, cava),
        pen.tube("inferior_vena_cava", _LATE, [(-25, -20, -84), (-25, -10, -118), (-22, 8, -182)], [11, 11.5, 11]),
    ]  # fmt: skip
    for side, word in ((-1, "right"), (1, "left")):
        whole = named[2 if side < 0 else 1].shape
        assert isinstance(whole, Tube)
        vein = whole.points
        start = vein[len(vein) // 2] if side < 0 else vein[len(vein) // 3]
        up = p.world([(side * 26, -38, max(inlet + 22, 112)), (side * 28, -34, 150)])
        named.append(Part(f"internal_jugular_{word}", _LATE, curve([start, *up], [6.0, 6.5, 6.5])))
    return named


def _azygos(pen: Pen, cava: Floats) -> Part:
    """Up along the spine's right front, then over the right main bronchus into the back of the upper vena cava."""
    p = pen.person
    z = p.scale[2]
    low = pen.between(5, 13) / z  # axis of the arch over the carina
    rise = pen.way([(-4, 27, -178), (-5, 31, -90), (-7, 29, -20)], 0.8)
    bend = p.world([(-11, 24, low - 7), (-17 - p.trachea * 0.2, 10, low + 1.5), (-24, -8, low + 2)])
    s = np.interp(bend[-1, 2], cava[::-1, 2], np.arange(len(cava))[::-1])
    seat = np.array([np.interp(s, np.arange(len(cava)), cava[:, m]) for m in range(3)])
    way = np.vstack([rise, bend, [(seat[0], seat[1] + 4, bend[-1, 2])]])
    return Part("azygos_vein", _LATE, curve(way, np.array([3.2, 3.6, 4, 4.2, 4.5, 4.7, 4.8]) * p.calibre))
