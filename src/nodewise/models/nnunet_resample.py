"""nnU-Net's resampling, number for number: splines for images and logits, each label's own share for label maps.

After nnunetv2.preprocessing.resampling.default_resampling (nnunetv2 2.8), which calls scikit-image's resize without
anti-aliasing: scipy's zoom on voxel edges, its edge voxels continued, cut to the range of what went in. Anisotropic
volumes are resampled within their slices, and across them by taking the nearest slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
ANISOTROPIC = 3.0  # slices farther apart than this many times the smallest spacing are resampled on their own


@dataclass(frozen=True, slots=True)
class Resampling:
    """How one kind of volume is resampled.

    Attributes:
        order: of the spline within slices, or along all axes. separate: slices on their own; None where it is
            anisotropic.
        threshold: ratio of the largest to the smallest spacing from which it is.
    """

    order: int
    separate: bool | None = None
    threshold: float = ANISOTROPIC

    def __call__(self, array: Floats, shape: Sequence[int], old: Sequence[float], new: Sequence[float]) -> Floats:
        """``array`` (three axes, spacing ``old``) with ``shape`` voxels of spacing ``new``."""
        if array.shape == tuple(shape):
            return array
        axis = self.slice_axis(old, new)
        if axis is None:
            return _zoom(array, shape, self.order)
        nearest = _nearest(array.shape[axis], shape[axis])
        within = tuple(n for a, n in enumerate(shape) if a != axis)
        out = np.empty(tuple(shape), dtype=np.float32)
        slices, target = np.moveaxis(array, axis, 0), np.moveaxis(out, axis, 0)
        for index in np.unique(nearest):
            target[nearest == index] = _zoom(slices[index], within, self.order)
        return out

    def labels(self, array: Array, shape: Sequence[int], old: Sequence[float], new: Sequence[float]) -> Array:
        """The same for a label map: the label with the largest share of a voxel, on a tie the nearest voxel's."""
        if array.shape == tuple(shape):
            return array
        closest = Resampling(0, self.separate, self.threshold)(array.astype(np.float32), shape, old, new)
        best = np.full(tuple(shape), -1, dtype=np.float32)
        out = np.zeros(tuple(shape), dtype=array.dtype)
        for label in np.unique(array):
            share = self((array == label).astype(np.float32), shape, old, new)
            wins = (share > best) | ((share == best) & (closest == label))
            out[wins] = label
            np.maximum(best, share, out=best)
        return out

    def slice_axis(self, old: Sequence[float], new: Sequence[float]) -> int | None:
        """The axis across slices that are resampled on their own, if any."""
        if self.separate is False:
            return None
        uneven = (spacing for spacing in (old, new) if max(spacing) / min(spacing) > self.threshold)
        spacing = old if self.separate else next(uneven, None)
        if spacing is None:
            return None
        thick = [axis for axis, mm in enumerate(spacing) if mm == max(spacing)]
        return thick[0] if len(thick) == 1 else None


def resampled_shape(shape: Sequence[int], old: Sequence[float], new: Sequence[float]) -> tuple[int, ...]:
    """Voxels of spacing ``new`` over the extent of ``shape`` voxels of spacing ``old``."""
    return tuple(max(1, round(a / b * n)) for a, b, n in zip(old, new, shape, strict=True))


def _zoom(array: Floats, shape: Sequence[int], order: int) -> Floats:
    from scipy.ndimage import zoom

    if array.shape == tuple(shape):
        return array
    factors = [1 / (old / new) for old, new in zip(array.shape, shape, strict=True)]
    out: Floats = zoom(array, factors, output=np.float32, order=order, mode="nearest", grid_mode=True)
    if order > 1:
        np.clip(out, array.min(), array.max(), out=out)
    return out


def _nearest(old: int, new: int) -> npt.NDArray[np.int_]:
    """The old slice nearest to the middle of each new one."""
    middle = old / new * (np.arange(new) + 0.5) - 0.5
    return np.asarray(np.clip(np.floor(middle + 0.5).astype(int), 0, old - 1))
