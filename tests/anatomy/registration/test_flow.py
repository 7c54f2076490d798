"""Exponential, diffusion and sampling, each against something known."""

import numpy as np
import pytest
import torch
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from nodewise.anatomy.registration.flow import diffused, exponential, sampled
from nodewise.anatomy.registration.stop import at_rest


def test_the_exponential_of_a_linear_velocity_is_known():
    """v = a x has exp(v)(x) = eᵃ x."""
    n, a = 21, 0.3
    axis = torch.arange(n, dtype=torch.float32) - 10
    velocity = torch.zeros(3, n, 5, 5)
    velocity[0] = a * axis[:, None, None]
    moved = exponential(velocity)[0, :, 2, 2].numpy()
    inner = slice(4, 17)  # what leaves the lattice is held at its edge
    np.testing.assert_allclose(moved[inner], (np.exp(a) - 1) * axis.numpy()[inner], atol=0.06)


def test_a_velocity_and_its_opposite_undo_each_other():
    rng = np.random.default_rng(0)
    v = np.stack([ndimage.gaussian_filter(rng.normal(size=(16, 18, 20)), 3.0) for _ in range(3)])
    velocity = torch.from_numpy((2 * v / np.abs(v).max()).astype(np.float32))
    there, back = exponential(velocity), exponential(-velocity)
    around = there + sampled(back, there)
    assert float(there.abs().max()) > 1.0
    assert float(around[:, 4:-4, 4:-4, 4:-4].abs().max()) < 0.1


def test_diffusion_solves_its_equation():
    shape, weight = (5, 4, 6), 0.7
    v = np.random.default_rng(2).normal(size=(3, *shape)).astype(np.float32)

    def second(n):
        lap = sparse.diags([np.ones(n - 1), -2 * np.ones(n), np.ones(n - 1)], [-1, 0, 1]).tolil()
        lap[0, 0] = lap[-1, -1] = -1  # no flow across the edge
        return lap.tocsr()

    eye = [sparse.identity(n) for n in shape]
    parts = [sparse.kron(sparse.kron(second(shape[0]), eye[1]), eye[2])]
    parts.append(sparse.kron(sparse.kron(eye[0], second(shape[1])), eye[2]))
    parts.append(sparse.kron(sparse.kron(eye[0], eye[1]), second(shape[2])))
    matrix = (sparse.identity(v[0].size) - weight * sum(parts)).tocsc()
    want = np.stack([spsolve(matrix, part.ravel()).reshape(shape) for part in v])
    np.testing.assert_allclose(diffused(torch.from_numpy(v), weight).numpy(), want, atol=1e-5)


@pytest.mark.parametrize("nx", [8, 9])
def test_sampling_is_linear_interpolation(nx):
    rng = np.random.default_rng(3)
    image, u = rng.normal(size=(2, nx, 7, 6)).astype(np.float32), rng.normal(size=(3, nx, 7, 6)).astype(np.float32)
    where = u + np.indices((nx, 7, 6))
    want = np.stack([ndimage.map_coordinates(part, where, order=1, mode="nearest") for part in image])
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        got = sampled(torch.from_numpy(image), torch.from_numpy(u)).numpy()
        np.testing.assert_allclose(got, want, atol=2e-5)
    torch.set_num_threads(before)


def test_the_stop_rule():
    falling = [1.0 - 0.01 * n for n in range(40)]
    assert not at_rest(falling, 1e-8)
    saw = [n % 2 * 0.5 - 0.1 * n for n in range(20)]  # ten rises among falls
    assert at_rest(saw, None)
    assert not at_rest(saw[:18], None)
    flat = [1.0] * 12
    assert at_rest(flat, 1e-8)
    assert not at_rest(flat, None)
    assert not at_rest(flat[:9], 1e-8)
