"""Instance normalisation whose gradient is quick on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class InstanceNorm(nn.GroupNorm):
    """``GroupNorm(C, C)``, the same parameters and numbers; its own backward pass on a CPU.

    torch's takes a third of a training step in bfloat16 on channels-last volumes, this one a third of that.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, …) to the same."""
        if x.device.type == "cpu" and torch.is_grad_enabled():
            out: Tensor = _InstanceNormCPU.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
            return out
        return super().forward(x)


class _InstanceNormCPU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        n, c = x.shape[:2]
        y, mean, rstd = torch.native_group_norm(x, weight, bias, n, c, x[0, 0].numel(), c, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, rstd = ctx.saved_tensors
        dy = grads[0]
        wide = torch.float64 if x.dtype == torch.float64 else torch.float32
        axes, size = tuple(range(2, x.dim())), x[0, 0].numel()
        mean, rstd = (t.reshape(x.shape[:2]).to(wide) for t in (mean, rstd))
        sum_dy = dy.sum(axes, dtype=wide)
        dot = ((dy * x).sum(axes, dtype=wide) - mean * sum_dy) * rstd  # sum of dy times the normalised x
        on_dy = rstd * weight
        on_x = -on_dy * rstd * dot / size
        constant = -on_dy * sum_dy / size - on_x * mean
        on_dy, on_x, constant = (t.to(x.dtype)[(..., *(None,) * len(axes))] for t in (on_dy, on_x, constant))
        dx = torch.addcmul(constant, dy, on_dy).addcmul_(x, on_x)
        return dx, dot.sum(0).to(weight.dtype), sum_dy.sum(0).to(weight.dtype), None
