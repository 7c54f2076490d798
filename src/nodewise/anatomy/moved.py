"""A chest whose landmarks someone has corrected: carina, airway and arch. For vessels see ``moved_vessels``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.carina import Bronchus, Split
from nodewise.anatomy.chest import Arch, Carina, Chest
from nodewise.anatomy.hilum import LEFT_MM as LEFT_FORK_MM
from nodewise.anatomy.hilum import MIDDLE_MM, UPPER_MM
from nodewise.anatomy.moved_vessels import with_vessels
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
DIVISIONS = ("right_upper_lobe_bronchus", "bronchus_intermedius", "left_lobar_division")

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
    """The chest with every given point in its place; what lies between carina, trachea and bronchi moves in proportion.

    Vessels are looked for again where carina or arch moved, because that is where they are looked for from; one whose
    point is given is then laid through it. A division of the airway is put where the bronchus is nearest to its point.

    Args:
        chest: on the lattice ``grid``.
        points: LPS mm by name of landmark, any of them.
        grid: of the chest.
    """
    at = {name: grid.to_index(point) for name, point in points.items()}
    carina = _new(chest, at) if chest.carina is None else _carina(chest.carina, at, chest)
    if carina is None:
        return chest
    manubrium = chest.manubrium if "manubrium_top" not in at else _triple(at["manubrium_top"])
    there = replace(chest, carina=carina, arch=_arch(chest.arch, at), manubrium=manubrium, why_no_carina="")
    return with_vessels(there, carina, at)


def _arch(arch: Arch | None, at: Mapping[str, Floats]) -> Arch | None:
    """With the given top and underside; an underside alone is no arch."""
    if "arch_top" in at:
        arch = Arch(_triple(at["arch_top"]), USUAL_RADIUS_MM if arch is None else arch.radius_mm, 1.0, 0.0)
    if arch is None or "arch_underside" not in at:
        return arch
    return replace(arch, underside=min(float(at["arch_underside"][2]), arch.top[2]))


def _triple(voxel: Floats) -> Point:
    x, y, z = voxel.tolist()
    return x, y, z


def _carina(carina: Carina, at: Mapping[str, Floats], chest: Chest) -> Carina:
    """Moved as given: the trachea with carina and top, each main bronchus with carina and its own landmark."""
    shift = at["carina"] - carina.split.point if "carina" in at else np.zeros(3)
    split = replace(carina.split, point=carina.split.point + shift, at_edge=carina.split.at_edge and "carina" not in at)
    right = _bronchus(carina.right, shift, at.get("right_main_bronchus"), RIGHT_MM, chest)
    left = _bronchus(carina.left, shift, at.get("left_main_bronchus"), LEFT_MM, chest)
    upper, middle, lobes = DIVISIONS
    return Carina(
        split=split,
        right=_divided(_divided(right, at.get(upper), UPPER_MM), at.get(middle), MIDDLE_MM),
        left=_divided(left, at.get(lobes), LEFT_FORK_MM),
        walls=_walls(carina.walls, split.point, shift, at.get("trachea_top"), chest),
        trust=1.0 if "carina" in at else carina.trust,
    )


def _bronchus(bronchus: Bronchus, shift: Floats, goal: Floats | None, depth_mm: float, chest: Chest) -> Bronchus:
    """Its path moved with the carina at its start, and so that it meets ``goal`` at its depth, from there on evenly.

    With a goal the airway that was seen is not the bronchus: the path takes its place.
    """
    path, depth = bronchus.path, bronchus.depth_mm
    if len(path) == 0:
        return bronchus
    there = min(int(np.searchsorted(depth, depth_mm)), len(path) - 1)
    end = shift if goal is None else goal - path[there]
    share = np.clip(depth / max(float(depth[there]), 1.0), 0.0, 1.0)[:, None]
    path = path + (1 - share) * shift + share * end
    return replace(bronchus, path=path) if goal is None else _of_path(path, depth, bronchus.forks, chest)


def _divided(bronchus: Bronchus, point: Floats | None, depths: tuple[float, float, float]) -> Bronchus:
    """With one division between the least and the most of ``depths``, where the path passes nearest to ``point``."""
    deep = bronchus.depth_mm
    within = (deep >= depths[0]) & (deep <= depths[1])
    if point is None or not within.any():
        return bronchus
    away = np.where(within, np.linalg.norm(bronchus.path - point, axis=1), np.inf)
    others = (at for at in bronchus.forks if not within[at])
    return replace(bronchus, forks=tuple(sorted((*others, int(away.argmin())))))


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
    drawn = Carina(
        split=Split(np.asarray(point, dtype=np.float64), nothing, nothing, at_edge=False),
        right=_straight(point, at.get("right_main_bronchus"), RIGHT_WAY, chest),
        left=_straight(point, at.get("left_main_bronchus"), LEFT_WAY, chest),
        walls=Walls(x, y, x + radius, y + radius),
        trust=1.0,
    )
    rest = {name: place for name, place in at.items() if name in DIVISIONS}
    return _carina(drawn, rest, chest)


def _straight(carina: Floats, through: Floats | None, usual: Point, chest: Chest) -> Bronchus:
    """A bronchus of ``FAR_MM`` straight from the carina through a point, or the usual way."""
    mm = chest.spacing_mm
    way = np.asarray(usual) if through is None else through - carina
    deep = np.arange(1.5, FAR_MM, 3.0)
    path = carina + (deep / mm)[:, None] * way / np.linalg.norm(way)
    return _of_path(path, deep, (), chest)


def _of_path(path: Floats, depth_mm: Floats, forks: tuple[int, ...], chest: Chest) -> Bronchus:
    """A bronchus of which only the middle line is known, kept within the scan."""
    depth = np.full(chest.body.shape, np.nan, np.float32)
    at = np.clip(np.rint(path).astype(int), 0, np.array(depth.shape) - 1)
    depth[tuple(at[::-1].T)] = depth_mm[::-1]
    box = Box.around(np.isfinite(depth))
    return Bronchus(depth[box.slices].copy(), box, path, depth_mm, forks)
