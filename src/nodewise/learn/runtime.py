"""Trained networks as one quick function from windows to answers: in torch, or compiled by OpenVINO."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from nodewise.learn.device import half_precision
from nodewise.values.errors import BadInputError

Runtime = Literal["auto", "torch", "openvino"]
Predict = Callable[[Tensor], Tensor]

log = logging.getLogger(__name__)


class Averaged(nn.Module):
    """Several networks as one: each one's logits through ``activation`` in float32, then their mean."""

    def __init__(self, networks: Sequence[nn.Module], activation: nn.Module) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, …) to (batch, outputs, …)."""
        total, *others = (self.activation(network(x).float()) for network in self.networks)
        for answer in others:
            total = total + answer
        mean: Tensor = total / len(self.networks) if others else total
        return mean


def runtime(
    networks: Sequence[nn.Module],
    activation: nn.Module | None = None,
    *,
    runtime: Runtime = "auto",
    device: str = "cpu",
    half: bool = True,
    cache: Path | None = None,
) -> Predict:
    """The networks as one function, (batch, channels, …) to (batch, outputs, …) in float32, on ``device``.

    Args:
        networks: with the same inputs and outputs; several are averaged after ``activation``.
        activation: of the logits, such as ``nn.Sigmoid()``; None leaves them as they are.
        runtime: auto takes OpenVINO on a CPU and torch elsewhere.
        device: cpu, cuda, cuda:1 or mps.
        half: in bfloat16 where that is quick, else in float32.
        cache: folder in which OpenVINO keeps compiled networks; None keeps none.

    Raises:
        BadInputError: OpenVINO is asked for and is not here, or not for this device.
    """
    whole = Averaged([network.to(device) for network in networks], activation or nn.Identity()).eval()
    if runtime == "torch" or (runtime == "auto" and device != "cpu"):
        return _in_torch(whole, device, half)
    if device != "cpu":
        raise BadInputError(f"OpenVINO runs on the cpu here, not on {device}: choose the runtime torch")
    try:
        from nodewise.learn.openvino import compile_network

        return compile_network(whole, half=half, folder=cache)
    except ImportError as error:
        if runtime == "openvino":
            raise BadInputError(f"OpenVINO cannot be used here ({error}): choose the runtime torch") from error
        log.info("OpenVINO cannot be used here (%s): torch computes, more slowly", error)
        return _in_torch(whole, device, half)


def _in_torch(network: nn.Module, device: str, half: bool) -> Predict:
    def answer(windows: Tensor) -> Tensor:
        windows = windows.to(device)
        if not half:
            with torch.inference_mode():
                return network(windows)  # type: ignore[no-any-return]
        with torch.inference_mode(), half_precision(device):
            return network(windows)  # type: ignore[no-any-return]

    return answer
