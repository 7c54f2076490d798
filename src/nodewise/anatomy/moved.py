"""A chest whose landmarks someone has corrected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.carina import Bronchus, Split
from nodewise.anatomy.chest import Arch, Carina, Chest
from nodewise.anatomy.walls import Walls
from nodewise.values.anatomy import Landmark, LandmarkStatus
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid, Point

SAME_MM = 0.01  # a point given back as it was written is no correction
TRACHEA_MM, USUAL_RADIUS_MM = 9.0, 12.5
# Where the bronchi go from the carina, and how far, where only the carina is given.
RIGHT_WAY, LEFT_WAY, FAR_MM = (-0.6, 0.1, -0.8), (0.8, 0.2, -0.55), 60.0
RIGHT_MM, LEFT_MM = 12.0, 25.0  # depth of the landmarks of the main bronchi

Floats = npt.NDArray[np.float64]


def corrected(found: Mapping[str, Landmark], points: Mapping[str, Point], ct: Grid) -> Mapping[str, Point]:
    """Those of ``points`` that differ from what was found.

    Raises:
        BadInputError: no landmark has such a name, or a point lies outside the scan.
    """
    changed = {}
    for name, point in points.items():
        if name not in found:
            raise BadInputError(f"there is no landmark {name}: the names are {', '.join(found)}")
        index = ct.to_index(point)
        if ((index < -0.5) | (index > np.array(ct.shape) - 0.5)).any():
            where = ", ".join(f"{c:.1f}" for c in point)
            raise BadInputError(f"the landmark {name} at ({where}) mm lies outside the scan")
        before = found[name].lps_mm
        if before is None or np.abs(np.subtract(before, point)).max() > SAME_MM:
            changed[name] = point
    return MappingProxyType(changed)


def with_points(found: Mapping[str, Landmark], points: Mapping[str, Point]) -> Mapping[str, Landmark]:
    """Landmarks with the given points in their places, sure."""
    given = {name: Landmark(point, LandmarkStatus.GIVEN, 1.0) for name, point in points.items()}
    return MappingProxyType({**found, **given})


def moved(chest: Chest, points: Mapping[str, Point], grid: Grid) -> Chest:
    """The chest with carina, trachea, main bronchi and arch as given; what lies between follows in proportion.

    Args:
        chest: on the lattice ``grid``.
        points: LPS mm of carina, trachea_top, right_main_bronchus, left_main_bronchus and arch_top, any of them.
        grid: of the chest.
    """
    at = {name: grid.to_index(point) for name, point in points.items()}
    carina = _new(chest, at) if chest.carina is None else _carina(chest.carina, at, chest)
    arch = chest.arch
    if "arch_top" in at:
        x, y, z = at["arch_top"].tolist()
        arch = Arch((x, y, z), USUAL_RADIUS_MM if arch is None else arch.radius_mm, 1.0)
    return replace(chest, carina=carina, arch=arch, why_no_carina="" if carina is not None else chest.why_no_carina)


def _carina(carina: Carina, at: Mapping[str, Floats], chest: Chest) -> Carina:
    """Moved as given: the trachea with carina and top, each main bronchus with carina and its own landmark."""
    shift = at["carina"] - carina.split.point if "carina" in at else np.zeros(3)
    split = replace(carina.split, point=carina.split.point + shift, at_edge=carina.split.at_edge and "carina" not in at)
    return Carina(
        split=split,
        right=_bronchus(carina.right, shift, at.get("right_main_bronchus"), RIGHT_MM),
        left=_bronchus(carina.left, shift, at.get("left_main_bronchus"), LEFT_MM),
        walls=_walls(carina.walls, split.point, shift, at.get("trachea_top"), chest),
        trust=1.0 if "carina" in at else carina.trust,
    )


def _bronchus(bronchus: Bronchus, shift: Floats, goal: Floats | None, depth_mm: float) -> Bronchus:
    """Its path moved with the carina at its start, and so that it meets ``goal`` at its depth, from there on evenly."""
    path, depth = bronchus.path, bronchus.depth_mm
    if len(path) == 0:
        return bronchus
    there = min(int(np.searchsorted(depth, depth_mm)), len(path) - 1)
    end = shift if goal is None else goal - path[there]
    share = np.clip(depth / max(float(depth[there]), 1.0), 0.0, 1.0)[:, None]
    return replace(bronchus, path=path + (1 - share) * shift + share * end)


def _walls(walls: Walls, carina: Floats, shift: Floats, top: Floats | None, chest: Chest) -> Walls:
    """The trachea moved with the carina below, and with its top above; in proportion between them."""
    slices = np.arange(len(walls.x))
    air = np.flatnonzero(chest.airway.any(axis=(0, 1)))
    high = int(air[-1]) if air.size else len(slices) - 1
    dx, dy = 0.0, 0.0
    if top is not None:
        high = int(np.clip(round(float(top[2])), 0, len(slices) - 1))
        dx, dy = float(top[0] - walls.x[high]), float(top[1] - walls.y[high])
    share = np.clip((slices - carina[2]) / max(high - float(carina[2]), 1.0), 0.0, 1.0)
    x, y = (1 - share) * shift[0] + share * dx, (1 - share) * shift[1] + share * dy
    return Walls(walls.x + x, walls.y + y, walls.left + x, walls.back + y)


def _new(chest: Chest, at: Mapping[str, Floats]) -> Carina | None:
    """Straight trachea and bronchi about a given carina; None where none is given or there is no spine to go by."""
    if "carina" not in at or chest.canal is None:
        return None
    point, mm, shape = at["carina"], chest.spacing_mm, chest.body.shape
    top = at.get("trachea_top", point + np.array([0.0, 0.0, 100.0 / mm]))
    slices, radius = np.arange(shape[2]), TRACHEA_MM / mm
    x, y = (np.interp(slices, (point[2], max(top[2], point[2] + 1.0)), (point[m], top[m])) for m in (0, 1))
    nothing = np.zeros(shape[:2], bool)
    return Carina(
        split=Split(np.asarray(point, dtype=np.float64), nothing, nothing, at_edge=False),
        right=_straight(point, at.get("right_main_bronchus"), RIGHT_WAY, mm),
        left=_straight(point, at.get("left_main_bronchus"), LEFT_WAY, mm),
        walls=Walls(x, y, x + radius, y + radius),
        trust=1.0,
    )


def _straight(carina: Floats, through: Floats | None, usual: Point, mm: float) -> Bronchus:
    """A bronchus of ``FAR_MM`` straight from the carina through a point, or the usual way."""
    way = np.asarray(usual) if through is None else through - carina
    depth = np.arange(1.5, FAR_MM, 3.0)
    path = carina + (depth / mm)[:, None] * way / np.linalg.norm(way)
    return Bronchus(np.zeros((1, 1, 1), bool), Box((0, 0, 0), (1, 1, 1)), path, depth, None)
