"""Learning about instances when only bags of them are labelled."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nodewise.learn.loss import IGNORE


def bag_loss(
    logits: Tensor,
    bags: Tensor,
    labels: Tensor,
    *,
    positive_weight: float = 100.0,
    largest_only: bool = False,
    ignore: int = IGNORE,
) -> Tensor:
    """Binary cross-entropy of instances from the labels of their bags, after P1 (medRxiv 2024, section 2.5).

    In a negative bag every instance is negative: −log(1 − p) each. In a positive bag at least one is positive, no one
    knows which: −w log p each, only as long as every p in the bag is below 0.5; after that, nothing.

    Args:
        logits: (instances,).
        bags: (instances,), the number of each one's bag; negative for an instance in none, which does not count.
        labels: (bags,), 1 positive, 0 negative, ``ignore`` unknown: its instances do not count.
        positive_weight: w.
        largest_only: in a positive bag, teach only the instance of the largest logit (all of them at a tie), as in
            multiple-instance learning.
        ignore: see ``labels``.

    Returns:
        The sum divided by the number of instances in bags with a known label, whether they cost anything or not;
        0, with gradients of 0, where there are none.

    Raises:
        ValueError: shapes do not fit, or a bag has no label.
    """
    if logits.shape != bags.shape or logits.dim() != 1 or labels.dim() != 1:
        raise ValueError(f"needs (instances,) twice and (bags,), not {logits.shape}, {bags.shape} and {labels.shape}")
    if len(bags) and int(bags.max()) >= len(labels):
        raise ValueError(f"an instance is of bag {int(bags.max())}, but there are labels for {len(labels)}")
    labels = torch.cat((labels, labels.new_full((1,), ignore)))  # the last one is of those in no bag
    bag = torch.where(bags < 0, len(labels) - 1, bags).long()
    fixed = logits.detach()
    largest = fixed.new_full((len(labels),), -torch.inf).scatter_reduce(0, bag, fixed, "amax")[bag]
    label = labels[bag]
    taught = (label == 1) & (largest < 0)
    if largest_only:
        taught &= fixed == largest
    cost = (label == 0) * functional.softplus(logits) + positive_weight * taught * functional.softplus(-logits)
    return cost.sum() / (label != ignore).sum().clamp_min(1)
