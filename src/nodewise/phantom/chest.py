"""A chest drawn from a seed, with the truth of its stations and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nodewise.phantom import stations
from nodewise.phantom.canvas import Canvas
from nodewise.phantom.drawing import draw_patient
from nodewise.phantom.geometry import Geometry
from nodewise.phantom.painting import holds_nodes, mediastinal_grid, paint, whole_grid
from nodewise.values.grid import Point
from nodewise.values.node import Status
from nodewise.values.station import Side, Station
from nodewise.values.volume import Quantity, Volume


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """A drawn patient; node i+1 of ``geometry.nodes`` has ``node_stations[i]`` and ``node_status[i]``.

    Attributes:
        stations: label map of ``Station.label``, where a node of the mediastinum or hilum could lie.
        landmarks: LPS mm: carina, arch_top, arch_low, left_pulmonary_artery_top, azygos_low, tumour.
    """

    geometry: Geometry
    stations: Volume
    node_stations: tuple[Station, ...]
    node_status: tuple[Status, ...]
    landmarks: Mapping[str, Point]
    primary_side: Side
    distractor: str


def make_chest(
    seed: int,
    spacing_mm: float | Point = 1.5,
    *,
    mediastinum_only: bool = False,
    field_mm: float = 380.0,
    square: bool = False,
) -> Chest:
    """Draw the patient that belongs to ``seed``; the same whatever the spacing.

    Args:
        seed: from 0.
        spacing_mm: of the grid, along x, y, z.
        mediastinum_only: keep only the box around the mediastinum, with 15 mm more.
        field_mm: width of the field of view, which may cut the shoulders.
        square: make the field of view as deep as wide, as scanners do.
    """
    spacing = (spacing_mm,) * 3 if isinstance(spacing_mm, int | float) else spacing_mm
    drawing = draw_patient(seed)
    grid = (
        mediastinal_grid(drawing.person, spacing)
        if mediastinum_only
        else whole_grid(drawing.person, spacing, field_mm, square)
    )
    canvas = Canvas(grid)
    inside = paint(canvas, drawing)
    named = stations.station_map(canvas.axes, inside & holds_nodes(canvas.tissue), drawing.borders)
    for number, node in enumerate(drawing.nodes, 1):
        canvas.paint_node(number, node.shape)
    # What a node fills beyond the drawn borders, where it bulges into the lung, belongs to its station.
    own = np.array([0, *(n.station.label for n in drawing.nodes)], np.uint8)
    bulging = (canvas.nodes > 0) & (named == 0)
    named[bulging] = own[canvas.nodes[bulging]]
    return Chest(
        canvas.geometry(),
        Volume(named, grid, Quantity.LABEL),
        tuple(n.station for n in drawing.nodes),
        tuple(n.status for n in drawing.nodes),
        drawing.landmarks,
        drawing.person.primary,
        drawing.person.distractor,
    )
