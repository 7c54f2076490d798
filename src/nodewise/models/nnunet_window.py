"""nnU-Net's sliding window: where its windows lie, what they weigh, and its mirroring.

After nnunetv2.inference (nnunetv2 2.8). Two things are finer than there, with the same answer but for voxels where
two labels come out alike: sums are kept in float32 instead of float16, and the networks of an ensemble are averaged
in each window.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nodewise.models.nnunet_resample import Floats

if TYPE_CHECKING:
    from torch import Tensor, nn

STEP = 0.5
SIGMA = 1 / 8
_PEAK = 10.0


def sliding_logits(
    networks: Sequence[nn.Module],
    image: Floats,
    patch: Sequence[int],
    outputs: int,
    *,
    mirror_axes: Sequence[int] = (),
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Floats:
    """Logits (outputs, a, b, c) of an image (channels, a, b, c), averaged over windows, mirrorings and networks.

    Args:
        networks: (1, channels, *patch) to (1, outputs, *patch), in evaluation mode on ``device``.
        image: padded with 0 where it is smaller than the patch.
        patch: of three numbers, or of two for networks that see each slice of the first axis on its own.
        outputs: how many the networks give.
        mirror_axes: of the patch, every combination of them is mirrored, predicted and mirrored back.
        device: where the networks are; sums are kept on the CPU.
        progress: called with the windows done and all of them.
    """
    import torch

    low, high = _padding(image.shape[1:], patch)
    voxels = torch.from_numpy(np.pad(image, [(0, 0), *zip(low, high, strict=True)]))
    size = tuple(voxels.shape[1:])
    weight = torch.from_numpy(window_weights(tuple(patch)))
    total, amount = torch.zeros((outputs, *size)), torch.zeros(size)
    windows = [*_windows(size, patch)]
    with torch.inference_mode(), _precision(device):
        for done, window in enumerate(windows, start=1):
            inputs = voxels[(slice(None), *window)][None].contiguous().to(device)
            for network in networks:
                answer = _mirrored(network, inputs, mirror_axes)[0].float().cpu()
                total[(slice(None), *window)].addcmul_(answer, weight, value=1 / len(networks))
            amount[window] += weight
            progress(done, len(windows))
    total /= amount
    inner = tuple(slice(a, n - b) for a, b, n in zip(low, high, size, strict=True))
    return np.asarray(total.numpy()[(slice(None), *inner)])


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


def _mirrored(network: nn.Module, inputs: Tensor, axes: Sequence[int]) -> Tensor:
    """The network's answer, averaged over every combination of mirrored axes."""
    import torch

    chosen = [c for n in range(len(axes) + 1) for c in itertools.combinations([axis + 2 for axis in axes], n)]
    answers = (torch.flip(network(torch.flip(inputs, flips)), flips) if flips else network(inputs) for flips in chosen)
    total: Tensor = next(answers).clone()
    for answer in answers:
        total += answer
    return total / len(chosen)


def _precision(device: str) -> contextlib.AbstractContextManager[object]:
    """Half precision on CUDA and nowhere else, as nnU-Net has it."""
    import torch

    return torch.autocast("cuda") if device.startswith("cuda") else contextlib.nullcontext()
