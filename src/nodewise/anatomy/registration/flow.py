"""Velocities and the diffeomorphisms they generate; all in voxels of one lattice, (3, nx, ny, nz) float32."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import fft

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_STEP = 0.5  # voxels: below it x + v is a good start for the exponential, and never folds a smooth v


def exponential(velocity: Tensor) -> Tensor:
    """The displacement u, with x + u = exp(v), by scaling and squaring (Arsigny et al., MICCAI 2006).

    The inverse map is the exponential of −v.
    """
    import torch

    longest = float(torch.linalg.vector_norm(velocity, dim=0).max())
    halvings = max(0, math.ceil(math.log2(longest / LARGEST_STEP))) if longest > 0 else 0
    moved: Tensor = velocity / float(2**halvings)
    for _ in range(halvings):
        moved = moved + sampled(moved, moved)
    return moved


def sampled(images: Tensor, displacement: Tensor) -> Tensor:
    """Images (channels, nx, ny, nz) at x + ``displacement``, linear; beyond the lattice its edge is repeated."""
    import torch
    from torch.nn import functional

    shape = displacement.shape[1:]
    axes = [torch.arange(n, dtype=displacement.dtype) for n in shape]
    # torch wants the last axis first, and −1 to 1 from the first voxel to the last
    parts = [
        (displacement[a] + axes[a].reshape([-1 if b == a else 1 for b in range(3)])) * (2 / max(shape[a] - 1, 1)) - 1
        for a in (2, 1, 0)
    ]
    where = torch.stack(parts, dim=-1)
    halves = torch.tensor_split(where, torch.get_num_threads(), dim=0)  # torch shares batches out, not voxels
    if len(halves) > 1 and shape[0] % len(halves) == 0:
        batch = images[None].expand(len(halves), *images.shape)
        found = functional.grid_sample(batch, torch.stack(halves), padding_mode="border", align_corners=True)
        return found.transpose(0, 1).reshape(images.shape[0], *shape)
    return functional.grid_sample(images[None], where[None], padding_mode="border", align_corners=True)[0]


def diffused(velocity: Tensor, weight: float) -> Tensor:
    """The solution w of (1 − ``weight`` Δ) w = v with no flow across the edges, exactly, by cosine transforms.

    ``weight`` is α τ of Werner et al. (Phys Med Biol 59:4247, 2014), in voxels².
    """
    import torch

    axes = (1, 2, 3)
    spectrum = fft.dctn(velocity.numpy(), axes=axes, workers=torch.get_num_threads(), overwrite_x=False)
    spectrum /= 1 + weight * _laplacian(velocity.shape[1:])
    return torch.from_numpy(fft.idctn(spectrum, axes=axes, workers=torch.get_num_threads(), overwrite_x=True))


def _laplacian(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Eigenvalues of −Δ (the seven-point stencil) for the cosines of a lattice."""
    total = np.zeros(shape, np.float32)
    for axis, n in enumerate(shape):
        values = 2 - 2 * np.cos(np.pi * np.arange(n) / n)
        total += values.reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
    return total


def slopes(images: Tensor) -> Tensor:
    """Central differences (3, channels, nx, ny, nz) a voxel, one-sided at the edges; 0 along an axis of one voxel."""
    import torch

    return torch.stack(
        [
            torch.gradient(images, dim=axis)[0] if images.shape[axis] > 1 else torch.zeros_like(images)
            for axis in (1, 2, 3)
        ]
    )
