"""The lobes: both lungs parted by their fissures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.chest.habitus import Habitus
from nodewise.phantom.draw.shapes import Axes, Field
from nodewise.phantom.organ_names import ORGANS

LOBES = (
    "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right", "lung_middle_lobe_right",
    "lung_lower_lobe_right",
)  # fmt: skip
MARK = 255
"""Label of lung whose lobe is not told yet."""


@dataclass(frozen=True, slots=True)
class Fissures:
    """Template heights of the fissures: each a slope along y with a bow.

    The oblique fissures fall from T4 behind to the diaphragm in front; the horizontal one lies at the fourth rib.
    """

    right: tuple[float, float, float]
    left: tuple[float, float, float]
    horizontal: tuple[float, float]


def draw_fissures(rng: np.random.Generator) -> Fissures:
    """Fissures of one person."""

    def oblique(at: float) -> tuple[float, float, float]:
        return float(at + rng.normal(0, 6)), float(1.05 + rng.normal(0, 0.08)), float(rng.normal(6, 3))

    return Fissures(oblique(-32), oblique(-28), (float(rng.normal(-22, 6)), float(rng.normal(0.0, 0.08))))


def name_lobes(organs: npt.NDArray[np.uint8], axes: Axes, person: Habitus, fissures: Fissures) -> None:
    """Give every voxel with the label ``MARK`` its lobe, in place."""
    flat = organs.ravel(order="K")  # a view: the array is Fortran-ordered
    here = np.flatnonzero(flat == MARK)
    i, j, k = np.unravel_index(here, organs.shape, order="F")
    x, y = axes[0][i] - np.float32(person.carina[0]), axes[1][j] - np.float32(person.carina[1])
    c, s = np.float32(np.cos(person.turn_rad)), np.float32(np.sin(person.turn_rad))
    u = np.asarray((c * x + s * y) / person.scale[0], np.float32)
    v = np.asarray((c * y - s * x) / person.scale[1], np.float32)
    w = ((axes[2] - np.float32(person.carina[2])) / np.float32(person.scale[2]))[k]
    side = u > np.interp(w, (-120, -60, 0), (16, 9, 2)).astype(np.float32)
    lower = w < np.where(side, _oblique(fissures.left, u, v), _oblique(fissures.right, u, v))
    middle = w < np.float32(fissures.horizontal[0]) + np.float32(fissures.horizontal[1]) * v
    numbers = [ORGANS[n] for n in LOBES]
    flat[here] = np.where(
        side,
        np.where(lower, numbers[1], numbers[0]),
        np.where(lower, numbers[4], np.where(middle, numbers[3], numbers[2])),
    )


def _oblique(fissure: tuple[float, float, float], u: Field, v: Field) -> Field:
    at, slope, bow = (np.float32(f) for f in fissure)
    return np.asarray(at + slope * v + bow * np.cos(v / np.float32(40)) - np.abs(u) * np.float32(0.12))
