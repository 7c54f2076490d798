"""A neck drawn from a seed, with the truth of its levels and nodes."""

from __future__ import annotations

from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.draw.brush import paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.placing import paint_nodes
from nodewise.phantom.neck.drawing import NeckDrawing, draw_neck, neck_grid, regions
from nodewise.phantom.neck.levels import LEVELS
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume


def make_neck(seed: int, spacing_mm: float | Point = 1.5, *, field_mm: float = 250.0, square: bool = False) -> Body:
    """Draw the neck of the patient that belongs to ``seed``, skull base to lung apices; the same whatever the spacing.

    Args:
        seed: from 0.
        spacing_mm: of the grid, along x, y, z.
        field_mm: width of the field of view, which cuts the shoulders.
        square: make the field of view as deep as wide, as scanners do.

    Returns:
        ``places`` labels the levels of the neck, ``place_names`` gives their codes: ``IIA-R``, ``VI`` (see ``levels``).
    """
    spacing = (spacing_mm,) * 3 if isinstance(spacing_mm, int | float) else spacing_mm
    drawing = draw_neck(seed)
    return paint_neck(drawing, neck_grid(drawing, spacing, field_mm, square))


def paint_neck(drawing: NeckDrawing, grid: Grid) -> Body:
    """What is drawn, painted on a grid whose axes are the patient's."""
    canvas = Canvas(grid)
    paint_pieces(canvas, drawing.pieces)
    named = regions(canvas, drawing)
    paint_nodes(canvas, named, LEVELS, drawing.nodes)
    return Body(
        region=BodyRegion.NECK,
        geometry=canvas.geometry(),
        organs=Volume(canvas.organs, grid, Quantity.LABEL),
        places=Volume(named, grid, Quantity.LABEL),
        place_names=LEVELS,
        nodes=drawing.nodes,
        landmarks=drawing.landmarks,
        tumour=drawing.tumour,
    )
