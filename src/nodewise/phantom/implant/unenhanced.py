"""A contrast-enhanced chest CT as it might look without contrast medium: where blood is, is known in both.

Scanners of two energies compute such images from two measurements (virtual non-contrast); here there is one, and what
blood would show is put in its place. The anatomy, the noise and the resolution stay those of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.read import read_anatomy
from nodewise.image.resample import resample
from nodewise.phantom.implant.site import Background, denoised
from nodewise.values.anatomy import Anatomy
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BRIGHTER_HU = 50.0  # than muscle: nothing but blood, bone and calcium is
BLOOD_HU = 42.0  # without contrast medium, of a haematocrit of about 0.4
AROUND_MM = 9.0
# The body of a thoracic vertebra, seen from the middle of the canal: it lies so far in front, and has these half axes.
BODY_FRONT_MM, BODY_MM = 20.0, (13.0, 11.0)
BEHIND_MM, ASIDE_MM = 6.0, 40.0  # arches and processes: from so far in front of the canal's middle, to either side
BLOOD, BONE, OTHER = 1, 2, 3


def unenhanced(background: Background) -> Study:
    """The scan of a surveyed background, the blood in and about its box as dense as without contrast medium.

    Muscle, glands and organs keep what they have taken up. A scan without contrast medium is given back as it is.
    """
    if not background.look.enhanced:
        return background.study
    study, look = background.study, background.look
    x, y, z = (int(np.ceil(AROUND_MM / s)) for s in study.ct.grid.spacing)
    box = background.box.expanded((x, y, z)).clipped(study.ct.grid.shape)
    hu, grid = np.asarray(study.ct.array[box.slices], np.float32), study.ct.grid.crop(box)
    smooth = denoised(hu, grid.spacing)
    bright = smooth > look.muscle_hu + BRIGHTER_HU
    kind = _told_apart(smooth, bright, _Places.of(read_anatomy(study), grid))
    bone = ndimage.binary_dilation((kind == BONE) & bright)
    near = ndimage.binary_dilation((kind == BLOOD) & bright, iterations=2) & ~bone
    out = np.array(study.ct.array, np.float32, order="F")
    level = min(BLOOD_HU, look.muscle_hu)
    out[box.slices] = np.where(near, _replaced(hu, smooth, bright, look.muscle_hu, level, look.noise_hu), hu)
    return replace(study, ct=Volume(out, study.ct.grid, Quantity.HU))


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """What is known of where things are: the inside of the rib cage, and the vertebrae."""

    inside: Mask
    spine: Mask

    @classmethod
    def of(cls, anatomy: Anatomy, grid: Grid) -> _Places:
        inside = np.ones(grid.shape, bool) if anatomy.cavity is None else resample(anatomy.cavity, grid).array > 0
        return cls(np.asarray(inside), _spine(anatomy, grid))


def _spine(anatomy: Anatomy, grid: Grid) -> Mask:
    """The vertebrae about the spinal canal, as far as it was found."""
    out = np.zeros(grid.shape, bool)
    label = next((n for n, name in anatomy.organ_names.items() if name == "spinal_canal"), None)
    if anatomy.organs is None or label is None:
        return out
    canal = resample(Volume(anatomy.organs.array == label, anatomy.organs.grid, Quantity.MASK), grid).array
    x, y = (np.arange(n, dtype=np.float32)[:, None] for n in grid.shape[:2])
    (dx, dy, _), y = grid.spacing, y.T
    for k in np.flatnonzero(canal.any(axis=(0, 1))):
        cx, cy = np.argwhere(canal[:, :, k]).mean(axis=0)
        aside, front = (x - cx) * dx, (cy - y) * dy
        body = (aside / BODY_MM[0]) ** 2 + ((front - BODY_FRONT_MM) / BODY_MM[1]) ** 2 < 1
        out[:, :, k] = body | ((front < BEHIND_MM) & (np.abs(aside) < ASIDE_MM))
    return out


def _told_apart(smooth: Image, bright: Mask, places: _Places) -> npt.NDArray[np.uint8]:
    """``BLOOD``, ``BONE`` or ``OTHER``: floods from what is surely one of them meet where grey values change most.

    Bone is what is bright in the spine and beyond the rib cage; blood the inner part of what is bright elsewhere
    (watershed from markers, Beucher and Meyer 1993).
    """
    import SimpleITK

    bone = bright & (places.spine | ~places.inside)
    away = ndimage.binary_erosion(places.inside, iterations=3) & ~ndimage.binary_dilation(places.spine, iterations=3)
    markers = np.zeros(smooth.shape, np.uint8)
    markers[ndimage.binary_erosion(bright, iterations=2) & away] = BLOOD
    markers[bone] = BONE
    markers[~ndimage.binary_dilation(bright)] = OTHER
    slope = SimpleITK.GradientMagnitudeRecursiveGaussian(SimpleITK.GetImageFromArray(smooth.T), 1.0)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(markers.T))
    kind = SimpleITK.GetArrayFromImage(
        SimpleITK.MorphologicalWatershedFromMarkers(slope, image, markWatershedLine=False)
    )
    kind = np.asarray(kind, np.uint8).T
    return np.where(bright & away & (kind != BONE), BLOOD, kind)  # vessels too thin to have an inner part


def _replaced(hu: Image, smooth: Image, bright: Mask, muscle_hu: float, level: float, noise_hu: float) -> Image:
    """Blood of ``level`` in place of what is there, as much of each voxel as it had, with the scan's own noise.

    A voxel of I between blood of B and another tissue T has (I − T) / (B − T) of blood: B is the brightest nearby, T
    soft tissue where I is brighter than that, else the darkest nearby.
    """
    highest = ndimage.maximum_filter(smooth, 5)
    beside = np.where(bright, np.float32(muscle_hu), np.minimum(ndimage.minimum_filter(smooth, 3), muscle_hu))
    share = np.clip((smooth - beside) / np.maximum(highest - beside, 30.0), 0, 1)
    noise = np.clip(hu - smooth, -3 * noise_hu, 3 * noise_hu)  # more than that are streaks of the contrast medium
    return np.asarray(beside + share * (np.minimum(level, highest) - beside) + noise, np.float32)
