"""Put a volume on another grid: linear for images, nearest voxel for masks and labels."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.values.box import Box
from nodewise.values.grid import Floats, Grid
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    import SimpleITK

_OUTSIDE = {Quantity.HU: -1024.0, Quantity.LOGIT: -20.0}
_FWHM = 2 * np.sqrt(2 * np.log(2))


def resample(volume: Volume, grid: Grid, *, fill: float | None = None) -> Volume:
    """The volume on ``grid``, any affine on either side, sheared ones included.

    MASK and LABEL take the nearest voxel and keep their type; all else is interpolated linearly in float32. Where the
    new voxels are larger than the old ones the image is first blurred with a Gaussian whose full width at half maximum
    makes up the difference (sigma² = (r² − 1) / 8 ln 2 old voxels, r the ratio of the sizes along an old axis:
    Cardoso et al., Scale factor point spread function matching, MICCAI 2015), so that noise does not alias.

    Args:
        volume: what to resample; only the part near ``grid`` is touched.
        grid: where the new voxels lie.
        fill: value outside the old voxels' edges; −1024 for HU, −20 for a LOGIT and 0 for all else unless given.
    """
    if volume.grid.same_as(grid, tolerance_mm=1e-4):
        return Volume(volume.array, grid, volume.quantity)
    outside = _OUTSIDE.get(volume.quantity, 0.0) if fill is None else fill
    new_to_old = np.linalg.inv(volume.grid.affine) @ grid.affine
    discrete = volume.quantity in (Quantity.MASK, Quantity.LABEL)
    sigma = np.zeros(3) if discrete else _blur(new_to_old)
    box = _reach(new_to_old, grid.shape, np.ceil(4 * sigma).astype(int) + 2).clipped(volume.grid.shape)
    kind = np.bool_ if volume.quantity is Quantity.MASK else volume.array.dtype
    if min(box.shape) == 0:
        return Volume(np.full(grid.shape, outside, dtype=kind, order="F"), grid, volume.quantity)
    new_to_old[:3, 3] -= box.start
    array = _interpolate(volume.array[box.slices], new_to_old, grid.shape, sigma, outside, linear=not discrete)
    return Volume(array.astype(kind, copy=False), grid, volume.quantity)


def _blur(new_to_old: Floats) -> Floats:
    """Standard deviation in old voxels along each old axis, 0 where the new voxels are not larger."""
    ratio = np.linalg.norm(new_to_old[:3, :3], axis=1)
    return np.asarray(np.where(ratio > 1.05, np.sqrt(np.maximum(ratio**2 - 1, 0)) / _FWHM, 0.0))


def _reach(new_to_old: Floats, shape: tuple[int, int, int], margin: npt.NDArray[np.int_]) -> Box:
    """The old voxels that the new grid's edges enclose, with a margin."""
    edges = np.array(list(itertools.product(*((-0.5, n - 0.5) for n in shape))))
    index = edges @ new_to_old[:3, :3].T + new_to_old[:3, 3]
    start = np.floor(index.min(axis=0)).astype(int) - margin
    stop = np.ceil(index.max(axis=0)).astype(int) + margin + 1
    return Box(tuple(start.tolist()), tuple(stop.tolist()))


def _interpolate(
    array: npt.NDArray[np.generic],
    new_to_old: Floats,
    shape: tuple[int, int, int],
    sigma: Floats,
    outside: float,
    *,
    linear: bool,
) -> npt.NDArray[np.generic]:
    """Both grids in ITK as bare indices, the affine between them as the transform: no shear is beyond it."""
    import SimpleITK

    image: SimpleITK.Image = SimpleITK.GetImageFromArray((array.view(np.uint8) if array.dtype == np.bool_ else array).T)
    if sigma.any():  # Lindeberg's discrete Gaussian: a sampled one hardly blurs where sigma is under half a voxel
        image = SimpleITK.DiscreteGaussian(image, (sigma**2).tolist(), 64, [0.002] * 3, False)
    transform = SimpleITK.AffineTransform(new_to_old[:3, :3].ravel().tolist(), new_to_old[:3, 3].tolist())
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize(shape)
    resampler.SetTransform(transform)
    resampler.SetInterpolator(SimpleITK.sitkLinear if linear else SimpleITK.sitkNearestNeighbor)
    resampler.SetDefaultPixelValue(outside)
    return np.asarray(SimpleITK.GetArrayFromImage(resampler.Execute(image)).T)
