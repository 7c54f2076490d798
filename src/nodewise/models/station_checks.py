"""Whether what the station network says can be true of this patient."""

from __future__ import annotations

import numpy as np

from nodewise.values.anatomy import Anatomy
from nodewise.values.station import Side, Station
from nodewise.values.volume import Volume

LEAST_ML, MOST_ML = 40.0, 1500.0
CARINA_MM = 25.0


def implausible(mediastinum: Volume, stations: Volume, anatomy: Anatomy) -> str:
    """Why the answer cannot be used; empty where nothing speaks against it.

    Args:
        mediastinum: MASK, the first head's.
        stations: LABEL of ``Station.label``.
        anatomy: the landmarks'.
    """
    volume = float(np.count_nonzero(mediastinum.array)) * mediastinum.grid.voxel_volume_mm3 / 1000.0
    if not LEAST_ML <= volume <= MOST_ML:
        return f"its mediastinum holds {volume:.0f} ml"
    if not stations.array.any():
        return "it named no station"
    if not _between_lungs(mediastinum, anatomy):
        return "its mediastinum does not lie between the lungs"
    carina = anatomy.landmarks.get("carina")
    if carina is not None and carina.lps_mm is not None and not _near(stations, np.asarray(carina.lps_mm)):
        return f"its stations lie more than {CARINA_MM:.0f} mm from the carina"
    if not _sides_apart(stations):
        return "its right stations lie left of its left ones"
    return ""


def _between_lungs(mediastinum: Volume, anatomy: Anatomy) -> bool:
    """Whether its middle lies between the middles of the lungs, along x."""
    if anatomy.organs is None:
        return True
    numbers = {name: number for number, name in anatomy.organ_names.items()}
    organs = anatomy.organs
    middles = [
        organs.grid.to_lps(np.argwhere(organs.array == numbers[name]).mean(axis=0))[0]
        for name in ("lung_right", "lung_left")
    ]
    middle = mediastinum.grid.to_lps(np.argwhere(mediastinum.array).mean(axis=0))[0]
    return bool(middles[0] < middle < middles[1])


def _near(stations: Volume, point: np.ndarray) -> bool:
    around = stations.grid.box_around(point - CARINA_MM, point + CARINA_MM)
    index = np.argwhere(stations.array[around.slices] > 0) + np.array(around.start)
    return bool(len(index) and np.linalg.norm(stations.grid.to_lps(index) - point, axis=1).min() <= CARINA_MM)


def _sides_apart(stations: Volume) -> bool:
    """Whether the middle of all right stations lies to the right of that of all left ones, where both are there."""
    middles = []
    for side in (Side.RIGHT, Side.LEFT):
        index = np.argwhere(np.isin(stations.array, [s.label for s in Station if s.side is side]))
        if not len(index):
            return True
        middles.append(float(stations.grid.to_lps(index.mean(axis=0))[0]))
    return middles[0] < middles[1]
