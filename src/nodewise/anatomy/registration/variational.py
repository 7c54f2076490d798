"""Diffeomorphic registration of images of several channels: demons force, diffusive regulariser, three levels.

After Werner, Schmidt-Richberg, Handels and Ehrhardt, Phys Med Biol 59:4247 (2014), whose ITK module P3 used: the
velocity v becomes (1 − τ α Δ)⁻¹ (v + τ f) with the demons force f of the images' squared difference, and the map is
exp(v). ``docs/decisions/0010-own-variational-registration.md`` says why it is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.anatomy.registration.flow import diffused, exponential, sampled, slopes
from nodewise.anatomy.registration.stop import at_rest
from nodewise.anatomy.registration.structures import Channels

if TYPE_CHECKING:
    from torch import Size, Tensor


@dataclass(frozen=True, slots=True)
class Effort:
    """How a registration is done; the numbers are P3's, lengths in voxels of each level.

    Attributes:
        alpha: weight of the diffusive regulariser. step: τ.
        levels: iterations at most on each, the coarsest first; each level halves the voxels of the one before.
        slope: of the stop rule on all levels but the first.
    """

    alpha: float = 0.5
    step: float = 0.5
    levels: tuple[int, ...] = (800, 800, 800)
    slope: float = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A velocity in voxels, and how it was reached: mean squared difference by iteration, one tuple a level."""

    velocity: Channels
    values: tuple[tuple[float, ...], ...]


def register(
    fixed: Channels, moving: Channels, effort: Effort = Effort(), seen: npt.NDArray[np.bool_] | None = None
) -> Flow:
    """The velocity v for which ``moving`` at exp(v)(x) looks as ``fixed`` at x.

    Args:
        fixed: (channels, nx, ny, nz) float32 on one lattice, 0 to 1.
        moving: likewise.
        effort: how long, how smooth.
        seen: (nx, ny, nz), where ``fixed`` is known; elsewhere nothing pulls. Everywhere where None.
    """
    import torch

    target, source = torch.from_numpy(np.ascontiguousarray(fixed)), torch.from_numpy(np.ascontiguousarray(moving))
    known = torch.ones(1, *target.shape[1:]) if seen is None else torch.from_numpy(seen[None].astype(np.float32))
    velocity, values = torch.zeros(3, *([1] * 3)), []
    with torch.inference_mode():
        for number, most in enumerate(effort.levels):
            factor = 2 ** (len(effort.levels) - 1 - number)
            a, b, c = (_coarser(images, factor) for images in (target, source, known))
            velocity = _enlarged(velocity, a.shape[1:])
            velocity, told = _level(a, b, c, velocity, most, None if number == 0 else effort.slope, effort)
            values.append(tuple(told))
    return Flow(velocity.numpy(), tuple(values))


def _level(
    fixed: Tensor, moving: Tensor, known: Tensor, velocity: Tensor, most: int, slope: float | None, effort: Effort
) -> tuple[Tensor, list[float]]:
    of_fixed, values, best = slopes(fixed), [], velocity
    for _ in range(most):
        warped = sampled(moving, exponential(velocity))
        difference = (fixed - warped) * known
        values.append(float(difference.square().mean()))
        if values[-1] == min(values):
            best = velocity
        if at_rest(values, slope):
            break
        force = demons_force(difference, of_fixed, slopes(warped))
        velocity = diffused(velocity + effort.step * force, effort.alpha * effort.step)
    return best, values


def demons_force(difference: Tensor, of_fixed: Tensor, of_warped: Tensor) -> Tensor:
    """Σ d g / (Σ |g|² + Σ d²) over the channels, g the mean of both slopes; never longer than half a voxel."""
    import torch

    slope = 0.5 * (of_fixed + of_warped)
    pull = (slope * difference).sum(dim=1)
    size = slope.square().sum(dim=(0, 1)) + difference.square().sum(dim=0)
    return torch.where(size > 1e-9, pull / size.clamp_min(1e-9), torch.zeros(()))


def _coarser(images: Tensor, factor: int) -> Tensor:
    """Means of cubes of ``factor`` voxels; what is left over at the end is averaged with what there is."""
    from torch.nn import functional

    if factor == 1:
        return images
    return functional.avg_pool3d(images[None], factor, ceil_mode=True, count_include_pad=False)[0]


def _enlarged(velocity: Tensor, shape: Size) -> Tensor:
    """The velocity of the level before, in voxels half as large."""
    from torch.nn import functional

    if velocity.shape[1:] == shape or velocity.numel() == 3:
        return velocity.expand(3, *shape).contiguous()
    doubled = functional.interpolate(velocity[None], scale_factor=2, mode="trilinear", align_corners=False)[0] * 2
    return doubled[:, : shape[0], : shape[1], : shape[2]].contiguous()
