"""Random changes to a patch, each drawn from a generator: the same generator gives the same change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from nodewise.learn.augment_intensity import Intensity, change_intensity
from nodewise.learn.augment_spatial import Spatial, draw_transform
from nodewise.learn.augment_take import take_patch

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Where patches are taken and what they show, changed at random; nothing by default."""

    spatial: Spatial = field(default_factory=Spatial)
    intensity: Intensity = field(default_factory=Intensity)


NONE = Augmentation()

P1 = Augmentation(
    Spatial(rotation=0.5, rotation_deg=(10, 10, 10), shift=0.5, shift_mm=10, flips=(0.5, 0.5, 0), turns=0.75)
)
"""Rotation to 10°, 90° turns, shifts, flips (Shevtsov et al., medRxiv 2024, section 2); how often, and how far to
shift, is not printed."""

P1_STATIONS = Augmentation(Spatial(rotation=0.5, rotation_deg=(10, 10, 10), shift=0.5, shift_mm=10, flips=(0.5, 0, 0)))
"""The same where sides matter: one flip, with sided labels swapped, and no turns."""

P2 = Augmentation(Spatial(rotation=1, rotation_deg=(0, 0, 180), shift=1, shift_mm=7.9, flips=(0.5, 0.5, 0)))
"""Flips, any angle, 10 pixels of 0.79 mm: slices of an abdominal node, in 2-D."""

P5 = Augmentation(Spatial(turns=0.5, flips=(0.25, 0.25, 0)))
"""Turns by 90, 180 and 270° and axial flips."""

NNUNET = Augmentation(
    Spatial(rotation=0.2, rotation_deg=(30, 30, 30), scaling=0.2, magnification=(0.7, 1.4), flips=(0.5, 0.5, 0.5)),
    Intensity(
        noise=0.1,
        blur=0.1,
        brightness=0.15,
        contrast=0.15,
        low_resolution=0.125,
        inverted_gamma=0.1,
        gamma=0.3,
    ),
)
"""nnU-Net v2's defaults for 3-D patches of nearly even sides (Isensee et al., Nature Methods 2021, supplement 4)."""

NNUNET_FLAT = Augmentation(
    Spatial(rotation=0.2, rotation_deg=(0, 0, 180), scaling=0.2, magnification=(0.7, 1.4), flips=(0.5, 0.5, 0.5)),
    NNUNET.intensity,
)
"""The same for 2-D and for patches three times as wide as high, which turn about z alone."""

P4 = Augmentation(replace(NNUNET.spatial, shift=0.5), NNUNET.intensity)
"""nnU-Net's with random translation; how often and how far is not printed."""


def augmented(
    image: Floats,
    labels: Sequence[Labels],
    augmentation: Augmentation,
    rng: np.random.Generator,
    *,
    spacing: Sequence[float],
    swaps: Sequence[Labels | None],
) -> tuple[Floats, tuple[Labels, ...]]:
    """A patch (channels, …) that is already cut out, with its labels, changed; what turns in from outside is ignored.

    ``spacing`` in mm along each axis; ``swaps`` as in ``take_patch``.
    """
    patch = image.shape[1:]
    transform = draw_transform(augmentation.spatial, patch, spacing, rng)
    centre = [(n - 1) / 2 for n in patch]
    image, labels = take_patch(image, labels, centre, patch, transform, spacing=spacing, swaps=swaps)
    return change_intensity(image, augmentation.intensity, rng), labels


def intensity(image: Floats, rng: np.random.Generator, *, shift: float, scale: float, noise: float) -> Floats:
    """``image × (1 ± scale) ± shift`` plus white noise, of standard deviation up to ``noise``, in its units."""
    factor = np.float32(1 + rng.uniform(-scale, scale))
    offset = np.float32(rng.uniform(-shift, shift))
    sigma = np.float32(rng.uniform(0, noise))
    return image * factor + offset + sigma * rng.standard_normal(image.shape, dtype=np.float32)


def gamma(image: Floats, rng: np.random.Generator, *, limits: tuple[float, float] = (0.8, 1.25)) -> Floats:
    """An image of 0 to 1 to a power that lies log-evenly between ``limits``."""
    power = np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1])))
    return np.asarray(np.clip(image, 0, 1) ** np.float32(power), dtype=np.float32)
