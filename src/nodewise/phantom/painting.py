"""A patient's shapes painted on a grid, from the outside in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.phantom.canvas import Canvas
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.habitus import BOTTOM_MM, TOP_MM, Habitus
from nodewise.phantom.shapes import Floats, ball
from nodewise.values.grid import Grid, Point

if TYPE_CHECKING:
    from nodewise.phantom.drawing import Drawing


def paint(canvas: Canvas, d: Drawing) -> npt.NDArray[np.bool_]:
    """Paint everything but the nodes; returns where the mediastinum is."""
    axes = canvas.axes
    _paint_wall(canvas, d)
    for part in d.lung_vessels:
        canvas.paint(part.tissue, part.shape, only=(Tissue.LUNG,))
    for part in d.ill:
        canvas.paint(part.tissue, part.shape, only=_LUNG_CONTENT)
    dome = d.wall.dome.at(axes)
    u, _, w = d.person.template(axes)
    middle = np.interp(w, (-120, -60, 0, 60, 120), (16, 9, 2, 0, 0)).astype(np.float32)
    septum = np.abs(u - middle) * np.float32(d.person.scale[0]) - 2.2  # the pleurae meet, the lungs never do
    fat = np.maximum(np.minimum(d.fat.at(axes), septum), dome)
    fat = np.maximum(fat, d.wall.skin.at(axes) + d.person.fat + 6)
    canvas.fill(Tissue.FAT, fat, only=(*_LUNG_CONTENT, Tissue.MUSCLE))
    for part in d.bones:
        canvas.paint(part.tissue, part.shape)
    for part in d.organs:
        if part.wall is None:
            canvas.paint(part.tissue, part.shape, only=_SOFT if part.tissue is Tissue.VESSEL_SMALL else ())
        else:
            canvas.paint(part.wall, part.shape, grow=part.wall_mm, only=_NOT_AIRWAY)
    for part in d.organs:
        if part.wall is not None:
            canvas.paint(part.tissue, part.shape)
    for part in d.ill:
        if part.tissue is Tissue.METAL:
            canvas.paint(part.tissue, part.shape, only=(Tissue.FAT, *_LUNG_CONTENT))
    return np.asarray(fat < 0)


_LUNG_CONTENT = (
    Tissue.LUNG,
    Tissue.VESSEL_PULMONARY,
    Tissue.VESSEL_PULMONARY_VEIN,
    Tissue.TUMOUR,
    Tissue.CONSOLIDATION,
    Tissue.EFFUSION,
)
_SOFT = (Tissue.FAT,)
_NOT_AIRWAY = tuple(t for t in Tissue if t is not Tissue.AIRWAY_LUMEN)


def _paint_wall(canvas: Canvas, d: Drawing) -> None:
    """Skin, fat, muscles, lungs, and what lies below the diaphragm."""
    axes, wall = canvas.axes, d.wall
    skin = wall.skin.at(axes)
    tissue = canvas.tissue
    tissue[skin < 0] = Tissue.MUSCLE
    tissue[skin < -2] = Tissue.FAT
    tissue[wall.muscle.at(axes) < 0] = Tissue.MUSCLE
    canvas.other[...] = tissue
    for side in (-1, 1):
        pit = d.person.world([(side * 138, -8, 52)])[0]
        canvas.paint(Tissue.FAT, ball(pit, (17, 30, 52)), only=(Tissue.MUSCLE,))
    cavity, dome = wall.cavity.at(axes), wall.dome.at(axes)
    below = cavity < 0
    below &= dome > 0
    u, _, _ = d.person.template(axes)
    canvas.fill(Tissue.LUNG, np.maximum(cavity, dome))
    tissue[below] = Tissue.FAT
    tissue[below & (dome < 3)] = Tissue.MUSCLE
    deep = below & (dome >= 3) & (cavity < -2)
    tissue[deep & (u < 22)] = Tissue.LIVER
    stomach, spleen = d.person.world([(52, -26, -140), (88, 40, -142)])
    canvas.paint(Tissue.STOMACH, ball(stomach, (38, 40, 34)), only=(Tissue.FAT,))
    canvas.paint(Tissue.SPLEEN, ball(spleen, (30, 42, 38)), only=(Tissue.FAT,))


def holds_nodes(tissue: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Fat, and what lies loose in it."""
    return np.asarray((tissue == Tissue.FAT) | (tissue == Tissue.VESSEL_SMALL) | (tissue == Tissue.THYMUS))


def mediastinal_grid(person: Habitus, spacing: Point) -> Grid:
    """The box around the mediastinum from neck base to diaphragm, with 15 mm more."""
    low, high = person.world([(-88, -88, -140)])[0], person.world([(92, 78, 124)])[0]
    return _grid(np.subtract(np.minimum(low, high), (8, 8, 0)), np.add(np.maximum(low, high), (8, 8, 0)), spacing)


def whole_grid(person: Habitus, spacing: Point, field_mm: float, square: bool) -> Grid:
    """From the neck base to the upper abdomen."""
    low, high = person.world([(0, -128, BOTTOM_MM + 4)])[0], person.world([(0, 128, TOP_MM)])[0]
    deep = 0.5 * (field_mm if square else float(high[1] - low[1]) + 2 * person.fat)
    middle = 0.5 * (low + high)
    low = np.array([middle[0] - field_mm / 2, middle[1] - deep, low[2]])
    return _grid(low, np.array([middle[0] + field_mm / 2, middle[1] + deep, high[2]]), spacing)


def _grid(low: Floats, high: Floats, spacing: Point) -> Grid:
    shape = np.maximum(1, np.ceil((high - low) / spacing)).astype(int)
    return Grid.of(
        (int(shape[0]), int(shape[1]), int(shape[2])), spacing, (float(low[0]), float(low[1]), float(low[2]))
    )
