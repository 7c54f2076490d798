"""A chest drawn from formulas, with every landmark in a known place."""

from collections.abc import Callable

import numpy as np
import pytest

from nodewise.values.grid import Grid
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

CARINA = np.array([2.0, 0.0, 0.0])
ARCH_TOP_MM = 40.0
# the bronchi leave from here; with these slopes and radii their lumens part 9 mm lower, at x = 2
APEX = np.array([0.0, 0.0, 9.0])
RIGHT = (np.array([-0.6, 0.0, -0.8]), 7.0, 55.0)
LEFT = (np.array([0.8, 0.0, -0.6]), 6.0, 60.0)


def _tube(p, start, direction, length):
    """Distance from the axis of a straight tube; infinite beyond its ends."""
    along = (p - start) @ direction
    across = np.linalg.norm(p - start - along[..., None] * direction, axis=-1)
    return np.where((along >= 0) & (along <= length), across, np.inf)


def _aorta(p):
    """Inside the aorta, radius 12: straight down beside the spine, an arch, and up from the heart."""
    inside = (p[..., 2] < 10) & (np.hypot(p[..., 0] - 25, p[..., 1] - 42) < 12)
    near = (np.abs(p - (12, 6, 20)) < (30, 55, 25)).all(axis=-1)
    q, hit = p[near], np.zeros(near.sum(), bool)
    for t in np.linspace(0, np.pi, 30):
        s = (1 - np.cos(t)) / 2
        centre = (25 * (1 - s), 42 - 72 * s, 10 + (ARCH_TOP_MM - 22) * np.sin(t))
        hit |= ((q - centre) ** 2).sum(axis=-1) < 144
    inside[near] |= hit
    return inside


def _hu(p, right_lung):
    """HU of points (…, 3) in LPS mm."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    hu = np.full(p.shape[:-1], -1000.0)
    hu[np.hypot(x / 165, (y - 10) / 115) < 1] = 50.0
    inside = np.hypot(x / 125, (y - 5) / 90) < 1
    hu[inside & (np.abs(z - 5) < 135)] = -90.0
    lung_right = ((x + 72) / 58) ** 2 + ((y - 5) / 80) ** 2 + ((z + 10) / 110) ** 2 < 1
    lung_left = ((x - 76) / 54) ** 2 + ((y - 5) / 80) ** 2 + ((z + 5) / 105) ** 2 < 1
    hu[lung_right] = -850.0 if right_lung else 30.0
    hu[lung_left] = -850.0
    hu[((x - 15) / 45) ** 2 + ((y + 35) / 35) ** 2 + ((z + 65) / 40) ** 2 < 1] = 45.0
    hu[_aorta(p)] = 45.0
    hu[np.hypot(x, y - 52) < 16] = 250.0
    ring = np.hypot(x, y - 75)
    hu[ring < 17] = 400.0
    hu[ring < 8] = 30.0
    trachea = np.where((z >= 9) & (z <= 130), np.hypot(x, y), np.inf)
    tubes = [(trachea, 9.0)] + [(_tube(p, APEX, d, length), r) for d, r, length in (RIGHT, LEFT)]
    for distance, radius in tubes:
        hu[(distance < radius + 2) & (hu < 0)] = 40.0
    for distance, radius in tubes:
        hu[distance < radius] = -1000.0
    return hu


@pytest.fixture(scope="session")
def draw() -> Callable[..., Study]:
    """draw(shift, spacing, rotation_deg, z, mirrored, noise, right_lung) → a study of the drawn chest."""

    def make(
        shift=(0.0, 0.0, 0.0),
        spacing=(2.5, 2.5, 2.5),
        rotation_deg=0.0,
        z=(-128.0, 125.0),
        mirrored=False,
        noise=0.0,
        right_lung=True,
    ):
        extent = np.array([350.0, 250.0, z[1] - z[0]])
        shape = tuple(np.rint(extent / spacing).astype(int).tolist())
        a = np.deg2rad(rotation_deg)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        centre = np.array([0.0, 10.0, (z[0] + z[1]) / 2])
        origin = centre - turn @ (np.array(spacing) * (np.array(shape) - 1) / 2)
        grid = Grid.of(shape, spacing, tuple(origin), turn)
        points = grid.to_lps(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1))
        if mirrored:
            points = points * (-1, 1, 1)
        hu = _hu(points, right_lung)
        if noise:
            hu += np.random.default_rng(7).normal(0, noise, hu.shape)
        moved = Grid.of(shape, spacing, tuple(origin + shift), turn)
        ct = Volume(np.asfortranarray(hu, dtype=np.float32), moved, Quantity.HU)
        return Study("drawn", ct, Source(moved))

    return make
