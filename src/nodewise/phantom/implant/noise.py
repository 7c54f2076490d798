"""A real scan's own noise: how strong it is from place to place, how it is correlated, and more of the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

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
        residual: HU less the slow mean about it, 0 where the tissue is not even.
        even: the same in soft tissue and fat, over the standard deviation of either.
        mask: voxels in the middle of even tissue; soft tissue where there is enough of it, else fat too.
        noise_hu: standard deviation there. fat_noise_hu: in pure fat, whose own texture adds to it.
        donor: the residual of soft tissue, small uneven places in it, of unit variance; 0 elsewhere.
    """

    residual: Image
    even: Image
    mask: Mask
    noise_hu: float
    fat_noise_hu: float
    donor: Image


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The noise of one stretch of the scan along z.

    Attributes:
        start, stop: slices. noise_hu, fat_noise_hu: as ``Calm`` has them. grain: more of it, periodic, unit variance.
        donor: residual of soft tissue of unit variance, 0 elsewhere. places: (n, 3) voxels deep inside it.
    """

    start: int
    stop: int
    noise_hu: float
    fat_noise_hu: float
    grain: Image
    donor: Image
    places: npt.NDArray[np.int32]


ZONE_MM = 45.0


def noise_zones(hu: Image, smooth: Image, fat_hu: float, spacing: Point) -> tuple[tuple[Noise, ...], Image]:
    """The noise by stretches of about 45 mm, and its standard deviation in HU from place to place.

    Shoulders streak, lungs hardly add any, and the middle of the body is noisier than its sides.
    """
    count = max(1, min(round(hu.shape[2] * spacing[2] / ZONE_MM), hu.shape[2] // 6))
    ends = np.rint(np.linspace(0, hu.shape[2], count + 1)).astype(int).tolist()
    zones, even = [], np.zeros(hu.shape, np.float32)
    for start, stop in pairwise(ends):
        part = (slice(None), slice(None), slice(start, stop))
        calm = calm_tissue(hu[part], smooth[part], fat_hu, spacing)
        even[part] = calm.even
        depth = ndimage.distance_transform_edt(calm.donor != 0, sampling=spacing)
        deep = np.argwhere((depth >= min(8.0, 0.6 * float(depth.max()))) & (depth > 0))
        places = np.asarray(deep[:: max(1, len(deep) // 1500)], np.int32)
        more = grain(correlation(calm))
        own = _local(calm.donor)[tuple(places.T)]
        donor = calm.donor * np.float32(np.median(_local(more)) / max(float(np.median(own)), 0.2) if own.size else 1)
        zones.append(Noise(start, stop, calm.noise_hu, calm.fat_noise_hu, more, donor, places))
    strength = _strength(even, spacing)
    middles = [0.5 * (z.start + z.stop) for z in zones]
    along = np.interp(np.arange(hu.shape[2]), middles, [z.noise_hu for z in zones])
    zones = [replace(z, donor=z.donor / strength[:, :, z.start : z.stop]) for z in zones]
    return tuple(zones), np.asarray(strength * along, np.float32)


def _strength(even: Image, spacing: Point) -> Image:
    """Strength of noise of unit variance from place to place, from its mean size over some 30 mm."""
    width = [max(1, round(4.0 / s)) for s in spacing]
    skip = tuple(slice(w // 2, None, w) for w in width)
    sigma = [12.0 / (w * s) for w, s in zip(width, spacing, strict=True)]
    size, count = (
        ndimage.gaussian_filter(ndimage.uniform_filter(f, width)[skip], sigma, truncate=2.5)
        for f in (np.minimum(np.abs(even), 3), (even != 0).astype(np.float32))
    )
    usual = np.float32(np.sqrt(2 / np.pi))  # mean size of normal deviates
    coarse = (size + _PRIOR * usual) / (count + _PRIOR) / usual
    at = [(np.arange(n) - w // 2) / w for n, w in zip(even.shape, width, strict=True)]
    for axis, place in enumerate(at):
        low = np.clip(np.floor(place).astype(int), 0, coarse.shape[axis] - 1)
        high = np.minimum(low + 1, coarse.shape[axis] - 1)
        share = np.clip(place - low, 0, 1).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        coarse = coarse.take(low, axis) * (1 - share) + coarse.take(high, axis) * share
    return np.asarray(np.clip(coarse, 0.6, 1.8), np.float32)


_PRIOR = np.float32(0.02)
"""Share of even tissue below which the usual strength is believed more than the little that is seen."""


def _local(field: Image) -> Image:
    """Standard deviation over 5 × 5 × 3 voxels: what a node is wide enough to show of the noise."""
    mean = ndimage.uniform_filter(field, (5, 5, 3))
    return np.asarray(np.sqrt(np.maximum(ndimage.uniform_filter(field * field, (5, 5, 3)) - mean * mean, 0)))


def calm_tissue(hu: Image, smooth: Image, fat_hu: float, spacing: Point) -> Calm:
    """Find even fat and even soft tissue, and what is left of the image there once slow changes are taken away."""
    steps = np.asarray(spacing)
    slope = ndimage.gaussian_gradient_magnitude(smooth, np.minimum(1.0, 1.5 / steps))
    fat, soft = np.abs(smooth - fat_hu) < 35, _soft(smooth)
    inner = ndimage.binary_erosion(soft, _PLANE, iterations=2)
    usual = float(np.median(slope[inner])) if inner.any() else 0.0  # streaks leave slopes, and are noise all the same
    flat = slope < max(14.0, 1.4 * usual)
    fat, soft = (_deep(m, flat) for m in (fat, soft))
    plain = soft & (smooth < 130)  # bright blood beats and streaks: its noise is not that of nodes
    soft = plain if plain.sum() > ENOUGH // 3 else soft
    weight = (fat | soft).astype(np.float32)
    width = np.maximum(4.5 / steps, (1.0, 1.0, 1.3))
    mean = ndimage.gaussian_filter(hu * weight, width, truncate=2.5)
    mean /= np.maximum(ndimage.gaussian_filter(weight, width, truncate=2.5), 1e-3)
    left = np.asarray(hu - mean, np.float32)
    fat_noise, noise = _spread(left[fat]), _spread(left[soft])
    enough = soft.sum() > ENOUGH // 3
    mask = soft if enough else soft | fat
    noise = noise if enough else _spread(left[mask])
    limit = 1.3 * fat_noise if fat.sum() > ENOUGH // 4 else np.inf  # soft tissue with borders in it is no noisier
    mask = mask & (np.abs(left) < 4 * noise)
    holes = ndimage.binary_closing(soft, _PLANE) & (np.abs(left) < 3.3 * noise) & (smooth > -10)
    zero = np.float32(0)
    donor = np.where(holes, left / np.float32(noise), zero)
    even = np.where(fat, left / np.float32(fat_noise), np.where(soft, left / np.float32(noise), zero))
    return Calm(np.where(mask, left, zero), even, mask, min(noise, limit), fat_noise, donor)


ENOUGH = 4000
_PLANE = np.ones((3, 3, 1), bool)


def _deep(mask: Mask, flat: Mask) -> Mask:
    """Even voxels inside a tissue: two voxels from its border in plane and one through it, or one where few are."""
    inner = ndimage.binary_erosion(mask, _PLANE)
    deeper = ndimage.binary_erosion(inner, np.ones((3, 3, 3), bool)) & flat
    return np.asarray(ndimage.binary_opening(deeper if deeper.sum() > ENOUGH else inner & flat, _PLANE))


def _soft(smooth: Image) -> Mask:
    return np.asarray((smooth > 0) & (smooth < 450))


def _spread(values: Image) -> float:
    """Standard deviation from the median absolute deviation, at least half a HU."""
    return max(0.5, 1.4826 * float(np.median(np.abs(values)))) if values.size else 0.5


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


@cache
def _smooth_cube(scale_voxels: tuple[float, float, float]) -> Image:
    """A periodic cube of smooth noise of unit variance, the same in every process."""
    noise = np.random.default_rng(11).standard_normal((64, 64, 64), dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, scale_voxels, mode="wrap", truncate=3.0)
    return np.asarray(noise / noise.std())


def unevenness(shape: tuple[int, ...], spacing: Point, scale_mm: float, rng: np.random.Generator) -> Image:
    """Smooth noise of unit variance over about ``scale_mm``."""
    x, y, z = (round(0.4 * scale_mm / s, 2) for s in spacing)
    return piece(_smooth_cube((x, y, z)), shape, rng)


def piece(cube: Image, shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """``shape`` voxels of a periodic cube from a random place, turned over at random."""
    for axis, n in enumerate(shape):
        start = int(rng.integers(cube.shape[axis]))
        index = np.arange(start, start + n)[:: int(rng.choice((-1, 1)))]
        cube = cube.take(index % cube.shape[axis], axis)
    return np.asarray(cube)
