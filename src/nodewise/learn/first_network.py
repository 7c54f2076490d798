"""A residual encoder U-Net, in 2-D or 3-D.

After Ronneberger et al., MICCAI 2015 (U-Net), He et al., CVPR 2016 (residual blocks) and Isensee et al., MICCAI 2024
(residual encoder, plain decoder).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nodewise.learn.norm import InstanceNorm


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """The numbers that make a network; they travel with its weights.

    Attributes:
        channels: features at each level, finest first.
        blocks: residual blocks of the encoder at each level.
        kernels: one kernel a level, one number an axis; empty for 3 everywhere.
        strides: stride into each level; empty for 1 at the finest and 2 at the others.
        dimension: 2 or 3.
        deep_supervision: outputs at every level of the decoder, finest first, while training.

    Raises:
        ValueError: the numbers do not fit together.
    """

    in_channels: int
    out_channels: int
    channels: tuple[int, ...] = (12, 24, 48, 96)
    blocks: tuple[int, ...] = (1, 1, 1, 2)
    kernels: tuple[tuple[int, ...], ...] = ()
    strides: tuple[tuple[int, ...], ...] = ()
    dimension: int = 3
    deep_supervision: bool = False

    def __post_init__(self) -> None:
        levels, d = len(self.channels), self.dimension
        if d not in (2, 3) or levels < 2:
            raise ValueError(f"a U-Net has 2 or 3 dimensions and at least 2 levels, not {d} and {levels}")
        if not self.kernels:
            object.__setattr__(self, "kernels", ((3,) * d,) * levels)
        if not self.strides:
            object.__setattr__(self, "strides", ((1,) * d, *((2,) * d,) * (levels - 1)))
        if not len(self.blocks) == len(self.kernels) == len(self.strides) == levels:
            raise ValueError(f"{levels} levels need as many blocks, kernels and strides")
        if any(len(k) != d for k in self.kernels + self.strides) or min(self.channels + self.blocks) < 1:
            raise ValueError(f"every kernel and stride has {d} numbers; channels and blocks are at least 1")
        if any(k % 2 == 0 for kernel in self.kernels for k in kernel):
            raise ValueError("kernels are odd, so that a convolution keeps the size")

    @property
    def divisor(self) -> tuple[int, ...]:
        """What each spatial size of the input must be a multiple of."""
        total = [1] * self.dimension
        for stride in self.strides:
            total = [t * s for t, s in zip(total, stride, strict=True)]
        return tuple(total)


class ResidualBlock(nn.Module):
    """Two convolutions with normalisation and a shortcut around both."""

    def __init__(self, inputs: int, outputs: int, kernel: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        d = len(kernel)
        self.conv1 = _convolution(inputs, outputs, kernel, stride)
        self.norm1 = InstanceNorm(outputs)
        self.conv2 = _convolution(outputs, outputs, kernel, (1,) * d)
        self.norm2 = InstanceNorm(outputs)
        self.act = nn.LeakyReLU(0.01, inplace=True)
        pooling: type[nn.Module] = nn.AvgPool2d if d == 2 else nn.AvgPool3d
        pool = pooling(tuple(stride), tuple(stride)) if max(stride) > 1 else nn.Identity()
        match = _convolution(inputs, outputs, (1,) * d, (1,) * d) if inputs != outputs else nn.Identity()
        self.shortcut = nn.Sequential(pool, match)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        y = self.act(self.norm1(self.conv1(x)))
        out: Tensor = self.act(self.norm2(self.conv2(y)) + self.shortcut(x))
        return out


class PlainBlock(nn.Sequential):
    """A convolution with normalisation and activation."""

    def __init__(self, inputs: int, outputs: int, kernel: Sequence[int]) -> None:
        conv = _convolution(inputs, outputs, kernel, (1,) * len(kernel))
        super().__init__(conv, InstanceNorm(outputs), nn.LeakyReLU(0.01, inplace=True))


class ResidualUNet(nn.Module):
    """The network of a ``NetworkPlan``: logits (batch, classes, …) from an image (batch, channels, …).

    Normalisation is GroupNorm with one channel a group, which is instance normalisation and keeps the channels-last
    layout on a CPU. Initial weights come from torch's generator: seed it before.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        self.plan = plan
        c, d = plan.channels, plan.dimension
        self.encoder = nn.ModuleList()
        for level, inputs in enumerate((plan.in_channels, *c[:-1])):
            kernel, width = plan.kernels[level], c[level]
            more = (ResidualBlock(width, width, kernel, (1,) * d) for _ in range(1, plan.blocks[level]))
            self.encoder.append(nn.Sequential(ResidualBlock(inputs, width, kernel, plan.strides[level]), *more))
        self.up, self.decoder, self.heads = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        transposed = (nn.ConvTranspose2d, nn.ConvTranspose3d)[d - 2]
        for level in range(len(c) - 1):
            stride = plan.strides[level + 1]
            self.up.append(transposed(c[level + 1], c[level], stride, stride, bias=False))  # type: ignore[arg-type]
            self.decoder.append(PlainBlock(2 * c[level], c[level], plan.kernels[level]))
            if level == 0 or plan.deep_supervision:
                self.heads.append(_convolution(c[level], plan.out_channels, (1,) * d, (1,) * d, bias=True))
        self.layout = torch.channels_last if d == 2 else torch.channels_last_3d
        self.apply(_initialise)
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits at the input's size; with deep supervision, while training, a list of them, finest first.

        Raises:
            ValueError: the size is no multiple of ``plan.divisor``, or too small to train on a CPU in bfloat16.
        """
        self._check(x)
        x = x.contiguous(memory_format=self.layout)
        skips = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(x)
        outputs: list[Tensor] = []
        for level in reversed(range(len(self.decoder))):
            x = self.decoder[level](torch.cat((self.up[level](x), skips[level]), dim=1))
            if level < len(self.heads) and (level == 0 or self.training):
                outputs.insert(0, self.heads[level](x))
        return outputs if len(outputs) > 1 else outputs[0]

    def _check(self, x: Tensor) -> None:
        deepest = [n // d for n, d in zip(x.shape[2:], self.plan.divisor, strict=True)]
        if any(n % d for n, d in zip(x.shape[2:], self.plan.divisor, strict=True)):
            raise ValueError(f"each size of {tuple(x.shape[2:])} must be a multiple of {self.plan.divisor}")
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and min(deepest) < 3:
            # oneDNN's bfloat16 weight gradient reads memory it never wrote there (torch 2.13, channels last)
            raise ValueError(f"a patch of {tuple(x.shape[2:])} leaves {deepest} at the deepest level: at least 3")


def build_network(plan: NetworkPlan, seed: int) -> ResidualUNet:
    """A network with its initial weights drawn from ``seed``; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResidualUNet(plan)


def _convolution(
    inputs: int, outputs: int, kernel: Sequence[int], stride: Sequence[int], *, bias: bool = False
) -> nn.Module:
    convolution = nn.Conv2d if len(kernel) == 2 else nn.Conv3d
    padding = tuple(k // 2 for k in kernel)
    return convolution(inputs, outputs, tuple(kernel), tuple(stride), padding, bias=bias)  # type: ignore[arg-type]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        nn.init.kaiming_normal_(module.weight, a=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
