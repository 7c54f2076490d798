"""Random changes to a training patch of the node network: place, size and density."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from nodewise.learn.loss import IGNORE
from nodewise.recipes.examples import Example

LARGEST_TURN = np.deg2rad(12.0)
SCALE = (0.85, 1.2)


def disturbed(example: Example, rng: np.random.Generator, *, mirrored: bool) -> Example:
    """Turned by up to 12° about every axis, scaled by 0.85 to 1.2 and, where ``mirrored``, half of them flipped in x.

    Voxels that come from outside the patch repeat its edge and are ignored.
    """
    shape = example.hu.shape
    matrix = _turn(rng) * float(np.exp(rng.uniform(*np.log(SCALE))))
    if mirrored and rng.random() < 0.5:
        matrix[:, 0] *= -1
    half = np.asarray(shape) / 2.0
    unit = matrix * half[None, :] / half[:, None]  # grid_sample measures each axis from −1 to 1
    theta = torch.zeros((1, 3, 4))
    theta[0, :, :3] = torch.from_numpy(unit[::-1, ::-1].copy())  # and names the last axis first
    grid = functional.affine_grid(theta, [1, 1, *shape], align_corners=False)
    hu = torch.from_numpy(np.ascontiguousarray(example.hu))[None, None]
    moved = functional.grid_sample(hu, grid, padding_mode="border", align_corners=False)
    outside = (grid.abs() > 1).any(dim=-1)[0].numpy()
    labels = torch.from_numpy(np.stack([example.node, example.tissue, example.sure]).astype(np.float32))[None]
    node, tissue, sure = (
        functional.grid_sample(labels, grid, mode="nearest", padding_mode="border", align_corners=False)[0]
        .to(torch.uint8)
        .numpy()
    )
    node[outside], tissue[outside] = IGNORE, IGNORE
    return Example(moved[0, 0].numpy(), node, tissue, sure)


def redensified(hu: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Densities of a real scan changed a little: contrast medium stronger or weaker, all of it shifted and scaled."""
    out = hu * np.float32(rng.uniform(0.94, 1.06)) + np.float32(rng.uniform(-12, 12))
    if rng.random() < 0.5:
        knee = np.float32(rng.uniform(85, 120))  # above nodes and muscle: contrast medium and bone
        above = out > knee
        out[above] = knee + (out[above] - knee) * np.float32(np.exp(rng.uniform(np.log(0.4), np.log(1.6))))
    if rng.random() < 0.4:
        out += np.float32(rng.uniform(2, 15)) * rng.standard_normal(out.shape, dtype=np.float32)
    return out


def _turn(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A rotation about x, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(rng.uniform(-LARGEST_TURN, LARGEST_TURN, 3)):
        a, b = [i for i in range(3) if i != axis]
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix
