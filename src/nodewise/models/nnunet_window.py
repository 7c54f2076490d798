"""nnU-Net's sliding window: where its windows lie, what they weigh, and its mirroring.

After nnunetv2.inference (nnunetv2 2.8). Sums are kept in float32 instead of float16, and the networks of an ensemble
are averaged in each window: the same answer but for voxels where two labels come out alike.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from nodewise.models.nnunet_resample import Floats

if TYPE_CHECKING:
    from torch import Tensor, nn

    Predict = Callable[[Tensor], Tensor]

STEP = 0.5
SIGMA = 1 / 8
_PEAK = 10.0


def sliding_logits(
    predict: Predict,
    image: Floats,
    patch: Sequence[int],
    outputs: int,
    *,
    mirror_axes: Sequence[int] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Floats:
    """Logits (outputs, a, b, c) of an image (channels, a, b, c), averaged over windows and mirrorings.

    Args:
        predict: windows (1, channels, *patch) to logits (1, outputs, *patch), float32 on the CPU both.
        image: padded with 0 where it is smaller than the patch.
        patch: of three numbers, or of two for networks that see each slice of the first axis on its own.
        outputs: how many ``predict`` gives.
        mirror_axes: of the patch, every combination of them is mirrored, predicted and mirrored back.
        progress: called with the windows done and all of them.
    """
    import torch

    low, high = _padding(image.shape[1:], patch)
    voxels = torch.from_numpy(np.pad(image, [(0, 0), *zip(low, high, strict=True)]))
    size = tuple(voxels.shape[1:])
    weight = torch.from_numpy(window_weights(tuple(patch)))
    total, amount = torch.zeros((outputs, *size)), torch.zeros(size)
    windows = [*_windows(size, patch)]
    for done, window in enumerate(windows, start=1):
        answer = _mirrored(predict, voxels[(slice(None), *window)][None], mirror_axes)[0]
        total[(slice(None), *window)].addcmul_(answer, weight)
        amount[window] += weight
        progress(done, len(windows))
    total /= amount
    inner = tuple(slice(a, n - b) for a, b, n in zip(low, high, size, strict=True))
    return np.asarray(total.numpy()[(slice(None), *inner)])


def averaged(networks: Sequence[nn.Module], device: str) -> Predict:
    """The mean of the networks' logits; in half precision on CUDA and nowhere else, as nnU-Net has it."""
    import torch

    def predict(windows: Tensor) -> Tensor:
        precision = torch.autocast("cuda") if device.startswith("cuda") else contextlib.nullcontext()
        with torch.inference_mode(), precision:
            inputs = windows.contiguous().to(device)
            return torch.stack([network(inputs).float().cpu() for network in networks]).mean(dim=0)

    return predict


def window_weights(patch: tuple[int, ...]) -> Floats:
    """Of each voxel of a window: a Gaussian, 10 in the middle, in steps of float16 and nowhere 0."""
    from scipy.ndimage import gaussian_filter

    weight = np.zeros(patch)
    weight[tuple(n // 2 for n in patch)] = 1
    weight = gaussian_filter(weight, [n * SIGMA for n in patch], mode="constant")
    rounded = (weight / (weight.max() / _PEAK)).astype(np.float16).astype(np.float32)
    return np.asarray(np.maximum(rounded, rounded[rounded > 0].min()))


def window_starts(size: int, length: int) -> list[int]:
    """First voxels of the windows along one axis: at most half a window apart, evenly spread from end to end."""
    count = 1 + math.ceil((size - length) / (length * STEP))
    between = (size - length) / max(count - 1, 1)
    return [round(between * i) for i in range(count)]


def _windows(size: Sequence[int], patch: Sequence[int]) -> Iterator[tuple[slice | int, ...]]:
    slices = [range(n) for n in size[: len(size) - len(patch)]]
    along = [window_starts(n, p) for n, p in zip(size[-len(patch) :], patch, strict=True)]
    for first in itertools.product(*slices):
        for starts in itertools.product(*along):
            yield (*first, *(slice(a, a + p) for a, p in zip(starts, patch, strict=True)))


def _padding(size: Sequence[int], patch: Sequence[int]) -> tuple[list[int], list[int]]:
    wanted = [*size[: len(size) - len(patch)], *patch]
    missing = [max(0, w - n) for w, n in zip(wanted, size, strict=True)]
    return [m // 2 for m in missing], [m - m // 2 for m in missing]


def _mirrored(predict: Predict, window: Tensor, axes: Sequence[int]) -> Tensor:
    """The answer to a window, averaged over every combination of mirrored axes."""
    import torch

    chosen = [c for n in range(len(axes) + 1) for c in itertools.combinations([axis + 2 for axis in axes], n)]
    answers = (torch.flip(predict(torch.flip(window, flips)), flips) for flips in chosen)
    return reduce(torch.add, answers) / len(chosen)
