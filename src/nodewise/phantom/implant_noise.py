"""A real scan's own noise: how strong it is from place to place, how it is correlated, and more of the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from nodewise.values.grid import Point

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_LAGS = (7, 7, 3)
_CUBE = (72, 72, 48)


@dataclass(frozen=True, slots=True, eq=False)
class Calm:
    """Even tissue of a scan.

    Attributes:
        residual: HU less the slow mean about it, 0 outside ``mask``.
        mask: voxels in the middle of even tissue, fat or soft.
        noise_hu: standard deviation there.
    """

    residual: Image
    mask: Mask
    noise_hu: float


def calm_tissue(hu: Image, smooth: Image, fat_hu: float, spacing: Point) -> Calm:
    """Find even fat and even soft tissue, and what is left of the image there once slow changes are taken away."""
    steps = np.asarray(spacing)
    flat = ndimage.gaussian_gradient_magnitude(smooth, np.minimum(1.0, 1.5 / steps)) < 14.0
    body = (np.abs(smooth - fat_hu) < 35) | ((smooth > 0) & (smooth < 450))
    mask = ndimage.binary_erosion(body, np.ones((3, 3, 1), bool)) & flat
    mask = ndimage.binary_opening(mask, np.ones((3, 3, 1), bool))
    weight = mask.astype(np.float32)
    width = np.maximum(4.5 / steps, (0.3, 0.3, 0.0))
    mean = ndimage.gaussian_filter(hu * weight, width, truncate=2.5)
    mean /= np.maximum(ndimage.gaussian_filter(weight, width, truncate=2.5), 1e-3)
    residual = np.where(mask, hu - mean, np.float32(0)).astype(np.float32)
    values = residual[mask]
    noise = 1.4826 * float(np.median(np.abs(values))) if values.size else 0.0
    mask &= np.abs(residual) < max(4 * noise, 1.0)
    residual[~mask] = 0
    return Calm(residual, mask, max(noise, 0.5))


def noise_map(calm: Calm, spacing: Point) -> Image:
    """Standard deviation of the noise at every voxel, from the even tissue within about 25 mm."""
    width = 12.0 / np.asarray(spacing)
    skip = tuple(slice(None, None, max(1, round(3.0 / s))) for s in spacing)
    width = width / [s.step for s in skip]
    square = np.minimum(calm.residual[skip] ** 2, (3 * calm.noise_hu) ** 2)
    weight = calm.mask[skip].astype(np.float32)
    prior = np.float32(0.02)
    total = ndimage.gaussian_filter(square, width) + prior * np.float32(calm.noise_hu**2)
    coarse = np.sqrt(total / (ndimage.gaussian_filter(weight, width) + prior))
    coarse = np.clip(coarse, 0.6 * calm.noise_hu, 1.7 * calm.noise_hu)
    factors = [n / m for n, m in zip(calm.mask.shape, coarse.shape, strict=True)]
    return np.asarray(ndimage.zoom(coarse, factors, order=1, grid_mode=True, mode="nearest"), np.float32)


def correlation(calm: Calm) -> npt.NDArray[np.float64]:
    """Autocorrelation of the noise at lags of up to 7, 7 and 3 voxels, zero in the middle of the array."""
    lags = [min(n, m - 1) for n, m in zip(_LAGS, calm.mask.shape, strict=True)]
    size = [fft.next_fast_len(n + lag, real=True) for n, lag in zip(calm.mask.shape, lags, strict=True)]
    pairs = []
    for field in (calm.residual, calm.mask.astype(np.float32)):
        spectrum = fft.rfftn(field, size)
        pairs.append(fft.irfftn(spectrum.real**2 + spectrum.imag**2, size))
    index = np.ix_(*[np.arange(-lag, lag + 1) for lag in lags])
    product, count = (np.asarray(p[index], np.float64) for p in pairs)
    acf = np.where(count > 30, product / np.maximum(count, 1), 0)
    middle = tuple(lags)
    return np.asarray(acf / max(float(acf[middle]), 1e-6))


def grain(acf: npt.NDArray[np.float64], seed: int = 7) -> Image:
    """A periodic cube of noise of unit variance with this autocorrelation (spectral synthesis of a Gaussian field)."""
    lags = [n // 2 for n in acf.shape]
    taper = np.ones(())
    for lag in lags:
        taper = np.multiply.outer(taper, np.cos(0.5 * np.pi * np.arange(-lag, lag + 1) / (lag + 1)) ** 0.5)
    kernel = np.zeros(_CUBE)
    kernel[np.ix_(*[np.arange(-lag, lag + 1) for lag in lags])] = acf * taper
    power = np.maximum(fft.rfftn(kernel).real, 0)
    white = np.random.default_rng(seed).standard_normal(_CUBE)
    noise = fft.irfftn(fft.rfftn(white) * np.sqrt(power), _CUBE)
    return np.asarray((noise - noise.mean()) / noise.std(), np.float32)


def piece(cube: Image, shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """``shape`` voxels of a periodic cube from a random place, turned over at random."""
    for axis, n in enumerate(shape):
        start = int(rng.integers(cube.shape[axis]))
        index = np.arange(start, start + n)[:: int(rng.choice((-1, 1)))]
        cube = cube.take(index % cube.shape[axis], axis)
    return np.asarray(cube)
