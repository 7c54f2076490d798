"""A segmentation network as a step of the story: study and anatomy in, probability of being node out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.image.resample import resample
from nodewise.models.preparation import Preparation, Prepared
from nodewise.values.anatomy import Anatomy
from nodewise.values.box import Index3
from nodewise.values.grid import Grid
from nodewise.values.study import Study
from nodewise.values.volume import Quantity, Volume

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nodewise.learn.runtime import Runtime

TISSUE_HU = -300.0


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """A network with all it takes to use it; ``segmenter`` makes one.

    Attributes:
        predict: windows (batch, channels, *patch) to the logit of node (batch, 1, *patch). Those of overlapping windows
            and mirror images are averaged, and one sigmoid makes a probability of the mean.
        patch: window in voxels. overlap: of neighbouring windows; batch: of them at a time.
        flips: axes along which windows are mirrored too, see ``mirrored``. device: of ``predict``.
    """

    predict: Callable[[Tensor], Tensor]
    preparation: Preparation
    patch: Index3
    overlap: float = 0.5
    batch: int = 1
    flips: tuple[int, ...] = ()
    device: str = "cpu"

    def __call__(self, study: Study, anatomy: Anatomy) -> Volume:
        """Probability of being node on a crop of the CT's grid; 0 outside the body where the anatomy has one.

        Raises:
            BadInputError: memory ran out.
        """
        from nodewise.learn.device import memory_to_predict

        with memory_to_predict(self.device):
            return self._probability(study, anatomy)

    def _probability(self, study: Study, anatomy: Anatomy) -> Volume:
        from nodewise.learn.slide import mirrored, sliding_window

        prepared = self.preparation(study.ct, anatomy.mediastinum)
        body = _body(anatomy, prepared.grid)
        inside = _tissue(prepared, self.preparation) if body is None else body
        answer = sliding_window(
            mirrored(self.predict, self.flips),
            prepared.image,
            self.patch,
            1,
            overlap=self.overlap,
            batch=self.batch,
            mask=inside,
            sigmoid=True,
        )
        probability = self.preparation.restore(answer[0], prepared)
        body = _body(anatomy, prepared.native)
        if body is None:
            return probability
        return probability.with_array(probability.array * body, Quantity.PROBABILITY)


def segmenter(
    networks: Sequence[nn.Module],
    preparation: Preparation,
    patch: Index3,
    *,
    node_class: int | None = None,
    flips: tuple[int, ...] = (),
    runtime: Runtime = "auto",
    device: str = "cpu",
    cache: Path | None = None,
) -> Segmenter:
    """A segmenter of one network, or of an ensemble whose probabilities are averaged in each window.

    Args:
        networks: logits, of node alone or of every class.
        preparation: what they are given.
        patch: window in voxels.
        node_class: which of several classes is node; None where node is all there is.
        flips: axes along which windows are mirrored too: 2ⁿ times the work.
        runtime: auto, torch or openvino.
        device: cpu, cuda, cuda:1 or mps.
        cache: folder in which compiled networks are kept.

    Raises:
        BadInputError: the runtime is not here, or not for this device.
    """
    from nodewise.learn import runtime as learned
    from nodewise.learn.log_odds import LogOdds
    from nodewise.learn.slide import batch_on

    whole = LogOdds(networks, node_class)
    predict = learned.runtime([whole], runtime=runtime, device=device, cache=cache)
    batch = batch_on(device, networks[0], patch)
    return Segmenter(predict, preparation, patch, batch=batch, flips=flips, device=device)


def _body(anatomy: Anatomy, grid: Grid) -> npt.NDArray[np.bool_] | None:
    """The patient on ``grid``, the organ named body and all others; None where the anatomy does not tell."""
    if anatomy.organs is None or "body" not in anatomy.organ_names.values():
        return None
    return np.asarray(resample(anatomy.organs, grid).array > 0)


def _tissue(prepared: Prepared, preparation: Preparation) -> npt.NDArray[np.bool_]:
    """Where the widest window says that there is more than air, as far as it reaches down."""
    low, high = max(preparation.windows, key=lambda w: w[1] - w[0])
    channel = preparation.windows.index((low, high))
    return np.asarray(prepared.image[channel] > max(0.0, (TISSUE_HU - low) / (high - low)))
