"""The loss of P3: cross-entropy, a Dice that a prior weighs, and Tversky, side by side.

Engelson, Ehrhardt et al., LNQ Challenge 2023: Learning Mediastinal Lymph Node Segmentation with a Probabilistic Lymph
Node Atlas, MELBA 2024, equations 1 and 2. Where something is likely and not labelled, saying so costs less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from nodewise.learn.loss import IGNORE, cross_entropy, deeply_supervised, dice, tversky

WeightedDice = Literal["none", "weighted", "released"]
"""``weighted`` as equation 2 means it; ``released`` as the authors' program has it, where weights differ from 1 only
where the truth is 0 and so multiply nothing."""
SMOOTH = 1e-5
UNKNOWN = 255
"""A prior byte of what lies outside the image; 0 to 254 stand for 0 to 1."""


@dataclass(frozen=True, slots=True)
class PriorLoss:
    """λ₁ CE + λ₂ Dice + λ₃ Tversky, P3's numbers by default.

    Attributes:
        cross_entropy, dice, tversky: λ₁, λ₂ and λ₃; the authors' program has 1, 1, 1.
        false_positives, false_negatives: α and β of Tversky.
        form: of the Dice's weights.
        radius: of the dilation of the truth, in voxels. ball: by a ball; else by a cube, as the authors' program does.
        cap: prior from which the weight falls no further.
    """

    cross_entropy: float = 0.25
    dice: float = 0.25
    tversky: float = 0.5
    false_positives: float = 0.25
    false_negatives: float = 0.75
    form: WeightedDice = "weighted"
    radius: int = 2
    ball: bool = False
    cap: float = 0.25

    def __call__(self, outputs: Tensor | list[Tensor], truth: Tensor) -> Tensor:
        """Loss of logits (batch, 2, …) at one scale or several, finest first.

        Args:
            outputs: background and foreground.
            truth: (batch, 2, …) uint8: the class, 0, 1 or ``IGNORE``, and the prior's byte.
        """
        classes, prior = truth[:, 0], truth[:, 1]
        weights = torch.ones_like(prior, dtype=torch.float32)
        if self.form != "none":
            likely = prior.masked_fill(prior == UNKNOWN, 0).float() / (UNKNOWN - 1)
            weights = prior_weights(classes == 1, likely, radius=self.radius, ball=self.ball, cap=self.cap)
        together = torch.stack((classes.to(weights.dtype), weights), dim=1)
        return deeply_supervised(self._one_scale)(outputs, together)

    def _one_scale(self, logits: Tensor, truth: Tensor) -> Tensor:
        classes, weights = truth[:, 0], truth[:, 1]
        valid = classes != IGNORE
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        found = logits.softmax(dim=1)[:, 1]
        true, weights = (classes == 1).to(found.dtype), weights.to(found.dtype)
        total = self.cross_entropy * cross_entropy(logits, classes)
        if self.dice:
            total = total + self.dice * prior_weighted_dice(found, true, weights, form=self.form, valid=valid)
        if self.tversky:
            alpha, beta = self.false_positives, self.false_negatives
            each = [
                tversky(p, t, false_positives=alpha, false_negatives=beta, valid=v, smooth=SMOOTH)
                for p, t, v in zip(found, true, valid, strict=True)
            ]
            total = total + self.tversky * torch.stack(each).mean()
        return total


NNUNET = PriorLoss(cross_entropy=0.5, dice=0.5, tversky=0.0, form="none")
"""nnU-Net's cross-entropy and Dice, alike."""


def prior_weights(truth: Tensor, prior: Tensor, *, radius: int = 2, ball: bool = False, cap: float = 0.25) -> Tensor:
    """Equation 2: 1 within ``radius`` voxels of the truth, elsewhere 1 − p, but never less than 1 − ``cap``.

    Args:
        truth: (batch, …) bool, in 2-D or 3-D.
        prior: p, of the same shape, 0 to 1.
        radius: of the cube or ball that the truth is dilated by; 0 for not at all.
        ball: see there.
        cap: see there.
    """
    near = dilated(truth, radius, ball=ball)
    return torch.where(near, torch.ones_like(prior), 1 - prior.clamp_max(cap))


def dilated(mask: Tensor, radius: int, *, ball: bool = False) -> Tensor:
    """A mask (batch, …) in 2-D or 3-D grown by a cube of 2 r + 1 voxels or by a ball of radius r."""
    if radius == 0:
        return mask
    axes = mask.dim() - 1
    x = mask[:, None].float()
    if not ball:
        pool = functional.max_pool2d if axes == 2 else functional.max_pool3d
        grown: Tensor = pool(x, 2 * radius + 1, stride=1, padding=radius)
        return grown[:, 0] > 0
    places = torch.arange(-radius, radius + 1, device=mask.device) ** 2
    squared = sum(places.reshape(-1, *(1,) * (axes - 1 - axis)) for axis in range(axes))
    kernel = (torch.as_tensor(squared) <= radius**2).float()[None, None]
    convolve = functional.conv2d if axes == 2 else functional.conv3d
    return convolve(x, kernel, padding=radius)[:, 0] > 0.5


def prior_weighted_dice(
    probability: Tensor,
    truth: Tensor,
    weights: Tensor,
    *,
    form: WeightedDice = "weighted",
    valid: Tensor | None = None,
    smooth: float = SMOOTH,
) -> Tensor:
    """1 − 2 Σ w p g / (Σ w p + Σ w g), the mean over the batch; ``released``: 1 − 2 Σ w p g / (Σ p + Σ g).

    Args:
        probability: p (batch, …).
        truth: g (batch, …), 0 or 1.
        weights: w (batch, …); of no effect where ``form`` is none.
        form: see ``WeightedDice``.
        valid: (batch, …), voxels that count; all unless given.
        smooth: added above and below.
    """
    keep = torch.ones_like(probability) if valid is None else valid.to(probability.dtype)
    if form == "weighted":
        both = zip(probability, truth, keep * weights, strict=True)
        return torch.stack([dice(p, t, weights=w, smooth=smooth / 2) for p, t, w in both]).mean()
    above = keep * (weights if form == "released" else 1)
    axes = tuple(range(1, probability.dim()))
    hit = 2 * (above * probability * truth).sum(axes) + smooth
    return (1 - hit / ((keep * (probability + truth)).sum(axes) + smooth)).mean()
