"""Where implants are laid: a piece of a real scan that changes as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nodewise.phantom.draw.shapes import Axes, Blob, Tube
from nodewise.phantom.implant.item import Item, Kind
from nodewise.phantom.implant.site import Background

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Slices = tuple[slice, slice, slice]


class Ground:
    """Working copies of a background; lengths in mm along the array axes from its first voxel."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self.look = background.look
        self.spacing = background.study.ct.grid.spacing
        shape = background.box.shape
        self.axes: Axes = tuple(  # type: ignore[assignment]
            (np.arange(n) * s).astype(np.float32) for n, s in zip(shape, self.spacing, strict=True)
        )
        self.hu = np.array(background.hu, np.float32, order="F")
        self.share = background.share.copy()
        self.top = background.top.copy()
        self.fat, self.noise = background.fat, background.noise
        self.nodes = np.zeros(shape, np.uint16, order="F")
        self.controls = np.zeros(shape, np.uint16, order="F")
        self.kinds = np.zeros(shape, np.uint8, order="F")

    def window(self, shape: Blob | Tube) -> Slices | None:
        """The voxels that ``shape`` and its blur may touch; None where they are outside."""
        low, high = shape.bounds
        found = []
        for ax, lo, hi, blur, step in zip(self.axes, low, high, self.look.blur_mm, self.spacing, strict=True):
            margin = 2.6 * blur + step
            start, stop = np.searchsorted(ax, (lo - margin, hi + margin)).tolist()
            found.append(slice(start, stop))
        if min(s.stop - s.start for s in found) < 1:
            return None
        return (found[0], found[1], found[2])

    def part_axes(self, part: Slices) -> Axes:
        """The axes of a part."""
        x, y, z = (ax[s] for ax, s in zip(self.axes, part, strict=True))
        return x, y, z

    def add(self, item: Item, part: Slices, pasted: Pasted, number: int) -> int:
        """Take in what was pasted under ``number``; returns how many voxels became its own."""
        self.hu[part] = pasted.hu
        share, top = self.share[part], self.top[part]
        taken = share * pasted.cover
        rest = 1 - share + taken
        mixed = rest > 1e-3
        top[mixed] = ((taken * pasted.level + (1 - share) * top)[mixed]) / rest[mixed]
        share -= taken
        own = _label(np.where(self.kinds[part] == 0, taken, np.float32(0)))
        (self.nodes if item.kind is Kind.NODE else self.controls)[part][own] = number
        self.kinds[part][own] = item.kind.label
        return int(own.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Pasted:
    """A part of the ground with an implant in it.

    Attributes:
        hu: the new image.
        cover: how much of a voxel's fat the implant takes, 0 to 1, as blurred as the scan.
        level: the implant's own HU, free of noise.
    """

    hu: Image
    cover: Image
    level: Image


def _label(taken: Image) -> Mask:
    """As many voxels as the implant has volume, the fullest: blur makes half-filled voxels too few in small ones."""
    count = min(round(float(taken.sum())), int((taken > 0.2).sum()))
    if count == 0:
        return np.zeros(taken.shape, bool)
    return np.asarray(taken >= np.partition(taken, taken.size - count, axis=None)[taken.size - count])


Paste = Callable[[Ground, Slices, Item, Mask, np.random.Generator], Pasted]
"""Lays an item into a part of the ground, where the mask allows; the ground itself stays as it is."""
