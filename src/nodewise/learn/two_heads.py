"""Two questions of one network: whether a voxel belongs to anything at all, and if so to what."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TwoHeads(nn.Module):
    """Of logits (batch, 1 + classes, …): the sigmoid of the first and the softmax of the others, side by side."""

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, 1 + classes, …), 0 to 1."""
        return torch.cat((logits[:, :1].sigmoid(), logits[:, 1:].softmax(dim=1)), dim=1)
