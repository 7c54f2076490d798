"""Unevenness within tissues: pieces of periodic cubes of smooth noise, made once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.scan.arrays import Array, like, take

_CUBE = 144  # voxels along each edge: more than any texture's scale, and 12 MB


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A periodic cube, (z, y, x), entered at ``start``."""

    cube: Array
    start: tuple[int, int, int]

    def slab(self, first: int, shape: tuple[int, ...]) -> Array:
        """``shape`` voxels from slice ``first`` on."""
        cube = self.cube
        for axis, (n, s) in enumerate(zip(shape, self.start, strict=True)):
            place = s + (first if axis == 0 else 0)
            cube = take(cube, np.arange(place, place + n) % _CUBE, axis)
        return cube


def draw_texture(scale_mm: float, spacing: tuple[float, float, float], rng: np.random.Generator, on: Array) -> Texture:
    """Smooth noise of unit variance that varies over ``scale_mm``, where ``on`` lies; ``spacing`` is along x, y, z."""
    z, y, x = (int(n) for n in rng.integers(_CUBE, size=3))
    steps = tuple(round(s, 3) for s in spacing[::-1])
    where = "numpy" if isinstance(on, np.ndarray) else str(on.device)
    return Texture(_cube_on(scale_mm, steps, where), (z, y, x))


@cache
def _cube_on(scale_mm: float, spacing: tuple[float, ...], where: str) -> Array:
    """The cube as an array, or as a tensor on the device ``where``."""
    cube = _smooth_cube(scale_mm, spacing)
    if where == "numpy":
        return cube
    import torch

    return like(cube, torch.empty(0, device=where))


@cache
def _smooth_cube(scale_mm: float, spacing: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """The same in every process."""
    noise = np.random.default_rng(7).standard_normal((_CUBE,) * 3, dtype=np.float32)
    for axis, step in enumerate(spacing):
        noise = ndimage.gaussian_filter1d(noise, 0.4 * scale_mm / step, axis=axis, mode="wrap", truncate=3.0)
    return np.asarray(noise / noise.std())
