"""A known deformation is found again."""

import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from nodewise.anatomy.registration.flow import exponential
from nodewise.anatomy.registration.variational import Effort, demons_force, register
from nodewise.anatomy.registration.warp import folded_share
from nodewise.values.grid import Grid

SHAPE = (32, 28, 36)


def shapes():
    """Two structures, smooth at their edges as partial volumes are."""
    i, j, k = np.indices(SHAPE).astype(np.float32)
    ball = 1 / (1 + np.exp(2 * (np.sqrt((i - 13) ** 2 + (j - 14) ** 2 + (k - 16) ** 2) - 7)))
    tube = 1 / (1 + np.exp(2 * (np.hypot(i - 24, j - 10) - 3)))
    return np.stack([ball, tube]).astype(np.float32)


def bend(size):
    i, j, k = np.indices(SHAPE).astype(np.float32)
    hill = np.exp(-((i - 15) ** 2 + (j - 13) ** 2 + (k - 18) ** 2) / (2 * 7.0**2))
    return np.stack([size * hill, -0.6 * size * hill, 0.8 * size * hill]).astype(np.float32)


def by_itk(images, displacement):
    """The images at x + u, resampled by SimpleITK."""
    field = sitk.GetImageFromArray(np.ascontiguousarray(np.moveaxis(displacement, 0, -1).transpose(2, 1, 0, 3)), True)
    move = sitk.DisplacementFieldTransform(sitk.Cast(field, sitk.sitkVectorFloat64))
    out = []
    for image in images:
        source = sitk.GetImageFromArray(np.ascontiguousarray(image.T))
        out.append(sitk.GetArrayFromImage(sitk.Resample(source, move, sitk.sitkLinear, 0.0)).T)
    return np.stack(out).astype(np.float32)


def test_a_known_warp_is_recovered():
    velocity, moving = bend(3.0), shapes()
    true = exponential(torch.from_numpy(velocity)).numpy()
    fixed = by_itk(moving, true)
    flow = register(fixed, moving, Effort(levels=(100, 60, 30)))
    found = exponential(torch.from_numpy(flow.velocity)).numpy()
    warped = by_itk(moving, found)
    before, after = ((fixed - image) ** 2 for image in (moving, warped))
    assert after.mean() < 0.1 * before.mean()
    assert [a[-1] < a[0] for a in flow.values] == [True, True, True]
    # along an edge nothing tells how far it slid: what is seen is the part across it
    edge = (np.abs(np.linalg.norm(np.gradient(fixed[0]), axis=0)) > 0.1) & (np.linalg.norm(true, axis=0) > 1.5)
    normal = np.stack(np.gradient(fixed[0]))[:, edge]
    normal /= np.linalg.norm(normal, axis=0)
    missed = np.abs(((found - true)[:, edge] * normal).sum(axis=0))
    across = np.abs((true[:, edge] * normal).sum(axis=0))
    assert missed.mean() < 0.4
    assert across.mean() > 1.0
    assert folded_share(found, Grid.of(SHAPE, (1.0, 1.0, 1.0))) == 0.0


def test_what_is_alike_is_left_alone():
    flow = register(shapes(), shapes(), Effort(levels=(20, 20, 20)))
    assert np.abs(flow.velocity).max() < 1e-4
    assert len(flow.values[1]) == 10  # the line through ten equal values is flat


def test_the_force_never_pulls_farther_than_half_a_voxel():
    rng = np.random.default_rng(1)
    d, a, b = (torch.from_numpy(rng.normal(size=s).astype(np.float32)) for s in ((4, 6, 6, 6), *[(3, 4, 6, 6, 6)] * 2))
    assert float(torch.linalg.vector_norm(demons_force(d, a, b), dim=0).max()) <= 0.5 + 1e-6
    still = torch.zeros(1, 3, 3, 3)
    assert float(demons_force(still, torch.zeros(3, 1, 3, 3, 3), torch.zeros(3, 1, 3, 3, 3)).abs().max()) == 0.0


def test_a_lattice_of_odd_size_is_no_trouble():
    fixed = ndimage.shift(shapes()[:, :31, :27, :35], (0, 1, 0, 1), order=1).astype(np.float32)
    flow = register(fixed, shapes()[:, :31, :27, :35], Effort(levels=(30, 20, 10)))
    assert flow.velocity.shape == (3, 31, 27, 35)
    assert flow.values[2][-1] < 0.3 * ((fixed - shapes()[:, :31, :27, :35]) ** 2).mean()
