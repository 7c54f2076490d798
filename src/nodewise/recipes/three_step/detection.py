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
from nodewise.recipes.three_step.examples import Example
from nodewise.values.box import Index3

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nodewise.models.preparation import Preparation

Map = npt.NDArray[np.float32]
LEAST_MM3 = 40.0


def probabilities(
    network: nn.Module, examples: Sequence[Example], preparation: Preparation, patch: Index3
) -> list[Map]:
    """Probability of being node of every voxel of every example, whatever its size."""
    import torch

    from nodewise.learn.device import half_precision
    from nodewise.learn.slide import sliding_window

    device = next(network.parameters()).device

    def node(windows: Tensor) -> Tensor:
        with torch.inference_mode(), half_precision(str(device)):
            logits: Tensor = network(windows.to(device))
        return logits.float().cpu()

    images = (preparation.channels(example.hu) for example in examples)
    return [sliding_window(node, image, patch, 1, overlap=0.25, sigmoid=True)[0] for image in images]


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


def measurable(example: Example, spacing: tuple[float, float, float], above_mm: float = 5.0) -> bool:
    """Whether it holds a node that ``detection_figures`` counts: without any, recall is not a number."""
    record = restrict(instances(np.zeros_like(example.hu), example, spacing, 0.5), above_mm)
    return bool((~record.truth_ignored).any())


def detection_figures(
    found: Sequence[Map],
    examples: Sequence[Example],
    spacing: tuple[float, float, float],
    threshold: float,
    above_mm: float = 5.0,
) -> Mapping[str, float]:
    """avgRecall, recall, false positives a patch and objDSC (missed: 0) of nodes whose equal sphere is larger."""
    records = [restrict(instances(p, e, spacing, threshold), above_mm) for p, e in zip(found, examples, strict=True)]
    curve = froc(component_hits(records))
    dice = np.array([object_dice(record) for record in records])
    return {
        "average_recall": average_recall(curve),
        "recall": float(curve.recall[-1]),
        "false_positives": float(curve.false_positives[-1]),
        "recall_at_2": float(recall_at(curve, 2.0)[0]),
        "object_dice": float(dice[~np.isnan(dice)].mean()) if not np.isnan(dice).all() else 0.0,
    }
