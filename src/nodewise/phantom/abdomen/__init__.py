"""An abdomen drawn from a seed, with the truth of its compartments and nodes."""

from __future__ import annotations

from nodewise.phantom.abdomen.compartments import COMPARTMENTS
from nodewise.phantom.abdomen.drawing import AbdomenDrawing, abdomen_grid, draw_abdomen, regions
from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.draw.brush import paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.placing import paint_nodes
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume


def make_abdomen(seed: int, spacing_mm: float | Point = 1.5, *, field_mm: float = 400.0, square: bool = False) -> Body:
    """Draw the abdomen of the patient that belongs to ``seed``, diaphragm to pelvic inlet; the same at any spacing.

    Args:
        seed: from 0.
        spacing_mm: of the grid, along x, y, z.
        field_mm: width of the field of view.
        square: make the field of view as deep as wide, as scanners do.

    Returns:
        ``places`` labels the compartments of nodes, ``place_names`` gives their names: ``ileocolic``, ``aortocaval``.
        ``tumour`` is None in those without a tumour of the colon, who may have metastases all the same.
    """
    spacing = (spacing_mm,) * 3 if isinstance(spacing_mm, int | float) else spacing_mm
    drawing = draw_abdomen(seed)
    return paint_abdomen(drawing, abdomen_grid(drawing, spacing, field_mm, square))


def paint_abdomen(drawing: AbdomenDrawing, grid: Grid) -> Body:
    """What is drawn, painted on a grid whose axes are the patient's."""
    canvas = Canvas(grid)
    paint_pieces(canvas, drawing.pieces)
    named = regions(canvas, drawing)
    paint_nodes(canvas, named, COMPARTMENTS, drawing.nodes)
    return Body(
        region=BodyRegion.ABDOMEN,
        geometry=canvas.geometry(),
        organs=Volume(canvas.organs, grid, Quantity.LABEL),
        places=Volume(named, grid, Quantity.LABEL),
        place_names=COMPARTMENTS,
        nodes=drawing.nodes,
        landmarks=drawing.landmarks,
        tumour=drawing.tumour,
    )
