"""A classifier of nodes as a step of the story: study and nodes in, the probability of metastasis of each out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.models.calibration import Calibration, Temperature
from nodewise.models.node_patch import NodePatchPreparation
from nodewise.values.node import Malignancy, Node, Size
from nodewise.values.study import Study

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class NodeClassifier:
    """A network with all it takes to use it.

    Attributes:
        network: logits (n,) or (n, 1) of patches (n, channels, x, y, z), on ``device``.
        calibration: of its logits; None takes them as they are and says so.
        bulk: whether a node whose short axis exceeds 30 mm is metastatic whatever the network says (P1; Node-RADS,
            Elsholtz 2021, Eur Radiol 31:6116, calls a node bulky from 30 mm).
        chunk: how many patches are looked at together, so that memory stays small; the answers do not depend on it.
    """

    network: Callable[[Tensor], Tensor]
    preparation: NodePatchPreparation
    calibration: Calibration | None
    device: str = "cpu"
    bulk: bool = True
    chunk: int = 64

    def __call__(self, study: Study, nodes: Sequence[Node], sizes: Sequence[Size]) -> list[Malignancy]:
        """One answer a node, in order.

        Raises:
            BadInputError: memory ran out.
        """
        from nodewise.learn.device import memory_to_predict

        with memory_to_predict(self.device):
            probability = self.probability(self.logits(study, nodes))
        answers = [Malignancy(float(p), self.method) for p in probability]
        return [a.with_bulk(s.short_axis_mm) if self.bulk else a for a, s in zip(answers, sizes, strict=True)]

    @property
    def method(self) -> str:
        """How the probability was had, for the report."""
        told = "calibrated on station histology" if self.calibration else "not calibrated"
        return f"network: CT around the node; {told}"

    def logits(self, study: Study, nodes: Sequence[Node]) -> npt.NDArray[np.float64]:
        """The network's answer (n,) before calibration."""
        import torch

        answers = [np.zeros(0)]
        for first in range(0, len(nodes), self.chunk):
            patches = torch.from_numpy(self.preparation(study.ct, nodes[first : first + self.chunk]))
            with torch.inference_mode():
                answers.append(self.network(patches.to(self.device)).reshape(-1).float().cpu().numpy())
        return np.concatenate(answers).astype(np.float64)

    def probability(self, logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Calibrated, where there is a calibration."""
        return (self.calibration or Temperature())(logits)
