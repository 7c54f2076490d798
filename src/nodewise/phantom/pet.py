"""A PET scan of a drawn patient: blur, breathing, coarse voxels and correlated noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse, special

from nodewise.io.suv import Injection
from nodewise.phantom.body import Body, BodyRegion
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.uptake import Uptake, draw_uptake, suv_slice
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

Image = npt.NDArray[np.float32]  # (z, y, x)
_SIGMA = 1 / np.sqrt(8 * np.log(2))  # of a Gaussian, for a full width at half maximum of 1


@dataclass(frozen=True, slots=True, eq=False)
class PetScan:
    """A PET scan with its truth.

    Attributes:
        volume: SUVbw on the PET's own grid.
        uptake: as drawn, before blur and noise. injection: what Bq/ml follow from.
        shift_mm: how far the PET's diaphragm lies headwards of the CT's; 0 in register.
        fwhm_mm: of the point spread.
        node_uptake: largest SUVbw inside each node's CT mask, trilinear; NaN for a node that fills no voxel.
    """

    volume: Volume
    uptake: Uptake
    injection: Injection
    shift_mm: float
    fwhm_mm: float
    node_uptake: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Protocol:
    fwhm_mm: float
    spacing: tuple[float, float, float]
    offset: tuple[float, float, float]  # of the first voxel, as a share of one
    noise: float  # coefficient of variation in the liver
    grain_mm: float  # full width at half maximum of the noise's correlation
    shift_mm: float
    breath_mm: float  # peak to peak, at the diaphragm, during the scan


def scan_pet(body: Body, rng: np.random.Generator, *, in_register: bool | None = None) -> PetScan:
    """Scan a patient's PET; four in ten are in register, the others off by a breath of 3 to 15 mm at the diaphragm.

    Args:
        body: drawn on the CT's grid, whose axes are the patient's; the PET covers the same field.
        rng: draws the uptake, the dose and the scan.
        in_register: whether the CT was taken in mid-breath, as the PET is; drawn where None.
    """
    tissues, scanner, noise = rng.spawn(3)
    uptake = draw_uptake(body, tissues)
    protocol = _draw_protocol(scanner, body.region, in_register)
    injection = _draw_injection(scanner)
    ct = body.geometry.grid
    grid = _grid(ct, protocol)
    weights = [_spread(ct, grid, axis, protocol.fwhm_mm) for axis in range(3)]
    image, moving = _columns(body, uptake, weights)
    image = _breathed(image, moving, body, grid, protocol)
    image = (weights[2] @ image.reshape(len(image), -1)).reshape(grid.shape[::-1])
    image += _grain(image, uptake, grid, protocol, noise)
    np.maximum(image, 0, out=image)
    volume = Volume(image.T, grid, Quantity.SUV)
    return PetScan(volume, uptake, injection, protocol.shift_mm, protocol.fwhm_mm, _inside_nodes(body, volume))


def _draw_protocol(rng: np.random.Generator, region: BodyRegion, in_register: bool | None) -> _Protocol:
    apart = rng.random() < 0.6 if in_register is None else not in_register
    # The CT is mostly taken in deeper inspiration than the PET's mean: its diaphragm lies lower.
    shift = rng.uniform(3, 15) * (1 if rng.random() < 0.8 else -0.6)
    in_plane = float(rng.choice((3.65, 4.0, 4.07, 4.11)))
    scale = 0.2 if region is BodyRegion.NECK else 1.0  # the neck hardly moves with the breath
    return _Protocol(
        fwhm_mm=float(rng.uniform(5, 7)),
        spacing=(in_plane, in_plane, float(rng.choice((3.0, 3.27, 3.75, 4.25, 5.0)))),
        offset=tuple(rng.random(3).tolist()),
        noise=float(rng.uniform(0.05, 0.13)),
        grain_mm=float(rng.uniform(4, 7)),
        shift_mm=round(scale * float(shift), 3) if apart else 0.0,
        breath_mm=scale * float(rng.uniform(2, 9)),
    )


def _draw_injection(rng: np.random.Generator) -> Injection:
    weight = float(np.clip(rng.normal(75, 15), 42, 130).round(1))
    return Injection(
        dose_bq=float(np.round(weight * rng.uniform(3.0, 5.2)) * 1e6),
        weight_kg=weight,
        seconds_to_scan=float(np.round(60 * rng.uniform(50, 85))),
    )


def _grid(ct: Grid, protocol: _Protocol) -> Grid:
    """Voxels over the CT's field, at a place of their own."""
    spacing = np.asarray(protocol.spacing)
    shape = np.maximum(3, np.floor(np.asarray(ct.shape) * ct.spacing / spacing).astype(int))
    origin = np.asarray(ct.origin) - 0.5 * np.asarray(ct.spacing) + np.asarray(protocol.offset) * spacing
    x, y, z = origin.round(3).tolist()
    return Grid.of((int(shape[0]), int(shape[1]), int(shape[2])), protocol.spacing, (x, y, z))


def _spread(ct: Grid, pet: Grid, axis: int, fwhm_mm: float) -> Any:
    """Sparse (PET voxels, CT voxels): how much of each CT voxel's activity is seen at each PET voxel's centre.

    Sparse products sum in one order whatever the number of threads, so that the image is the same to the bit.
    """
    sigma = fwhm_mm * _SIGMA
    centres = pet.origin[axis] + np.arange(pet.shape[axis]) * pet.spacing[axis]
    edges = ct.origin[axis] + (np.arange(ct.shape[axis] + 1) - 0.5) * ct.spacing[axis]
    z = (edges - centres[:, None]) / sigma
    weight = np.diff(special.ndtr(z), axis=1)
    weight[np.abs(z[:, 1:] + z[:, :-1]) > 8] = 0  # beyond four standard deviations
    return sparse.csr_array(weight.astype(np.float32))


def _columns(body: Body, uptake: Uptake, weights: list[Any]) -> tuple[Image, Image]:
    """SUV on the CT's slices and the PET's columns, (z, y, x), and how much of each cell moves with the breath."""
    count = body.geometry.grid.shape[2]
    shape = (count, weights[1].shape[0], weights[0].shape[0])
    image, moving = np.empty(shape, np.float32), np.empty(shape, np.float32)
    tissue = body.geometry.tissue.T
    for k in range(count):
        image[k] = (weights[0] @ (weights[1] @ suv_slice(body, uptake, k)).T).T
        moving[k] = (weights[0] @ (weights[1] @ _MOVING[tissue[k]]).T).T
    return image, moving


_MOVING = np.ones(256, np.float32)
_MOVING[[
    *(Tissue.AIR_OUTSIDE, Tissue.FAT, Tissue.MUSCLE, Tissue.BONE, Tissue.MARROW, Tissue.SPINAL_CANAL),
    *(Tissue.CARTILAGE, Tissue.METAL),
]] = 0  # fmt: skip


def _breathed(image: Image, moving: Image, body: Body, grid: Grid, protocol: _Protocol) -> Image:
    """Cells moved along z, most at the diaphragm and not at the body wall; the mean of three moments of a breath."""
    step = body.geometry.grid.spacing[2]
    cell = np.array([step, grid.spacing[1], grid.spacing[0]])
    part = ndimage.gaussian_filter(moving, 12 / cell, mode="nearest", truncate=2.5)
    part = np.clip(1.6 * part - 0.3, 0, 1) * _depth(body)[:, None, None]
    rows = np.arange(len(image), dtype=np.float32)[:, None, None]
    mean = np.zeros_like(image)
    for moment in (-0.4, 0.0, 0.4):
        at = rows - part * np.float32((protocol.shift_mm + moment * protocol.breath_mm) / step)
        np.clip(at, 0, len(image) - 1.001, out=at)
        low = at.astype(np.intp)
        below, above = (np.take_along_axis(image, low + up, 0) for up in (0, 1))
        mean += below + (above - below) * (at - low)
    return np.asarray(mean / np.float32(3))


def _depth(body: Body) -> Image:
    """How much each slice moves: 1 at the dome of the liver and 100 mm below, less above it and far below."""
    grid = body.geometry.grid
    z = grid.origin[2] + np.arange(grid.shape[2]) * grid.spacing[2]
    liver = np.flatnonzero((body.geometry.tissue == Tissue.LIVER).any(axis=(0, 1)))
    if liver.size == 0:
        return np.ones(len(z), np.float32)
    dome = z[liver[-1]]
    amount = np.clip(np.minimum(1 - (z - dome) / 140, 1 - (dome - 100 - z) / 250), 0, 1)
    return np.asarray(amount * amount * (3 - 2 * amount), np.float32)


def _grain(image: Image, uptake: Uptake, grid: Grid, protocol: _Protocol, rng: np.random.Generator) -> Image:
    """Noise whose variance follows the activity, as counts have it, correlated by the reconstruction."""
    sigma = protocol.grain_mm * _SIGMA / np.asarray(grid.spacing[::-1])
    noise = ndimage.gaussian_filter(rng.standard_normal(image.shape, np.float32), sigma, mode="wrap")
    liver = float(uptake.tissues[Tissue.LIVER])
    noise *= np.float32(protocol.noise / noise.std()) * np.sqrt(np.maximum(image, 0) * np.float32(liver))
    return np.asarray(noise)


def _inside_nodes(body: Body, volume: Volume) -> npt.NDArray[np.float64]:
    """Largest SUV inside each node, NaN where it fills no voxel."""
    numbers = body.geometry.nodes
    cells = np.flatnonzero(numbers.ravel(order="K"))
    index = np.stack(np.unravel_index(cells, numbers.shape, order="F"), axis=-1)
    at = volume.grid.to_index(body.geometry.grid.to_lps(index))
    suv = ndimage.map_coordinates(volume.array, at.T, order=1, mode="nearest")
    found = np.full(len(body.nodes), -np.inf)
    np.maximum.at(found, numbers.ravel(order="K")[cells] - 1, suv)
    return np.where(np.isfinite(found), found, np.nan)
