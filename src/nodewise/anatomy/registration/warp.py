"""Where each point of a patient lies in a reference, and back; and volumes carried along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.resample import resample
from nodewise.values.box import Box
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

Field = npt.NDArray[np.float32]
SLAB = 24  # slices of a target grid whose points are held at a time
_OUTSIDE = {Quantity.HU: -1024.0, Quantity.LOGIT: -20.0}


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """A map between patient and reference, both in LPS mm.

    A patient's point p goes to q + ``forward``(q) with q = ``affine`` p; a point r of the reference goes back to the
    inverse ``affine`` of r + ``backward``(r). Beyond the lattice the nearest displacement holds.

    Attributes:
        affine: 4×4, patient to reference.
        grid: lattice in the reference on which the displacements lie.
        forward, backward: (3, nx, ny, nz) float32 mm, read-only.
        folding: share of the lattice where ``forward`` does not keep the order of space (Jacobian not above 0).
        method: how it was found, for a report.

    Raises:
        ValueError: the fields do not fit the lattice, or the affine turns left into right.
    """

    affine: Floats
    grid: Grid
    forward: Field
    backward: Field
    folding: float
    method: str

    def __post_init__(self) -> None:
        affine = np.array(self.affine, np.float64)
        if np.linalg.det(affine[:3, :3]) <= 0:
            raise ValueError("this affine map turns the patient's left into the right")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        for name in ("forward", "backward"):
            field = np.asarray(getattr(self, name), np.float32)
            if field.shape != (3, *self.grid.shape):
                raise ValueError(f"displacements of shape {field.shape} do not lie on a lattice of {self.grid.shape}")
            view = field.view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    def to_reference(self, lps_mm: npt.ArrayLike) -> Floats:
        """Points (…, 3) of the patient in the reference."""
        points: Floats = _moved(self.affine, np.asarray(lps_mm, np.float64))
        return points + _at(self.forward, self.grid, points)

    def to_patient(self, lps_mm: npt.ArrayLike) -> Floats:
        """Points (…, 3) of the reference in the patient."""
        points = np.asarray(lps_mm, np.float64)
        return _moved(
            np.asarray(np.linalg.inv(self.affine), np.float64), points + _at(self.backward, self.grid, points)
        )


def carry(volume: Volume, warp: Warp, grid: Grid, to: Literal["patient", "reference"]) -> Volume:
    """A volume of one side on a grid of the other.

    MASK and LABEL take the nearest voxel, all else is interpolated linearly, after a blur where the new voxels are
    larger (see ``resample``). Outside the volume lies −1024 for HU, −20 for a LOGIT, 0 for all else.

    Args:
        volume: of the reference where ``to`` is the patient, else of the patient.
        warp: between the two.
        grid: where the result lies.
        to: whose grid that is.
    """
    source = _coarse_enough(volume, min(grid.spacing))
    out = np.empty(grid.shape, source.array.dtype, order="F")
    for k in range(0, grid.shape[2], SLAB):
        slab = Box((0, 0, k), (grid.shape[0], grid.shape[1], min(k + SLAB, grid.shape[2])))
        points = points_of(grid.crop(slab))
        there = warp.to_reference(points) if to == "patient" else warp.to_patient(points)
        out[slab.slices] = _sampled(source, there)
    return Volume(out, grid, volume.quantity)


def points_of(grid: Grid) -> Floats:
    """LPS mm (nx, ny, nz, 3) of every voxel's centre."""
    return grid.to_lps(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))


def folded_share(displacement_mm: Field, grid: Grid) -> float:
    """Share of voxels where x + displacement does not keep the order of space: Jacobian determinant not above 0."""
    back = np.linalg.inv(grid.affine[:3, :3])
    in_voxels = np.einsum("ab,bxyz->axyz", back, displacement_mm)
    jacobian = np.empty((*grid.shape, 3, 3), np.float32)
    for a in range(3):
        for b in range(3):
            slope = np.gradient(in_voxels[a], axis=b) if grid.shape[b] > 1 else 0.0
            jacobian[..., a, b] = slope + (a == b)
    return float((np.linalg.det(jacobian) <= 0).mean())


def _coarse_enough(volume: Volume, spacing_mm: float) -> Volume:
    if volume.quantity in (Quantity.MASK, Quantity.LABEL) or min(volume.grid.spacing) > 0.95 * spacing_mm:
        return volume
    old = volume.grid
    spacing = tuple(max(s, spacing_mm) for s in old.spacing)
    shape = [max(1, round(n * s / t)) for n, s, t in zip(old.shape, old.spacing, spacing, strict=True)]
    affine = old.affine.copy()
    affine[:3, :3] = old.direction * spacing
    affine[:3, 3] = old.to_lps([(t / s - 1) / 2 for s, t in zip(old.spacing, spacing, strict=True)])
    return resample(volume, Grid((shape[0], shape[1], shape[2]), affine))


def _sampled(volume: Volume, points: Floats) -> npt.NDArray[np.generic]:
    order = 0 if volume.quantity in (Quantity.MASK, Quantity.LABEL) else 1
    index = np.moveaxis(volume.grid.to_index(points), -1, 0)
    array = volume.array.view(np.uint8) if volume.array.dtype == np.bool_ else volume.array
    low = np.floor(index.reshape(3, -1).min(axis=1)).astype(int) - 1
    high = np.ceil(index.reshape(3, -1).max(axis=1)).astype(int) + 2
    near = Box(tuple(low.tolist()), tuple(high.tolist())).clipped(volume.grid.shape)
    outside = _OUTSIDE.get(volume.quantity, 0.0)
    if min(near.shape) == 0:
        return np.full(points.shape[:-1], outside, volume.array.dtype)
    index -= np.asarray(near.start).reshape(3, *[1] * (index.ndim - 1))
    found = ndimage.map_coordinates(array[near.slices], index, order=order, mode="constant", cval=outside)
    return np.asarray(found).astype(volume.array.dtype, copy=False)


def _moved(affine: Floats, points: Floats) -> Floats:
    return np.asarray(points @ affine[:3, :3].T + affine[:3, 3])


def _at(field: Field, grid: Grid, points: Floats) -> Floats:
    index = grid.to_index(points).reshape(-1, 3).T
    parts = [ndimage.map_coordinates(part, index, order=1, mode="nearest") for part in field]
    return np.asarray(np.stack(parts, axis=-1), np.float64).reshape(points.shape)
