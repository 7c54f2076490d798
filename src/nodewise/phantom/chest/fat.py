"""The fat of the mediastinum: what lies between its organs, and between them and the lungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.chest.ribcage import sternum_back
from nodewise.phantom.chest.thorax import Smooth
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.shapes import Field, Floats, Tube, ball, curve
from nodewise.phantom.geometry import Tissue


def mediastinal_fat(person: Habitus, parts: Sequence[Part], step: float = 2.5) -> Smooth:
    """Signed distance to the surface of the mediastinum: organs, grown and closed over (negative inside).

    The fat between organs comes from closing; the pleura lies ``slack`` mm off the organs.
    """
    low, high = person.world([(-100, -105, -150)])[0], person.world([(100, 95, 135)])[0]
    low, high = np.minimum(low, high) - 10, np.maximum(low, high) + 10
    canvas = Canvas(grid_between(low, high, (step,) * 3))
    for part in parts:
        canvas.paint(Tissue.NODE, part.shape, grow=part.wall_mm)
    solid = canvas.tissue == Tissue.NODE
    away = ndimage.distance_transform_edt(~solid, sampling=step).astype(np.float32)
    field = _closed(away, person.slack, person.closing, step)
    # Between aorta, cava and airway there is always fat, never lung.
    u, v, _ = person.template(canvas.axes)
    core = np.maximum(np.abs(u - 2) - 27, np.abs(v + 10) - 28) * np.float32(person.scale[0])
    field = np.minimum(field, np.maximum(core, _closed(away, person.slack, 20.0, step)))
    for k in range(field.shape[2]):
        held = ndimage.binary_fill_holes(field[:, :, k] < 0)
        field[:, :, k][held & (field[:, :, k] >= 0)] = -1.0
    return Smooth(canvas.axes, np.asfortranarray(ndimage.gaussian_filter(field, 0.8)))


def _closed(away: Field, slack: float, closing: float, step: float) -> Field:
    """Organs at distance ``away`` grown by ``slack`` mm and closed over gaps up to twice ``closing`` mm wide."""
    inside = ndimage.distance_transform_edt(away < slack + closing, sampling=step).astype(np.float32)
    return np.asarray(closing - inside + np.where(inside == 0, 0.5 * step, 0), np.float32)


def fillers(pen: Pen, column: Part) -> list[Part]:
    """What holds the lungs apart besides the organs: the spine, and fat behind the sternum and in the neck."""
    p = pen.person
    front = [(0, 10, 78), (0, 9, 50), (1, 8, 25), (2, 6, 0), (6, 5, -40), (12, 8, -88)]
    way: Floats = p.world([(x, float(sternum_back(w)) + back, w) for x, back, w in front])
    wide = pen.between(2, 6) + 2.2 * (p.slack - 0.9)
    sternal = Part("sternal_fat", Tissue.FAT, curve(way, [16, 15, wide, wide * 0.8, wide, 14]))
    neck = [Part("neck", Tissue.FAT, ball(p.world([(s * 24, -34, 126)])[0], (28, 26, 38))) for s in (-1, 1)]
    inlet = Part("inlet", Tissue.FAT, ball(p.world([(0, -34, 84)])[0], (30, 24, 30)))
    assert isinstance(column.shape, Tube)
    base = Part("pericardial_fat", Tissue.FAT, ball(p.world([(12, -33, -106)])[0], (46, 38, 15)))
    return [Part(column.name, column.tissue, column.shape, None, 1.0), sternal, *neck, inlet, base]
