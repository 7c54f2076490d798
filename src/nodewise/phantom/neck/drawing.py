"""One neck as pieces, before any grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.phantom.body import Tumour
from nodewise.phantom.draw.brush import Brush, Piece, paint_pieces
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.frame import Frame, draw_frame
from nodewise.phantom.draw.placing import settle
from nodewise.phantom.draw.shapes import Floats
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.neck import airway, bones, glands, vessels, wall
from nodewise.phantom.neck.disease import primary, spread
from nodewise.phantom.neck.levels import LEVELS, Borders, flank, level_map
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Side

_PLAN_MM = 2.0
_PLAN_FIELD_MM = 180.0
_MIDDLE_Y_MM = 22.0


@dataclass(frozen=True, slots=True, eq=False)
class NeckDrawing:
    """All pieces of one neck in the order they are painted; ``outlines`` are neck and face inside the fat."""

    frame: Frame
    outlines: tuple[Piece, ...]
    pieces: tuple[Piece, ...]
    borders: Borders
    landmarks: Mapping[str, Point]
    tumour: Tumour
    nodes: tuple[DrawnNode, ...] = ()


def draw_neck(seed: int) -> NeckDrawing:
    """Draw every shape of the patient that belongs to ``seed``."""
    rng = np.random.default_rng([20264, seed])
    frame = draw_frame(rng, fat=float(2 + rng.gamma(2.5, 1.6)), bend_mm=1.6)
    brush = Brush(frame, rng)
    left, right = brush.sided(1), brush.sided(-1)
    build = wall.draw_build(rng)
    outlines = wall.outline(brush, build)
    pieces = [*wall.skin(brush, outlines), *wall.bed(brush, build)]
    pieces += [*wall.muscles(right, build), *wall.muscles(left, build)]
    pieces += [*bones.chest_top(brush, build.rise), *bones.spine(brush)]
    pieces += [*bones.face(brush), *glands.jaw_muscles(right), *glands.jaw_muscles(left), *airway.throat(brush)]
    pieces += [*glands.glands(right), *glands.glands(left), *vessels.great_vessels(brush)]
    mass, tumour = primary(brush)
    pieces.append(mass)
    borders = _borders(brush, pieces)
    drawing = NeckDrawing(frame, outlines, tuple(pieces), borders, _landmarks(brush, borders, pieces), tumour)
    plan = Canvas(neck_grid(drawing, (_PLAN_MM,) * 3, _PLAN_FIELD_MM, square=False))
    paint_pieces(plan, pieces)
    side = tumour.side
    assert side is not None
    settled = settle(plan, regions(plan, drawing), LEVELS, spread(rng, tumour.site, side), rng, upright=0.6)
    return replace(drawing, pieces=(*pieces, *settled.room), nodes=settled.nodes)


def regions(canvas: Canvas, drawing: NeckDrawing) -> npt.NDArray[np.uint8]:
    """Labels of the levels below the platysma, whatever lies there."""
    deep = np.zeros(canvas.tissue.shape, np.bool_, order="F")
    for piece in drawing.outlines[1:]:
        part = canvas.window(piece.shape, canvas.step)
        if part is not None:
            deep[part] |= canvas.distance(piece.shape, part, canvas.step) < -1.5
    # Below the neck's own outline the shoulders' counts: the fat between collar bone and lung.
    shoulders = drawing.outlines[0].shape
    part = canvas.window(shoulders, canvas.step)
    if part is not None:
        deep[part] |= canvas.distance(shoulders, part, canvas.step) < -8
    return level_map(canvas.axes, deep, drawing.borders)


def neck_grid(drawing: NeckDrawing, spacing: Point, field_mm: float, square: bool) -> Grid:
    """From the skull base to below the collar bones."""
    middle = drawing.frame.world((0, _MIDDLE_Y_MM, 0))
    heights = drawing.frame.world([(0, 0, wall.LOW_MM), (0, 0, wall.HIGH_MM)])[:, 2]
    deep = field_mm if square else min(field_mm, 238.0 * drawing.frame.size)
    low = np.array([middle[0] - field_mm / 2, middle[1] - deep / 2, heights[0]])
    high = np.array([middle[0] + field_mm / 2, middle[1] + deep / 2, heights[1]])
    return grid_between(low, high, spacing)


def _borders(brush: Brush, pieces: Sequence[Piece]) -> Borders:
    named: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        named[piece.name].append(piece)
    hyoid, cricoid = named["hyoid"][0].shape.bounds[0], named["cricoid_cartilage"][0].shape.bounds[0]
    clavicles = [named[f"clavicula_{word}"][0].shape.bounds[1][2] for word in ("left", "right")]
    heights = np.arange(wall.LOW_MM, wall.HIGH_MM, 6.0)

    def line(y: Floats) -> Floats:
        return brush.world(np.column_stack([0 * heights, y, heights]))[:, [2, 0, 1]]

    return Borders(
        skull_base=float(brush.world((28, 20, 116))[2]),
        hyoid_low=float(hyoid[2]),
        cricoid_low=float(cricoid[2]),
        clavicle=float(min(clavicles)) - 12.0 * float(brush.frame.scale[2]),
        manubrium=float(named["sternum"][0].shape.bounds[1][2]),
        mouth_floor=float(brush.world((0, -40, 64))[2]),
        middle=line(0 * heights),
        spine=line(np.array([bones.column(float(z)) for z in heights])),
        flanks={side: flank(named, side) for side in (Side.RIGHT, Side.LEFT)},
        shoulder=70.0 * brush.frame.size,
    )


def _landmarks(brush: Brush, b: Borders, pieces: Sequence[Piece]) -> Mapping[str, Point]:
    """Points by name, LPS mm."""
    hyoid, cricoid = brush.world((0, -19, 45.5)), brush.world((0, -12, 0))
    points = {
        "hyoid_low": np.array([hyoid[0], hyoid[1], b.hyoid_low]),
        "cricoid_low": np.array([cricoid[0], cricoid[1], b.cricoid_low]),
        "skull_base": brush.world((0, 15, 116)),
        "manubrium_top": np.array([*brush.world((0, -24, -80))[:2], b.manubrium]),
        "chin": brush.world((0, -71, 58)),
    }
    for word in ("right", "left"):
        fork = next(p for p in pieces if p.name == f"internal_carotid_artery_{word}").shape
        points[f"carotid_fork_{word}"] = fork.points[0]  # type: ignore[attr-defined]
    return MappingProxyType({n: (float(p[0]), float(p[1]), float(p[2])) for n, p in points.items()})
