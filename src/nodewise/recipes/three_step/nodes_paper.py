"""Step 2 learned from labelled scans as P1 does it: one output, adaptive cross-entropy, flips and quarter turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nodewise.learn.augment import P1
from nodewise.learn.case_cache import CachedCase
from nodewise.learn.patches import Patches, PatchPlan
from nodewise.recipes.three_step.nodes import PAPER

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 2  # not printed


def patches(cases: tuple[CachedCase, ...], seed: int) -> Patches:
    """Patches of cases of ``node_cases``; full and partial annotation count alike where there are both."""
    sources = sorted({case.source for case in cases})
    shares = tuple((source, 1.0) for source in sources) if len(sources) > 1 else ()
    plan = PatchPlan(PAPER.patch, BATCH, shares=shares, augmentation=P1, swaps=(None,))
    return Patches(cases, plan, seed, prepare=channels)


def channels(hu: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """HU (1, x, y, z) to what the network sees."""
    return PAPER.preparation.channels(hu[0])


def node_loss(logits: Any, truth: Tensor) -> Tensor:
    """Binary cross-entropy with adaptive weight of the foreground (P1, section 2.3)."""
    from nodewise.learn.loss import adaptive_binary_cross_entropy

    return adaptive_binary_cross_entropy(logits.float(), truth)
