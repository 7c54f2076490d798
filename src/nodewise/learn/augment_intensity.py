"""Random changes of what a patch shows, not of where: noise, blur, brightness, contrast, gamma, low resolution.

As nnU-Net makes them (Isensee et al., Nature Methods 2021, supplement 4), each channel with draws of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch.nn import functional

Floats = npt.NDArray[np.float32]
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Intensity:
    """Probabilities, for each channel, and limits of random changes, made in this order; nothing happens by default.

    Attributes:
        noise: probability. noise_sd: white noise, of a standard deviation between these, in units of the image.
        blur: probability. blur_voxels: Gaussian, of a standard deviation between these.
        shift: probability. shift_limits: added, between these.
        brightness: probability. brightness_limits: a factor about 1, on the values.
        contrast: probability. contrast_limits: a factor about 1, on the distance from the mean; the range is kept.
        low_resolution: probability. low_resolution_limits: share of the voxels along each axis that are kept.
        inverted_gamma, gamma: probabilities. gamma_limits: a power about 1, between darkest and brightest, upside down
            or not; mean and standard deviation are kept.
        channels: those that may change; empty for all (a distance map should not).

    A factor or power "about 1" lies as often under as over 1, evenly within its limits.
    """

    noise: float = 0.0
    noise_sd: Limits = (0.0, 0.1)
    blur: float = 0.0
    blur_voxels: Limits = (0.5, 1.0)
    shift: float = 0.0
    shift_limits: Limits = (-0.1, 0.1)
    brightness: float = 0.0
    brightness_limits: Limits = (0.75, 1.25)
    contrast: float = 0.0
    contrast_limits: Limits = (0.75, 1.25)
    low_resolution: float = 0.0
    low_resolution_limits: Limits = (0.5, 1.0)
    inverted_gamma: float = 0.0
    gamma: float = 0.0
    gamma_limits: Limits = (0.7, 1.5)
    channels: tuple[int, ...] = ()


def change_intensity(image: Floats, limits: Intensity, rng: np.random.Generator) -> Floats:
    """The image (channels, …), float32, with its channels changed; the same state of ``rng`` makes the same change."""
    changed = list(image)
    for i in limits.channels or range(len(changed)):
        changed[i] = _changed(changed[i], limits, rng)
    return np.stack(changed)


def _changed(x: Floats, limits: Intensity, rng: np.random.Generator) -> Floats:
    if rng.random() < limits.noise:
        x = with_noise(x, rng.uniform(*limits.noise_sd), rng)
    if rng.random() < limits.blur:
        x = blurred(x, rng.uniform(*limits.blur_voxels))
    if rng.random() < limits.shift:
        x = x + np.float32(rng.uniform(*limits.shift_limits))
    if rng.random() < limits.brightness:
        x = x * np.float32(_about_one(limits.brightness_limits, rng))
    if rng.random() < limits.contrast:
        x = with_contrast(x, _about_one(limits.contrast_limits, rng))
    if rng.random() < limits.low_resolution:
        x = at_low_resolution(x, rng.uniform(*limits.low_resolution_limits))
    if rng.random() < limits.inverted_gamma:
        x = -with_gamma(-x, _about_one(limits.gamma_limits, rng))
    if rng.random() < limits.gamma:
        x = with_gamma(x, _about_one(limits.gamma_limits, rng))
    return x


def with_noise(x: Floats, sd: float, rng: np.random.Generator) -> Floats:
    """White Gaussian noise on top; any shape."""
    return x + np.float32(sd) * rng.standard_normal(x.shape[::-1], dtype=np.float32).T


def blurred(x: Floats, sd_voxels: float) -> Floats:
    """Gaussian blur, cut at three standard deviations; any shape."""
    return np.asarray(ndimage.gaussian_filter(x.T, sd_voxels, mode="nearest", truncate=3.0).T, np.float32)


def with_contrast(x: Floats, factor: float) -> Floats:
    """Values ``factor`` times as far from their mean, kept between the lowest and the highest there were."""
    mean = x.mean(dtype=np.float64).astype(np.float32)
    return np.asarray(np.clip((x - mean) * np.float32(factor) + mean, x.min(), x.max()))


def with_gamma(x: Floats, power: float) -> Floats:
    """Values to a power between their extremes, then back to the mean and standard deviation they had."""
    low, high = x.min(), x.max()
    if high <= low:
        return x
    y = ((x - low) / (high - low)) ** np.float32(power)
    mean, sd = x.mean(dtype=np.float64), x.std(dtype=np.float64)
    factor = sd / max(float(y.std(dtype=np.float64)), 1e-7)
    return np.asarray(y * np.float32(factor) + np.float32(mean - factor * y.mean(dtype=np.float64)))


def at_low_resolution(x: Floats, share: float) -> Floats:
    """Thinned to ``share`` of the voxels along each axis by the nearest, and linearly up again; 2-D or 3-D."""
    size = tuple(x.shape[::-1])
    few = tuple(max(1, round(n * share)) for n in size)
    small = functional.interpolate(torch.from_numpy(np.ascontiguousarray(x.T))[None, None], few, mode="nearest-exact")
    large: Floats = functional.interpolate(small, size, mode="bilinear" if x.ndim == 2 else "trilinear").numpy()[0, 0]
    return large.T


def _about_one(limits: Limits, rng: np.random.Generator) -> float:
    under = rng.random() < 0.5 and limits[0] < 1
    return float(rng.uniform(limits[0], min(limits[1], 1)) if under else rng.uniform(max(limits[0], 1), limits[1]))
