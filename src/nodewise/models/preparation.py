"""From a CT to what a network sees, and its answer back onto the CT's voxels: forward and inverse in one file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.values.anatomy import Region
from nodewise.values.box import Box, Index3
from nodewise.values.grid import Grid, Point
from nodewise.values.volume import Quantity, Volume

Floats = npt.NDArray[np.float32]

BLOCK_VOXELS = 2**22  # put back at a time: 16 MB


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What the network is given: ``image`` (channels, x, y, z) on ``grid``, cut out of the CT at ``native``."""

    image: Floats
    grid: Grid
    native: Grid


@dataclass(frozen=True, slots=True)
class Preparation:
    """Crop to a region, resample, continue where it is small, window.

    Attributes:
        spacing_mm: of the network's voxels along the CT's array axes; the true one differs slightly, so that whole
            voxels fill the crop.
        windows: (low, high) HU of each channel, put to 0 and 1 and cut off beyond.
        margin_mm: added around the region on every side, as far as the scan goes.
        least_voxels: of the network's voxels along each array axis; a smaller crop is continued to both sides by
            voxels as dark as every window goes.
    """

    spacing_mm: Point
    windows: tuple[tuple[float, float], ...]
    margin_mm: float = 10.0
    least_voxels: Index3 = (1, 1, 1)

    @property
    def words(self) -> str:
        """In one line, for people.

        >>> Preparation((1.5, 1.5, 1.5), ((-160.0, 240.0), (-1000.0, 600.0))).words
        'voxels of 1.5 × 1.5 × 1.5 mm, HU -160 to 240 and -1000 to 600'
        """
        voxels = " × ".join(f"{mm:g}" for mm in self.spacing_mm)
        return f"voxels of {voxels} mm, HU {' and '.join(f'{low:g} to {high:g}' for low, high in self.windows)}"

    def __call__(self, ct: Volume, region: Region) -> Prepared:
        """The part of ``ct`` in ``region``, as the network sees it.

        Raises:
            ValueError: the region does not touch the scan.
        """
        native, grid = self.grids(ct.grid, region)
        return Prepared(self.channels(self.resampled(ct, native, grid)), grid, native)

    def grids(self, ct: Grid, region: Region) -> tuple[Grid, Grid]:
        """The crop of the CT's voxels that ``region`` asks for, and the network's voxels over it.

        Raises:
            ValueError: the region does not touch the scan.
        """
        native = ct.crop(self._box(ct, region))
        return native, _at_least(native.resampled(self.spacing_mm), self.least_voxels)

    def resampled(self, ct: Volume, native: Grid, grid: Grid) -> Floats:
        """HU of a CT on the network's voxels, from its crop ``native``; dark outside it."""
        dark = min(low for low, _ in self.windows)
        return resample(ct.crop(ct.grid.box_of(native)), grid, fill=dark).array

    def channels(self, hu: npt.NDArray[np.float32]) -> Floats:
        """HU (x, y, z) to the network's channels (channels, x, y, z)."""
        out = np.empty((len(self.windows), *hu.shape), dtype=np.float32)
        for channel, (low, high) in zip(out, self.windows, strict=True):
            np.subtract(hu, np.float32(low), out=channel)
            np.multiply(channel, np.float32(1 / (high - low)), out=channel)
            np.clip(channel, 0, 1, out=channel)
        return out

    def restore(self, probability: Floats, prepared: Prepared) -> Volume:
        """Probability (x, y, z) on the network's voxels to the CT's own, over the crop that was prepared."""
        answer = Volume(np.asarray(probability, dtype=np.float32), prepared.grid, Quantity.PROBABILITY)
        back = np.empty(prepared.native.shape, dtype=np.float32, order="F")
        for block in _blocks(prepared.native.shape):
            np.clip(resample(answer, prepared.native.crop(block)).array, 0, 1, out=back[block.slices])
        return Volume(back, prepared.native, Quantity.PROBABILITY)

    def _box(self, grid: Grid, region: Region) -> Box:
        low, high = np.asarray(region.low_mm) - self.margin_mm, np.asarray(region.high_mm) + self.margin_mm
        box = grid.box_around(low, high)
        if min(box.shape) == 0:
            raise ValueError(f"the region from {region.low_mm} to {region.high_mm} mm lies outside the scan")
        return box


def _at_least(grid: Grid, least: Index3) -> Grid:
    """The grid, continued to both sides of an axis that has fewer voxels."""
    missing = [max(0, wanted - there) for wanted, there in zip(least, grid.shape, strict=True)]
    if not any(missing):
        return grid
    (x0, x1), (y0, y1), (z0, z1) = ((-(m // 2), n + m - m // 2) for n, m in zip(grid.shape, missing, strict=True))
    return grid.crop(Box((x0, y0, z0), (x1, y1, z1)))


def _blocks(shape: Index3) -> Iterator[Box]:
    """Slabs of whole slices, of ``BLOCK_VOXELS`` where one slice is not more."""
    thick = max(1, BLOCK_VOXELS // math.prod(shape[:2]))
    for start in range(0, shape[2], thick):
        yield Box((0, 0, start), (*shape[:2], min(start + thick, shape[2])))
