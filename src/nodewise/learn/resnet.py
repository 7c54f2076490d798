"""A residual network that answers once for a whole image, in 2-D or 3-D.

After He et al., CVPR 2016, with global max-pooling in place of the mean (Shevtsov et al., medRxiv 2024, section 2.5):
what is told by one small place in an image is not averaged away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from nodewise.learn.norm import InstanceNorm

_A_GROUP = 8


@dataclass(frozen=True, slots=True)
class ResNetPlan:
    """The numbers that make a network; they travel with its weights.

    Attributes:
        channels: features at each level, finest first; each level after the first halves the size.
        blocks: residual blocks at each level.
        stem: stride of the first convolution; 2 makes all that follows eight times cheaper in 3-D.
        norm: ``batch``; or, where a batch is one image, ``group`` (Wu & He, ECCV 2018: groups of 8 channels) or
            ``instance``, by each image's own mean and spread.
        dimension: 2 or 3.

    Raises:
        ValueError: the numbers do not fit together.
    """

    in_channels: int
    channels: tuple[int, ...] = (16, 24, 32, 48, 64)
    blocks: tuple[int, ...] = (1, 1, 1, 1, 1)
    stem: int = 1
    norm: Literal["batch", "group", "instance"] = "batch"
    dimension: int = 3

    def __post_init__(self) -> None:
        if self.dimension not in (2, 3) or not self.channels or len(self.blocks) != len(self.channels):
            raise ValueError("a ResNet has 2 or 3 dimensions, and as many numbers of blocks as of channels")
        if min(self.in_channels, self.stem, *self.channels, *self.blocks) < 1:
            raise ValueError("channels, blocks and the stem's stride are at least 1")

    @property
    def smallest(self) -> int:
        """Least size of an image along each axis: what leaves one place at the deepest level."""
        return self.stem << (len(self.channels) - 1)


class ResidualBlock(nn.Module):
    """Two convolutions, each with its norm, and a shortcut around both (ResNet-D: it pools where they stride)."""

    def __init__(self, plan: ResNetPlan, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        pooling: type[nn.Module] = nn.AvgPool2d if plan.dimension == 2 else nn.AvgPool3d
        self.conv1 = _convolution(plan, inputs, outputs, 3, stride)
        self.norm1 = _norm(plan, outputs)
        self.conv2 = _convolution(plan, outputs, outputs, 3, 1)
        self.norm2 = _norm(plan, outputs)
        ways: list[nn.Module] = [pooling(stride, stride, ceil_mode=True)] if stride > 1 else []
        if inputs != outputs:
            ways += [_convolution(plan, inputs, outputs, 1, 1), _norm(plan, outputs)]
        self.shortcut = nn.Sequential(*ways)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        y = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        out: Tensor = self.act(y + self.shortcut(x))
        return out


class ResNet(nn.Module):
    """The network of a ``ResNetPlan``: one logit (batch,) for each image (batch, channels, …).

    Initial weights come from torch's generator: seed it before. At first every image gets the same answer.
    """

    def __init__(self, plan: ResNetPlan) -> None:
        super().__init__()
        self.plan = plan
        first = plan.channels[0]
        self.stem = nn.Sequential(
            _convolution(plan, plan.in_channels, first, 3, plan.stem), _norm(plan, first), nn.ReLU(inplace=True)
        )
        stages: list[nn.Module] = []
        inputs = first
        for level, (outputs, count) in enumerate(zip(plan.channels, plan.blocks, strict=True)):
            for n in range(count):
                stages.append(ResidualBlock(plan, inputs, outputs, 2 if level and n == 0 else 1))
                inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(inputs, 1)
        self.layout = torch.channels_last if plan.dimension == 2 else torch.channels_last_3d
        self.apply(_initialise)
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch,).

        Raises:
            ValueError: an image is smaller than ``plan.smallest``, or than three times that while training on a CPU in
                bfloat16.
        """
        least = self.plan.smallest
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            least *= 3  # oneDNN's bfloat16 weight gradient reads memory it never wrote (torch 2.13, channels last)
        if min(x.shape[2:]) < least:
            raise ValueError(f"an image of {tuple(x.shape[2:])} is smaller than {least} along an axis")
        features = self.stages(self.stem(x.contiguous(memory_format=self.layout)))
        out: Tensor = self.head(features.amax(dim=tuple(range(2, x.dim()))))[:, 0]
        return out


def build_resnet(plan: ResNetPlan, seed: int) -> ResNet:
    """A network with its initial weights drawn from ``seed``; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNet(plan)


def _convolution(plan: ResNetPlan, inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    convolution = nn.Conv2d if plan.dimension == 2 else nn.Conv3d
    return convolution(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _norm(plan: ResNetPlan, channels: int) -> nn.Module:
    if plan.norm == "group":
        return nn.GroupNorm(math.gcd(channels, max(1, channels // _A_GROUP)), channels)
    if plan.norm == "instance":
        return InstanceNorm(channels)
    return nn.BatchNorm2d(channels) if plan.dimension == 2 else nn.BatchNorm3d(channels)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
