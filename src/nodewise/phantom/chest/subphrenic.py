"""What lies under the diaphragm: liver, spleen, stomach, and the diaphragm's crura."""

from __future__ import annotations

import numpy as np

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Blob, Field, ball, curve
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS


def upper_abdomen(pen: Pen) -> list[Part]:
    """Stomach with content and air on top, spleen, crura and hepatic veins."""
    p = pen.person
    stomach = pen.way([(46, -30, -146), (58, 4, -138), (38, -56, -160)], 2.0)
    radii = np.array([(36, 34, 26), (26, 26, 24), (34, 22, 24)]) * pen.between(0.75, 1.05)
    wall = Blob(stomach, radii, np.eye(3))
    spleen = pen.way([(88, 44, -144)], 2.0)[0]
    air = pen.between(6, 22)
    parts = [
        Part("stomach", Tissue.STOMACH, wall),
        Part("stomach_air", Tissue.BOWEL_GAS, Blob(stomach - (0, air, -2), radii * 0.75, np.eye(3)), organ="stomach"),
        Part("spleen", Tissue.SPLEEN, ball(spleen, np.array([26, 42, 40]) * pen.between(0.8, 1.15))),
    ]
    for side in (-1, 1):
        way = p.world([(side * 9 + 3, 2, -122), (side * 12 + 3, 14, -140), (side * 12, 26, -182)])
        parts.append(Part("crus", Tissue.MUSCLE, curve(way, [3, 5, 6], flat=0.7)))
    for end in ((-72, -30, -128), (-40, -62, -134), (-88, 26, -134)):
        way = pen.way([(-26, -10, -120), (0.5 * end[0] - 16, 0.5 * end[1] - 6, -126), end])
        parts.append(Part("hepatic_vein", Tissue.VESSEL_VEIN_LATE, curve(way, [6, 4.5, 1.5]), organ="liver"))
    return parts


def paint_liver(canvas: Canvas, person: Habitus, under: Field) -> None:
    """The liver fills what is under the right dome (``under`` mm below the diaphragm) and reaches over to the left."""
    u, v, _ = person.template(canvas.axes)
    # The left lobe thins out to the left, in front.
    edge = (u - np.where(v < -10, 62, 30) + np.minimum(under, 60) * np.float32(0.75)) * np.float32(0.7)
    edge = np.minimum(edge, (u - 8) * np.float32(person.scale[0]))
    canvas.fill(Tissue.LIVER, np.maximum(edge, 1.5 - under), only=(Tissue.FAT,), organ=ORGANS["liver"])
