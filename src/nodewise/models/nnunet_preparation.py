"""From a CT to what a network of nnU-Net sees, and its answer back: forward and inverse in one file.

After nnunetv2's DefaultPreprocessor and export_prediction (nnunetv2 2.8). nnU-Net's arrays have the axes (z, y, x) of
SimpleITK, which it transposes so that the thickest comes first; nodewise's are (x, y, z). That order begins and ends
here: in ``NnUNetPrepared`` and the network axes are nnU-Net's transposed ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nodewise.models.nnunet_resample import Array, Floats, Resampling, resampled_shape
from nodewise.values.box import Box, Index3
from nodewise.values.errors import BadInputError
from nodewise.values.volume import Volume

Normalisation = Literal[
    "CTNormalization", "ZScoreNormalization", "NoNormalization", "RescaleTo01Normalization", "RGBTo01Normalization"
]
_EPSILON = 1e-8


@dataclass(frozen=True, slots=True)
class Intensity:
    """Of the training set's foreground, in HU."""

    mean: float
    std: float
    percentile_00_5: float
    percentile_99_5: float


@dataclass(frozen=True, slots=True, eq=False)
class NnUNetPrepared:
    """What a network of nnU-Net is given, and what it takes to go back.

    Attributes:
        image: (channels, a, b, c) float32: the CT, then the foreground labels of the stage before, one channel each.
        spacing: of it. native: voxels of the crop before resampling, and their spacing.
        box: the crop in the transposed CT. shape: of that. All in nnU-Net's order of axes.
    """

    image: Floats
    spacing: tuple[float, ...]
    native: tuple[int, ...]
    native_spacing: tuple[float, ...]
    box: Box
    shape: Index3


@dataclass(frozen=True, slots=True)
class NnUNetPreparation:
    """Transpose, crop to what is not 0, normalise, resample.

    Attributes:
        transpose: which axis of (z, y, x) comes first, second, third.
        spacing_mm: of the network's voxels along the transposed axes; the last two only where it sees single slices.
        normalisation: by nnU-Net's name. masked: over the voxels inside the outline of what is not 0 only.
        intensity: what CTNormalization needs.
        image, labels, logits: how each is resampled.
    """

    transpose: Index3
    spacing_mm: tuple[float, ...]
    normalisation: Normalisation
    masked: bool
    intensity: Intensity | None
    image: Resampling
    labels: Resampling
    logits: Resampling

    def __call__(self, ct: Volume, before: Volume | None = None, foreground: tuple[int, ...] = ()) -> NnUNetPrepared:
        """What the network sees of ``ct``, and of the label map of the stage ``before`` it in a cascade."""
        old = tuple(ct.grid.spacing[2 - axis] for axis in self.transpose)
        hu = self._turned(ct.array)
        box = _nonzero(hu)
        crop = np.array(hu[box.slices], dtype=np.float32, order="C")
        inside = _filled(crop) if self.masked or before is not None else None
        labels = None
        if before is not None and inside is not None:
            labels = self._turned(before.array)[box.slices].astype(np.int32)
            labels[(labels == 0) & ~inside] = -1
            inside = labels >= 0
        self._normalise(crop, inside if self.masked else None)
        new = (*old[: 3 - len(self.spacing_mm)], *self.spacing_mm)
        shape = resampled_shape(crop.shape, old, new)
        image = self.image(crop, shape, old, new)[None]
        if labels is not None:
            moved = self.labels.labels(labels, shape, old, new)
            image = np.concatenate([image, *(moved[None] == label for label in foreground)], dtype=np.float32)
        return NnUNetPrepared(image, new, crop.shape, old, box, hu.shape)

    def restore(self, channel: Floats, prepared: NnUNetPrepared) -> Floats:
        """One output of the network to the voxels of the crop, still in nnU-Net's order of axes."""
        return self.logits(channel, prepared.native, prepared.spacing, prepared.native_spacing)

    def onto_ct(self, crop: Array, prepared: NnUNetPrepared) -> Array:
        """Values on the voxels of the crop to the CT's, (x, y, z); 0 outside the crop."""
        out = np.zeros(prepared.shape, dtype=crop.dtype)
        out[prepared.box.slices] = crop
        return np.asarray(out.transpose(np.argsort(self.transpose)).T)

    def _turned(self, array: Array) -> Array:
        return array.T.transpose(self.transpose)

    def _normalise(self, hu: Floats, inside: npt.NDArray[np.bool_] | None) -> None:
        """nnunetv2.preprocessing.normalization, in place."""
        if self.normalisation == "CTNormalization" and self.intensity is not None:
            np.clip(hu, self.intensity.percentile_00_5, self.intensity.percentile_99_5, out=hu)
            hu -= np.float32(self.intensity.mean)
            hu /= np.float32(max(self.intensity.std, _EPSILON))
        elif self.normalisation == "ZScoreNormalization":
            part = ... if inside is None else inside
            mean, std = hu[part].mean(), hu[part].std()
            hu[part] = (hu[part] - mean) / max(std, _EPSILON)
        elif self.normalisation == "RescaleTo01Normalization":
            hu -= hu.min()
            hu /= max(hu.max(), np.float32(_EPSILON))
        elif self.normalisation == "RGBTo01Normalization":
            if hu.min() < 0 or hu.max() > 255:
                raise BadInputError("the model is for colours from 0 to 255, not for a CT: choose another model")
            hu /= np.float32(255)


def _nonzero(hu: Array) -> Box:
    there = hu != 0
    return Box.around(there) if there.any() else Box((0, 0, 0), hu.shape)


def _filled(crop: Floats) -> npt.NDArray[np.bool_]:
    """What is not 0, and the holes in it (nnunetv2.preprocessing.cropping)."""
    from scipy.ndimage import binary_fill_holes

    return np.asarray(binary_fill_holes(crop != 0))
