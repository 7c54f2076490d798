"""A chest's landmarks gathered for a registration without organs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.registration.structures import labels_of
from nodewise.values.anatomy import Anatomy
from nodewise.values.atlas import Frame
from nodewise.values.grid import Point
from nodewise.values.volume import Volume

PLANES = ("arch_top", "arch_underside")
"""Levels that two chests are scaled between, where both have them; the carina is always one."""
REACH_MM = 30.0
STEP_MM = 10.0
CANAL_SHARE = 0.5
"""How much of the spine's bend the middle of the mediastinum follows below the carina (judgement)."""

_AIRWAY = ("airway", "trachea")
_CANAL = ("spinal_canal", "spinal_cord")
_LUNGS = ("lung_",)
_BODY = ("body",)


def frame_of(anatomy: Anatomy) -> Frame | None:
    """The frame of a chest; None without a carina."""
    mark = anatomy.landmarks.get("carina")
    if mark is None or mark.lps_mm is None:
        return None
    found = {name: anatomy.landmarks[name].lps_mm for name in PLANES if name in anatomy.landmarks}
    planes = {name: point[2] for name, point in found.items() if point is not None}
    width, depth = _extent(anatomy, mark.lps_mm)
    middle = _middle(anatomy, mark.lps_mm)
    return Frame(mark.lps_mm, MappingProxyType({"carina": mark.lps_mm[2], **planes}), width, depth, middle)


def _extent(anatomy: Anatomy, carina: Point) -> tuple[float | None, float | None]:
    """Width and depth of both lungs within 30 mm of the carina's level, else of the body."""
    if anatomy.organs is None:
        return None, None
    sides = [_places(anatomy, _LUNGS, carina, side) for side in ("right", "left")]
    places = np.concatenate(sides) if all(map(len, sides)) else _places(anatomy, _BODY, carina)
    if not len(places):
        return None, None
    span = np.ptp(places[:, :2], axis=0)
    return float(span[0]), float(span[1])


def _places(anatomy: Anatomy, begin: tuple[str, ...], carina: Point, side: str = "") -> npt.NDArray[np.float64]:
    """LPS mm (n, 3) of the voxels so called near the carina's level."""
    assert anatomy.organs is not None
    slab = _slab(anatomy.organs, carina[2] - REACH_MM, carina[2] + REACH_MM)
    names = {label: name for label, name in anatomy.organ_names.items() if side in name}
    return slab.grid.to_lps(np.argwhere(np.isin(slab.array, labels_of(names, begin))))


def _slab(volume: Volume, low_mm: float, high_mm: float) -> Volume:
    points = volume.grid.to_lps(volume.grid.corners)
    low, high = points.min(axis=0), points.max(axis=0)
    return volume.crop(volume.grid.box_around((*low[:2], low_mm), (*high[:2], high_mm)))


def _middle(anatomy: Anatomy, carina: Point) -> tuple[Point, ...]:
    above = {z: xy for z, xy in _line(anatomy, _AIRWAY, carina).items() if z > carina[2] + 0.5 * STEP_MM}
    canal = _line(anatomy, _CANAL, carina)
    level = min(canal, key=lambda z: abs(z - carina[2]), default=None)
    below: dict[float, tuple[float, float]] = {}
    if level is not None:
        x0, y0 = canal[level]
        below = {
            z: (carina[0] + CANAL_SHARE * (x - x0), carina[1] + CANAL_SHARE * (y - y0))
            for z, (x, y) in canal.items()
            if z < carina[2] - 0.5 * STEP_MM
        }
    points = {**below, carina[2]: (carina[0], carina[1]), **above}
    return tuple((*points[z], z) for z in sorted(points))


def _line(anatomy: Anatomy, begin: tuple[str, ...], carina: Point) -> Mapping[float, tuple[float, float]]:
    """Median x and y of a structure every 10 mm from the carina, by z."""
    if anatomy.organs is None:
        return {}
    labels = labels_of(anatomy.organ_names, begin)
    points = anatomy.organs.grid.to_lps(np.argwhere(np.isin(anatomy.organs.array, labels)))
    steps = np.rint((points[:, 2] - carina[2]) / STEP_MM).astype(int) if len(points) else np.empty(0, int)
    out = {}
    for step in np.unique(steps).tolist():
        x, y, _ = np.median(points[steps == step], axis=0).tolist()
        out[carina[2] + step * STEP_MM] = (x, y)
    return out
