"""Where implants are laid: a piece of a real scan that changes as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.phantom.draw.shapes import Axes, Blob, Tube
from nodewise.phantom.implant.item import Item, Kind
from nodewise.phantom.implant.site import Background
from nodewise.values.grid import Point

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

    @property
    def reach_mm(self) -> Point:
        """How far from its label an implant changes anything, along each axis: its blur, and a voxel."""
        x, y, z = (2.6 * blur + step for blur, step in zip(self.look.blur_mm, self.spacing, strict=True))
        return x, y, z

    def window(self, shape: Blob | Tube) -> Slices | None:
        """The voxels that ``shape`` and its blur may touch; None where they are outside."""
        low, high = shape.bounds
        found = []
        for ax, lo, hi, margin in zip(self.axes, low, high, self.reach_mm, strict=True):
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
        share, top = self.share[part], self.top[part]
        own = _label(np.where(self.kinds[part] == 0, share * pasted.cover, np.float32(0)))
        if not own.any():
            return 0
        # what peeps out of a gap beyond a vessel belongs to no label: it is left out
        away = ndimage.distance_transform_edt(~own, sampling=np.divide(self.spacing, self.reach_mm))
        near = np.clip((1 - away) / 0.2, 0, 1).astype(np.float32)
        hu = self.hu[part]
        hu += np.where(near > 0, near * (pasted.hu - hu), np.float32(0))
        taken = share * pasted.cover * near
        rest = 1 - share + taken
        mixed = rest > 1e-3
        top[mixed] = ((taken * pasted.level + (1 - share) * top)[mixed]) / rest[mixed]
        share -= taken
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
