"""One patient as shapes, before any grid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from scipy import ndimage

from nodewise.phantom.body import Tumour
from nodewise.phantom.chest import arteries, lungs, organs, thorax
from nodewise.phantom.chest.airway import airway, rings, segmental
from nodewise.phantom.chest.borders import Borders, read_borders
from nodewise.phantom.chest.breast import glands
from nodewise.phantom.chest.fat import fillers, mediastinal_fat
from nodewise.phantom.chest.habitus import Habitus, draw_habitus
from nodewise.phantom.chest.hard import Hard, checked, draw_hard, drawn_over, lost_side, raised
from nodewise.phantom.chest.heart import coronaries, heart, pericardium
from nodewise.phantom.chest.illness import Lungs, illness, measured
from nodewise.phantom.chest.lymph import place_nodes
from nodewise.phantom.chest.painting import holds_nodes, mediastinal_grid, paint
from nodewise.phantom.chest.pen import Part, Pen, pushed
from nodewise.phantom.chest.pulmonary import lung_vessels, pulmonary
from nodewise.phantom.chest.ribcage import ribs, sternum
from nodewise.phantom.chest.shoulder import girdle_bones, muscles
from nodewise.phantom.chest.spine import as_tube, spine, vertebrae
from nodewise.phantom.chest.stations import station_map
from nodewise.phantom.chest.subphrenic import upper_abdomen
from nodewise.phantom.chest.veins import veins
from nodewise.phantom.chest.vessels import small_vessels
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Blob, Floats, Tube
from nodewise.phantom.drawn_node import DrawnNode
from nodewise.phantom.geometry import Tissue
from nodewise.values.grid import Grid, Point

_PLAN_MM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """All shapes of one patient, before any grid, in the order in which they are painted.

    Attributes:
        hilar: vessels of the segments, as far as they lie in the hila's fat. organs: of the mediastinum.
        segments: their bronchi, by name. airway: trachea, main and lobar bronchi.
    """

    person: Habitus
    wall: thorax.Wall
    breast: tuple[Part, ...]
    abdomen: tuple[Part, ...]
    lung_vessels: tuple[Part, ...]
    fissures: lungs.Fissures
    ill: tuple[Part, ...]
    fat: thorax.Smooth
    muscles: tuple[Part, ...]
    bones: tuple[Part, ...]
    pericardium: tuple[Part, ...]
    hilar: tuple[Part, ...]
    organs: tuple[Part, ...]
    segments: tuple[Part, ...]
    airway: tuple[Part, ...]
    rings: tuple[Part, ...]
    borders: Borders
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
    column = vertebrae(pen)
    spinal = as_tube(column)
    chambers = heart(pen)
    sac = pericardium(pen, chambers)
    big, air = _packed(pen, spinal, chambers)
    chambers, sac, big, air = (drawn_over(parts, person, lost, mm) for parts in (chambers, sac, big, air))
    bronchi = segmental(pen, air)
    hilar, branches = lung_vessels(pen, bronchi, big)
    trachea = air[0].shape
    assert isinstance(trachea, Tube)
    fore = [*drawn_over(organs.thymus(pen), person, lost, mm), *organs.neck_front(pen, trachea)]
    held = [*sac, *big, *air, *hilar, *(_start(b) for b in bronchi)]
    fat = mediastinal_fat(person, [*held, *fillers(pen, spinal)])
    near = np.vstack([p.shape.points for p in [*big, *air] if isinstance(p.shape, Tube)])
    small = [*small_vessels(pen, near), *drawn_over(coronaries(pen), person, lost, mm)]
    carina = find_carina(air)
    borders = read_borders(person, {p.name: p for p in (*big, *air, *bronchi)}, carina)
    fissures = lungs.draw_fissures(rng)
    ill, tumour = illness(Pen(person, ill_rng), Lungs(person, wall, fat, fissures), kinds)
    drawing = Drawing(
        person=person,
        wall=wall,
        breast=tuple(glands(pen)),
        abdomen=tuple(upper_abdomen(pen)),
        lung_vessels=tuple(branches),
        fissures=fissures,
        ill=tuple(ill),
        fat=fat,
        muscles=tuple(muscles(pen, column)),
        bones=(*spine(pen, column), *ribs(pen, column), *sternum(pen), *girdle_bones(pen)),
        pericardium=tuple(sac),
        hilar=tuple(hilar),
        organs=(*small, *fore, *chambers, *big),
        segments=tuple(bronchi),
        airway=tuple(air),
        rings=tuple(rings(pen, air)),
        borders=borders,
        landmarks={},
        tumour=tumour,
        nodes=(),
        hard=kinds,
    )
    tumour = measured(tumour, drawing)
    landmarks = _landmarks(borders, carina, np.asarray(tumour.centre_mm))
    plan = Canvas(mediastinal_grid(person, (_PLAN_MM,) * 3))
    inside = paint(plan, drawing)
    labels = station_map(plan.axes, inside & holds_nodes(plan.tissue), borders)
    nodes = place_nodes(plan, labels, tumour, np.random.default_rng([20263, seed]), kinds)
    return replace(drawing, tumour=tumour, landmarks=landmarks, nodes=tuple(nodes))


def _start(bronchus: Part, mm: float = 16.0) -> Part:
    """The first piece of a segment's bronchus, which lies in the fat of the hilum."""
    tube = bronchus.shape
    assert isinstance(tube, Tube)
    n = max(2, int((np.linalg.norm(tube.points - tube.points[0], axis=1) < mm).sum()))
    return replace(bronchus, shape=Tube(tube.points[:n], tube.radii[:n]))


def _packed(pen: Pen, spinal: Part, chambers: list[Part]) -> tuple[list[Part], list[Part]]:
    """Vessels, oesophagus and airway, moved so that none runs through another where that would be wrong."""
    trunks = arteries.aorta(pen)
    air = airway(pen)
    trunks[0] = pushed(trunks[0], [spinal, *(p for p in air if p.name == "trachea")], 2.0)
    hard = [trunks[0], *(_as_tube(c) for c in chambers if c.name in ("left_atrium", "right_atrium"))]
    air = [p if p.name in ("trachea", "right_main") else pushed(p, hard) for p in air]
    tubes = [p for p in air if p.name in ("trachea", "right_main", "left_main")]
    great = [pushed(p, [spinal, *tubes], 0.5) if p.name == "azygos_vein" else p for p in veins(pen)]
    gullet = organs.oesophagus(pen, [spinal, *tubes, trunks[0]])
    lung = pulmonary(pen)
    left = next(p for p in lung if p.name == "pulmonary_artery_left")
    assert isinstance(left.shape, Tube)
    assert isinstance(trunks[0].shape, Tube)
    cord = arteries.ligament(trunks[0].shape, left.shape, pen)
    return [*lung, *great, cord, *trunks, *gullet], air


def _as_tube(part: Part) -> Part:
    """An ellipsoid as a tube along its x axis, to push other tubes away."""
    assert isinstance(part.shape, Blob)
    centre, (x, y, z) = part.shape.centres[0], part.shape.radii[0]
    r = 0.5 * (y + min(y, z))
    ends = centre + np.linspace(min(r - x, 0), max(x - r, 0), 9)[:, None] * (1, 0, 0)
    return replace(part, shape=Tube(ends, np.full(9, r)))


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


def _landmarks(b: Borders, carina: Floats, tumour: Floats) -> Mapping[str, Point]:
    """Points by name, LPS mm."""
    top = b.ascending[-1]
    azygos = b.right[-1]
    points = {
        "carina": carina,
        "arch_top": np.array([top[1], top[2], b.z["arch_top"]]),
        "arch_low": np.array([top[1], top[2], b.z["arch_low"]]),
        "left_pulmonary_artery_top": np.array([top[1] + 10, top[2], b.z["lung_artery"]]),
        "azygos_low": np.array([azygos[1], azygos[2], b.z["azygos_low"]]),
        "tumour": tumour,
    }
    return MappingProxyType({n: (float(p[0]), float(p[1]), float(p[2])) for n, p in points.items()})
