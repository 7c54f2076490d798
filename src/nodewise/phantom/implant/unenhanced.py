"""A contrast-enhanced chest CT as it might look without contrast medium: where blood is, is known in both.

Scanners of two energies compute such images from two measurements (virtual non-contrast); here there is one, and what
blood would show is put in its place. The anatomy, the noise and the resolution stay those of the patient.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from nodewise.anatomy.read import read_anatomy
from nodewise.image.denoise import denoised
from nodewise.image.resample import resample
from nodewise.phantom.implant.site import Background
from nodewise.values.anatomy import Anatomy
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BLOOD_HU = 42.0  # without contrast medium, of a haematocrit of about 0.4
AROUND_MM = 9.0


def unenhanced(background: Background) -> Study:
    """The scan of a surveyed background, the blood in and about its box as dense as without contrast medium.

    Muscle, glands and organs keep what they have taken up. A scan without contrast medium, or one in which not all
    of the blood was found, is given back as it is: the very same study.
    """
    study, look = background.study, background.look
    if not look.enhanced:
        return study
    x, y, z = (int(np.ceil(AROUND_MM / s)) for s in study.ct.grid.spacing)
    box = background.box.expanded((x, y, z)).clipped(study.ct.grid.shape)
    hu, grid = np.asarray(study.ct.array[box.slices], np.float32), study.ct.grid.crop(box)
    smooth = denoised(hu, grid.spacing)
    blood = _blood(read_anatomy(study), grid)
    if not blood.any():
        return study
    near = ndimage.binary_dilation(blood & (smooth > look.muscle_hu), iterations=2)
    out = np.array(study.ct.array, np.float32, order="F")
    out[box.slices] = np.where(near, _replaced(hu, smooth, look.muscle_hu, look.noise_hu), hu)
    return replace(study, ct=Volume(out, study.ct.grid, Quantity.HU))


def _blood(anatomy: Anatomy, grid: Grid) -> Mask:
    """The enhanced blood on ``grid``, the descending aorta too; nothing where only that was found."""
    numbers = {name: number for number, name in anatomy.organ_names.items()}
    if anatomy.organs is None or not (anatomy.organs.array == numbers["blood_pool"]).any():
        return np.zeros(grid.shape, bool)
    vessels = [numbers["blood_pool"], numbers["descending_aorta"]]
    return np.asarray(np.isin(resample(anatomy.organs, grid).array, vessels))


def _replaced(hu: Image, smooth: Image, muscle_hu: float, noise_hu: float) -> Image:
    """Unenhanced blood in place of what is there, as much of each voxel as it had, with the scan's own noise.

    A voxel of I between blood of B and another tissue T has (I − T) / (B − T) of blood: B is the brightest nearby, T
    the darkest, but at most as bright as muscle.
    """
    highest = ndimage.maximum_filter(smooth, 5)
    beside = np.minimum(ndimage.minimum_filter(smooth, 5), np.float32(muscle_hu))
    share = np.clip((smooth - beside) / np.maximum(highest - beside, 30.0), 0, 1)
    noise = np.clip(hu - smooth, -3 * noise_hu, 3 * noise_hu)  # more than that are streaks of the contrast medium
    blood = np.minimum(min(BLOOD_HU, muscle_hu), highest)
    return np.asarray(beside + share * (blood - beside) + noise, np.float32)
