"""Stations of a chest from an organ map: its own borders where it has them, the CT's landmarks where not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nodewise.anatomy.border_planes import trachea_line
from nodewise.anatomy.bronchial_zones import Bronchi, bronchi
from nodewise.anatomy.chest import Chest
from nodewise.anatomy.hilum import LEFT_MM, seen_fork
from nodewise.anatomy.levels import Levels, read_levels
from nodewise.anatomy.lungs import Lungs
from nodewise.anatomy.organ_masks import LUNG_LEFT, LUNG_RIGHT, PULMONARY_ARTERIES, Organs
from nodewise.anatomy.organ_stations import station_map
from nodewise.anatomy.working import Mask
from nodewise.values.grid import Grid, Point
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

REACH_MM = (100.0, 110.0, 150.0)  # no station is farther from the carina
RIGHT_HILUM_MM, LEFT_HILUM_MM = 22.0, 42.0  # length of the main bronchi where no organ tells
_BRONCHIAL = (Station.S10R, Station.S10L, Station.S11R, Station.S11L)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Stations (LABEL), the levels that they were laid out by, and those of them that are approximate."""

    stations: Volume
    levels: Levels
    approximate: tuple[Station, ...]


def stations_from_organs(organs: Organs, chest: Chest, points: Mapping[str, Point], blood: Mask) -> Laid | str:
    """The map on the organs' lattice about the carina; or why there is none.

    Args:
        organs: on the lattice of the chest.
        chest: the CT's landmarks, for what organs do not tell.
        points: landmarks that someone gave, which win over both.
        blood: enhanced blood of the CT, no station where the map lacks the pulmonary arteries.
    """
    missing = [name for name in ("trachea", "aorta") if organs.mask(name) is None]
    if missing:
        return f"the organ map has no {' and no '.join(missing)}"
    grid = organs.labels.grid
    levels = read_levels(organs, chest, grid, points)
    if levels is None:
        return "the carina was not found"
    seen = bronchi(organs)
    zones = _by_paths(chest, grid) if seen is None else seen
    if zones is None:
        return "no main bronchi were found"
    around = grid.box_around(levels.carina - REACH_MM, levels.carina + REACH_MM)
    part = organs.crop(around)
    trachea = trachea_line(part, float(levels.carina[2]))
    if trachea is None:
        return "the trachea does not lie above the carina"
    labels = station_map(part, levels, trachea, zones)
    labels[(chest.airway | chest.lungs.right | chest.lungs.left)[around.slices]] = 0
    if not organs.has(*PULMONARY_ARTERIES):
        labels[blood[around.slices]] = 0
    stations = Volume(np.asfortranarray(labels), part.labels.grid, Quantity.LABEL)
    uncertain = {*levels.stations, *(_BRONCHIAL if seen is None else ())}
    return Laid(stations, levels, tuple(station for station in Station if station in uncertain))


def with_lungs(chest: Chest, organs: Organs) -> Chest:
    """The chest with the lungs of the organ map, where it has both: they hold what air alone leaves out."""
    right, left = organs.mask(*LUNG_RIGHT), organs.mask(*LUNG_LEFT)
    return chest if right is None or left is None else replace(chest, lungs=Lungs(right, left))


def _by_paths(chest: Chest, grid: Grid) -> Bronchi | None:
    """Main bronchi as the CT's airway shows them."""
    if chest.carina is None or not (len(chest.carina.right.path) and len(chest.carina.left.path)):
        return None
    right, left = chest.carina.right, chest.carina.left
    end = seen_fork(left, LEFT_MM) or LEFT_HILUM_MM
    zone = [np.where(b.depth_mm > far, 11, 10) for b, far in ((right, RIGHT_HILUM_MM), (left, end))]
    on_left = [np.full(len(b.path), side) for b, side in ((right, False), (left, True))]
    main = [b.depth_mm <= far for b, far in ((right, 2 * RIGHT_HILUM_MM), (left, end))]
    points = grid.to_lps(np.concatenate([right.path, left.path]))
    return Bronchi(points, np.concatenate(zone), np.concatenate(on_left), np.concatenate(main))
