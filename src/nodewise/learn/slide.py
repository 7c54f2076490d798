"""A network over a volume larger than its patch: overlapping windows, averaged with Gaussian weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nodewise.learn.device import free_memory

Image = npt.NDArray[np.float32] | Tensor
Mask = npt.NDArray[np.bool_]
Predict = Callable[[Tensor], Tensor]
Span = tuple[int, int]

MOST_WINDOWS = 8
UNSEEN = torch.finfo(torch.float32).tiny
FEATURE_MAPS = 6  # of the finest level, float32, alive at once: its two skips, a decoder's input, output and workspace


def sliding_window(
    predict: Predict,
    image: Image,
    patch: Sequence[int],
    classes: int,
    *,
    overlap: float = 0.5,
    batch: int = 1,
    mask: Mask | None = None,
    sigmoid: bool = False,
) -> npt.NDArray[np.float32]:
    """What ``predict`` says of every voxel, averaged over the windows that hold it.

    Every window counts with a Gaussian of sigma patch / 8 around its middle (Isensee et al., Nature Methods 2021). A
    volume smaller than the patch is continued by its edge voxels.

    Args:
        predict: (batch, channels, *patch) on the CPU to (batch, classes, *patch) anywhere, see ``runtime``.
        image: (channels, x, y, z), float32.
        patch: window in voxels, (x, y, z).
        classes: how many ``predict`` gives.
        overlap: of neighbouring windows, 0 or more and below 1; they are spread evenly, so it may be larger.
        batch: windows at a time, see ``batch_on``.
        mask: (x, y, z), the voxels that are wanted. Windows are laid around them alone, and one that is the nearest
            window of none of them is skipped; what no window holds counts as 0.
        sigmoid: answers are logits, and the sigmoid of their mean is given.

    Returns:
        (classes, x, y, z), float32.

    Raises:
        ValueError: ``overlap`` is out of range, or shapes do not fit.
    """
    shape = tuple(int(n) for n in image.shape[1:])
    if not 0 <= overlap < 1 or len(patch) != 3 or len(shape) != 3 or (mask is not None and mask.shape != shape):
        raise ValueError("needs an image (channels, x, y, z), a patch of three, 0 <= overlap < 1, a mask (x, y, z)")
    missing = [max(0, p - n) for p, n in zip(patch, shape, strict=True)]
    around = [(m // 2, m - m // 2) for m in missing]
    voxels = torch.from_numpy(_continued(np.asarray(image, dtype=np.float32), around))
    windows = list(_windows(voxels.shape[1:], patch, overlap, None if mask is None else np.pad(mask, around)))
    weight = gaussian_weights(patch)
    total, amount = torch.zeros((classes, *voxels.shape[1:])), torch.zeros(voxels.shape[1:])
    for first in range(0, len(windows), batch):
        chosen = windows[first : first + batch]
        inputs = torch.stack([voxels[(slice(None), *w)] for w in chosen])
        for window, answer in zip(chosen, predict(inputs).float().cpu(), strict=True):
            total[(slice(None), *window)].addcmul_(answer, weight)
            amount[window] += weight
    total /= amount.clamp_min_(UNSEEN)
    if sigmoid:  # in place; no weight is as small as UNSEEN, so what no window holds becomes 0 and all else is kept
        total.sigmoid_().mul_(amount.sub_(UNSEEN).sign_())
    inner = tuple(slice(a, a + n) for (a, _), n in zip(around, shape, strict=True))
    return np.asarray(total.numpy()[(slice(None), *inner)])


def mirrored(predict: Predict, flips: Sequence[int]) -> Predict:
    """``predict`` averaged over every way to mirror its windows along the axes ``flips``, of 0, 1 and 2.

    Only where no class tells left from right.
    """
    if not flips:
        return predict
    ways = [[axis + 2 for axis in way] for n in range(len(flips) + 1) for way in itertools.combinations(flips, n)]
    return lambda x: torch.stack([predict(x.flip(way)).flip(way) for way in ways]).mean(dim=0)


def batch_on(device: str, network: nn.Module, patch: Sequence[int]) -> int:
    """How many windows of ``patch`` a network looks at together on ``device``, see ``batch_for``."""
    features = next(network.parameters()).shape[0]  # of the first layer
    return batch_for(patch, features, free_memory(device))


def batch_for(patch: Sequence[int], channels: int, free_bytes: int) -> int:
    """How many windows fit in half of the free memory at a time, 1 to ``MOST_WINDOWS``.

    Args:
        patch: window in voxels.
        channels: features at the network's finest level.
        free_bytes: of the device, see ``nodewise.learn.device.free_memory``.
    """
    window = FEATURE_MAPS * 4 * channels * math.prod(patch)
    return min(max(1, free_bytes // 2 // window), MOST_WINDOWS)


def gaussian_weights(patch: Sequence[int]) -> Tensor:
    """Weight of each voxel of a window, 1 in the middle; never so small that a lone window's answer is lost."""
    axes = [torch.exp(-0.5 * ((torch.arange(p) - (p - 1) / 2) / (p / 8)) ** 2) for p in patch]
    weight = torch.einsum("i,j,k->ijk", *axes)
    return (weight / weight.max()).clamp_min_(1e-6)


def _continued(image: npt.NDArray[np.float32], around: Sequence[Span]) -> npt.NDArray[np.float32]:
    return np.pad(image, [(0, 0), *around], mode="edge") if np.any(around) else image


def _windows(
    shape: Sequence[int], patch: Sequence[int], overlap: float, wanted: Mask | None
) -> Iterator[tuple[slice, ...]]:
    """Windows over the wanted voxels' box, without those that are nearest to none of them."""
    ends = [(0, n) for n in shape] if wanted is None else _ends(wanted)
    if not ends:
        return
    axes = [
        _along(size, length, overlap, low, high) for size, length, (low, high) in zip(shape, patch, ends, strict=True)
    ]
    for placed in itertools.product(*axes):
        core = tuple(slice(*span) for _, span in placed)
        if wanted is None or wanted[core].any():
            yield tuple(slice(start, start + length) for (start, _), length in zip(placed, patch, strict=True))


def _along(size: int, length: int, overlap: float, low: int, high: int) -> list[tuple[int, Span]]:
    """Windows on one axis that cover ``low`` to ``high``: where each starts, and the voxels it is the nearest to.

    They are spread evenly. What they cover too much lies on both sides, as far as the volume goes.
    """
    stride = length * (1 - overlap)
    count = 1 + max(0, math.ceil((high - low - length) / stride))
    slack = (length + (count - 1) * stride - (high - low)) / 2
    first, last = np.clip((low - slack, high - length + slack), 0, size - length).tolist()
    starts = sorted({round(i) for i in np.linspace(first, last, count).tolist()})
    middles = [(a + b + length) // 2 for a, b in itertools.pairwise(starts)]
    return list(zip(starts, zip([0, *middles], [*middles, size], strict=True), strict=True))


def _ends(wanted: Mask) -> list[Span]:
    """First true voxel and the one after the last, an axis; empty where there is none."""
    hits = [np.flatnonzero(wanted.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return [(int(hit[0]), int(hit[-1]) + 1) for hit in hits if hit.size]
