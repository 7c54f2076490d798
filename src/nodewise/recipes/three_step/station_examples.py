"""Stations held out from training: how well they are told apart, and how well their probabilities hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.models.calibration import Calibration, bag_probability
from nodewise.recipes.three_step.station_cases import Case, Labelled

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nodewise.models.node_patch import NodePatchPreparation

SHOWN, ACROSS, BAR = 64, 8, 3  # nodes in a picture, in a row, and pixels of the bar beneath each
MALIGNANT, BENIGN = (0.85, 0.2, 0.2), (0.2, 0.65, 0.3)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Held-out patches with their bags: (n, channels, x, y, z), (n,), (bags,)."""

    patches: Tensor
    bags: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def logits(self, network: nn.Module) -> npt.NDArray[np.float64]:
        """Of every node (n,)."""
        import torch

        device = next(network.parameters()).device
        with torch.inference_mode():
            parts = (self.patches[n : n + 64] for n in range(0, len(self.patches), 64))
            found = [network(part.to(device)).float().cpu().numpy() for part in parts]
        return np.concatenate(found).astype(np.float64)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """What the best weights are chosen by."""
        return {"station_auc": self.auc(self.logits(network))}

    def pictures(self, network: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
        """Middle slices of up to ``SHOWN`` nodes, from the likeliest to the least likely, in rows, (H, W, 3), 0 to 1.

        A bar beneath each is red where its station is malignant and green where it is benign.
        """
        order = np.argsort(-self.logits(network), kind="stable")
        if len(order) > SHOWN:
            order = order[np.linspace(0, len(order) - 1, SHOWN).round().astype(int)]
        size = self.patches.shape[2]
        tiles = np.zeros((math.ceil(len(order) / ACROSS) * ACROSS, size + BAR, size, 3), np.float32)
        slices = self.patches[:, 0, :, :, size // 2].numpy()[order]
        tiles[: len(order), :size] = slices.transpose(0, 2, 1)[..., None].clip(0, 1)
        malignant = self.labels[self.bags[order]] == 1
        tiles[: len(order), size:] = np.where(malignant[:, None], MALIGNANT, BENIGN)[:, None, None]
        rows = tiles.reshape(-1, ACROSS, size + BAR, size, 3).transpose(0, 2, 1, 3, 4)
        return {"nodes": rows.reshape(-1, ACROSS * size, 3)}

    def auc(self, logits: npt.NDArray[np.float64]) -> float:
        """Of the stations, each with the mean logit of its nodes: the largest of many is large by chance alone."""
        from nodewise.metrics.roc import auc

        mean = np.bincount(self.bags, logits, len(self.labels)) / np.bincount(self.bags, minlength=len(self.labels))
        return auc(self.labels == 1, mean)

    def measures(self, logits: npt.NDArray[np.float64], calibration: Calibration) -> dict[str, float]:
        """Of stations: AUC, Brier score and calibration error of 1 − Π (1 − p)."""
        from nodewise.metrics.reliability import brier, reliability

        told, truth = self._told(logits, calibration), self.labels == 1
        return {
            "station_auc": self.auc(logits),
            "station_brier": brier(told, truth),
            "station_calibration_error": reliability(told, truth).error,
        }

    def reliability_picture(self, logits: npt.NDArray[np.float64], calibration: Calibration) -> bytes:
        """PNG: what was said of these stations, on which it was calibrated, and what came true."""
        from nodewise.evaluate.figures import as_png, holds
        from nodewise.metrics.reliability import reliability

        curve = reliability(self._told(logits, calibration), self.labels == 1)
        return as_png(holds([("stations", curve)]), title="Malignancy of the stations it was calibrated on")

    def _told(self, logits: npt.NDArray[np.float64], calibration: Calibration) -> npt.NDArray[np.float64]:
        """Of each station."""
        return bag_probability(calibration(logits), self.bags, len(self.labels))


def examine(cases: Sequence[Case], preparation: NodePatchPreparation, seed: int) -> Examples:
    """One visit of each case, its nodes as they are."""
    import torch

    from nodewise.recipes.three_step.node_visits import plain, shown

    patches, bags, labels, count = [], [], [], 0
    for number, case in enumerate(cases):
        labelled = Labelled.of(case)
        cubes = torch.from_numpy(case.cubes(labelled.nodes, (seed, 3, number)))
        patches.append(shown(plain(cubes, preparation.size_voxels), preparation))
        bags.append(labelled.bags + count)
        labels.append(labelled.labels)
        count += len(labelled.labels)
    return Examples(torch.cat(patches), np.concatenate(bags), np.concatenate(labels))
