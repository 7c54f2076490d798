"""A chest drawn from a seed, with the truth of its stations and nodes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.chest.drawing import Drawing, draw_patient
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.chest.painting import holds_nodes, mediastinal_grid, paint, whole_grid
from nodewise.phantom.chest.stations import station_map
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.drawn_node import paint_node
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


def make_chest(
    seed: int,
    spacing_mm: float | Point = 1.5,
    *,
    mediastinum_only: bool = False,
    field_mm: float = 380.0,
    square: bool = False,
    hard: Collection[Hard] | None = None,
) -> Body:
    """Draw the patient that belongs to ``seed``; the same whatever the spacing.

    Args:
        seed: from 0.
        spacing_mm: of the grid, along x, y, z.
        mediastinum_only: keep only the box around the mediastinum.
        field_mm: width of the field of view, which may cut the shoulders.
        square: make the field of view as deep as wide, as scanners do.
        hard: what is hard about the patient; drawn where not given, see ``hard.FREQUENCY``.
    """
    spacing = (spacing_mm,) * 3 if isinstance(spacing_mm, int | float) else spacing_mm
    drawing = draw_patient(seed, hard)
    if mediastinum_only:
        return paint_chest(drawing, mediastinal_grid(drawing.person, spacing))
    return paint_chest(drawing, whole_grid(drawing.person, spacing, field_mm, square))


def paint_chest(drawing: Drawing, grid: Grid) -> Body:
    """What is drawn, painted on a grid whose axes are the patient's."""
    canvas = Canvas(grid)
    inside = paint(canvas, drawing)
    named = station_map(canvas.axes, inside & holds_nodes(canvas.tissue), drawing.borders)
    for number, node in enumerate(drawing.nodes, 1):
        paint_node(canvas, number, node)
    canvas.organs[canvas.nodes > 0] = 0
    # What a node fills beyond the drawn borders, where it bulges into the lung, belongs to its station.
    own = np.array([0, *(Station(n.place).label for n in drawing.nodes)], np.uint8)
    bulging = (canvas.nodes > 0) & (named == 0)
    named[bulging] = own[canvas.nodes[bulging]]
    return Body(
        region=BodyRegion.CHEST,
        geometry=canvas.geometry(),
        organs=Volume(canvas.organs, grid, Quantity.LABEL),
        places=Volume(named, grid, Quantity.LABEL),
        place_names={s.label: s.code for s in Station},
        nodes=drawing.nodes,
        landmarks=drawing.landmarks,
        tumour=drawing.tumour,
        hard=tuple(kind.value for kind in drawing.hard),
    )
