"""Skin, muscles' outline, thoracic cavity and diaphragm as smooth fields.

Widths and depths are means of the lungs' and the body's extents on four real chest CTs, read off by height over the
carina with ``nodewise.anatomy``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nodewise.phantom.chest.habitus import BOTTOM_MM, TOP_MM, Habitus
from nodewise.phantom.chest.spine import canal_line
from nodewise.phantom.draw.shapes import Axes, Field, Floats, ball

# Template height, half width, front and back (y) of the lungs; the back without kyphosis.
_CAVITY = np.array([
    (-215, 128, -84, 70), (-175, 128, -86, 74), (-120, 127, -90, 78), (-80, 125, -92, 79), (-40, 123, -90, 78),
    (0, 118, -80, 74), (15, 114, -74, 71), (30, 110, -67, 66), (45, 103, -57, 60), (60, 93, -43, 51),
    (75, 79, -25, 41), (88, 61, -6, 30), (95, 50, 5, 22), (99, 42, 11, 16),
], float)  # fmt: skip
# The same of the trunk's muscles, shoulders apart.
_TRUNK = np.array([
    (-215, 142, -100, 97), (-120, 144, -106, 101), (-40, 143, -107, 103), (0, 140, -99, 100), (30, 137, -87, 93),
    (60, 130, -67, 82), (90, 110, -46, 68), (110, 78, -46, 60), (128, 62, -52, 53), (150, 60, -56, 52),
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


def cavity_section(person: Habitus, w: float) -> tuple[float, float, float]:
    """Half width, half depth and centre (y) of the lungs' outline at template height ``w``, with kyphosis."""
    half, front, back = (float(np.interp(w, _CAVITY[:, 0], _CAVITY[:, m])) for m in (1, 2, 3))
    back += float(person.bent(w))
    return half, max(0.5 * (back - front), 1.0), 0.5 * (front + back)


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """Signed distances, mm, negative inside; ``dome`` is negative above the diaphragm.

    Attributes:
        trunk: outline of the muscles. sheet: thickness of the muscles right under it, 0 for none.
        shell: of both lungs' outline, without the furrow for the spine that ``cavity`` has.
    """

    skin: Smooth
    trunk: Smooth
    sheet: Smooth
    shell: Smooth
    cavity: Smooth
    dome: Smooth


def _radial(u: Field, v: Field, half_u: Field, half_v: Field, power: float) -> Field:
    """Distance to a superellipse along the ray from its centre."""
    f = ((np.abs(u) / half_u) ** power + (np.abs(v) / half_v) ** power) ** (1 / power)
    return np.asarray(np.hypot(u, v) * (1 - 1 / np.maximum(f, 0.05)), np.float32)


def _joined(a: Field, b: Field, k: float) -> Field:
    """Union of two shapes with a fillet of about ``k`` mm."""
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    return np.asarray(b + (a - b) * h - k * h * (1 - h), np.float32)


def draw_wall(person: Habitus, rng: np.random.Generator) -> Wall:
    """The wall of one person's chest at 4 mm."""
    low, high = person.world([(-205, -150, BOTTOM_MM - 8)])[0], person.world([(205, 150, TOP_MM + 8)])[0]
    axes = coarse_axes(np.subtract(np.minimum(low, high), (15, 45, 0)), np.add(np.maximum(low, high), (15, 35, 0)), 4.0)
    u, v, w = person.template(axes)
    height = w.ravel().astype(float)
    bent = person.bent(height)[None, None].astype(np.float32)
    trunk = _trunk(person, axes, (u, v, w), bent)
    shell, cavity = _cavity(person, (u, v, w), bent)
    dome = _dome(rng, u, v) - w
    fields = (
        _skin(person, axes, (u, v, w), trunk, rng),
        trunk,
        _sheet(u, v - bent * 0.5, w),
        shell,
        cavity,
        dome * person.scale[2],
    )
    wall = [Smooth(axes, np.asfortranarray(np.broadcast_to(f, trunk.shape), np.float32)) for f in fields]
    return Wall(*wall)


def _profile(table: Floats, column: int, w: Field) -> Field:
    return np.interp(w, table[:, 0], table[:, column]).astype(np.float32)


def _trunk(person: Habitus, axes: Axes, place: tuple[Field, Field, Field], bent: Field) -> Field:
    """Outline of the muscles: the trunk with shoulder blades, shoulders and the slope to the neck."""
    u, v, w = place
    front, back = _profile(_TRUNK, 2, w), _profile(_TRUNK, 3, w) + bent
    ahead = np.asarray(v - 0.5 * (front + back), np.float32)
    out = _radial(u, ahead, _profile(_TRUNK, 1, w), 0.5 * (back - front), 2.5)
    lumps = (((126, 30, 22), (40, 48, 84)), ((150, 2, 82), (54, 46, 44)), ((70, 36, 92), (74, 42, 44)))
    for side in (-1, 1):
        for (x, y, z), radii in lumps:
            lump = ball(person.world([(side * x, y, z)])[0], np.asarray(radii) * person.scale)
            out = _joined(out, lump.distance(axes, 60.0), 22.0)
    return out


def _cavity(person: Habitus, place: tuple[Field, Field, Field], bent: Field) -> tuple[Field, Field]:
    """Both lungs' outline, narrowing to two apices, without and with the furrow for the spine."""
    u, v, w = place
    front, back = _profile(_CAVITY, 2, w), _profile(_CAVITY, 3, w) + bent
    split = np.interp(w, (35, 75, 99), (0, 31, 40)).astype(np.float32)
    inner = np.interp(w, (35, 60, 80, 99), (300, 64, 28, 8)).astype(np.float32)
    aside = np.abs(u) - split
    half = np.where(aside > 0, np.maximum(_profile(_CAVITY, 1, w) - split, 2), inner)
    ahead = np.asarray(v - 0.5 * (front + back), np.float32)
    shell = _radial(aside, ahead, half, np.maximum(0.5 * (back - front), 2), 2.35)
    shell = np.maximum(shell, (w - 99) * np.float32(person.scale[2]))
    canal = canal_line(w.ravel().astype(float))[None, None].astype(np.float32) + bent
    furrow = (15 + np.float32(0.85) * (v - canal + 20) - np.abs(u)) / np.float32(1.31)
    return shell, np.maximum(shell, furrow)


def _dome(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Template height of the diaphragm, right dome higher, with the deep recess behind."""
    peaks = ((-62, -99 + rng.normal(0, 7)), (64, -108 + rng.normal(0, 7)))
    deep = np.where(v > 0, 72, 42).astype(np.float32) * (v / 84) ** 2
    right, left = (top - 58 * ((u - at) / 72) ** 2 - deep for at, top in peaks)
    tendon = np.where(np.abs(u) < 50, -113 - 0.012 * (v + 30) ** 2, -400)
    return np.maximum(np.maximum(np.maximum(right, left), tendon), -160)


def _skin(
    person: Habitus, axes: Axes, place: tuple[Field, Field, Field], trunk: Field, rng: np.random.Generator
) -> Field:
    """The body's surface: fat over the muscles, thicker over belly and flanks, thin over the spine, and breasts."""
    u, v, w = place
    groove = np.clip(v / 60, 0, 1) * (0.3 * np.exp(-((u / 22) ** 2)) - 0.25 * np.exp(-(((np.abs(u) - 80) / 45) ** 2)))
    thick = 0.8 + 0.35 * np.clip((-60 - w) / 60, 0, 1) - groove
    skin = np.asarray(trunk - np.float32(person.fat) * thick, np.float32)
    full = (4 + 0.6 * person.fat) * rng.uniform(0.5, 1.2) if person.female else 0.2 * person.fat
    for side in (-1, 1):
        at = person.world([(side * 82, -88, -36)])[0]
        skin = _joined(skin, ball(at, (60, 20 + full, 52 + 0.5 * full)).distance(axes, 60.0), 26.0)
    return skin


def _sheet(u: Field, v: Field, w: Field) -> Field:
    """Thickness of pectoralis, latissimus, trapezius and deltoid under the trunk's outline, mm."""
    aside = np.abs(u)

    def gauss(x: Field, at: float, wide: float) -> Field:
        return np.asarray(np.exp(-(((x - at) / wide) ** 2)), np.float32)

    def by(heights: tuple[float, ...], values: tuple[float, ...]) -> Field:
        return np.interp(w, heights, values).astype(np.float32)

    chest = 17 * gauss(aside, 72, 42) * np.clip((-20 - v) / 20, 0, 1) * by((-60, -15, 20, 72, 90), (0, 0.4, 1, 1, 0.3))
    broad = 13 * gauss(v, 26, 46) * np.clip((aside - 60) / 25, 0, 1) * by((-200, -60, 10, 50), (0.6, 0.9, 1, 0.3))
    hood = 9 * np.clip((v - 30) / 20, 0, 1) * gauss(aside, 14, 74) * by((-90, -40, 40, 70, 128), (0, 0.7, 1, 1.8, 1.8))
    cap = 26 * np.clip((aside - 120) / 25, 0, 1) * by((45, 70, 128), (0, 1, 1))
    neck = by((95, 115), (0, 5)) + 0 * u + 0 * v
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(chest, broad, hood, cap, neck)) - 2, np.float32)
