"""A segmentation network as a step of the story: study and anatomy in, probability of being node out."""

from __future__ import annotations

from dataclasses import dataclass
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

TISSUE_HU = -300.0


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """A network with all it takes to use it.

    Attributes:
        network: logits of every class, in evaluation mode on ``device``.
        patch: window in voxels. node_class: which of the classes is node.
        overlap: of neighbouring windows.
    """

    network: nn.Module
    preparation: Preparation
    patch: Index3
    device: str
    node_class: int = 1
    overlap: float = 0.5

    def __call__(self, study: Study, anatomy: Anatomy) -> Volume:
        """Probability of being node on a crop of the CT's grid; 0 outside the body where the anatomy has one."""
        from nodewise.learn.slide import sliding_window

        prepared = self.preparation(study.ct, anatomy.mediastinum)
        body = _body(anatomy, prepared.grid)
        inside = _tissue(prepared, self.preparation) if body is None else body
        answer = sliding_window(
            self._node, prepared.image, self.patch, 1, overlap=self.overlap, mask=inside, device=self.device
        )
        probability = self.preparation.restore(answer[0], prepared)
        body = _body(anatomy, prepared.native)
        if body is None:
            return probability
        return probability.with_array(probability.array * body, Quantity.PROBABILITY)

    def _node(self, windows: Tensor) -> Tensor:
        """(batch, channels, x, y, z) to the probability of node (batch, 1, x, y, z)."""
        import torch

        from nodewise.learn.device import half_precision

        with torch.inference_mode(), half_precision(self.device):
            logits: Tensor = self.network(windows)
        return logits.float().softmax(dim=1)[:, self.node_class, None]


def _body(anatomy: Anatomy, grid: Grid) -> npt.NDArray[np.bool_] | None:
    """The patient on ``grid``, the organ named body and all others; None where the anatomy does not tell."""
    if anatomy.organs is None or "body" not in anatomy.organ_names.values():
        return None
    return np.asarray(resample(anatomy.organs, grid).array > 0)


def _tissue(prepared: Prepared, preparation: Preparation) -> npt.NDArray[np.bool_]:
    """Where the widest window says that there is more than air."""
    low, high = max(preparation.windows, key=lambda w: w[1] - w[0])
    channel = preparation.windows.index((low, high))
    return np.asarray(prepared.image[channel] > (TISSUE_HU - low) / (high - low))
