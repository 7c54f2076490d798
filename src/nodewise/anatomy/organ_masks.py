"""Organs as masks on one lattice, and the lines that run along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.working import Mask
from nodewise.values.box import Box
from nodewise.values.volume import Volume

Floats = npt.NDArray[np.float64]
WHOLE = 0.75

LUNG_RIGHT = ("lung_right", "lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right")
LUNG_LEFT = ("lung_left", "lung_upper_lobe_left", "lung_lower_lobe_left")
MAIN_BRONCHI = ("main_bronchus_right", "main_bronchus_left", "bronchus_intermedius")
AIRWAY = ("trachea", *MAIN_BRONCHI, "lobar_bronchi", "airway")
PULMONARY_ARTERIES = ("pulmonary_artery", "pulmonary_trunk", "pulmonary_artery_left", "pulmonary_artery_right")
VESSELS = (
    "aorta", "descending_aorta", "brachiocephalic_trunk", "subclavian_artery_right", "subclavian_artery_left",
    "common_carotid_artery_right", "common_carotid_artery_left", "brachiocephalic_vein_left",
    "brachiocephalic_vein_right", "superior_vena_cava", "inferior_vena_cava", "azygos_vein", "pulmonary_vein",
    "ligamentum_arteriosum", *PULMONARY_ARTERIES,
)  # fmt: skip
HEART = (
    "heart", "heart_myocardium", "heart_atrium_left", "heart_ventricle_left", "heart_atrium_right",
    "heart_ventricle_right", "atrial_appendage_left", "pericardium",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Organs:
    """A patient's organs on an isotropic lattice along the patient's axes; ``numbers`` gives each name's label."""

    labels: Volume
    numbers: Mapping[str, int]

    def has(self, *names: str) -> bool:
        """Whether any of the organs fills a voxel."""
        return self.mask(*names) is not None

    def mask(self, *names: str) -> Mask | None:
        """Where any of the named organs is; None where none of them is in the map."""
        wanted = [self.numbers[name] for name in names if name in self.numbers]
        if not wanted:
            return None
        found = np.isin(self.labels.array, wanted) if len(wanted) > 1 else self.labels.array == wanted[0]
        return np.asarray(found) if found.any() else None

    def crop(self, box: Box) -> Organs:
        """The organs in a box of the lattice."""
        return Organs(self.labels.crop(box), self.numbers)

    @property
    def mm(self) -> float:
        """Distance between voxels."""
        return self.labels.grid.spacing[0]

    def along(self, axis: int) -> Floats:
        """LPS mm of the voxels' centres along one axis."""
        return np.asarray(self.labels.grid.origin[axis] + self.mm * np.arange(self.labels.grid.shape[axis]), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What an organ's axial sections say by slice, (nz,) LPS mm: its centre, and where its edges are.

    Between slices that show the organ values are interpolated, beyond its ends those of the end go on: of the last
    section that is no rounded end, with at least ``WHOLE`` of the organ's median area. ``low`` and ``high`` are the
    ends themselves.
    """

    x: Floats
    y: Floats
    left: Floats
    right: Floats
    front: Floats
    back: Floats
    z: Floats
    low: float
    high: float


def line(organs: Organs, mask: Mask) -> Line:
    """The line along a mask that has at least one voxel."""
    x, y, z = (organs.along(axis) for axis in range(3))
    half = organs.mm / 2
    columns, rows = mask.sum(axis=1), mask.sum(axis=0)  # (nx, nz), (ny, nz)
    there = np.flatnonzero(columns.any(axis=0))
    counts = columns[:, there].sum(axis=0)
    wide, deep = columns[:, there] > 0, rows[:, there] > 0
    found = (
        x @ columns[:, there] / counts,
        y @ rows[:, there] / counts,
        x[len(x) - 1 - wide[::-1].argmax(axis=0)] + half,
        x[wide.argmax(axis=0)] - half,
        y[deep.argmax(axis=0)] - half,
        y[len(y) - 1 - deep[::-1].argmax(axis=0)] + half,
    )
    whole = np.flatnonzero(counts >= WHOLE * np.median(counts))
    body, everywhere = slice(whole[0], whole[-1] + 1), np.arange(len(z))
    x_z, y_z, left, right, front, back = (np.interp(everywhere, there[body], values[body]) for values in found)
    return Line(x_z, y_z, left, right, front, back, z, float(z[there[0]]) - half, float(z[there[-1]]) + half)
