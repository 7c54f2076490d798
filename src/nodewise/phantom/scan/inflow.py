"""Contrast medium that has not yet mixed with the blood: it swirls, and its heavier part sinks to the back."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nodewise.phantom.geometry import Tissue
from nodewise.phantom.scan.arrays import Array, finer, host, like, take

_DENSE_HU = 180.0  # thinner medium is as good as mixed
_WINDOW_MM = 7.0  # about the radius of a great vein: layers are seen from its own middle
_BLOOD_HU = 60.0  # of what has not been reached by the medium
_COARSE_MM = 3.0  # the layers are told on voxels of this size


def add_inflow(
    image: Array, tissue: Array, vein_hu: float, amount: float, spacing: tuple[float, float, float]
) -> Array:
    """Layer the great veins of HU (z, y, x), in place: denser at the back, where the patient lies on it."""
    if amount == 0 or vein_hu < _DENSE_HU:
        return image
    factors = [max(1, round(_COARSE_MM / s)) for s in spacing[::-1]]
    coarse = host(tissue[tuple(slice(f // 2, None, f) for f in factors)]) == Tissue.VESSEL_VEIN
    loud = np.flatnonzero(coarse.any(axis=(1, 2)))
    if loud.size == 0:
        return image
    first, last = int(loud[0]) * factors[0], min(len(image), (int(loud[-1]) + 1) * factors[0])
    vein = coarse[loud[0] : loud[-1] + 1].astype(np.float32)
    y = (np.arange(vein.shape[1], dtype=np.float32) * np.float32(factors[1] * spacing[1]))[:, None]
    sigma = [_WINDOW_MM / (f * s) for f, s in zip(factors[1:], spacing[1::-1], strict=True)]
    weight, middle = (ndimage.gaussian_filter(v, sigma, axes=(1, 2)) for v in (vein, vein * y))
    depth = np.clip((y - middle / np.maximum(weight, 1e-3)) / _WINDOW_MM, -1, 1).astype(np.float32)
    layer = take(like(depth, image), np.arange(last - first) // factors[0], 0)
    for axis in (1, 2):
        layer = finer(layer, axis, factors[axis] // 2, factors[axis], tissue.shape[axis])
    layer *= float(0.6 * amount * (vein_hu - _BLOOD_HU))
    image[first:last] += layer * (tissue[first:last] == Tissue.VESSEL_VEIN)
    return image
