"""The few array operations that numpy and torch spell differently, so that one redraw runs on CPU and GPU alike."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import fft

Array: TypeAlias = Any
"""A numpy array, or a torch tensor on any device."""


def like(values: npt.NDArray[Any], image: Array) -> Array:
    """``values`` as what ``image`` is: itself, or a tensor on the same device."""
    if isinstance(image, np.ndarray):
        return values
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(image.device)


def host(array: Array) -> npt.NDArray[Any]:
    """``array`` in numpy, copied off its device where it must be."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.cpu())


def as_index(labels: Array) -> Array:
    """``labels`` in the type that indices are quickest in, for more than one look-up."""
    return labels.astype(np.intp) if isinstance(labels, np.ndarray) else labels.int()


def as_float(array: Array) -> Array:
    """``array`` as float32."""
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def look_up(table: npt.NDArray[Any], index: Array) -> Array:
    """``table[index]``, the index clipped."""
    if isinstance(index, np.ndarray):
        return np.take(table, index, mode="clip")
    return like(table, index)[index.int()]


def take(array: Array, index: npt.NDArray[np.intp], axis: int) -> Array:
    """The planes ``index`` of ``array`` along ``axis``."""
    if isinstance(array, np.ndarray):
        return array.take(index, axis)
    return array.index_select(axis, like(index, array))


def finer(array: Array, axis: int, first: float, step: float, n: int) -> Array:
    """Linear interpolation from planes ``first``, ``first + step`` … along ``axis`` to planes 0 to n - 1."""
    last = array.shape[axis] - 1
    t = np.clip((np.arange(n) - first) / step, 0, last)
    low = np.minimum(t.astype(np.intp), max(last - 1, 0))
    share = like((t - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)]), array)
    below = take(array, low, axis)
    return below + (take(array, np.minimum(low + 1, last), axis) - below) * share


def combined(matrix: npt.NDArray[np.float32], planes: Array) -> Array:
    """``matrix @ planes`` over the first axis; few of the matrix's entries are not 0."""
    if not isinstance(planes, np.ndarray):
        return (like(matrix, planes) @ planes.reshape(len(planes), -1)).reshape(len(matrix), *planes.shape[1:])
    out = np.empty((len(matrix), *planes.shape[1:]), np.float32)
    term = np.empty_like(out[0])
    for plane, row in zip(out, matrix, strict=True):
        some = np.flatnonzero(row)
        np.multiply(planes[some[0]], row[some[0]], out=plane)
        for i in some[1:]:
            np.add(plane, np.multiply(planes[i], row[i], out=term), out=plane)
    return out


def white(shape: tuple[int, ...], rng: np.random.Generator, image: Array) -> Array:
    """Normal deviates of unit variance, float32, drawn where ``image`` lies; ``rng`` seeds them."""
    if isinstance(image, np.ndarray):
        return rng.standard_normal(shape, dtype=np.float32)
    import torch

    source = torch.Generator(image.device).manual_seed(int(rng.integers(2**62)))
    return torch.randn(shape, generator=source, device=image.device)


def filtered(image: Array, response: npt.NDArray[np.float32], shape: tuple[int, int]) -> Array:
    """Planes (n, rows, columns) periodically filtered by a real, even response on ``rfft2``'s grid of ``shape``."""
    weight = like(response, image)
    if isinstance(image, np.ndarray):
        return fft.irfft2(fft.rfft2(image, overwrite_x=True) * weight, s=shape, overwrite_x=True)
    import torch

    return torch.fft.irfft2(torch.fft.rfft2(image) * weight, s=shape)


def frequencies(shape: tuple[int, int], spacing: tuple[float, float]) -> tuple[npt.NDArray[np.float32], ...]:
    """Cycles per mm along rows' and columns' direction, (rows, 1) and (1, columns // 2 + 1), as ``rfft2`` has them."""
    down, across = np.fft.fftfreq(shape[0], spacing[0])[:, None], np.fft.rfftfreq(shape[1], spacing[1])[None]
    return down.astype(np.float32), across.astype(np.float32)
