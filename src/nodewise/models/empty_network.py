"""The network of a step without its weights, which takes no memory whatever its plan says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nodewise.models.first_bundle import FirstFile
from nodewise.models.model_file import StepFile
from nodewise.models.plan_file import ResNetFile


class _NothingDrawn(TorchFunctionMode):
    """Initial weights are not drawn: on the meta device that would first load torch's compiler, for seconds."""

    def __torch_function__(
        self, function: Callable[..., Any], _types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        return args[0] if function is torch.Tensor.normal_ else function(*args, **(kwargs or {}))


def empty_network(step: StepFile) -> nn.Module:
    """The network on torch's meta device: names and shapes of parameters, no numbers.

    Raises:
        ValueError: the plan's numbers do not fit together.
    """
    with torch.device("meta"), _NothingDrawn():
        return _network(step)


def _network(step: StepFile) -> nn.Module:
    fields = dict(step.plan)
    if isinstance(step.plan, ResNetFile):
        from nodewise.learn.resnet import ResNet, ResNetPlan

        return ResNet(ResNetPlan(**fields))
    if isinstance(step.plan, FirstFile):
        from nodewise.learn import first_network

        return first_network.ResidualUNet(first_network.NetworkPlan(**fields))
    from nodewise.learn.network import NetworkPlan, UNet

    return UNet(NetworkPlan(**fields))
