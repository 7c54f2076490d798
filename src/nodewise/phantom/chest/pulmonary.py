"""Pulmonary trunk, arteries and veins to the lobes, and the vessels that follow the bronchi through the lungs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodewise.phantom.chest.airway import SEGMENTS
from nodewise.phantom.chest.pen import Part, Pen
from nodewise.phantom.draw.shapes import Floats, Tube, curve
from nodewise.phantom.geometry import Tissue

_ART, _VEIN = Tissue.VESSEL_PULMONARY, Tissue.VESSEL_PULMONARY_VEIN
_FED_BY = {"right_upper": "truncus_anterior", "left_division": "left_upper_artery"}
_DRAINED_BY = {
    "right_upper": "right_superior_vein", "right_middle": "right_superior_vein", "right_lower": "right_inferior_vein",
    "left_division": "left_superior_vein", "lingular": "left_superior_vein", "left_lower": "left_inferior_vein",
}  # fmt: skip


def pulmonary(pen: Pen) -> list[Part]:
    """Pulmonary trunk with its two arteries as far as the lobes, and the veins into the left atrium."""
    p = pen.person
    z = (p.lung_artery - 9.5 * p.calibre) / p.scale[2]  # centre of the left artery's highest piece
    fork = (22.0, -27.0, z - 8)
    right, left = "pulmonary_artery_right", "pulmonary_artery_left"
    return [
        pen.tube("pulmonary_trunk", _ART, [(14, -57, -64), (22, -50, -44), (25, -40, z - 14), fork],
                 [12.5, 13.5, 14, 13.5], 0.6),
        pen.tube(right, _ART, [fork, (6, -18, z - 11), (-12, -15, z - 12), (-30, -11, z - 13), (-40, -6, z - 20),
                 (-41, 4, -50), (-42, 12, -66)], [11.5, 10.8, 10.5, 10, 8.2, 7, 5.5], 0.5),
        pen.tube("truncus_anterior", _ART, [(-24, -13, z - 11), (-33, -13, z - 2), (-41, -7, z + 8)],
                 [6.5, 5.5, 4], 0.5, organ=right),
        pen.tube(left, _ART, [fork, (32, -12, z + 1), (41, 6, z - 1), (48, 19, z - 14), (48, 22, -44), (49, 25, -64)],
                 [11.5, 10.6, 10, 8.8, 7, 5.5], 0.4),
        pen.tube("left_upper_artery", _ART, [(42, 0, z + 2), (50, -3, z + 6), (56, -7, z + 13)], [5.5, 4.6, 3.8], 0.5,
                 organ=left),
        *_veins(pen),
    ]  # fmt: skip


def _veins(pen: Pen) -> list[Part]:
    ways = (
        ("right_superior_vein", [(-18, -7, -48), (-33, -15, -41), (-43, -19, -34), (-50, -21, -26)],
         [7.0, 6.8, 6.0, 4.6]),
        ("right_inferior_vein", [(-18, 5, -56), (-34, 11, -61), (-46, 16, -66)], [7, 6.4, 4.8]),
        ("left_superior_vein", [(26, -5, -46), (40, -13, -38), (49, -19, -28), (55, -24, -18)], [7, 6.5, 5.6, 4.4]),
        ("left_inferior_vein", [(26, 5, -54), (40, 13, -59), (51, 19, -65)], [7, 6.2, 4.6]),
    )  # fmt: skip
    return [pen.tube(n, _VEIN, w, [float(v) for v in r], 0.6, organ="pulmonary_vein") for n, w, r in ways]


def lung_vessels(pen: Pen, bronchi: Sequence[Part], great: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Arteries beside the segments' bronchi and veins between segments: what starts in the hila, and what fans out."""
    named = {p.name: p for p in great}
    hilar: list[Part] = []
    lung: list[Part] = []
    for bronchus in bronchi:
        lobe = SEGMENTS[bronchus.name][0]
        tube, right = bronchus.shape, bronchus.name[0] == "R"
        assert isinstance(tube, Tube)
        feeder = _FED_BY.get(lobe, "pulmonary_artery_right" if right else "pulmonary_artery_left")
        beside = tube.points[[len(tube.points) // 4, len(tube.points) // 2, -1]]
        beside = beside + pen.rng.normal(0, 1, 3) + (4.5 if right else -4.5, 0, 3.0) * np.array([[-1.0], [-0.8], [0]])
        artery = _from(named[feeder], beside, pen.between(3.2, 4.2) * pen.person.calibre)
        vein_way = tube.points[[len(tube.points) // 3, -1]] + pen.rng.normal(0, (9, 9, 11), (2, 3))
        vein = _from(named[_DRAINED_BY[lobe]], vein_way, pen.between(3.2, 4.2) * pen.person.calibre, near=False)
        for tissue, trunk in ((_ART, artery), (_VEIN, vein)):
            split = max(2, int((np.linalg.norm(trunk.points - trunk.points[0], axis=1) < 17).sum()))
            split = min(split, len(trunk.points) - 2)  # a short one has a rest too
            hilar.append(Part("segmental_vessel", tissue, Tube(trunk.points[: split + 1], trunk.radii[: split + 1])))
            lung += [Part("lung_vessel", tissue, t) for t in _tree(pen, trunk, split)]
    return hilar, lung


def _from(part: Part, way: Floats, r: float, near: bool = True) -> Tube:
    """A vessel out of another, at its nearest point or at its end, that thins out along ``way``."""
    tube = part.shape
    assert isinstance(tube, Tube)
    at = int(np.linalg.norm(tube.points - way[0], axis=1).argmin()) if near else -1
    start = tube.points[at]
    radii = np.interp(np.linspace(0, 1, len(way) + 1), (0, 0.4, 1), (min(r, tube.radii[at]), 0.85 * r, 1.2))
    return curve(np.vstack([start, way]), radii, 5.0)


def _tree(pen: Pen, trunk: Tube, split: int) -> list[Tube]:
    """The rest of the trunk and two generations of branches."""
    found = [Tube(trunk.points[split:], trunk.radii[split:])]
    parents = [(trunk, split, 34.0)]
    for generation in range(2):
        children = []
        for parent, first, wide in parents:
            for _ in range(6 if generation == 0 else 4):
                at = int(pen.rng.integers(min(first, len(parent.points) - 2), len(parent.points) - 1))
                start, r = parent.points[at], float(parent.radii[at]) * pen.between(0.75, 1.0)
                goal = parent.points[-1] + pen.rng.normal(0, wide, 3)
                middle = 0.5 * (start + goal) + pen.rng.normal(0, 0.15 * wide, 3)
                child = curve([start, middle, goal], [r, 0.85 * r, 0.65], 8.0)
                found.append(child)
                children.append((child, 1, 0.65 * wide))
        parents = children
    return found
