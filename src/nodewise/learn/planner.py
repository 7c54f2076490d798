"""How finely to resample, what patch to look at and how deep to go, from the data alone: nnU-Net's planning rules.

After Isensee et al., Nature Methods 2021, 18:203 (rules) and MICCAI 2024 (residual encoders); numbers as in nnunetv2
2.8. The spacing is the median one; the patch is as large as a memory target allows, in the shape of the median image;
axes are halved while they are longer than 8 voxels, the coarsely sampled ones later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nodewise.learn.network import NetworkPlan

Numbers = tuple[int, ...]
Spacing = tuple[float, ...]

ANISOTROPIC = 3.0
SHORTEST = 4  # voxels along an axis at the deepest level
LONGEST_EDGE = 256  # of an even patch to begin with
MOST_CHANNELS = 320
SHARE_OF_DATA = 0.05  # of all voxels that a batch may hold
LEAST_BATCH = 2


@dataclass(frozen=True, slots=True)
class Budget:
    """What a network may cost.

    Attributes:
        features: numbers in all feature maps of one patch, at most: nnU-Net's measure of memory.
        channels: of the finest level; each deeper one has twice as many, at most ``MOST_CHANNELS``.
        blocks: in the levels of the encoder, finest first, the last number for all deeper ones. decoder_blocks: each.
        residual: encoder of residual blocks.
    """

    features: float
    channels: int = 32
    blocks: Numbers = (1, 3, 4, 6)
    decoder_blocks: int = 1
    residual: bool = True

    def scaled(self, gigabytes: float) -> Budget:
        """For a GPU of another size than 8 GB."""
        return replace(self, features=self.features * gigabytes / 8.0)


RESIDUAL = Budget(680e6)
PLAIN = Budget(560e6, blocks=(2,), decoder_blocks=2, residual=False)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of the training images: spacing in mm and size in voxels of each, along the same axes."""

    spacings: tuple[Spacing, ...]
    shapes: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """What was planned; numbers along the images' axes.

    Attributes:
        spacing_mm: that images are resampled to. median_shape: of them, then. batch: patches a step.
    """

    spacing_mm: Spacing
    median_shape: tuple[float, ...]
    patch: Numbers
    batch: int
    network: NetworkPlan


def plan_training(
    fingerprint: Fingerprint,
    in_channels: int,
    outputs: int,
    budget: Budget = RESIDUAL,
    spacing_mm: Spacing | None = None,
) -> Planned:
    """Plan one network at full resolution.

    Args:
        fingerprint: of the images, three axes in any order; the coarsest is looked at first, as nnU-Net does.
        in_channels: of the network's input.
        outputs: classes, background included.
        budget: see there.
        spacing_mm: to be resampled to; that of ``target_spacing`` unless given.
    """
    spacing = spacing_mm or target_spacing(fingerprint)
    shapes = [
        [round(n * old / new) for n, old, new in zip(shape, olds, spacing, strict=True)]
        for shape, olds in zip(fingerprint.shapes, fingerprint.spacings, strict=True)
    ]
    median = np.median(shapes, axis=0)
    first = int(np.argmax(spacing))
    order = [first, *(a for a in range(len(spacing)) if a != first)]
    planned = _fitted([spacing[a] for a in order], median[order].tolist(), in_channels, outputs, budget)
    voxels = float(np.prod(median)) * len(shapes)
    back = [order.index(a) for a in range(len(order))]
    network = planned.network
    return Planned(
        spacing_mm=spacing,
        median_shape=tuple(median.tolist()),
        patch=tuple(planned.patch[a] for a in back),
        batch=_batch(planned.cost, planned.patch, voxels, budget),
        network=replace(
            network,
            kernels=tuple(tuple(k[a] for a in back) for k in network.kernels),
            strides=tuple(tuple(s[a] for a in back) for s in network.strides),
        ),
    )


def target_spacing(fingerprint: Fingerprint) -> Spacing:
    """The median along each axis; the tenth percentile along one with far thicker and fewer slices than the others."""
    spacings, sizes = np.array(fingerprint.spacings), np.array(fingerprint.shapes)
    target, size = np.median(spacings, axis=0), np.median(sizes, axis=0)
    worst = int(np.argmax(target))
    others = [a for a in range(len(target)) if a != worst]
    coarse, least = max(target[others]), min(size[others])
    if target[worst] > ANISOTROPIC * coarse and size[worst] * ANISOTROPIC < least:
        tenth = float(np.percentile(spacings[:, worst], 10))
        target[worst] = tenth if tenth >= coarse else coarse + 1e-5
    return tuple(target.tolist())


@dataclass(frozen=True, slots=True)
class _Fitted:
    patch: Numbers
    network: NetworkPlan
    cost: float


def _fitted(
    spacing: Sequence[float], median: Sequence[float], in_channels: int, outputs: int, budget: Budget
) -> _Fitted:
    """The largest patch whose network fits the budget, cut along the axis that is longest beside the median image."""
    finest = [1 / s for s in spacing]
    edge = (LONGEST_EDGE**3 / math.prod(finest)) ** (1 / 3)
    patch: Sequence[float] = [min(round(f * edge), m) for f, m in zip(finest, median, strict=True)]
    levels = levels_of(spacing, patch)
    while True:
        network = _network(levels, in_channels, outputs, budget)
        cost = features_of(network, levels.patch)
        if cost <= budget.features:
            return _Fitted(levels.patch, network, cost)
        longest = int(np.argsort([p / m for p, m in zip(levels.patch, median, strict=True)])[-1])
        less = list(levels.patch)
        less[longest] -= levels.divisor[longest]
        step = levels_of(spacing, less).divisor[longest]  # else sizes between would be skipped
        smaller = list(levels.patch)
        smaller[longest] -= step
        levels = levels_of(spacing, smaller)


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a U-Net for a patch: kernels and strides of each, and the patch made divisible by ``divisor``."""

    kernels: tuple[Numbers, ...]
    strides: tuple[Numbers, ...]
    patch: Numbers
    divisor: Numbers


def levels_of(spacing: Sequence[float], patch: Sequence[float]) -> Levels:
    """How often each axis is halved, and where kernels become 3 wide.

    An axis is halved with those that are within twice the finest spacing, while it has ``2 × SHORTEST`` voxels (three
    times, where it is the only one); its kernel is 1 until its spacing is within twice the finest one.
    """
    step, size = list(spacing), [float(p) for p in patch]
    axes = range(len(step))
    kernel, halved = [1] * len(step), [0] * len(step)
    kernels: list[Numbers] = []
    strides: list[Numbers] = [(1,) * len(step)]
    while True:
        long = [a for a in axes if size[a] >= 2 * SHORTEST]
        fine = [a for a in long if step[a] / min(step[b] for b in long) < 2]
        if not fine or (len(fine) == 1 and size[fine[0]] < 3 * SHORTEST):
            break
        kernel = [3 if k == 3 or step[a] / min(step) < 2 else 1 for a, k in zip(axes, kernel, strict=True)]
        for a in fine:
            halved[a] += 1
            step[a] *= 2
            size[a] = math.ceil(size[a] / 2)
        strides.append(tuple(2 if a in fine else 1 for a in axes))
        kernels.append(tuple(kernel))
    kernels.append((3,) * len(step))
    divisor = tuple(2**n for n in halved)
    whole = tuple(int(math.ceil(p / d) * d) for p, d in zip(patch, divisor, strict=True))
    return Levels(tuple(kernels), tuple(strides), whole, divisor)


def features_of(plan: NetworkPlan, patch: Numbers) -> float:
    """Numbers in all feature maps that convolutions of a U-Net make of one patch; training needs them all."""
    sizes, now = [], [float(p) for p in patch]
    for stride in plan.strides:
        now = [n // s for n, s in zip(now, stride, strict=True)]
        sizes.append(math.prod(now))
    total = plan.channels[0] * sizes[0] if plan.residual else 0.0
    before = plan.channels[0] if plan.residual else 0
    for channels, blocks, stride, size in zip(plan.channels, plan.blocks, plan.strides, sizes, strict=True):
        shortcut = plan.residual and (channels != before or max(stride) > 1)
        maps = 2 * blocks + shortcut if plan.residual else blocks
        total += maps * channels * size
        before = channels
    for level, blocks in enumerate(plan.decoder_blocks):
        total += ((blocks + 1) * plan.channels[level] + (sum(plan.heads) if level == 0 else 0)) * sizes[level]
    return total


def _network(levels: Levels, in_channels: int, outputs: int, budget: Budget) -> NetworkPlan:
    count = len(levels.strides)
    blocks = (*budget.blocks, *(budget.blocks[-1],) * count)[:count]
    return NetworkPlan(
        in_channels,
        (outputs,),
        channels=tuple(min(MOST_CHANNELS, budget.channels * 2**n) for n in range(count)),
        blocks=blocks,
        decoder_blocks=(budget.decoder_blocks,) * (count - 1),
        kernels=levels.kernels,
        strides=levels.strides,
        dimension=len(levels.patch),
        residual=budget.residual,
        bias=True,
        deep_supervision=True,
    )


def _batch(cost: float, patch: Numbers, voxels: float, budget: Budget) -> int:
    """As many patches as the budget for two leaves room for, at most ``SHARE_OF_DATA`` of the data, at least two."""
    room, most = round(budget.features / cost * 2), round(voxels * SHARE_OF_DATA / math.prod(patch))
    return max(min(room, most), LEAST_BATCH)
