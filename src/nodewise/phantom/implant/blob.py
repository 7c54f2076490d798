"""Soft tissue in fat that may be a real node: neither tube nor sheet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.image.components import boxes, components
from nodewise.phantom.implant.hu import Look
from nodewise.values.grid import Point

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SCALES_MM = (2.5, 4.0, 6.5)
STEP_MM = 1.8
LEAST_MM3 = 30.0


def likely_nodes(smooth: Image, share: Image, where: Mask, look: Look, spacing: Point) -> Mask:
    """Voxels of blobs in ``where`` as dense as a node may be.

    A blob is bright in all three directions: the smallest curvature of the smoothed image is at least a quarter of the
    largest (after Li, Sone and Doi, Medical Physics 2003); a tube is curved in two, a sheet in one.
    """
    roof = 130.0 if look.enhanced else look.muscle_hu + 30
    soft = (smooth > look.fat_hu + 0.6 * (look.muscle_hu - look.fat_hu)) & (smooth < roof) & (share < 0.5) & where
    skip = tuple(slice(None, None, max(1, round(STEP_MM / s))) for s in spacing)
    coarse = np.clip(smooth[skip], look.fat_hu, look.muscle_hu + 20)
    steps = np.array([s.step * h for s, h in zip(skip, spacing, strict=True)])
    inside = np.nonzero(ndimage.binary_dilation(soft, iterations=2)[skip])
    found = np.zeros(coarse.shape, bool)
    for scale in SCALES_MM:
        found[inside] |= _is_blob(coarse, inside, scale, steps)
    mask = np.zeros(smooth.shape, bool)
    mask[skip] = found
    mask = ndimage.binary_dilation(mask, np.ones([2 * s.step - 1 for s in skip], bool)) & soft
    mask = ndimage.binary_dilation(mask, iterations=4, mask=soft)
    labels, _ = components(np.asfortranarray(mask))
    least = LEAST_MM3 / float(np.prod(spacing))
    for label, (box, count) in boxes(labels).items():
        if count < least:
            mask[box.slices][labels[box.slices] == label] = False
    return np.asarray(mask)


def _is_blob(
    image: Image, places: tuple[npt.NDArray[np.intp], ...], scale: float, steps: npt.NDArray[np.float64]
) -> Mask:
    sigma = scale / steps
    hessian = np.empty((len(places[0]), 3, 3), np.float32)
    for a in range(3):
        for b in range(a, 3):
            order = [0, 0, 0]
            order[a] += 1
            order[b] += 1
            part = ndimage.gaussian_filter(image, sigma, order=order, truncate=3.0)[places]
            hessian[:, a, b] = hessian[:, b, a] = part * float(sigma[a] * sigma[b])
    curve = np.linalg.eigvalsh(hessian)  # rising: the most negative first
    return np.asarray((curve[:, 2] < -7) & (curve[:, 2] < 0.25 * curve[:, 0]))
