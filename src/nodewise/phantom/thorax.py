"""Body wall, thoracic cavity, diaphragm and the fat of the mediastinum, as smooth fields; bones as shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.habitus import BOTTOM_MM, TOP_MM, Habitus
from nodewise.phantom.pen import Part, Pen
from nodewise.phantom.shapes import Axes, Field, Floats, Tube, ball, curve

# Half width, half depth and centre (y) of the cavity, and of the body without its fat, by template height.
_CAVITY = np.array([
    (-175, 126, 90, -2), (-100, 128, 88, -4), (-40, 124, 84, -3), (0, 118, 79, -1), (40, 105, 71, 1),
    (70, 92, 60, 3), (95, 80, 44, 2), (112, 68, 27, 0), (119, 58, 12, -2), (123, 50, 3, -2),
], float)  # fmt: skip
_BODY = np.array([
    (-175, 140, 102, 0), (-40, 142, 102, 2), (0, 144, 102, 6), (50, 152, 98, 8), (80, 172, 84, 12),
    (100, 176, 74, 12), (115, 160, 64, 8), (124, 110, 62, 4), (140, 80, 60, 0),
], float)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """A field on a coarse grid, read off anywhere by linear interpolation: the same on every finer grid."""

    axes: Axes
    values: Field

    def at(self, axes: Axes) -> Field:
        """The field on other axes (x, y, z; mm), Fortran order; beyond the coarse grid the edge value holds."""
        out = self.values.T
        for position, (mine, wanted) in enumerate(zip(self.axes[::-1], axes[::-1], strict=True)):
            step = float(mine[1] - mine[0])
            t = np.clip((wanted - mine[0]) / step, 0, mine.size - 1.001)
            low = t.astype(int)
            weight = (t - low).astype(np.float32)
            shape = [1, 1, 1]
            shape[position] = -1
            weight = weight.reshape(shape)
            out = out.take(low, position) * (1 - weight) + out.take(low + 1, position) * weight
        return out.T


def coarse_axes(low: Floats, high: Floats, step: float) -> Axes:
    """Evenly spaced world coordinates that cover a box."""
    x, y, z = (np.arange(a, b + step, step, dtype=np.float32) for a, b in zip(low, high, strict=True))
    return x, y, z


def cavity_front(w: float) -> float:
    """Template y of the back of the sternum at template height ``w``."""
    return float(np.interp(w, _CAVITY[:, 0], _CAVITY[:, 3] - _CAVITY[:, 2]))


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """Signed distances, mm, negative inside: skin, muscles, cavity; ``dome`` is negative above the diaphragm."""

    skin: Smooth
    muscle: Smooth
    cavity: Smooth
    dome: Smooth


def _radial(u: Field, v: Field, half_u: Field, half_v: Field, power: float, thick: float) -> Field:
    """Distance to a superellipse along the ray from its centre, grown by ``thick`` mm."""
    f = ((np.abs(u) / (half_u + thick)) ** power + (np.abs(v) / (half_v + thick)) ** power) ** (1 / power)
    return np.asarray(np.hypot(u, v) * (1 - 1 / np.maximum(f, 0.05)), np.float32)


def draw_wall(person: Habitus, rng: np.random.Generator) -> Wall:
    """The wall of one person's chest at 4 mm."""
    low, high = person.world([(-205, -150, BOTTOM_MM - 8)])[0], person.world([(205, 150, TOP_MM + 8)])[0]
    axes = coarse_axes(np.subtract(np.minimum(low, high), (15, 15, 0)), np.add(np.maximum(low, high), (15, 15, 0)), 4.0)
    u, v, w = person.template(axes)

    def profile(table: Floats, column: int) -> Field:
        return np.interp(w, table[:, 0], table[:, column]).astype(np.float32)

    skin = _radial(u, v - profile(_BODY, 3), profile(_BODY, 1), profile(_BODY, 2), 2.5, person.fat)
    breast = (
        8 * np.exp(-(((np.abs(u) - 75) / 40) ** 2) - ((w + 20) / 40) ** 2 - ((v + 110) / 50) ** 2) * person.fat / 15
    )
    frame = _radial(u, v - profile(_BODY, 3), profile(_BODY, 1), profile(_BODY, 2), 2.5, 0.0)
    split = np.interp(w, (45, 95, 123), (0, 34, 46)).astype(np.float32)
    inner = np.interp(w, (45, 70, 95, 123), (300, 70, 32, 16)).astype(np.float32)
    aside = np.abs(u) - split
    half = np.where(aside > 0, profile(_CAVITY, 1) - split, inner)
    cavity = _radial(aside, v - profile(_CAVITY, 3), half, profile(_CAVITY, 2), 2.35, 0.0)
    cavity = np.maximum(cavity, (w - 123) * person.scale[2])
    muscle = np.maximum(frame, cavity - _flesh(u, v, w))
    domes = [
        peak - 62 * ((u - at) / 72) ** 2 - 48 * ((v - back) / 84) ** 2
        for at, peak, back in ((-60, -84 + rng.normal(0, 6), 4), (60, -94 + rng.normal(0, 6), 4))
    ]
    flat = np.maximum(np.maximum(domes[0], domes[1]), -170)
    dome = np.maximum(flat, np.where(np.abs(u) < 45, -112 - 0.02 * (v + 20) ** 2, -400)) - w
    smooth = [
        Smooth(axes, np.asfortranarray(f, np.float32)) for f in (skin - breast, muscle, cavity, dome * person.scale[2])
    ]
    return Wall(*smooth)


def _flesh(u: Field, v: Field, w: Field) -> Field:
    """Thickness of the wall's muscles outside the cavity, mm: thick at spine, shoulder blade, chest and armpit."""
    aside = np.abs(u)
    spine = 22 * np.exp(-(((aside - 32) / 24) ** 2)) * (v > 50)
    broad = 9 * np.exp(-(((v - 35) / 40) ** 2)) * (aside > 60)
    breast = 15 * np.exp(-(((aside - 70) / 45) ** 2)) * (v < -15) * np.interp(w, (-20, 30, 90), (0, 0.8, 1))
    blade = 30 * np.exp(-(((aside - 108) / 45) ** 2)) * (v > 0) * np.interp(w, (-50, 0, 60), (0, 0.6, 1))
    shoulder = np.interp(w, (62, 95, 118), (0, 55, 140))
    return np.asarray(
        10 + np.maximum.reduce([spine + 0 * w, broad + 0 * w + 0 * u, breast + 0 * w, blade]) + shoulder, np.float32
    )


def bones(pen: Pen) -> list[Part]:
    """Vertebrae with their canal, ribs, sternum, clavicles, scapulae, shoulder joints: bone with marrow inside."""
    p = pen.person
    heights = np.arange(-185.0, 150.0, 12.0)
    y = np.interp(heights, (-185, -120, -50, 0, 40, 90, 135), (36, 43, 48, 46, 40, 22, 4)) + pen.rng.normal(0, 1)
    x = np.interp(heights, (-185, 0, 140), pen.rng.normal(0, 2.0, 3))
    r = np.interp(heights, (-185, 140), (20, 13.5)) * p.scale[0]
    line = p.world(np.column_stack([x, y, heights]))
    back = np.column_stack([np.zeros_like(r), r * 0.82 + 8.5, np.zeros_like(r)])
    bone, marrow, canal = Tissue.BONE, Tissue.MARROW, Tissue.SPINAL_CANAL
    parts = _levels(line, r)
    parts += [
        Part("vertebral_column", bone, Tube(line, r, flat=1.22)),
        Part("vertebral_marrow", marrow, Tube(line, r - 1.6, flat=1.22)),
        Part("vertebral_arch", bone, Tube(line + back, np.full_like(r, 12.0))),
        *_discs(pen, line, r),
        Part("spinal_canal", canal, Tube(line + back, np.full_like(r, 7.8))),
    ]
    for side in (-1, 1):
        parts += _ribs(pen, side)
        way = pen.way([(side * 16, -64, 84), (side * 60, -66, 98), (side * 135, -30, 112)])
        parts += _hollow("clavicle", curve(way, [7.5, 5.5, 6.5]), 1.8)
        tilt = np.deg2rad(-side * 36)
        axes = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1.0]])
        blade = pen.way([(side * 106, 76, 45)])[0]
        parts.append(Part("scapula", bone, ball(blade, (36, 3.6, 55), axes)))
        joint = pen.way([(side * 168, 8, 102)])[0]
        parts += [Part("humerus", bone, ball(joint, (23, 23, 24))), Part("humerus", marrow, ball(joint, (20, 20, 21)))]
    top, low = cavity_front(72), cavity_front(-70)
    way = pen.way([(0, top - 7, 80), (0, cavity_front(30) - 7, 30), (0, low - 7, -72)], 0.6)
    return parts + _hollow("sternum", curve(way, [24, 15, 17], flat=2.7), 1.6)


def _hollow(name: str, tube: Tube, cortex: float) -> list[Part]:
    """Bone and the marrow inside it."""
    inner = Tube(tube.points, np.maximum(tube.radii - cortex * tube.flat**0.5, 0.8), tube.flat * 1.1)
    return [Part(name, Tissue.BONE, tube), Part(name, Tissue.MARROW, inner)]


def _levels(line: Floats, r: Floats) -> list[Part]:
    """Transverse and spinous processes, a set every 24 mm."""
    parts = []
    for a, size in zip(line[::2], r[::2], strict=True):
        c = np.add(a, (0, size * 0.82 + 16, 0))
        parts.append(
            Part("spinous_process", Tissue.BONE, Tube(np.array([c, np.add(c, (0, 30, -18))]), np.array([4.2, 4.8])))
        )
        for side in (-1, 1):
            way = np.array([np.add(c, (side * 6, -4, 0)), np.add(c, (side * 32, 4, 2))])
            parts.append(Part("transverse_process", Tissue.BONE, Tube(way, np.array([5.5, 5.0]))))
    return parts


def _discs(pen: Pen, line: Floats, r: Floats) -> list[Part]:
    """Discs between the vertebral bodies."""
    return [
        Part("disc", Tissue.MUSCLE, ball(a, (size * 0.97, size * 0.78, pen.between(2.2, 3.4))))
        for a, size in zip(line[1::2], r[1::2], strict=True)
    ]


def _ribs(pen: Pen, side: int) -> list[Part]:
    """Ribs of one side along the outside of the cavity."""
    parts = []
    for k, first in enumerate(np.arange(108, -160, -23.0)):
        reach = np.interp(k, (0, 1, 7, 11), (1.95, 2.25, 2.25, 1.2))
        angle = np.linspace(1.32, 1.32 - reach, 18)
        fall = np.interp(k, (0, 2, 11), (26, 48, 58))
        w = first - fall * (1.32 - angle) / 2.2
        a, b, c = (np.interp(w, _CAVITY[:, 0], _CAVITY[:, m]) for m in (1, 2, 3))
        cos, sin = np.cos(angle), np.sin(angle)
        rho = ((np.abs(cos) / (a + 7)) ** 2.35 + (np.abs(sin) / (b + 7)) ** 2.35) ** (-1 / 2.35)
        way = pen.person.world(np.column_stack([side * rho * cos, c + rho * sin, w]))
        parts += _hollow("rib", Tube(way, np.full(18, pen.between(4.4, 5.6))), 1.5)
    return parts


def lung_vessels(pen: Pen) -> list[Part]:
    """Vessels that fan out from both hila, thinner outwards; painted over lung alone."""
    parts = []
    for side, root in ((-1, (-42, 0, -26)), (1, (50, 8, -22))):
        hilum = pen.person.world([root])[0]
        for n in range(110):
            goal = pen.person.world([(side * pen.between(25, 122), pen.between(-75, 75), pen.between(-150, 112))])[0]
            start = hilum + pen.rng.normal(0, (6, 9, 14))
            middle = start + (goal - start) * 0.45 + pen.rng.normal(0, 9, 3)
            thick = pen.between(1.6, 4.6) if n < 34 else pen.between(0.8, 1.8)
            tissue = Tissue.VESSEL_PULMONARY if n % 2 else Tissue.VESSEL_PULMONARY_VEIN
            parts.append(Part("lung_vessel", tissue, curve([start, middle, goal], [thick, thick * 0.65, 0.4], 9.0)))
    return parts


def _closed(away: Field, slack: float, closing: float, step: float) -> Field:
    """Organs at distance ``away`` grown by ``slack`` mm and closed over gaps up to twice ``closing`` mm wide."""
    inside = ndimage.distance_transform_edt(away < slack + closing, sampling=step).astype(np.float32)
    return np.asarray(closing - inside + np.where(inside == 0, 0.5 * step, 0), np.float32)


def mediastinal_fat(person: Habitus, parts: Sequence[Part], step: float = 2.5) -> Smooth:
    """Signed distance to the surface of the mediastinum: organs, grown and closed over (negative inside).

    The fat between organs comes from closing; the pleura lies ``slack`` mm off the organs.
    """
    from nodewise.phantom.canvas import Canvas  # a coarse canvas of its own
    from nodewise.values.grid import Grid

    low, high = person.world([(-100, -100, -150)])[0], person.world([(100, 90, 135)])[0]
    low, high = np.minimum(low, high) - 10, np.maximum(low, high) + 10
    shape = np.ceil((high - low) / step).astype(int)
    canvas = Canvas(Grid.of(tuple(shape.tolist()), (step,) * 3, tuple(low.tolist())))
    for part in parts:
        canvas.paint(Tissue.NODE, part.shape, grow=part.wall_mm)
    solid = canvas.tissue == Tissue.NODE
    away = ndimage.distance_transform_edt(~solid, sampling=step).astype(np.float32)
    field = _closed(away, person.slack, person.closing, step)
    # Between aorta, cava and airway there is always fat, never lung.
    u, v, _ = person.template(canvas.axes)
    core = np.maximum(np.abs(u - 2) - 27, np.abs(v + 14) - 32) * np.float32(person.scale[0])
    field = np.minimum(field, np.maximum(core, _closed(away, person.slack, 20.0, step)))
    for k in range(field.shape[2]):
        held = ndimage.binary_fill_holes(field[:, :, k] < 0)
        field[:, :, k][held & (field[:, :, k] >= 0)] = -1.0
    return Smooth(canvas.axes, np.asfortranarray(ndimage.gaussian_filter(field, 0.8)))
