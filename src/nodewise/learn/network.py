"""A U-Net with a residual or a plain encoder, in 2-D or 3-D.

After Ronneberger et al., MICCAI 2015; He et al., CVPR 2016; Isensee et al., Nature Methods 2021 and MICCAI 2024
(nnU-Net). Parameters have the names and shapes that nnU-Net's have, so that its weights load as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from nodewise.learn.norm import InstanceNorm

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """The numbers that make a network; they travel with its weights.

    Attributes:
        heads: outputs of each head; the network gives their logits side by side, see ``split``.
        channels: features at each level, finest first.
        blocks: at each level of the encoder, residual blocks or plain convolutions. decoder_blocks: convolutions at
            each level of the decoder, finest first; empty for 1 everywhere.
        kernels: one a level, one number an axis; empty for 3 everywhere.
        strides: stride into each level; empty for 1 at the finest and 2 at the others.
        fold: voxels along each axis which the first convolution folds into one and the heads unfold again: the levels
            then cost that many times less (space to depth: Shi et al., CVPR 2016); empty for 1.
        auxiliary: classes of one more head, at the resolution of the finest level, used while training only.
        residual: encoder of residual blocks, with a stem; else of plain convolutions.
        norm: ``instance`` or ``batch``. bias: of convolutions followed by it. slope: of the leaky ReLU below 0.
        deep_supervision: outputs at every level of the decoder, finest first, while training.

    Raises:
        ValueError: the numbers do not fit together.
    """

    in_channels: int
    heads: Numbers
    channels: Numbers = (32, 64, 128, 192)
    blocks: Numbers = (1, 2, 2, 2)
    decoder_blocks: Numbers = ()
    kernels: tuple[Numbers, ...] = ()
    strides: tuple[Numbers, ...] = ()
    fold: Numbers = ()
    auxiliary: int = 0
    dimension: int = 3
    residual: bool = True
    norm: Literal["instance", "batch"] = "instance"
    bias: bool = False
    slope: float = 0.01
    deep_supervision: bool = False

    def __post_init__(self) -> None:
        levels, d = len(self.channels), self.dimension
        if d not in (2, 3) or levels < 2:
            raise ValueError(f"a U-Net has 2 or 3 dimensions and at least 2 levels, not {d} and {levels}")
        for name, usual in (
            ("kernels", ((3,) * d,) * levels),
            ("strides", ((1,) * d, *((2,) * d,) * (levels - 1))),
            ("decoder_blocks", (1,) * (levels - 1)),
            ("fold", (1,) * d),
        ):
            if not getattr(self, name):
                object.__setattr__(self, name, usual)
        if not len(self.blocks) == len(self.kernels) == len(self.strides) == len(self.decoder_blocks) + 1 == levels:
            raise ValueError(f"{levels} levels need as many blocks, kernels and strides, and one decoder block less")
        if any(len(numbers) != d for numbers in (*self.kernels, *self.strides, self.fold)):
            raise ValueError(f"every kernel, stride and fold has {d} numbers")
        if not self.heads or min(*self.heads, *self.channels, *self.blocks, *self.decoder_blocks) < 1:
            raise ValueError("there is at least one head; heads, channels and blocks are at least 1")
        if any(k % 2 == 0 for kernel in self.kernels for k in kernel):
            raise ValueError("kernels are odd, so that a convolution keeps the size")
        if max(self.fold) > 1 and (self.deep_supervision or not self.residual):
            raise ValueError("voxels are folded by the stem of a residual encoder, without deep supervision")

    @property
    def divisor(self) -> Numbers:
        """What each spatial size of the input must be a multiple of."""
        total = list(self.fold)
        for stride in self.strides:
            total = [t * s for t, s in zip(total, stride, strict=True)]
        return tuple(total)

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """The logits (batch, channels, …) of each head."""
        return torch.split(logits, list(self.heads), dim=1)


class ConvolutionBlock(nn.Module):
    """A convolution, its normalisation and, unless ``linear``, a leaky ReLU."""

    def __init__(
        self, plan: NetworkPlan, inputs: int, outputs: int, kernel: Numbers, stride: Numbers, *, linear: bool = False
    ) -> None:
        super().__init__()
        bias = plan.bias and max(kernel) > 1
        self.conv = _convolution(inputs, outputs, kernel, stride, bias=bias)
        self.norm = _norm(plan, outputs)
        self.act = nn.Identity() if linear else nn.LeakyReLU(plan.slope, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        return self.act(self.norm(self.conv(x)))  # type: ignore[no-any-return]


class ConvolutionBlocks(nn.Module):
    """Some of them, the first with the stride."""

    def __init__(
        self, plan: NetworkPlan, inputs: int, outputs: int, kernel: Numbers, stride: Numbers, count: int
    ) -> None:
        super().__init__()
        one = (1,) * len(kernel)
        first = ConvolutionBlock(plan, inputs, outputs, kernel, stride)
        self.convs = nn.Sequential(
            first, *(ConvolutionBlock(plan, outputs, outputs, kernel, one) for _ in range(1, count))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        return self.convs(x)  # type: ignore[no-any-return]


class ResidualBlock(nn.Module):
    """Two convolutions with a shortcut around both, which pools where they stride (He et al., CVPR 2019, ResNet-D)."""

    def __init__(self, plan: NetworkPlan, inputs: int, outputs: int, kernel: Numbers, stride: Numbers) -> None:
        super().__init__()
        one = (1,) * len(kernel)
        self.conv1 = ConvolutionBlock(plan, inputs, outputs, kernel, stride)
        self.conv2 = ConvolutionBlock(plan, outputs, outputs, kernel, one, linear=True)
        ways: list[nn.Module] = []
        if max(stride) > 1:
            pooling: type[nn.Module] = nn.AvgPool2d if len(kernel) == 2 else nn.AvgPool3d
            ways.append(pooling(tuple(stride), tuple(stride)))
        if inputs != outputs:
            ways.append(ConvolutionBlock(plan, inputs, outputs, one, one, linear=True))
        self.skip = nn.Sequential(*ways)
        self.act = nn.LeakyReLU(plan.slope, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        out: Tensor = self.act(self.conv2(self.conv1(x)) + self.skip(x))
        return out


class ResidualBlocks(nn.Module):
    """Some of them, the first with the stride."""

    def __init__(
        self, plan: NetworkPlan, inputs: int, outputs: int, kernel: Numbers, stride: Numbers, count: int
    ) -> None:
        super().__init__()
        one = (1,) * len(kernel)
        first = ResidualBlock(plan, inputs, outputs, kernel, stride)
        self.blocks = nn.Sequential(
            first, *(ResidualBlock(plan, outputs, outputs, kernel, one) for _ in range(1, count))
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, …) to (batch, outputs, … / stride)."""
        return self.blocks(x)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """From an image to features at every level, finest first."""

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        c, d = plan.channels, plan.dimension
        inputs = plan.in_channels
        self.stem: nn.Module = nn.Identity()
        if plan.residual:
            folding = max(plan.fold) > 1
            kernel, stride = (plan.fold, plan.fold) if folding else (plan.kernels[0], (1,) * d)
            self.stem = ConvolutionBlocks(plan, inputs, c[0], kernel, stride, 1)
            inputs = c[0]
        stages: list[nn.Module] = []
        for level, count in enumerate(plan.blocks):
            kernel, stride = plan.kernels[level], plan.strides[level]
            if plan.residual:
                stages.append(ResidualBlocks(plan, inputs, c[level], kernel, stride, count))
            else:
                stages.append(nn.Sequential(ConvolutionBlocks(plan, inputs, c[level], kernel, stride, count)))
            inputs = c[level]
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, channels, …) to one (batch, features, …) a level."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """From the encoder's features to logits; its levels are numbered from the deepest."""

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        c, d = plan.channels, plan.dimension
        ones = (1,) * d
        self.deep = plan.deep_supervision
        self.transpconvs, self.stages, self.seg_layers = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(c) - 1)):
            kernel, count = plan.kernels[level], plan.decoder_blocks[level]
            self.transpconvs.append(_transposed(c[level + 1], c[level], plan.strides[level + 1], bias=plan.bias))
            self.stages.append(ConvolutionBlocks(plan, 2 * c[level], c[level], kernel, ones, count))
            if self.deep and level > 0:
                self.seg_layers.append(_convolution(c[level], sum(plan.heads), ones, ones, bias=True))
        folding = max(plan.fold) > 1
        unfold = _transposed(c[0], sum(plan.heads), plan.fold, bias=True)
        self.seg_layers.append(unfold if folding else _convolution(c[0], sum(plan.heads), ones, ones, bias=True))
        self.auxiliary = _convolution(c[0], plan.auxiliary, ones, ones, bias=True) if plan.auxiliary else None

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Logits, finest first and the auxiliary head's last; of the finest alone when not training."""
        x = features[-1]
        outputs: list[Tensor] = []
        for i, (up, stage) in enumerate(zip(self.transpconvs, self.stages, strict=True)):
            x = stage(torch.cat((up(x), features[-2 - i]), dim=1))
            if self.deep and self.training and i + 1 < len(self.stages):
                outputs.insert(0, self.seg_layers[i](x))
        outputs.insert(0, self.seg_layers[-1](x))
        if self.auxiliary is not None and self.training:
            outputs.append(self.auxiliary(x))
        return outputs


class UNet(nn.Module):
    """The network of a ``NetworkPlan``: logits (batch, outputs, …) from an image (batch, channels, …).

    Instance normalisation is GroupNorm with one channel a group, which is the same and keeps the channels-last layout
    on a CPU. Initial weights come from torch's generator: seed it before.
    """

    def __init__(self, plan: NetworkPlan) -> None:
        super().__init__()
        self.plan = plan
        self.encoder, self.decoder = Encoder(plan), Decoder(plan)
        self.layout = torch.channels_last if plan.dimension == 2 else torch.channels_last_3d
        self.apply(_initialise)
        self.to(memory_format=self.layout)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Logits at the input's size; while training with more than one output, a list of them, see ``Decoder``.

        Raises:
            ValueError: the size is no multiple of ``plan.divisor``, or too small to train on a CPU in bfloat16.
        """
        self._check(x)
        outputs: list[Tensor] = self.decoder(self.encoder(x.contiguous(memory_format=self.layout)))
        return outputs if len(outputs) > 1 else outputs[0]

    def _check(self, x: Tensor) -> None:
        deepest = [n // d for n, d in zip(x.shape[2:], self.plan.divisor, strict=True)]
        if any(n % d for n, d in zip(x.shape[2:], self.plan.divisor, strict=True)):
            raise ValueError(f"each size of {tuple(x.shape[2:])} must be a multiple of {self.plan.divisor}")
        if self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and min(deepest) < 3:
            # oneDNN's bfloat16 weight gradient reads memory it never wrote there (torch 2.13, channels last)
            raise ValueError(f"a patch of {tuple(x.shape[2:])} leaves {deepest} at the deepest level: at least 3")


def build_network(plan: NetworkPlan, seed: int) -> UNet:
    """A network with its initial weights drawn from ``seed``; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet(plan)


def _norm(plan: NetworkPlan, channels: int) -> nn.Module:
    if plan.norm == "instance":
        return InstanceNorm(channels)
    return nn.BatchNorm2d(channels) if plan.dimension == 2 else nn.BatchNorm3d(channels)


def _convolution(inputs: int, outputs: int, kernel: Numbers, stride: Numbers, *, bias: bool) -> nn.Module:
    convolution = nn.Conv2d if len(kernel) == 2 else nn.Conv3d
    padding = tuple(k // 2 if k % 2 else 0 for k in kernel)
    return convolution(inputs, outputs, tuple(kernel), tuple(stride), padding, bias=bias)  # type: ignore[arg-type]


def _transposed(inputs: int, outputs: int, stride: Numbers, *, bias: bool) -> nn.Module:
    transposed = nn.ConvTranspose2d if len(stride) == 2 else nn.ConvTranspose3d
    return transposed(inputs, outputs, tuple(stride), tuple(stride), bias=bias)  # type: ignore[arg-type]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        nn.init.kaiming_normal_(module.weight, a=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
