"""A patient's shapes painted on a grid, from the outside in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.phantom.chest.habitus import BOTTOM_MM, TOP_MM, Habitus
from nodewise.phantom.chest.lungs import MARK, name_lobes
from nodewise.phantom.chest.pen import Part
from nodewise.phantom.chest.subphrenic import paint_liver
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.shapes import Field
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.grid import Grid, Point

if TYPE_CHECKING:
    from nodewise.phantom.chest.drawing import Drawing

_LUNG_CONTENT = (
    Tissue.LUNG,
    Tissue.VESSEL_PULMONARY,
    Tissue.VESSEL_PULMONARY_VEIN,
    Tissue.TUMOUR,
    Tissue.CONSOLIDATION,
    Tissue.EFFUSION,
)
_SOFT = (Tissue.FAT,)
_LOOSE = (Tissue.FAT, *_LUNG_CONTENT)
_NOT_AIRWAY = tuple(t for t in Tissue if t is not Tissue.AIRWAY_LUMEN)
_INTERCOSTAL_MM = 7.5


def paint(canvas: Canvas, d: Drawing) -> npt.NDArray[np.bool_]:
    """Paint everything but the nodes; returns where the mediastinum is."""
    axes = canvas.axes
    _paint_wall(canvas, d)
    _paint_lungs(canvas, d)
    fat = _mediastinum(canvas, d)
    canvas.fill(Tissue.FAT, fat, only=(*_LUNG_CONTENT, Tissue.MUSCLE))
    inside = np.asarray(fat < 0)
    del fat
    _all(canvas, d.muscles, _SOFT)
    _all(canvas, d.bones)
    _all(canvas, d.pericardium, (*_LOOSE, Tissue.LIVER, Tissue.MUSCLE, Tissue.PERICARDIUM))
    _all(canvas, d.hilar, _LOOSE)
    for part in d.organs:
        canvas.paint(part.tissue, part.shape, only=_only(part), organ=part.number)
    _paint_airway(canvas, d)
    _all(canvas, tuple(p for p in d.ill if p.tissue is Tissue.METAL), _LOOSE)
    name_lobes(canvas.organs, axes, d.person, d.fissures)
    inside &= canvas.organs != ORGANS["heart"]  # the fat in the pericardium holds no node
    return inside


def _only(part: Part) -> tuple[Tissue, ...]:
    return (Tissue.FAT, Tissue.PERICARDIUM) if part.tissue is Tissue.VESSEL_SMALL else ()


def _all(canvas: Canvas, parts: tuple[Part, ...], only: tuple[Tissue, ...] = ()) -> None:
    for part in parts:
        canvas.paint(part.tissue, part.shape, only=only, organ=part.number)


def _paint_wall(canvas: Canvas, d: Drawing) -> None:
    """Skin, fat, the muscles right under it and those between the ribs."""
    axes, wall, tissue = canvas.axes, d.wall, canvas.tissue
    skin = wall.skin.at(axes)
    tissue[skin < 0] = Tissue.MUSCLE
    tissue[skin < -1.8] = Tissue.FAT
    del skin
    canvas.other[...] = tissue
    _all(canvas, d.breast, _SOFT)
    half = np.float32(0.5) * wall.sheet.at(axes)
    trunk = wall.trunk.at(axes)
    trunk += half + np.float32(1)
    np.abs(trunk, out=trunk)
    trunk -= half
    canvas.fill(Tissue.MUSCLE, trunk, only=_SOFT)
    del trunk, half
    canvas.fill(Tissue.MUSCLE, wall.shell.at(axes) - np.float32(_INTERCOSTAL_MM), only=_SOFT)


def _paint_lungs(canvas: Canvas, d: Drawing) -> None:
    """Lungs with their vessels and illness, and what lies below the diaphragm."""
    axes, wall = canvas.axes, d.wall
    cavity, dome = wall.cavity.at(axes), wall.dome.at(axes)
    lung = np.maximum(cavity, dome)
    canvas.fill(Tissue.LUNG, lung, organ=MARK)
    del lung
    below = (cavity < 0) & (dome > 0)
    canvas.tissue[below] = Tissue.FAT
    canvas.organs[below] = 0
    canvas.tissue[below & (dome < 2.5)] = Tissue.MUSCLE
    del below, cavity
    paint_liver(canvas, d.person, dome)
    del dome
    _all(canvas, d.abdomen, (Tissue.FAT, Tissue.LIVER, Tissue.STOMACH))
    for part in d.lung_vessels:
        canvas.paint(part.tissue, part.shape, only=(Tissue.LUNG,), organ=MARK)
    for part in d.ill:
        if part.tissue is not Tissue.METAL:
            _paint_ill(canvas, part)


def _paint_ill(canvas: Canvas, part: Part) -> None:
    """Paint what takes the place of lung, in the rest of the voxels at its edge too: no air is left there."""
    canvas.paint(part.tissue, part.shape, only=_LUNG_CONTENT, organ=_ill(part))
    window = canvas.window(part.shape, 0.0)
    if window is not None:
        other = canvas.other[window]
        other[(other == Tissue.LUNG) & (canvas.distance(part.shape, window, 0.0) < 0)] = part.tissue


def _ill(part: Part) -> int:
    """A tumour is its own organ, a consolidation belongs to its lobe, fluid to none."""
    return MARK if part.tissue is Tissue.CONSOLIDATION else part.number


def _mediastinum(canvas: Canvas, d: Drawing) -> Field:
    """Signed distance to the pleura about the mediastinum."""
    axes = canvas.axes
    u, _, w = d.person.template(axes)
    middle = np.interp(w, (-120, -60, 0, 60, 120), (16, 9, 2, 0, 0)).astype(np.float32)
    septum = np.abs(u - middle) * np.float32(d.person.scale[0]) - np.float32(2.2)  # pleurae meet, lungs never do
    fat = np.minimum(d.fat.at(axes), septum, out=septum)
    np.maximum(fat, d.wall.dome.at(axes), out=fat)
    np.maximum(fat, d.wall.trunk.at(axes) + np.float32(8), out=fat)
    return np.asarray(fat)


def _paint_airway(canvas: Canvas, d: Drawing) -> None:
    """Walls, then the rings in them, then the lumen of the whole tree in one."""
    for part in d.segments:
        canvas.paint(Tissue.AIRWAY_WALL, part.shape, grow=part.wall_mm, only=_LOOSE, organ=part.number)
    for part in d.airway:
        canvas.paint(Tissue.AIRWAY_WALL, part.shape, grow=part.wall_mm, only=_NOT_AIRWAY, organ=part.number)
    _all(canvas, d.rings, (Tissue.AIRWAY_WALL,))
    for part in d.segments:
        canvas.paint(part.tissue, part.shape, only=(Tissue.AIRWAY_WALL, *_LOOSE), organ=part.number)
    for part in d.airway[::-1]:  # the trachea last: the central airway keeps its name where pieces meet
        canvas.paint(part.tissue, part.shape, organ=part.number)


def holds_nodes(tissue: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Fat, and what lies loose in it."""
    return np.asarray((tissue == Tissue.FAT) | (tissue == Tissue.VESSEL_SMALL) | (tissue == Tissue.THYMUS))


def mediastinal_grid(person: Habitus, spacing: Point) -> Grid:
    """The box around the mediastinum from neck base to diaphragm, with 15 mm more."""
    low, high = person.world([(-88, -94, -140)])[0], person.world([(92, 78, 124)])[0]
    return grid_between(
        np.subtract(np.minimum(low, high), (8, 8, 0)), np.add(np.maximum(low, high), (8, 8, 0)), spacing
    )


def whole_grid(person: Habitus, spacing: Point, field_mm: float, square: bool) -> Grid:
    """From the neck base to the upper abdomen."""
    low, high = person.world([(0, -132, BOTTOM_MM + 4)])[0], person.world([(0, 128, TOP_MM)])[0]
    low[1] -= person.fat * (1.2 if person.female else 1.0)
    high[1] += 1.2 * person.fat + max(person.kyphosis, 0)
    deep = 0.5 * (field_mm if square else float(high[1] - low[1]))
    middle = 0.5 * (low + high)
    low = np.array([middle[0] - field_mm / 2, middle[1] - deep, low[2]])
    return grid_between(low, np.array([middle[0] + field_mm / 2, middle[1] + deep, high[2]]), spacing)
