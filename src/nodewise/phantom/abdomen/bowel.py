"""Stomach, duodenum, small bowel and colon: walls, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nodewise.phantom.draw.brush import Brush, Piece, paint_pieces
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.sections import Cut, Within
from nodewise.phantom.draw.shapes import Floats, Shape, Tube, curve
from nodewise.phantom.geometry import Tissue
from nodewise.values.grid import Grid

# Points of the colon with half its width, mm, and the name of what begins there.
_COLON = [
    (-84, -16, -74, 24, "caecum"), (-92, -6, -46, 28, ""), (-98, 8, -8, 24, "ascending colon"),
    (-98, 10, 26, 22, ""), (-92, -12, 42, 20, ""), (-66, -52, 40, 18, "transverse colon"), (-30, -66, 34, 18, ""),
    (10, -70, 28, 18, ""), (54, -62, 46, 17, ""), (88, -22, 92, 17, ""), (100, 10, 118, 16, "descending colon"),
    (106, 32, 96, 14, ""), (107, 38, 50, 13, ""), (105, 32, 0, 13, ""), (96, 12, -42, 13, "sigmoid colon"),
    (76, -16, -68, 13, ""), (40, -40, -84, 14, ""), (18, -12, -102, 14, ""), (2, 30, -122, 15, ""),
]  # fmt: skip


def upper_gut(brush: Brush) -> list[Piece]:
    """Lower oesophagus, stomach and duodenum."""
    full = brush.between(0.75, 1.1)
    way = [(15, 28, 158), (46, 32, 150), (62, 6, 132), (56, -32, 106), (28, -52, 82), (-4, -48, 82), (-27, -36, 88)]
    body = brush.tube("stomach", Tissue.STOMACH, way, [9, 25 * full, 31 * full, 27 * full, 21 * full, 16 * full, 9])
    assert isinstance(body.shape, Tube)
    bend = [
        (-27, -36, 88),
        (-44, -24, 94),
        (-51, -4, 80),
        (-49, 8, 48),
        (-32, 14, 34),
        (2, 4, 33),
        (26, 4, 48),
        (34, -10, 64),
    ]
    loop = brush.tube("duodenum", Tissue.BOWEL_CONTENT, bend, [9, 12, 12, 11.5, 11, 10, 10, 9.5])
    gullet = brush.tube(
        "esophagus", Tissue.OESOPHAGUS, [(4, 22, 212), (8, 20, 184), (15, 27, 160)], [8, 8, 9], flat=1.3
    )
    level = float(body.shape.points[:, 1].min() + brush.between(4, 30))
    air = Piece("stomach", Tissue.BOWEL_GAS, Cut(body.shape, 1, level), (Tissue.STOMACH,), -1.0)
    return [*_walled(body, 3.2), air, gullet, *_walled(loop, 2.2)]


def _walled(piece: Piece, wall_mm: float) -> list[Piece]:
    """A hollow organ: its wall outside the lumen, laid over fat and what is loose in it."""
    loose = (Tissue.FAT, Tissue.VESSEL_SMALL, Tissue.LIVER, Tissue.PANCREAS)
    return [
        Piece(piece.name, Tissue.BOWEL_WALL, piece.shape, loose, wall_mm),
        Piece(piece.name, piece.tissue, piece.shape, (*loose, Tissue.BOWEL_WALL)),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Colon:
    """The colon's lumen; ``parts`` names the part at each of its points."""

    lumen: Tube
    parts: tuple[str, ...]


def draw_colon(brush: Brush) -> Colon:
    """The frame of the colon, with haustra."""
    rows = [(float(x), float(y), float(z), float(r), name) for x, y, z, r, name in _COLON]
    names = [name for *_, name in rows]
    for n in range(1, len(names)):
        names[n] = names[n] or names[n - 1]
    points = brush.way([r[:3] for r in rows], 3.0)
    wide = np.array([r[3] for r in rows]) * brush.between(0.8, 1.15) * np.exp(brush.rng.normal(0, 0.1, len(rows)))
    tube = curve(points, wide, 3.0)
    s = np.linspace(0, 1, len(rows))
    length = float(np.linalg.norm(np.diff(tube.points, axis=0), axis=1).sum())
    at = np.linspace(0, length, len(tube.points))
    phase = np.cumsum(brush.rng.uniform(0.7, 1.3, len(at))) * (2 * np.pi * 3.0 / 34)
    radii = tube.radii * (1 + 0.13 * np.sin(phase))
    index = np.clip(np.searchsorted(s, np.linspace(0, 1, len(at)), side="right") - 1, 0, len(rows) - 1)
    return Colon(Tube(tube.points, radii), tuple(names[i] for i in index))


def colon_pieces(brush: Brush, colon: Colon, cavity: Shape) -> list[Piece]:
    """Wall, then stool, fluid or gas by segments; gas rises to the front."""
    lumen = colon.lumen
    parts = _walled(Piece("colon", Tissue.BOWEL_CONTENT, Within(lumen, cavity, 2.2)), 1.8)
    start = 0
    while start < len(lumen.points) - 3:
        stop = min(start + int(brush.rng.integers(8, 26)), len(lumen.points))
        piece = Tube(lumen.points[start:stop], lumen.radii[start:stop] - 0.4)
        kind = brush.rng.random()
        if kind < 0.65:
            share = brush.between(-0.9, 1.1)
            level = float(np.median(piece.points[:, 1]) + share * np.median(piece.radii))
            parts.append(Piece("colon", Tissue.BOWEL_GAS, Cut(piece, 1, level), (Tissue.BOWEL_CONTENT,)))
        start = stop
    for _ in range(int(brush.rng.integers(10, 40))):
        at = lumen.points[int(brush.rng.integers(len(lumen.points)))]
        bubble = curve(at + brush.rng.normal(0, 7, (2, 3)), brush.between(0.8, 2.4))
        parts.append(Piece("colon", Tissue.BOWEL_GAS, bubble, (Tissue.BOWEL_CONTENT,)))
    return parts


def small_bowel(brush: Brush, others: Sequence[Piece], cavity: Shape, visceral: float) -> list[Piece]:
    """Loops that wind about the mesentery, clear of the ``others``; less of it in those with much fat within."""
    depth, grid = _free_depth(brush, others, cavity)
    goal = float(np.interp(visceral, (0, 1), (4200, 2000))) * brush.between(0.85, 1.15) * brush.frame.size
    centre = brush.world((0, 0, 20))
    parts: list[Piece] = []
    length = 0.0
    for _ in range(400):
        starts = np.flatnonzero(depth.ravel(order="K") > 8)
        if length > goal or starts.size == 0:
            break
        start = np.asarray(grid.to_lps(np.unravel_index(int(brush.rng.choice(starts)), depth.shape)))
        away = start - centre
        jejunum = away[0] + away[2] > brush.rng.normal(0, 30)
        points = _wind(brush.rng, depth, grid, start, brush.between(9.5, 13.5) if jejunum else brush.between(8, 11.5))
        _close(depth, grid, points)
        if len(points) < 4:
            continue
        loop = curve(points[:, :3], points[:, 3], 4.0)
        length += float(np.linalg.norm(np.diff(loop.points, axis=0), axis=1).sum())
        parts += _filled(brush, loop, cavity)
    return parts


_STEP_MM = 9.0


def _wind(rng: np.random.Generator, depth: Floats, grid: Grid, start: Floats, radius: float) -> Floats:
    """Points and radii (n, 4) of a winding piece of bowel from ``start``, as far as there is room."""
    heading = rng.normal(0, 1, 3)
    points = [np.append(start, radius)]
    for _ in range(int(rng.integers(8, 40))):
        ways = heading / np.linalg.norm(heading) + rng.normal(0, 0.55, (14, 3))
        ways *= _STEP_MM / np.linalg.norm(ways, axis=1, keepdims=True)
        wide = radius * np.exp(rng.normal(0, 0.07))
        goals = points[-1][:3] + ways
        index = np.rint(grid.to_index(goals)).astype(int)
        held = np.clip(index, 0, np.array(grid.shape) - 1)
        room = np.where((held == index).all(axis=1), depth[tuple(held.T)], 0.0)
        room = np.where(room < 0.8 * wide, np.inf, room)
        if len(points) > 3:
            own = np.array(points[:-3])[:, :3]
            near = np.linalg.norm(goals[:, None] - own[None], axis=2).min(axis=1)
            room[near < 1.9 * wide] = np.inf
        best = int(np.argmin(room))
        if not np.isfinite(room[best]):
            break
        heading = ways[best]
        points.append(np.append(goals[best], wide))
    return np.array(points)


def _close(depth: Floats, grid: Grid, points: Floats) -> None:
    """Take the loop's room from ``depth``."""
    reach = int(np.ceil(26 / grid.spacing[0]))
    for *point, radius in points:
        at = np.clip(np.rint(grid.to_index(point)).astype(int), 0, np.array(depth.shape) - 1)
        low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, depth.shape)
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        index = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
        apart = np.linalg.norm(grid.to_lps(index) - np.asarray(point), axis=-1) - radius
        depth[part] = np.minimum(depth[part], apart)


def _free_depth(brush: Brush, others: Sequence[Piece], cavity: Shape) -> tuple[Floats, Grid]:
    """How deep in free fat each voxel of a coarse grid lies, mm, the mesentery's root kept free."""
    low, high = brush.world([(-120, -100, -125)])[0], brush.world([(120, 70, 90)])[0]
    step = 4.0
    canvas = Canvas(grid_between(low, high, (step,) * 3))
    paint_pieces(canvas, others)
    root = curve(
        brush.world([(3, -8, 92), (0, -22, 60), (-10, -22, 20), (-32, -18, -14), (-56, -10, -40)]), [13, 14, 15, 14, 11]
    )
    canvas.paint(Tissue.BONE, root, only=(Tissue.FAT,))
    behind = canvas.axes[1][None, :, None] > brush.world((0, 16, 0))[1]
    whole = (slice(None), slice(None), slice(None))
    free = (canvas.tissue == Tissue.FAT) & ~behind & (canvas.distance(cavity, whole, step) < -2)
    return ndimage.distance_transform_edt(free, sampling=step) - 0.5 * step, canvas.grid


def _filled(brush: Brush, loop: Tube, cavity: Shape) -> list[Piece]:
    """Wall within the cavity, then fluid, gas in front of fluid, or collapsed."""
    wall = brush.between(1.6, 2.6)
    kind = brush.rng.random()
    only = (Tissue.FAT, Tissue.VESSEL_SMALL)
    parts = [Piece("small_bowel", Tissue.BOWEL_WALL, Within(loop, cavity, 1.0), only)]
    if kind < 0.22:
        inner = Tube(loop.points, np.maximum(loop.radii - 5.5, 1.2))
        return [*parts, Piece("small_bowel", Tissue.MUCOSA, inner, (Tissue.BOWEL_WALL,))]
    inner = Tube(loop.points, loop.radii - wall)
    parts.append(Piece("small_bowel", Tissue.BOWEL_CONTENT, inner, (Tissue.BOWEL_WALL,)))
    if kind > 0.8:
        level = float(np.median(loop.points[:, 1]) - brush.between(-0.3, 0.6) * np.median(loop.radii))
        parts.append(Piece("small_bowel", Tissue.BOWEL_GAS, Cut(inner, 1, level), (Tissue.BOWEL_CONTENT,)))
    return parts
