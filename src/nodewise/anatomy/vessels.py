"""The great vessels whose rims part the stations, looked for where they must lie about the trachea and the arch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.lungs import Lungs
from nodewise.anatomy.tubes import Tube, find_tube
from nodewise.anatomy.walls import Walls
from nodewise.anatomy.working import Array
from nodewise.values.box import Box

USUAL_ARCH_MM = 38.0
LEAST_VOXELS = 5
CAVA_MM, ASCENDING_MM = np.arange(6.5, 11.1, 1.5), np.arange(12.0, 20.1, 2.0)
LEFT_VEIN_MM, AZYGOS_MM, LEFT_ARTERY_MM = np.arange(5.0, 8.1, 1.5), np.arange(3.5, 6.6, 1.5), np.arange(7.0, 12.0, 1.5)
# HU of inside − ring − 2 SD; below, what was found is as likely anything else
CAVA_SCORE, ASCENDING_SCORE, LEFT_VEIN_SCORE, AZYGOS_SCORE, LEFT_ARTERY_SCORE = 60.0, 50.0, 70.0, 60.0, 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Vessels:
    """Each as a chain of circles, or None where nothing like it was found.

    Attributes:
        cava: superior vena cava, upwards from the carina. ascending: aorta, from 20 mm below it to under the arch.
        left_vein: left brachiocephalic vein before the trachea, from right to left.
        azygos: its arch beside the trachea, from front to back. left_artery: left pulmonary artery over its bronchus.
    """

    cava: Tube | None
    ascending: Tube | None
    left_vein: Tube | None
    azygos: Tube | None
    left_artery: Tube | None


def find_vessels(hu: Array, lungs: Lungs, walls: Walls, carina: Array, arch_top: float | None, mm: float) -> Vessels:
    """Search of all five; ``carina`` (3,) and the height ``arch_top`` in voxels, ``mm`` the lattice's spacing."""
    zero = float(carina[2])
    top = zero + USUAL_ARCH_MM / mm if arch_top is None else arch_top
    where = _Search(hu, lungs, mm)
    low, high = (int(np.clip(round(z), 0, hu.shape[2] - 1)) for z in (zero + 8.0 / mm, top))
    left, y = walls.left[low], walls.y[low]
    right = 2.0 * walls.x[low] - left
    x_top, y_top = walls.x[high], walls.y[high]
    return Vessels(
        cava=where.tube(2, CAVA_MM, (right, y, zero), (-28, 6), (-45, -6), (6, (top - zero) * mm - 4), CAVA_SCORE),
        ascending=where.tube(
            2, ASCENDING_MM, (left, y, zero), (-30, 25), (-75, -18), (-20, max((top - zero) * mm - 34, 0)),
            ASCENDING_SCORE,
        ),
        left_vein=where.tube(0, LEFT_VEIN_MM, (x_top, y_top, top), (-24, 28), (-46, -12), (-6, 30), LEFT_VEIN_SCORE),
        azygos=where.tube(1, AZYGOS_MM, (right, y, zero), (-16, 2), (-18, 14), (-3, 24), AZYGOS_SCORE),
        left_artery=where.tube(
            1, LEFT_ARTERY_MM, (left, y, zero), (6, 38), (-25, 18), (-26, min((top - zero) * mm - 30, 14)),
            LEFT_ARTERY_SCORE,
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    hu: Array
    lungs: Lungs
    mm: float

    def tube(
        self,
        axis: int,
        radii_mm: npt.NDArray[np.float64],
        origin: tuple[float, float, float],
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        least: float,
    ) -> Tube | None:
        """The best tube in spans of mm from ``origin`` (voxels), outside the lungs; None below a score of ``least``."""
        spans = [(o + a / self.mm, o + b / self.mm) for o, (a, b) in zip(origin, (x, y, z), strict=True)]
        low, high = (np.array([round(s[end]) for s in spans]) for end in (0, 1))
        low, high = np.clip(low, 0, self.hu.shape), np.clip(high, 0, self.hu.shape)
        if (high - low < LEAST_VOXELS).any():
            return None
        box = Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))
        air = self.lungs.right[box.slices] | self.lungs.left[box.slices]
        found = find_tube(self.hu, box, axis, radii_mm, self.mm, ~air)
        return found if found is not None and found.score >= least else None
