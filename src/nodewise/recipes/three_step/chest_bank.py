"""A folder of drawn chests to train the station network on, each with its map of stations, made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.recipes.three_step.bank import drawn_files
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid

if TYPE_CHECKING:
    from nodewise.phantom.geometry import Geometry

FIRST_SEED = 30_000_000  # no phantom to evaluate on, and none of the bank of nodes, has such a seed
SEEDS_A_RUN = 100_000
SPACING_MM = 2.5
AROUND_LUNGS_MM = ((25.0, 25.0, 10.0), (25.0, 25.0, 50.0))  # right, front, foot; left, back, head


@dataclass(frozen=True, slots=True, eq=False)
class DrawnChest:
    """A drawn chest, cut to its lungs with a margin, and ``Station.label`` of each voxel, uint8 (x, y, z)."""

    geometry: Geometry
    stations: npt.NDArray[np.uint8]


def chest_bank(
    folder: Path, count: int, seed: int, *, processes: int = 1, progress: Callable[[int], None] = lambda _done: None
) -> list[DrawnChest]:
    """``count`` drawn chests; those already in ``folder`` are kept.

    Args:
        folder: two files a chest, named by its seed.
        count: how many.
        seed: of the run; chest i has seed ``FIRST_SEED + SEEDS_A_RUN * seed + i``.
        processes: how many at a time.
        progress: told how many are there.
    """
    seeds = [FIRST_SEED + SEEDS_A_RUN * seed + i for i in range(count)]
    return [load_chest(path) for path in drawn_files(folder, seeds, draw_chest, processes, progress)]


def draw_chest(path: Path, seed: int, spacing_mm: float = SPACING_MM) -> None:
    """Drawn, written aside and renamed, the map of stations first: a kill leaves no chest without its map."""
    from nodewise.phantom.chest import make_chest
    from nodewise.phantom.geometry import Tissue
    from nodewise.phantom.patches import save_geometry

    body = make_chest(seed, spacing_mm)
    box = around_lungs(np.asarray(body.geometry.tissue == Tissue.LUNG), body.geometry.grid)
    stations, aside = _stations_beside(path), path.with_suffix(".part.npz")
    np.savez_compressed(aside, stations=body.places.array[box.slices].T)
    aside.replace(stations)
    save_geometry(body.geometry.crop(box), aside)
    aside.replace(path)


def load_chest(path: Path) -> DrawnChest:
    """Read what ``draw_chest`` wrote.

    Raises:
        BadInputError: a file is missing or is not one.
    """
    from nodewise.phantom.patches import load_geometry

    geometry, beside = load_geometry(path), _stations_beside(path)
    try:
        with np.load(beside, allow_pickle=False) as file:
            stations = file["stations"].T
    except (OSError, ValueError, KeyError) as error:
        raise BadInputError(f"{beside} is no map of stations: delete {path}, it is made anew") from error
    if stations.shape != geometry.grid.shape:
        raise BadInputError(f"{beside} belongs to another chest: delete {path}, it is made anew")
    return DrawnChest(geometry, stations)


def around_lungs(lungs: npt.NDArray[np.bool_], grid: Grid) -> Box:
    """The box of both lungs with ``AROUND_LUNGS_MM``, as far as the grid goes; station 1 reaches above the apices."""
    box = Box.around(lungs)
    low, high = (np.rint(np.asarray(mm) / grid.spacing).astype(int).tolist() for mm in AROUND_LUNGS_MM)
    start = (box.start[0] - low[0], box.start[1] - low[1], box.start[2] - low[2])
    stop = (box.stop[0] + high[0], box.stop[1] + high[1], box.stop[2] + high[2])
    return Box(start, stop).clipped(grid.shape)


def _stations_beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}.stations.npz")
