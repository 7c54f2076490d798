"""The heights that part the stations of one patient: from organs, and where their organs are missing from landmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nodewise.anatomy import borders
from nodewise.anatomy.chest import Chest
from nodewise.anatomy.hilum import LEFT_MM, seen_fork
from nodewise.anatomy.organ_masks import Floats, Organs
from nodewise.anatomy.planes import SPUR_MM
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Station

# Usual heights in mm over the carina (judgement), where neither organs nor landmarks tell.
USUAL_ARCH_MM, USUAL_RADIUS_MM, USUAL_NOTCH_MM, USUAL_CRICOID_MM = 38.0, 12.5, 75.0, 115.0
USUAL_INTERMEDIATE_MM, USUAL_LEFT_LOWER_MM, USUAL_VEIN_MM = -45.0, -30.0, -62.0

_PARTED = {
    "cricoid": ("1R", "1L"),
    "inlet": ("1R", "1L", "2R", "2L", "3a", "3p"),
    "vein_crossing": ("2R", "4R"),
    "arch_top": ("2L", "4L", "6", "3a"),
    "arch_low": ("5", "6", "4L"),
    "azygos_low": ("4R", "10R"),
    "left_artery": ("4L", "5", "10L"),
    "carina": ("7", "3p", "3a"),
    "intermediate_low": ("7", "8", "9R"),
    "left_lower": ("7", "8", "9L"),
    "right_vein": ("8", "9R"),
    "left_vein": ("8", "9L"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Heights, LPS mm, as the functions of ``borders`` define them, and the carina (3,).

    Attributes:
        approximate: names of those that organs did not tell.
    """

    carina: Floats
    cricoid: float
    inlet: float
    vein_crossing: float
    arch_top: float
    arch_low: float
    azygos_low: float
    left_artery: float
    intermediate_low: float
    left_lower: float
    right_vein: float
    left_vein: float
    approximate: frozenset[str]

    @property
    def stations(self) -> tuple[Station, ...]:
        """Stations that have an approximate border."""
        codes = {code for name in self.approximate for code in _PARTED[name]}
        return tuple(station for station in Station if station.code in codes)


def read_levels(
    organs: Organs, chest: Chest, grid: Grid, points: Mapping[str, Point] = MappingProxyType({})
) -> Levels | None:
    """Every height; None where the carina can be told neither from organs nor from the CT.

    Args:
        organs: on the lattice ``grid``.
        chest: landmarks of the CT on the same lattice, for what organs do not tell.
        grid: of both.
        points: carina and arch_top as someone gave them, which win.
    """
    missing: set[str] = set()
    carina = np.asarray(points["carina"]) if "carina" in points else borders.carina_point(organs)
    if carina is None and chest.carina is not None:
        carina = grid.to_lps(chest.carina.split.point)
    if carina is None:
        return None

    def told(name: str, height: float | None, instead: Callable[[], float]) -> float:
        if height is None:
            missing.add(name)
            return instead()
        return height

    zero = float(carina[2])
    arch = points["arch_top"][2] if "arch_top" in points else borders.arch_top(organs)
    top = told("arch_top", arch, lambda: _arch_top(chest, grid, zero))
    tall = top - zero
    veins = borders.inferior_veins_low(organs, carina)
    inlet = told("inlet", borders.thoracic_inlet(organs), lambda: max(zero + USUAL_NOTCH_MM, top + 15.0))
    return Levels(
        carina=carina,
        arch_top=top,
        inlet=inlet,
        cricoid=told("cricoid", borders.cricoid_low(organs), lambda: max(zero + USUAL_CRICOID_MM, inlet + 25.0)),
        vein_crossing=told("vein_crossing", borders.vein_crossing(organs), lambda: top - 5.0),
        arch_low=told(
            "arch_low", borders.arch_low(organs), lambda: max(top - 1.8 * _radius(chest), zero + 0.25 * tall)
        ),
        azygos_low=told("azygos_low", borders.azygos_low(organs), lambda: zero + min(10.0, 0.35 * tall)),
        left_artery=told("left_artery", borders.left_artery_top(organs, carina), lambda: zero + min(8.0, 0.2 * tall)),
        intermediate_low=told(
            "intermediate_low", borders.intermediate_low(organs), lambda: zero + USUAL_INTERMEDIATE_MM
        ),
        left_lower=told("left_lower", borders.left_lower_top(organs), lambda: _left_lower(chest, grid, zero)),
        right_vein=told("right_vein", veins[0], lambda: zero + USUAL_VEIN_MM),
        left_vein=told("left_vein", veins[1], lambda: zero + USUAL_VEIN_MM),
        approximate=frozenset(missing),
    )


def _arch_top(chest: Chest, grid: Grid, zero: float) -> float:
    return zero + USUAL_ARCH_MM if chest.arch is None else float(grid.to_lps(chest.arch.top)[2])


def _radius(chest: Chest) -> float:
    return USUAL_RADIUS_MM if chest.arch is None else chest.arch.radius_mm


def _left_lower(chest: Chest, grid: Grid, zero: float) -> float:
    """Where the left main bronchus was seen to divide, else a usual height."""
    left = None if chest.carina is None else chest.carina.left
    deep = None if left is None else seen_fork(left, LEFT_MM)
    if left is None or deep is None:
        return zero + USUAL_LEFT_LOWER_MM
    return float(np.asarray(grid.to_lps(left.path[int(np.searchsorted(left.depth_mm, deep))]))[2]) + SPUR_MM
