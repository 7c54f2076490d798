"""Dark and bright bands that dense contrast medium and metal throw across a slice.

What goes wrong in a ray is taken as the dense material's line integral times a factor of the ray's angle alone: less
where the rays see much of it in one line (beam hardening: de Man et al., IEEE Trans Nucl Sci 1999;46:691), more or less
as the contrast medium flows past while the tube turns. By the projection-slice theorem the reconstruction of such an
error is the dense material's Fourier transform times that factor: one transform a slice, and nothing at all where
there is nothing dense.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.arrays import Array, finer, frequencies, host, like

_ANGLES = 180  # over half a turn
_DENSE_HU = 300.0  # below this the medium harms nothing that can be seen
_STEP_MM = (4.0, 1.6, 1.6)  # z, y, x
_HARMONICS = np.arange(1, 41)  # of half a turn; finer streaks than these are noise
_SOURCES = (Tissue.VESSEL_VEIN, Tissue.HEART_RIGHT, Tissue.METAL)  # beyond the lungs the medium is well mixed


def dense_part(image: npt.NDArray[np.float32], tissue: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What throws streaks, HU above a threshold, 0 elsewhere; bone throws none here."""
    source = np.zeros(256, np.float32)
    source[list(_SOURCES)] = 1
    return np.asarray(np.maximum(image - np.float32(_DENSE_HU), 0) * source[tissue])


def add_streaks(
    image: Array, tissue: Array, spacing: tuple[float, float, float], strength: float, rng: np.random.Generator
) -> Array:
    """Add streaks to HU (z, y, x), in place; ``spacing`` along x, y, z."""
    factors = [int(np.ceil(mm / s - 1e-3)) for mm, s in zip(_STEP_MM, spacing[::-1], strict=True)]
    pulse = _pulse(rng)
    if strength == 0:
        return image
    dense = _block_means(dense_part(host(image), host(tissue)), factors)
    loud = np.flatnonzero(dense.any(axis=(1, 2)))
    if loud.size == 0:
        return image
    z = slice(max(0, loud[0] - 1), loud[-1] + 2)
    down, across = (float(f * s) for f, s in zip(factors[1:], spacing[1::-1], strict=True))
    error = errors(dense[z], (down, across), pulse, float(strength))
    first, last = z.start * factors[0], min(len(image), (z.start + len(error)) * factors[0])
    return _add_finer(image, error, first, last, factors)


def _block_means(array: npt.NDArray[np.float32], factors: list[int]) -> npt.NDArray[np.float32]:
    """Means over blocks, so that a clip smaller than one still counts; 0 beyond the ends."""
    for axis, f in enumerate(factors):
        if f > 1:
            array = np.add.reduceat(array, np.arange(0, array.shape[axis], f), axis=axis) * np.float32(1 / f)
    return array


def errors(
    dense: npt.NDArray[np.float32],
    spacing: tuple[float, float],
    pulse: npt.NDArray[np.float32],
    strength: float,
) -> npt.NDArray[np.float32]:
    """The reconstructed error, HU, of dense slices (n, rows, columns).

    Args:
        dense: HU above what is harmless.
        spacing: mm along rows' and columns' direction.
        pulse: relative error at each of ``_ANGLES`` over half a turn.
        strength: 1 is usual.
    """
    n, rows, columns = dense.shape
    reach = [fft.next_fast_len(2 * k, True) for k in (rows, columns)]
    spectrum = fft.rfft2(dense, s=reach)
    v, u = frequencies((reach[0], reach[1]), spacing)
    angle = (np.arctan2(v, u) % np.pi) * (_ANGLES / np.pi)
    low = angle.astype(np.int32) % _ANGLES
    share = (angle - np.floor(angle)).astype(np.float32)
    radius = np.sqrt(u * u + v * v)
    radius[0, 0] = np.inf
    pixels, steep = low.ravel(), (1 / radius).ravel()
    for i in range(n):
        power = np.bincount(pixels, np.abs(spectrum[i]).ravel() ** 2 * steep, _ANGLES)
        power = ndimage.gaussian_filter1d(power, 4.0, mode="wrap")
        hard = power / max(power.mean(), 1e-9) - 1  # Parseval along each radial line: the rays' mean squared integral
        factor = np.roll(pulse, i) - np.float32(0.3) * np.clip(hard, -1, 2).astype(np.float32)
        factor = np.float32(strength) * (factor - factor.mean())
        spectrum[i] *= factor[low] * (1 - share) + factor[(low + 1) % _ANGLES] * share
    return np.asarray(fft.irfft2(spectrum, s=reach)[:, :rows, :columns])


def _pulse(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How the dense material changes while the tube makes half a turn: smooth, and the same after it."""
    turn = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    size = rng.normal(0, 0.45, len(_HARMONICS)) / _HARMONICS**0.2
    phase = rng.uniform(0, 2 * np.pi, len(_HARMONICS))
    return np.asarray((size * np.cos(turn[:, None] * _HARMONICS + phase)).sum(axis=1) * rng.uniform(0.4, 1), np.float32)


def _add_finer(image: Array, error: npt.NDArray[np.float32], first: int, last: int, factors: list[int]) -> Array:
    """Add a coarse error, interpolated, to the slices from ``first`` to ``last``."""
    fine = like(np.ascontiguousarray(error), image)
    for axis, n in ((1, image.shape[1]), (2, image.shape[2]), (0, last - first)):
        fine = finer(fine, axis, (factors[axis] - 1) / 2, factors[axis], n)
    image[first:last] += fine
    return image
