"""The tumour in its lobe, and what else may be in the lungs."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from nodewise.phantom.body import Tumour
from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.chest.lungs import MARK, Fissures, name_lobes
from nodewise.phantom.chest.painting import paint
from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.chest.thorax import Smooth, Wall
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Axes, Blob, Floats, ball, rotation
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import NAMES
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Side

if TYPE_CHECKING:
    from nodewise.phantom.chest.drawing import Drawing


@dataclass(frozen=True, slots=True, eq=False)
class Lungs:
    """Where the lungs and their lobes are, before any grid."""

    person: Habitus
    wall: Wall
    fat: Smooth
    fissures: Fissures

    def depth(self, at: Floats) -> float:
        """How deep in a lung a point (LPS mm) lies, mm; negative outside."""
        axes = _axes(at)
        return -float(max(self.wall.cavity.at(axes).item(), self.wall.dome.at(axes).item(), -self.fat.at(axes).item()))

    def lobe(self, at: Floats) -> str:
        """The lobe at a point (LPS mm) in a lung, ``upper lobe right``."""
        label = np.full((1, 1, 1), MARK, np.uint8, order="F")
        name_lobes(label, _axes(at), self.person, self.fissures)
        return NAMES[int(label.item())].removeprefix("lung_").replace("_", " ")


def _axes(at: Floats) -> Axes:
    """A grid of one point."""
    x, y, z = (np.asarray(at[n : n + 1], np.float32) for n in range(3))
    return x, y, z


# Share of lung cancers in each lobe: upper lobes first, right before left.
_LOBES = {
    Side.RIGHT: {"upper lobe right": 0.55, "middle lobe right": 0.09, "lower lobe right": 0.36},
    Side.LEFT: {"upper lobe left": 0.60, "lower lobe left": 0.40},
}
# Where a collapsed lobe lies against the mediastinum (template mm, x outwards) and its radii.
_COLLAPSED = {
    "upper lobe right": ((36, -14, 48), (20, 34, 34)),
    "middle lobe right": ((46, -34, -44), (26, 24, 9)),
    "lower lobe right": ((40, 42, -66), (24, 22, 44)),
    "upper lobe left": ((36, -38, 12), (28, 15, 52)),
    "lower lobe left": ((36, 44, -62), (22, 20, 46)),
}


def illness(pen: Pen, lungs: Lungs, hard: Collection[Hard] = ()) -> tuple[list[Part], Tumour]:
    """The tumour on its side, and what else may be in the lungs, in the order in which it is painted."""
    side, rng = pen.person.primary, pen.rng
    sign = 1 if side is Side.LEFT else -1
    lobes = _LOBES[side]
    lobe = str(rng.choice(list(lobes), p=list(lobes.values())))
    central = Hard.HILAR_MASS in hard or Hard.COLLAPSED_LOBE in hard or rng.random() < 0.25
    size = float(np.clip(27 * np.exp(rng.normal(0, 0.5)), 8, 90))
    if Hard.HILAR_MASS in hard:
        size = pen.between(45, 85)
    centre = _in_lobe(pen, lobe, central, size, lungs)
    mass = Part("tumour", Tissue.TUMOUR, _mass(rng, centre, size))
    parts = []
    if Hard.COLLAPSED_LOBE in hard:
        at, radii = _COLLAPSED[lobe]
        middle = pen.person.world([(sign * at[0], at[1], at[2]), (sign * (at[0] - 0.8 * radii[0]), at[1], at[2])])
        lump = _lobulated(rng, middle, np.asarray(radii, float))
        parts.append(Part("collapsed_lobe", Tissue.CONSOLIDATION, lump))
    if rng.random() < 0.12:
        parts.append(_pneumonia(pen))
    if Hard.EFFUSION in hard:
        parts += _effusion(pen, sign if rng.random() < 0.8 else -sign)
    if Hard.POST_SURGICAL in hard:
        parts += _operated(pen, -sign)
    return [*parts, mass], Tumour(lobe, side, size, t_category(size), _point(centre))


def measured(tumour: Tumour, drawing: Drawing, step: float = 2.0) -> Tumour:
    """The tumour with the diameter and the category of what of it is painted: wall and mediastinum may cut it.

    Raises:
        ValueError: nothing of it is painted.
    """
    reach = 0.75 * tumour.diameter_mm + 2 * step
    count = int(np.ceil(2 * reach / step)) + 1
    low = np.asarray(tumour.centre_mm) - reach
    canvas = Canvas(Grid.of((count,) * 3, (step,) * 3, _point(low)))
    paint(canvas, drawing)
    mine = np.argwhere(canvas.tissue == Tissue.TUMOUR)
    if len(mine) == 0:
        raise ValueError(f"nothing of the tumour at {tumour.centre_mm} is painted")
    size = largest_diameter(np.asarray(mine * step, float)) + 0.5 * step
    return replace(
        tumour, diameter_mm=size, t_category=t_category(size), centre_mm=_point(mine.mean(axis=0) * step + low)
    )


def largest_diameter(points: Floats) -> float:
    """Largest distance between two of ``points`` (n, 3)."""
    with contextlib.suppress(QhullError):  # flat, or too few: all of them then
        points = points[ConvexHull(points).vertices]
    return float(pdist(points).max()) if len(points) > 1 else 0.0


def t_category(diameter_mm: float) -> str:
    """T by diameter alone (UICC TNM, 8th and 9th edition)."""
    bounds = ((10, "T1a"), (20, "T1b"), (30, "T1c"), (40, "T2a"), (50, "T2b"), (70, "T3"))
    return next((name for limit, name in bounds if diameter_mm <= limit), "T4")


def _in_lobe(pen: Pen, lobe: str, central: bool, size: float, lungs: Lungs) -> Floats:
    """A place in the lobe, deep enough in the lung for most of the tumour, near the hilum if ``central``."""
    sign = 1 if pen.person.primary is Side.LEFT else -1
    best, best_depth = None, -np.inf
    wanted = -0.05 * size if central else min(0.38 * size, 18.0)
    for _ in range(400):
        far = (36, 64) if central else (48, 108)
        place = (sign * pen.between(*far), pen.between(-55, 62), pen.between(-85, 88))
        if central and np.hypot(place[1] - 5, place[2] + 15) > 34:
            continue
        centre = pen.person.world([place])[0]
        if lungs.lobe(centre) != lobe:
            continue
        deep = lungs.depth(centre)
        if deep > best_depth:
            best, best_depth = centre, deep
        if wanted < deep and (not central or deep < 0.25 * size):
            return np.asarray(centre)
    assert best is not None
    return np.asarray(best)


def _mass(rng: np.random.Generator, centre: Floats, diameter: float) -> Blob:
    """A lobulated, sometimes spiculated mass whose largest diameter is about ``diameter`` mm."""
    n = int(rng.integers(3, 7))
    way = rng.normal(0, 0.3, (n, 3))
    way[0] = 0
    radii = np.abs(rng.normal(0.75, 0.14, (n, 3))).clip(0.4, 1.0)
    low, high = Blob(way, radii, np.eye(3)).bounds
    grow = diameter / float((high - low).max())
    return Blob(centre + way * grow, radii * grow, rotation(rng))


def _lobulated(rng: np.random.Generator, middle: Floats, radii: Floats) -> Blob:
    """Uneven ellipsoids along the patient's axes, run together: two about each point of ``middle`` (n, 3)."""
    centres = np.repeat(middle, 2, axis=0)
    centres[::2] += rng.normal(0, 0.15, (len(middle), 3)) * radii
    return Blob(centres, radii * rng.uniform(0.75, 1.0, (len(centres), 1)), np.eye(3))


def _pneumonia(pen: Pen) -> Part:
    """Consolidation at a hilum: not hard in itself, and common."""
    side = int(pen.rng.choice((-1, 1)))
    hilum = pen.person.world([(side * pen.between(45, 70), pen.between(-10, 40), pen.between(-75, 10))])[0]
    return Part("consolidation", Tissue.CONSOLIDATION, _mass(pen.rng, hilum, 2 * pen.between(10, 34)))


def _effusion(pen: Pen, side: int) -> list[Part]:
    """Fluid that has run to the back of a patient who lies on it, and the lung it presses together."""
    p = pen.person
    deep, tall = pen.between(34, 64), pen.between(75, 125)
    low = p.world([(side * 66, 86 - pen.between(0, 12), pen.between(-105, -60))])[0]
    fluid = Part("effusion", Tissue.EFFUSION, ball(low, (74, deep, tall)))
    pressed = ball(low - (side * 6, 0.35 * deep, 0.1 * tall), (40, deep, 0.55 * tall))
    return [Part("atelectasis", Tissue.CONSOLIDATION, pressed), fluid]


def _operated(pen: Pen, side: int) -> list[Part]:
    """Clips at the hilum, and fluid: a pocket after lobectomy, a whole side after pneumonectomy."""
    p = pen.person
    whole = pen.rng.random() < 0.4
    parts: list[Part] = []
    if whole:
        parts.append(Part("effusion", Tissue.EFFUSION, _whole_side(pen, side)))
    else:
        apex = p.world([(side * 62, pen.between(0, 20), 92)])[0]
        parts.append(Part("effusion", Tissue.EFFUSION, ball(apex, (40, 46, pen.between(14, 30)))))
    for _ in range(int(pen.rng.integers(4, 11))):
        at = p.world([(side * pen.between(30, 48), pen.between(-14, 22), pen.between(-48, 16))])[0]
        parts.append(Part("clip", Tissue.METAL, ball(at, pen.rng.uniform(0.7, 1.6, 3), rotation(pen.rng))))
    return parts


def _whole_side(pen: Pen, side: int) -> Blob:
    """A ball so large that its face is the plane where the pleurae of both sides meet, below more to the left."""
    p, far = pen.person, 3000.0
    face, level = p.world([(3.5, 0, 0)])[0], p.world([(13.5, 0, -100)])[0]
    along = level - face
    normal = np.array([-along[2], 0.0, along[0]])  # in the coronal plane, to the left
    normal *= np.sign(normal[0]) * side / np.linalg.norm(normal)
    return ball(face + far * normal, (far, far, far))


def _point(p: Floats) -> Point:
    return float(p[0]), float(p[1]), float(p[2])
