"""Compartments of abdominal lymph nodes: the fat nearest to the vessel, or the bowel, that names each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.phantom.abdomen.bowel import Colon
from nodewise.phantom.draw.brush import Piece
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Tube

COMPARTMENTS: Mapping[int, str] = MappingProxyType(
    dict(
        enumerate(
            (
                "mesenteric", "ileocolic", "right colic", "middle colic", "left colic", "sigmoid",
                "inferior mesenteric", "coeliac", "portal", "splenic", "perigastric", "retroperitoneal right",
                "aortocaval", "retroperitoneal left", "iliac right", "iliac left",
            ),
            1,
        )
    )
)  # fmt: skip
"""Name of each label. ``retroperitoneal left`` is para-aortic, ``retroperitoneal right`` paracaval."""

_REACH_MM = {"mesenteric": 15.0, "aortocaval": 9.0, "perigastric": 10.0, "inferior mesenteric": 11.0}
_COLON = {
    "caecum": "ileocolic", "ascending colon": "right colic", "transverse colon": "middle colic",
    "descending colon": "left colic", "sigmoid colon": "sigmoid",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A line along which nodes of ``place`` lie, up to ``reach_mm`` from its surface."""

    place: str
    tube: Tube
    reach_mm: float


def courses(pieces: Sequence[Piece], mesentery: Mapping[str, Sequence[Piece]], colon: Colon) -> list[Course]:
    """Read the courses off the drawn vessels and bowel."""
    found = [Course(name, _tube(p), _REACH_MM.get(name, 12.0)) for name, group in mesentery.items() for p in group]
    for part, place in _COLON.items():
        at = [n for n, name in enumerate(colon.parts) if name == part]
        lumen = Tube(colon.lumen.points[at[0] : at[-1] + 1], colon.lumen.radii[at[0] : at[-1] + 1])
        found.append(Course(place, lumen, 9.0))
    named: dict[str, list[Tube]] = {}
    for piece in pieces:
        if isinstance(piece.shape, Tube):
            named.setdefault(piece.name, []).append(piece.shape)
    coeliac, portal = named["coeliac_trunk"], named["portal_vein_and_splenic_vein"]
    found += [
        Course("coeliac", coeliac[0], 11.0),
        Course("coeliac", coeliac[2], 8.0),
        Course("portal", portal[0], 11.0),
        Course("splenic", coeliac[1], 9.0),
        Course("perigastric", coeliac[3], 10.0),
        Course("perigastric", named["stomach"][0], 8.0),
    ]
    aorta, cava = named["aorta"][0], named["inferior_vena_cava"][0]
    below = aorta.points[:, 2] < named["coeliac_trunk"][0].points[0, 2] + 30
    line, r = aorta.points[below], aorta.radii[below]
    right = np.column_stack([np.interp(line[:, 2], cava.points[:, 2], cava.points[:, c]) for c in (0, 1)])
    wide = np.interp(line[:, 2], cava.points[:, 2], cava.radii)
    found.append(Course("retroperitoneal left", Tube(line + np.outer(r * 0.6, (1, 0, 0)), r), 12.0))
    outer = np.column_stack([right - np.outer(wide * 0.4, (1, 0)), line[:, 2]])
    found.append(Course("retroperitoneal right", Tube(outer, wide), 10.0))
    middle = 0.5 * (line + np.column_stack([right, line[:, 2]]))
    found.append(Course("aortocaval", Tube(middle, np.full(len(middle), 5.0)), 6.0))
    for word in ("right", "left"):
        found += [Course(f"iliac {word}", named[f"{kind}_{word}"][0], 10.0) for kind in ("iliac_artery", "iliac_vena")]
    return found


def _tube(piece: Piece) -> Tube:
    assert isinstance(piece.shape, Tube)
    return piece.shape


def compartment_map(canvas: Canvas, holds: npt.NDArray[np.bool_], ways: Sequence[Course]) -> npt.NDArray[np.uint8]:
    """Label each voxel of ``holds`` by the course whose surface is nearest, relative to its reach; 0 beyond all."""
    number = {name: n for n, name in COMPARTMENTS.items()}
    out = np.zeros(holds.shape, np.uint8, order="F")
    best = np.ones(holds.shape, np.float32, order="F")
    for way in ways:
        part = canvas.window(way.tube, way.reach_mm)
        if part is None:
            continue
        near = np.maximum(canvas.distance(way.tube, part, way.reach_mm), 0) / np.float32(way.reach_mm)
        nearer = near < best[part]
        best[part][nearer] = near[nearer]
        out[part][nearer] = number[way.place]
    out *= holds
    return out
