"""Noise of a scan: the kernel's correlation, and more of it where the body attenuates more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from nodewise.phantom.scan.arrays import Array, combined, filtered, finer, frequencies, host, like, white
from nodewise.phantom.scan.protocol import Protocol
from nodewise.phantom.scan.slices import averages

_WATER = 0.019  # linear attenuation of water at about 70 keV, per mm (NIST XCOM)
_HOLLOW = 3.0  # width of the low frequencies that a kernel takes out of the noise, in grains
_STREAKED_MM = 12.0  # standard deviation of the smear along rows


def add_noise(slices: Array, spacing: tuple[float, float], protocol: Protocol, rng: np.random.Generator) -> Array:
    """Add noise to slices (n, rows, columns) of HU; ``spacing`` in mm along rows' and columns' direction."""
    hu = np.float32(protocol.noise_hu)
    if hu == 0:
        return slices
    if protocol.attenuation == 0:
        slices += grain(slices.shape, spacing, protocol, rng, slices) * float(hu)
        return slices
    even, streaked = loudness(host(slices), spacing, protocol.attenuation)
    for first in range(0, len(slices), _CHUNK):
        part = slice(first, first + _CHUNK)
        noise = grain(slices[part].shape, spacing, protocol, rng, slices)
        noise *= _finer(like(hu * even[part], slices), slices.shape[1:])
        slices[part] += noise
    loud = np.flatnonzero(streaked.max(axis=1) > _STREAKED)
    if loud.size:
        noise = grain((loud.size, *slices.shape[1:]), spacing, protocol, rng, slices, _STREAKED_MM)
        slices[loud] += noise * _finer(like(hu * streaked[loud, :, None], slices), slices.shape[1:])
    return slices


_CHUNK = 64  # slices
_STREAKED = 0.4  # of the noise elsewhere
_COARSE = 8  # pixels


def _finer(coarse: Array, shape: tuple[int, ...]) -> Array:
    """Every eighth pixel interpolated to all of them."""
    for axis, n in enumerate(shape, 1):
        coarse = finer(coarse, axis, _COARSE // 2, _COARSE, n)
    return coarse


def loudness(
    slices: npt.NDArray[np.float32], spacing: tuple[float, float], attenuation: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Deviation of the noise over its mean over the body: even (n, rows, columns), streaked along rows (n, rows).

    Every eighth pixel is told. The number of photons behind a water-equivalent path L falls as exp(−µL); the variance
    of a voxel is the mean of its inverse over the rays through it (Kak and Slaney, Principles of Computerized
    Tomographic Imaging, 5.2.2), here over the rays along rows and columns, and less near the skin, where the others
    are short. Where rows pass far more water than columns do, at the shoulders, the rest of theirs is streaks.
    """
    water = np.clip(slices[:, _COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE] * np.float32(1e-3) + 1, 0, 2)
    steps = [_COARSE * s for s in spacing]
    power = _WATER * attenuation
    rows = np.exp(power * steps[1] * water.sum(axis=2))
    columns = np.exp(power * steps[0] * water.sum(axis=1))
    deep = ndimage.gaussian_filter(water, [_DEEP_MM / s for s in steps], mode="constant", axes=(1, 2))
    excess = np.maximum(rows - columns.max(axis=1, keepdims=True) * np.exp(power * _LONGER_MM), 0)
    even = (rows - 0.6 * excess)[:, :, None] + columns[:, None]
    even *= 0.25 + deep / max(float(deep.max()), 1e-3)
    body = water > 0.5
    mean = float(((even + excess[:, :, None]) * body).sum()) / max(float(body.sum()), 1.0)
    return np.sqrt(even / mean).astype(np.float32), np.sqrt(excess / mean).astype(np.float32)


_DEEP_MM = 45.0  # over which the skin's shorter rays are felt
_LONGER_MM = 130.0  # of water that rows may pass more than columns before it shows as streaks


def grain(
    shape: tuple[int, ...],
    spacing: tuple[float, float],
    protocol: Protocol,
    rng: np.random.Generator,
    on: Array,
    streak_mm: float = 0.0,
) -> Array:
    """Noise (n, rows, columns) of unit variance with the kernel's correlation, smeared along rows by ``streak_mm``.

    Slices that overlap share what they share of their thickness.
    """
    count, down, across = shape
    rows, columns = fft.next_fast_len(down, True), fft.next_fast_len(across, True)
    v, u = frequencies((rows, columns), spacing)
    square = (u * u + v * v) * np.float32(2 * (np.pi * protocol.grain_mm) ** 2)
    response = np.exp(-square) * (1 - np.float32(protocol.hollow) * np.exp(-square * np.float32(_HOLLOW**2)))
    if streak_mm:
        response *= np.exp(-u * u * np.float32(2 * (np.pi * streak_mm) ** 2))
    response /= _deviation(response, columns)
    overlap = protocol.slice_mm / protocol.pitch_mm
    if overlap < 1.05:
        return filtered(white((count, rows, columns), rng, on), response, (rows, columns))[:, :down, :across]
    more = int(np.ceil(overlap)) - 1
    mean = averages(np.arange(count) + (overlap - 1) / 2, overlap, count + more)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    fine = filtered(white((count + more, rows, columns), rng, on), response, (rows, columns))[:, :down, :across]
    return combined(mean, fine)


def _deviation(response: npt.NDArray[np.float32], columns: int) -> np.float32:
    """Standard deviation that a filter of this response gives white noise of unit variance (Parseval)."""
    weight = np.full(response.shape[1], 2.0)
    weight[0] = 1
    if columns % 2 == 0:
        weight[-1] = 1
    return np.float32(np.sqrt((np.square(response, dtype=np.float64) * weight).sum() / (len(response) * columns)))
