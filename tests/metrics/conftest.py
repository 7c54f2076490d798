"""Cases drawn as text, and random ones on grids of any spacing."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage


def _drawn(text):
    """A label map of one slice: a digit a voxel, a dot for background."""
    rows = [[0 if c == "." else int(c) for c in line.strip()] for line in text.strip().splitlines()]
    return np.array(rows, dtype=np.uint16)[:, :, None]


def _blobs(seed, shape=(18, 15, 12), share=0.12):
    """Smooth random truth and a prediction that half agrees with it, away from the border, on an anisotropic grid."""
    rng = np.random.default_rng(seed)
    noise = [ndimage.gaussian_filter(rng.normal(size=shape), 1.2) for _ in range(2)]
    mixed = noise[0] + 0.8 * noise[1]
    inside = np.zeros(shape, bool)
    inside[2:-2, 2:-2, 2:-2] = True
    truth = (noise[0] > np.quantile(noise[0], 1 - share)) & inside
    logit = np.where(inside, (mixed - np.quantile(mixed, 1 - share)) * 20, -9).astype(np.float32)
    x, y, z = (n // 2 for n in shape)
    truth[x, y, z], logit[x + 1, y, z] = True, 1.5  # neither is ever empty: other programs have no answer there
    spacing = tuple(float(s) for s in rng.uniform(0.4, 3.0, 3))
    return SimpleNamespace(truth=truth, prediction=logit > 0, logit=logit, spacing=spacing)


@pytest.fixture(scope="session")
def drawn():
    return _drawn


@pytest.fixture(scope="session")
def blobs():
    return _blobs
