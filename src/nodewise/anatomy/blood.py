"""The blood that contrast medium has made bright: heart, aorta, pulmonary arteries and whatever else is filled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.spine import Canal
from nodewise.anatomy.working import Array, Mask
from nodewise.image.denoise import denoised

ENHANCED_HU = 100.0  # of the heart
BRIGHT_HU = 95.0  # soft tissue stays below, bone and calcium do not
# The body of a thoracic vertebra, seen from the middle of the canal: it lies so far in front, and has these half axes.
BODY_FRONT_MM, BODY_MM = 21.0, (16.0, 14.0)
INNER_MM, AWAY_MM = 3.0, 4.5  # the inner part of blood: so deep in what is bright; so far from bone and rib cage
BEHIND_MM, ASIDE_MM = 6.0, 40.0  # arches and processes: from so far in front of the canal's middle, to either side
_BLOOD, _BONE, _OTHER = 1, 2, 3


def blood_pool(hu: Array, inside: Mask, canal: Canal, spacing_mm: float) -> Mask:
    """Enhanced blood of a chest whose heart is brighter than ``ENHANCED_HU``; bone is told from it.

    What else contrast medium or calcium makes brighter than ``BRIGHT_HU`` between the lungs is taken for blood.

    Floods from what is surely blood, bone or neither meet where grey values change most (watershed from markers,
    Beucher and Meyer 1993). Bone is what is bright in the spine and beyond the rib cage; blood the inner part of what
    is bright elsewhere, and vessels too thin to have one.

    Args:
        hu: (x, y, z) on an isotropic lattice along the patient's axes.
        inside: of the rib cage, the same shape.
        canal: the spinal canal of that lattice.
        spacing_mm: of it.

    Returns:
        Mask of the same shape.
    """
    inner, far = (max(1, round(mm / spacing_mm)) for mm in (INNER_MM, AWAY_MM))
    smooth = denoised(np.asarray(hu, np.float32), (spacing_mm,) * 3)
    bright = smooth > BRIGHT_HU
    spine = vertebrae(canal, hu.shape, spacing_mm)
    away = ndimage.binary_erosion(inside, iterations=far) & ~ndimage.binary_dilation(spine, iterations=far)
    markers = np.zeros(hu.shape, np.uint8)
    markers[ndimage.binary_erosion(bright, iterations=inner) & away] = _BLOOD
    markers[bright & (spine | ~inside)] = _BONE
    markers[~ndimage.binary_dilation(bright)] = _OTHER
    kind = _flooded(smooth, markers)
    return np.asarray(bright & ((kind == _BLOOD) | (away & (kind != _BONE))))


def vertebrae(canal: Canal, shape: tuple[int, ...], spacing_mm: float) -> Mask:
    """Where the vertebrae about a spinal canal are, roughly."""
    out = np.zeros(shape, bool)
    x, y = np.ogrid[: shape[0], : shape[1]]
    for k, (cx, cy) in enumerate(canal.centres[: shape[2]]):
        aside, front = (x - cx) * spacing_mm, (cy - y) * spacing_mm
        body = (aside / BODY_MM[0]) ** 2 + ((front - BODY_FRONT_MM) / BODY_MM[1]) ** 2 < 1
        out[:, :, k] = body | ((front < BEHIND_MM) & (np.abs(aside) < ASIDE_MM))
    return out


def _flooded(smooth: Array, markers: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    import SimpleITK

    slope = SimpleITK.GradientMagnitudeRecursiveGaussian(SimpleITK.GetImageFromArray(smooth.T), 1.0)
    seeds = SimpleITK.GetImageFromArray(np.ascontiguousarray(markers.T))
    flooded = SimpleITK.MorphologicalWatershedFromMarkers(slope, seeds, markWatershedLine=False)
    return np.asarray(SimpleITK.GetArrayFromImage(flooded), np.uint8).T
