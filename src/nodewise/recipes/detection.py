"""How well a network finds nodes in held-out patches, while it trains: the detection figures of P1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.image.components import components
from nodewise.learn.loss import IGNORE
from nodewise.metrics.detections import component_hits
from nodewise.metrics.froc import average_recall, froc, recall_at
from nodewise.metrics.object_dice import object_dice
from nodewise.metrics.record import InstanceRecord, record_instances, restrict
from nodewise.recipes.examples import Example

if TYPE_CHECKING:
    from torch import nn

    from nodewise.models.preparation import Preparation

Map = npt.NDArray[np.float32]
LEAST_MM3 = 40.0


def probabilities(network: nn.Module, examples: Sequence[Example], preparation: Preparation) -> list[Map]:
    """Probability of being node of every voxel of every example."""
    import torch

    from nodewise.learn.device import half_precision

    device = next(network.parameters()).device
    found = []
    for example in examples:
        inputs = torch.from_numpy(preparation.channels(example.hu))[None].to(device)
        with torch.inference_mode(), half_precision(str(device)):
            found.append(network(inputs)[0, 0].float().sigmoid().cpu().numpy())
    return found


def instances(
    probability: Map, example: Example, spacing: tuple[float, float, float], threshold: float
) -> InstanceRecord:
    """Predicted and true components of a patch; what touches only ignored voxels is no false positive."""
    truth, _ = components(example.node == 1)
    guess, count = components((probability >= threshold) & (example.node != IGNORE))
    size = np.bincount(guess.ravel(), minlength=count + 1) * float(np.prod(spacing))
    guess[np.isin(guess, np.flatnonzero(size < LEAST_MM3))] = 0
    ball = np.bincount(truth.ravel()) * float(np.prod(spacing))
    diameter = {i: float((6 * v / np.pi) ** (1 / 3)) for i, v in enumerate(ball) if i}
    return record_instances(truth, guess, spacing, scores=probability, truth_size_mm=diameter)


def detection_figures(
    found: Sequence[Map],
    examples: Sequence[Example],
    spacing: tuple[float, float, float],
    threshold: float,
    above_mm: float = 5.0,
) -> Mapping[str, float]:
    """avgRecall, recall, false positives a patch and Dice of the found, of nodes whose equal sphere is larger."""
    records = [restrict(instances(p, e, spacing, threshold), above_mm) for p, e in zip(found, examples, strict=True)]
    curve = froc(component_hits(records))
    dice = [object_dice(r, only_hit=True) for r in records]
    return {
        "average_recall": average_recall(curve),
        "recall": float(curve.recall[-1]),
        "false_positives": float(curve.false_positives[-1]),
        "recall_at_2": float(recall_at(curve, 2.0)[0]),
        "dice": float(np.nanmean([d for d in dice if d is not None] or [np.nan])),
    }
