"""How well a network finds nodes in held-out patches, while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.image.components import components

if TYPE_CHECKING:
    from torch import nn

    from nodewise.models.preparation import Preparation

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
Patch = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]
Masks = Sequence[npt.NDArray[np.bool_]]


def validate(
    network: nn.Module, examples: Sequence[Patch], preparation: Preparation, node: int
) -> tuple[dict[str, float], float]:
    """Measures on whole patches at the threshold with the best Dice of node voxels, and that threshold.

    ``recall``: true parts (26-connected) touched; ``false_positives``: predicted parts a patch that touch none.
    """
    import torch

    from nodewise.learn.device import half_precision

    device = next(network.parameters()).device
    found = []
    for hu, _ in examples:
        inputs = torch.from_numpy(preparation.channels(hu))[None].to(device)
        with torch.inference_mode(), half_precision(str(device)):
            found.append(network(inputs).float().softmax(dim=1)[0, node].cpu().numpy())
    truth = [classes == node for _, classes in examples]
    scores = [_dice([f >= t for f in found], truth) for t in THRESHOLDS]
    threshold = THRESHOLDS[int(np.argmax(scores))]
    parts = [_parts(f >= threshold, t) for f, t in zip(found, truth, strict=True)]
    hit, there, false = (sum(p[i] for p in parts) for i in range(3))
    measures = {"node_dice": max(scores), "recall": hit / max(there, 1), "false_positives": false / len(examples)}
    return measures, threshold


def _dice(found: Masks, truth: Masks) -> float:
    both = sum(int((f & t).sum()) for f, t in zip(found, truth, strict=True))
    total = sum(int(f.sum() + t.sum()) for f, t in zip(found, truth, strict=True))
    return 2 * both / max(total, 1)


def _parts(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """True parts hit, true parts, false parts."""
    (real, there), (guess, guessed) = components(truth), components(found)
    hit, touching = (int(np.count_nonzero(np.unique(p))) for p in (real[found], guess[truth]))
    return hit, there, guessed - touching
