"""One abdomen as pieces, before any grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.phantom.abdomen import bones, bowel, organs, vessels, wall
from nodewise.phantom.abdomen.compartments import COMPARTMENTS, Course, compartment_map, courses
from nodewise.phantom.abdomen.disease import primary, spread
from nodewise.phantom.body import Tumour
from nodewise.phantom.draw.brush import Brush, Piece, paint_pieces
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.frame import Frame, draw_frame
from nodewise.phantom.draw.placing import settle
from nodewise.phantom.draw.shapes import Tube
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.values.grid import Grid, Point

_PLAN_MM = 2.5
_PLAN_FIELD_MM = 270.0


@dataclass(frozen=True, slots=True, eq=False)
class AbdomenDrawing:
    """All pieces of one abdomen in the order they are painted; ``cavity`` holds the nodes, ``ways`` name them."""

    frame: Frame
    cavity: Piece
    pieces: tuple[Piece, ...]
    ways: tuple[Course, ...]
    landmarks: Mapping[str, Point]
    tumour: Tumour | None
    nodes: tuple[DrawnNode, ...] = ()


def draw_abdomen(seed: int) -> AbdomenDrawing:
    """Draw every shape of the patient that belongs to ``seed``."""
    rng = np.random.default_rng([20265, seed])
    visceral = float(rng.beta(1.6, 1.6))
    frame = draw_frame(rng, fat=float(5 + rng.gamma(2.0, 5.0) + 8 * visceral), bend_mm=3.0)
    brush = Brush(frame, rng)
    left, right = brush.sided(1), brush.sided(-1)
    trunk, cavity = wall.outline(brush, visceral), wall.hollow(brush, visceral)
    pieces = [*wall.shell(brush, trunk, cavity, visceral), *wall.deep_muscles(right), *wall.deep_muscles(left)]
    pieces += [*bones.skeleton(brush), *organs.solid_organs(brush, cavity.shape)]
    pieces += [*organs.kidney(right), *organs.kidney(left), *organs.pancreas(brush)]
    pieces += [*vessels.great_vessels(brush), *vessels.portal_vessels(brush), *bowel.upper_gut(brush)]
    colon = bowel.draw_colon(brush)
    pieces += bowel.colon_pieces(brush, colon, cavity.shape)
    mass, tumour = primary(brush, colon)
    pieces += mass
    mesentery, by_name = vessels.mesenteric_vessels(brush)
    pieces += [*mesentery, *bowel.small_bowel(brush, pieces, cavity.shape, visceral)]
    ways = tuple(courses(pieces, by_name, colon))
    drawing = AbdomenDrawing(frame, cavity, tuple(pieces), ways, _landmarks(brush, pieces), tumour)
    plan = Canvas(abdomen_grid(drawing, (_PLAN_MM,) * 3, _PLAN_FIELD_MM, square=False))
    paint_pieces(plan, pieces)
    settled = settle(plan, regions(plan, drawing), COMPARTMENTS, spread(rng, tumour), rng)
    return replace(drawing, pieces=(*pieces, *settled.room), nodes=settled.nodes)


def regions(canvas: Canvas, drawing: AbdomenDrawing) -> npt.NDArray[np.uint8]:
    """Labels of the compartments within the cavity, whatever lies there."""
    holds = np.zeros(canvas.tissue.shape, np.bool_, order="F")
    part = canvas.window(drawing.cavity.shape, canvas.step)
    if part is not None:
        holds[part] = canvas.distance(drawing.cavity.shape, part, canvas.step) < -2
    return compartment_map(canvas, holds, drawing.ways)


def abdomen_grid(drawing: AbdomenDrawing, spacing: Point, field_mm: float, square: bool) -> Grid:
    """From the domes of the diaphragm to the inlet of the pelvis."""
    middle = drawing.frame.world((0, 2, 30))
    heights = drawing.frame.world([(0, 0, wall.LOW_MM), (0, 0, wall.HIGH_MM)])[:, 2]
    deep = field_mm if square else min(field_mm, 2 * (108 * drawing.frame.size + drawing.frame.fat + 12))
    low = np.array([middle[0] - field_mm / 2, middle[1] - deep / 2, heights[0]])
    high = np.array([middle[0] + field_mm / 2, middle[1] + deep / 2, heights[1]])
    return grid_between(low, high, spacing)


def _landmarks(brush: Brush, pieces: Sequence[Piece]) -> Mapping[str, Point]:
    """Points by name, LPS mm."""
    starts = {
        "aortic_fork": "aorta",
        "coeliac_origin": "coeliac_trunk",
        "mesenteric_origin": "superior_mesenteric_artery",
    }
    points = {}
    for name, organ in starts.items():
        tube = next(p.shape for p in pieces if p.name == organ)
        assert isinstance(tube, Tube)
        points[name] = tube.points[-1 if name == "aortic_fork" else 0]
    for word, side in (("right", -1), ("left", 1)):
        points[f"iliac_crest_{word}"] = brush.sided(side).world((98, 40, 2))
    points["l3"] = brush.world((0, bones.column(35), 35))
    return MappingProxyType({n: (float(p[0]), float(p[1]), float(p[2])) for n, p in points.items()})
