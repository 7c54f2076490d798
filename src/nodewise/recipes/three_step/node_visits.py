"""Visits of drawn patients to an imaginary scanner: patches of their nodes, new at every visit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nodewise.models.node_patch import NodePatchPreparation
from nodewise.recipes.three_step.node_bank import DrawnCase

if TYPE_CHECKING:
    from torch import Tensor

    from nodewise.phantom.scan.protocol import Protocol

TURN_DEG = 10.0
SHIFT_MM = 2.0
Floats = npt.NDArray[np.float32]


def scanned(case: DrawnCase, rng: np.random.Generator) -> Floats:
    """HU (n, z, y, x) of one visit: all nodes of the patient in the same phase and by the same protocol."""
    from nodewise.phantom.scan.scanner import Layers, redraw
    from nodewise.phantom.scan.tissue import draw_appearance

    look, protocol = draw_appearance(rng), _protocol(rng)
    cubes = zip(case.tissue, case.other, case.share, case.nodes, strict=True)
    return np.stack([redraw(Layers(*cube), (1.0, 1.0, 1.0), look, protocol, rng) for cube in cubes])


def _protocol(rng: np.random.Generator) -> Protocol:
    """A protocol for pieces of a body: what depends on the rest of it, attenuation and streaks, is left out."""
    from nodewise.phantom.scan.protocol import draw_protocol

    protocol = draw_protocol(rng)
    return replace(protocol, attenuation=0.0, streaks=0.0, noise_hu=min(protocol.noise_hu, 40.0))


def augmented(cubes: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Patches cut from cubes (n, 2, x, y, z) of HU and share of node, turned, flipped and shifted each in its own way.

    P1's augmentation: up to ``TURN_DEG`` about each axis, quarter turns about z, flips along all three, shifts. The
    mask is what a segmentation network might find: its border blurred, and moved in or out here and there.

    Returns:
        (n, 2, size, size, size), HU and mask of 0 and 1.
    """
    ways = np.stack([_way(rng) for _ in cubes])
    shifts = rng.uniform(-SHIFT_MM, SHIFT_MM, (len(cubes), 3))
    patches = _resampled(cubes, size, ways, shifts)
    patches[:, 1] = _found(patches[:, 1], rng)
    return patches


def plain(cubes: Tensor, size: int) -> Tensor:
    """The middle of cubes (n, 2, x, y, z) of HU and share of node, the mask as it is."""
    patches = _resampled(cubes, size, np.tile(np.eye(3), (len(cubes), 1, 1)), np.zeros((len(cubes), 3)))
    patches[:, 1] = _at_least_one(patches[:, 1], 0.5)
    return patches


def shown(patches: Tensor, preparation: NodePatchPreparation) -> Tensor:
    """Patches of HU and mask (n, 2, …) as the network sees them (n, channels, …)."""
    import torch

    hu, inside = patches.numpy().swapaxes(0, 1)
    return torch.from_numpy(preparation.shown(hu, inside))


def _way(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A rotation by less than ``TURN_DEG`` about each axis after quarter turns about z and flips (3, 3)."""
    from scipy.spatial.transform import Rotation

    small = Rotation.from_euler("xyz", rng.uniform(-TURN_DEG, TURN_DEG, 3), degrees=True)
    quarter = Rotation.from_euler("z", 90 * int(rng.integers(4)), degrees=True)
    return np.asarray((small * quarter).as_matrix() * rng.choice((-1.0, 1.0), 3))


def _resampled(cubes: Tensor, size: int, ways: npt.NDArray[np.float64], shifts: npt.NDArray[np.float64]) -> Tensor:
    """Linear; ``ways`` (n, 3, 3) turn the patch about the cube's middle, ``shifts`` (n, 3) in voxels."""
    import torch
    from torch.nn import functional

    cube = cubes.shape[-1]
    theta = np.concatenate([ways * size / cube, 2 * shifts[:, :, None] / cube], axis=2)
    theta[:, :, :3] = theta[:, ::-1, 2::-1]  # torch counts axes from the last
    theta[:, :, 3] = theta[:, ::-1, 3]
    grid = functional.affine_grid(
        torch.from_numpy(theta.astype(np.float32)), [len(cubes), 2, size, size, size], align_corners=False
    )
    return functional.grid_sample(cubes, grid, padding_mode="border", align_corners=False)


def _found(share: Tensor, rng: np.random.Generator) -> Tensor:
    """Masks (n, x, y, z) as a network might find them, from how much of each voxel is node."""
    import torch
    from torch.nn import functional

    n, size = share.shape[0], share.shape[-1]
    blurred = functional.avg_pool3d(share[:, None], 3, stride=1, padding=1)
    mixed = torch.lerp(share[:, None], blurred, float(rng.uniform(0.3, 1.0)))
    waves = torch.from_numpy(rng.normal(0, 0.12, (n, 1, 6, 6, 6)).astype(np.float32))
    uneven = functional.interpolate(waves, size=(size,) * 3, mode="trilinear", align_corners=False)
    level = torch.from_numpy(rng.uniform(0.3, 0.7, (n, 1, 1, 1)).astype(np.float32))
    peak = mixed.amax(dim=(2, 3, 4), keepdim=True)
    return _at_least_one((mixed / peak.clamp_min(1e-6) + uneven)[:, 0] * (mixed[:, 0] > 0), level)


def _at_least_one(share: Tensor, level: Tensor | float) -> Tensor:
    """1 where ``share`` reaches ``level``, or its own maximum where that is less."""
    import torch

    peak = share.amax(dim=(1, 2, 3), keepdim=True)
    return ((share > 0) & (share >= torch.minimum(peak, torch.as_tensor(level)))).to(share.dtype)
