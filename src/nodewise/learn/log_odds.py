"""Networks' probability of node as log-odds, which windows can be averaged in: a probability saturates at 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class LogOdds(nn.Module):
    """Several networks as one: the mean of their probabilities of one output, as its log-odds.

    Args:
        networks: logits, of node alone or of every class.
        node_class: which of several classes is meant, by their softmax; None where there is one output, by its sigmoid.
    """

    def __init__(self, networks: Sequence[nn.Module], node_class: int | None = None) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.node_class = node_class

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, …) to (batch, 1, …), float32."""
        each = [self._own(network(x).float()) for network in self.networks]
        if len(each) == 1:
            return each[0]
        logits = torch.cat(each, dim=1)
        yes, no = -functional.softplus(-logits), -functional.softplus(logits)  # finite, as a logarithm of 0 is not
        return torch.logsumexp(yes, dim=1, keepdim=True) - torch.logsumexp(no, dim=1, keepdim=True)

    def _own(self, logits: Tensor) -> Tensor:
        if self.node_class is None:
            return logits
        k = self.node_class
        others = torch.cat((logits[:, :k], logits[:, k + 1 :]), dim=1)
        return logits[:, k : k + 1] - torch.logsumexp(others, dim=1, keepdim=True)

    def extra_repr(self) -> str:
        """What tells it from another."""
        return str(self.node_class)
