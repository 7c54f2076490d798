"""Borders that move while they are scanned: the beating heart, the breathing diaphragm."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.arrays import Array, combined, filtered, finer, frequencies, host, like, take
from nodewise.phantom.scan.protocol import Protocol
from nodewise.phantom.scan.slices import averages

_HEART = (Tissue.HEART, Tissue.HEART_LEFT, Tissue.HEART_RIGHT, Tissue.PERICARDIUM)
_DOME = (Tissue.LIVER, Tissue.SPLEEN, Tissue.STOMACH)
_COARSE_MM = 4.0  # how near is told on voxels of this size
_REACH_MM = 7.0  # standard deviation of how far beyond its border an organ takes others along
_EDGE = 8  # pixels repeated at the edge, against wrapping around


def add_motion(
    image: Array, tissue: Array, spacing: tuple[float, float, float], protocol: Protocol, rng: np.random.Generator
) -> Array:
    """Smear or double what moves, in place; HU (z, y, x), ``spacing`` along x, y, z."""
    angle = float(rng.uniform(0.15, 0.45) * np.pi)  # the left ventricle's wall moves to the front and left
    if protocol.heart_mm > 0:
        found = nearness(tissue, _HEART, spacing)
        if found is not None:
            z, near = found
            shift = (-protocol.heart_mm * np.sin(angle), protocol.heart_mm * np.cos(angle))
            part = image[z]
            part += like(near, image) * (in_plane(part, spacing, shift, protocol.doubled) - part)
    if protocol.dome_mm > 0:
        found = nearness(tissue, _DOME, spacing)
        if found is not None:
            z, near = found
            part = image[z]
            path = along_z(len(part), protocol.dome_mm / spacing[2], protocol.doubled)
            part += like(near, image) * (combined(path, part) - part)
    return image


def nearness(
    tissue: Array, moving: tuple[Tissue, ...], spacing: tuple[float, float, float]
) -> tuple[slice, npt.NDArray[np.float32]] | None:
    """The slices about what moves, and how near it is there: 1 in and at it, falling to 0 over some mm."""
    factors = [max(1, round(_COARSE_MM / s)) for s in spacing[::-1]]
    table = np.zeros(256, np.float32)
    table[list(moving)] = 1
    coarse = table[host(tissue[tuple(slice(f // 2, None, f) for f in factors)])]
    steps = [f * s for f, s in zip(factors, spacing[::-1], strict=True)]
    soft = ndimage.gaussian_filter(coarse, [_REACH_MM / s for s in steps], mode="nearest")
    soft = np.clip(2.2 * soft - 0.1, 0, 1).astype(np.float32)
    loud = np.flatnonzero(soft.any(axis=(1, 2)))
    if loud.size == 0:
        return None
    first, last = max(0, int(loud[0]) - 1) * factors[0], min(tissue.shape[0], (int(loud[-1]) + 2) * factors[0])
    near = finer(soft, 0, factors[0] // 2 - first, factors[0], last - first)
    for axis in (1, 2):
        near = finer(near, axis, factors[axis] // 2, factors[axis], tissue.shape[axis])
    return slice(first, last), near


def in_plane(image: Array, spacing: tuple[float, float, float], shift_mm: tuple[float, float], doubled: bool) -> Array:
    """Planes averaged over, or at both ends of, a path of ``shift_mm`` along rows' and columns' direction."""
    rows, columns = image.shape[1:]
    size = [fft.next_fast_len(n + 2 * _EDGE, True) for n in (rows, columns)]
    wide = take(image, np.clip(np.arange(size[0]) - _EDGE, 0, rows - 1), 1)
    wide = take(wide, np.clip(np.arange(size[1]) - _EDGE, 0, columns - 1), 2)
    v, u = frequencies((size[0], size[1]), (spacing[1], spacing[0]))
    along = v * np.float32(shift_mm[0]) + u * np.float32(shift_mm[1])
    response = np.cos(np.pi * along) if doubled else np.sinc(along)
    return filtered(wide, response.astype(np.float32), (size[0], size[1]))[
        :, _EDGE : _EDGE + rows, _EDGE : _EDGE + columns
    ]


def along_z(n: int, cells: float, doubled: bool) -> npt.NDArray[np.float32]:
    """Rows that average ``n`` slices over, or at both ends of, a path of ``cells`` slices."""
    middles = np.arange(n, dtype=np.float64)
    if not doubled:
        return averages(middles, max(1.0, cells), n)
    ends = (averages(np.clip(middles + s * cells / 2, 0, n - 1), 1.0, n) for s in (-1, 1))
    return np.asarray(0.5 * sum(ends), np.float32)
