"""A network over a volume larger than its patch: overlapping windows, averaged with Gaussian weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Image = npt.NDArray[np.float32] | Tensor


def sliding_window(
    predict: Callable[[Tensor], Tensor],
    image: Image,
    patch: Sequence[int],
    classes: int,
    *,
    overlap: float = 0.5,
    batch: int = 1,
    mask: npt.NDArray[np.bool_] | None = None,
    device: torch.device | str = "cpu",
) -> npt.NDArray[np.float32]:
    """What ``predict`` says of every voxel, averaged over the windows that hold it.

    Every window counts with a Gaussian of sigma patch / 8 around its middle (Isensee et al., Nature Methods 2021). A
    volume smaller than the patch is continued by its edge voxels.

    Args:
        predict: (batch, channels, *patch) to (batch, classes, *patch), on ``device``.
        image: (channels, x, y, z), float32.
        patch: window in voxels, (x, y, z).
        classes: how many ``predict`` gives.
        overlap: of neighbouring windows, 0 or more and below 1; they are spread evenly, so it may be larger.
        batch: windows at a time.
        mask: (x, y, z), windows without a true voxel are skipped and count as 0.
        device: where ``predict`` runs; sums are kept on the CPU.

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
    voxels = torch.from_numpy(np.pad(np.asarray(image, dtype=np.float32), [(0, 0), *around], mode="edge"))
    wanted = None if mask is None else np.pad(mask, around)
    windows = [w for w in _windows(voxels.shape[1:], patch, overlap) if wanted is None or wanted[w].any()]
    weight = gaussian_weights(patch)
    total, amount = torch.zeros((classes, *voxels.shape[1:])), torch.zeros(voxels.shape[1:])
    for first in range(0, len(windows), batch):
        chosen = windows[first : first + batch]
        inputs = torch.stack([voxels[(slice(None), *w)] for w in chosen])
        for window, answer in zip(chosen, predict(inputs.to(device)).float().cpu(), strict=True):
            total[(slice(None), *window)].addcmul_(answer, weight)
            amount[window] += weight
    total /= amount.clamp_min_(torch.finfo(torch.float32).tiny)
    inner = tuple(slice(a, a + n) for (a, _), n in zip(around, shape, strict=True))
    return np.asarray(total.numpy()[(slice(None), *inner)])


def gaussian_weights(patch: Sequence[int]) -> Tensor:
    """Weight of each voxel of a window, 1 in the middle; never so small that a lone window's answer is lost."""
    axes = [torch.exp(-0.5 * ((torch.arange(p) - (p - 1) / 2) / (p / 8)) ** 2) for p in patch]
    weight = torch.einsum("i,j,k->ijk", *axes)
    return (weight / weight.max()).clamp_min_(1e-6)


def _windows(shape: Sequence[int], patch: Sequence[int], overlap: float) -> Iterator[tuple[slice, ...]]:
    """Windows that cover ``shape`` evenly, the first at 0 and the last at the end of every axis."""
    starts = []
    for size, length in zip(shape, patch, strict=True):
        count = 1 + math.ceil((size - length) / (length * (1 - overlap)))
        starts.append(sorted({round(i) for i in np.linspace(0, size - length, count).tolist()}))
    for start in itertools.product(*starts):
        yield tuple(slice(a, a + p) for a, p in zip(start, patch, strict=True))
