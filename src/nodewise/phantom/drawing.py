"""One patient as shapes, before any grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from nodewise.phantom import organs, stations, thorax, vessels
from nodewise.phantom.body import Tumour
from nodewise.phantom.canvas import Canvas
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.habitus import Habitus, draw_habitus
from nodewise.phantom.hard import Hard, checked, draw_hard, drawn_over, lost_side, raised
from nodewise.phantom.illness import illness, measured
from nodewise.phantom.lymph import place_nodes
from nodewise.phantom.painting import holds_nodes, mediastinal_grid, paint
from nodewise.phantom.pen import Part, Pen, pushed
from nodewise.phantom.shapes import Blob, Floats, Tube, ball, curve
from nodewise.values.grid import Grid, Point

_PLAN_MM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """All shapes of one patient, before any grid."""

    person: Habitus
    wall: thorax.Wall
    bones: tuple[Part, ...]
    lung_vessels: tuple[Part, ...]
    organs: tuple[Part, ...]
    fat: thorax.Smooth
    ill: tuple[Part, ...]
    borders: stations.Borders
    landmarks: Mapping[str, Point]
    tumour: Tumour
    nodes: tuple[DrawnNode, ...]
    hard: tuple[Hard, ...]


def draw_patient(seed: int, hard: Collection[Hard] | None = None) -> Drawing:
    """Draw every shape of the patient that belongs to ``seed``; what is ``hard`` about it is drawn too if not given."""
    rng, ill_rng = np.random.default_rng([20260, seed]), np.random.default_rng([20262, seed])
    drawn = draw_hard(ill_rng)
    kinds = drawn if hard is None else checked(hard)
    person = draw_habitus(rng)
    pen = Pen(person, rng)
    lost, mm = lost_side(kinds, person.primary)
    wall = thorax.draw_wall(person, rng)
    wall = replace(wall, dome=raised(wall.dome, person, lost, 1.5 * mm))
    bones = tuple(thorax.bones(pen))
    lung = tuple(thorax.lung_vessels(pen))
    big, air = _packed(pen, bones)
    fore = organs.front(pen)
    big, air, fore = (drawn_over(parts, person, lost, mm) for parts in (big, air, fore))
    fat = thorax.mediastinal_fat(person, [*big, *air, *_fillers(pen, bones)])
    near = np.vstack([p.shape.points for p in [*big, *air] if isinstance(p.shape, Tube)])
    all_organs = (*vessels.small_vessels(pen, near), *fore, *big, *air)
    named = {p.name: p for p in all_organs}
    carina = find_carina(air)
    borders = stations.borders(person, named, carina)
    ill, tumour = illness(Pen(person, ill_rng), lambda at: _depth(wall, fat, at), kinds)
    drawing = Drawing(person, wall, bones, lung, all_organs, fat, tuple(ill), borders, {}, tumour, (), kinds)
    tumour = measured(tumour, drawing)
    landmarks = _landmarks(borders, carina, np.asarray(tumour.centre_mm))
    drawing = replace(drawing, tumour=tumour, landmarks=landmarks)
    plan = Canvas(mediastinal_grid(person, (_PLAN_MM,) * 3))
    inside = paint(plan, drawing)
    labels = stations.station_map(plan.axes, inside & holds_nodes(plan.tissue), borders)
    nodes = place_nodes(plan, labels, tumour, np.random.default_rng([20263, seed]), kinds)
    return replace(drawing, nodes=tuple(nodes))


def _depth(wall: thorax.Wall, fat: thorax.Smooth, at: Floats) -> float:
    """How deep in the lung a point lies, mm."""
    x, y, z = (np.asarray(at[n : n + 1], np.float32) for n in range(3))
    axes = (x, y, z)
    return -float(max(wall.cavity.at(axes).item(), wall.dome.at(axes).item(), -fat.at(axes).item()))


def _packed(pen: Pen, bones: tuple[Part, ...]) -> tuple[list[Part], list[Part]]:
    """Organs and airway, moved so that none runs through another where that would be wrong."""
    spine = [b for b in bones if b.name == "vertebral_column"]
    arteries = vessels.aorta(pen)
    air = organs.airway(pen)
    arteries[0] = pushed(arteries[0], [*spine, *(p for p in air if p.name == "trachea")], 1.0)
    chambers = organs.heart(pen)
    hard = [arteries[0], *(_as_tube(c) for c in chambers if c.name in ("left_atrium", "right_atrium"))]
    air = [p if p.name in ("trachea", "right_main") else pushed(p, hard) for p in air]
    tubes = [p for p in air if p.name in ("trachea", "right_main", "left_main")]
    veins = [pushed(p, [*spine, *tubes], 0.5) if p.name == "azygos" else p for p in vessels.veins(pen)]
    gullet = organs.oesophagus(pen, [*spine, *tubes, arteries[0]])
    return [*chambers, *vessels.pulmonary(pen), *veins, *arteries, *gullet], air


def _as_tube(part: Part) -> Part:
    """An ellipsoid as a tube along its x axis, to push other tubes away."""
    assert isinstance(part.shape, Blob)
    centre, (x, y, z) = part.shape.centres[0], part.shape.radii[0]
    r = 0.5 * (y + min(y, z))
    ends = centre + np.linspace(min(r - x, 0), max(x - r, 0), 9)[:, None] * (1, 0, 0)
    return replace(part, shape=Tube(ends, np.full(9, r)))


def _fillers(pen: Pen, bones: tuple[Part, ...]) -> list[Part]:
    """What holds the lungs apart besides the organs: the spine, and fat behind the sternum and in the neck."""
    column = next(b for b in bones if b.name == "vertebral_column")
    front = [thorax.cavity_front(w) for w in (80, 40, 0, -40, -90)]
    way = pen.person.world(
        [
            (0, front[0] + 10, 84),
            (0, front[1] + 8, 40),
            (2, front[2] + 7, 0),
            (6, front[3] + 6, -40),
            (14, front[4] + 10, -90),
        ]
    )
    wide = pen.between(3, 12)
    sternal = Part("sternal_fat", Tissue.FAT, curve(way, [14, wide, wide * 0.8, wide, 16]))
    neck = [Part("neck", Tissue.FAT, ball(pen.person.world([(s * 24, -34, 128)])[0], (26, 24, 30))) for s in (-1, 1)]
    return [Part(column.name, column.tissue, column.shape, None, 1.0), sternal, *neck]


def find_carina(air: list[Part]) -> Floats:
    """Where the lumen splits, seen on 0.5 mm slices from above: middle of the gap between the two sections."""
    ways = {p.name: p.shape for p in air}
    right = ways["right_main"]
    assert isinstance(right, Tube)
    low = right.points[0] - (30, 25, 30)
    canvas = Canvas(Grid.of((120, 100, 80), (0.5, 0.5, 0.5), (float(low[0]), float(low[1]), float(low[2]))))
    for name in ("trachea", "right_main", "left_main"):
        canvas.paint(Tissue.AIRWAY_LUMEN, ways[name])
    lumen = canvas.tissue == Tissue.AIRWAY_LUMEN
    for k in range(79, -1, -1):
        parts, count = ndimage.label(lumen[:, :, k])
        if count > 1:
            sections = [np.argwhere(parts == n + 1) for n in range(count)]
            sections.sort(key=lambda s: float(s[:, 0].mean()))
            a, b = sections[0], sections[-1]
            inner, outer = a[a[:, 0] == a[:, 0].max()].mean(axis=0), b[b[:, 0] == b[:, 0].min()].mean(axis=0)
            i, j = 0.5 * (inner + outer)
            return np.asarray(canvas.grid.to_lps((float(i), float(j), float(k))))
    raise ValueError("the drawn bronchi do not part")


def _landmarks(b: stations.Borders, carina: Floats, tumour: Floats) -> Mapping[str, Point]:
    """Points by name, LPS mm."""
    top = b.ascending[-1]
    artery = (top[0] + 10, top[1], b.z["lung_artery"])
    points = {
        "carina": carina,
        "arch_top": np.array([top[0], top[1], b.z["arch_top"]]),
        "arch_low": np.array([top[0], top[1], b.z["arch_low"]]),
        "left_pulmonary_artery_top": np.array(artery),
        "azygos_low": np.array([b.right[0, 0], b.right[0, 1], b.z["azygos_low"]]),
        "tumour": tumour,
    }
    return MappingProxyType({n: (float(p[0]), float(p[1]), float(p[2])) for n, p in points.items()})
