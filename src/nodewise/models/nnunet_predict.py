"""A trained model of nnU-Net at work: a CT in; nnU-Net's own label map, or the probability of being node, out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from nodewise.models.nnunet_labels import Labels
from nodewise.models.nnunet_preparation import NnUNetPreparation, NnUNetPrepared
from nodewise.models.nnunet_resample import Array, Floats
from nodewise.models.nnunet_window import sliding_logits
from nodewise.values.anatomy import Anatomy
from nodewise.values.grid import Grid
from nodewise.values.orientation import onto_axes_of
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from nodewise.models.nnunet_window import Predict

Progress = Callable[[int, int], None]


def _silent(_done: int, _all: int) -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class NnUNet:
    """A configuration of nnU-Net with its networks; in a cascade with the one ``before`` it.

    Attributes:
        predict: windows (1, channels, *patch) to logits (1, outputs, *patch), the mean of the folds' networks.
        patch: in the networks' axes. mirror_axes: of it, at prediction. node: the label that is node.
        orientation: which way the array axes of the training files run: LPS where x runs to the left, y to the back
            and z to the head, RAS for most NIfTI files; None to take a CT's axes as they come, as nnU-Net does.
        device: of ``predict``.
    """

    predict: Predict
    preparation: NnUNetPreparation
    patch: tuple[int, ...]
    labels: Labels
    mirror_axes: tuple[int, ...] = ()
    node: int = 1
    before: NnUNet | None = None
    orientation: str | None = None
    device: str = "cpu"

    def __call__(self, study: Study, _anatomy: Anatomy) -> Volume:
        """Probability of being node, on the CT's grid; nnU-Net asks for no anatomy.

        Raises:
            BadInputError: memory ran out.
        """
        from nodewise.learn.device import memory_to_predict

        with memory_to_predict(self.device):
            return self.probability(study.ct)

    def probability(self, ct: Volume, progress: Progress = _silent) -> Volume:
        """PROBABILITY of ``node``, or of its region, on the CT's grid; 0 outside what is not 0 in the CT."""
        logits, prepared = self._logits(ct, progress)
        answer = self.preparation.restore(logits[self.labels.painted.index(self.node)], prepared)
        if self.labels.regions:
            answer = np.asarray(1 / (1 + np.exp(-answer)), dtype=np.float32)
        else:
            answer = np.exp(answer - reduce(np.logaddexp, self._restored(logits, prepared)))
        return self._on_ct(answer, prepared, ct, Quantity.PROBABILITY)

    def label_map(self, ct: Volume, progress: Progress = _silent) -> Volume:
        """LABEL on the CT's grid, as nnU-Net would write it."""
        logits, prepared = self._logits(ct, progress)
        painted = self._regions(logits, prepared) if self.labels.regions else self._likeliest(logits, prepared)
        return self._on_ct(painted, prepared, ct, Quantity.LABEL)

    def _logits(self, ct: Volume, progress: Progress) -> tuple[Floats, NnUNetPrepared]:
        before = None if self.before is None else self._stored(self.before.label_map(ct, progress))
        prepared = self.preparation(self._stored(ct), before, self.labels.foreground)
        outputs = len(self.labels.painted)
        logits = sliding_logits(
            self.predict, prepared.image, self.patch, outputs, mirror_axes=self.mirror_axes, progress=progress
        )
        return logits, prepared

    def _stored(self, volume: Volume) -> Volume:
        """With its array axes as those of the files that nnU-Net was trained on."""
        return volume if self.orientation is None else onto_axes_of(volume, turned(volume.grid, self.orientation))

    def _on_ct(self, crop: Array, prepared: NnUNetPrepared, ct: Volume, quantity: Quantity) -> Volume:
        grid = ct.grid if self.orientation is None else turned(ct.grid, self.orientation)
        return onto_axes_of(Volume(self.preparation.onto_ct(crop, prepared), grid, quantity), ct.grid)

    def _restored(self, logits: Floats, prepared: NnUNetPrepared) -> Iterator[Floats]:
        """One output after the other, so that no more than one is ever there at the CT's resolution."""
        return (self.preparation.restore(channel, prepared) for channel in logits)

    def _likeliest(self, logits: Floats, prepared: NnUNetPrepared) -> Array:
        each = self._restored(logits, prepared)
        best = next(each).copy()
        out = np.zeros(best.shape, dtype=np.uint8 if max(self.labels.painted) < 255 else np.uint16)
        for label, channel in zip(self.labels.painted[1:], each, strict=True):
            out[channel > best] = label
            np.maximum(best, channel, out=best)
        return out

    def _regions(self, logits: Floats, prepared: NnUNetPrepared) -> Array:
        """Every region painted over those before it, where its probability is above one half."""
        out = np.zeros(prepared.native, dtype=np.uint8 if max(self.labels.painted) < 255 else np.uint16)
        for label, channel in zip(self.labels.painted, self._restored(logits, prepared), strict=True):
            out[channel > 0] = label
        return out


def turned(grid: Grid, orientation: str) -> Grid:
    """The same voxels with the array axes running to the sides that three letters name, such as RAS."""
    lps = grid.closest_lps()
    affine, first = np.eye(4), np.zeros(3)
    shape = [0, 0, 0]
    for new, letter in enumerate(orientation):
        old = next(axis for axis, pair in enumerate(("LR", "PA", "SI")) if letter in pair)
        forwards = letter in "LPS"
        shape[new] = lps.shape[old]
        affine[:3, new] = lps.affine[:3, old] * (1 if forwards else -1)
        first[old] = 0 if forwards else lps.shape[old] - 1
    affine[:3, 3] = lps.to_lps(first)
    return Grid((shape[0], shape[1], shape[2]), affine)
