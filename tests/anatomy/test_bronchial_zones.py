"""Zones along a bronchial tree drawn by hand: one lobar bronchus a side, which divides into two segmental ones."""

import numpy as np
import pytest

from nodewise.anatomy.bronchial_zones import bronchi
from nodewise.anatomy.organ_masks import Organs
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

NUMBERS = {
    "trachea": 1,
    "main_bronchus_right": 2,
    "main_bronchus_left": 3,
    "bronchus_intermedius": 4,
    "lobar_bronchi": 5,
}
FORK, STEM = 20.0, 17.0  # the main bronchi end 20 mm aside, the lobar bronchi divide 17 mm farther


def _tube(p, a, b, radius):
    a, b = np.asarray(a, float), np.asarray(b, float)
    t = np.clip(((p - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(p - a - t[..., None] * (b - a), axis=-1) < radius


@pytest.fixture(scope="module")
def tree():
    grid = Grid.of((130, 60, 60), (1.5, 1.5, 1.5), (-97.0, -45.0, -50.0))
    p = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    labels = np.zeros(grid.shape, np.uint8)
    for side in (-1, 1):
        fork = (side * (FORK + STEM), 0, 0)
        for up in (-1, 1):
            labels[_tube(p, fork, (side * (FORK + STEM + 24), 0, 24 * up), 3.0)] = 5
        labels[_tube(p, (side * FORK, 0, 0), fork, 4.5)] = 5
    labels[_tube(p, (-FORK, 0, 0), (-FORK - 2, 0, -30), 5.0)] = 4
    for side, number in ((-1, 2), (1, 3)):
        labels[_tube(p, (0, 0, 0), (side * FORK, 0, 0), 5.0)] = number
    labels[_tube(p, (0, 0, 0), (0, 0, 38), 7.0)] = 1
    return bronchi(Organs(Volume(labels, grid, Quantity.LABEL), NUMBERS))


def _zone(tree, at):
    distance = np.linalg.norm(tree.points - at, axis=1)
    assert distance.min() < 4.0
    return tree.zone[distance.argmin()], bool(tree.on_left[distance.argmin()])


@pytest.mark.parametrize("side", [-1, 1])
def test_zones_follow_the_tree(tree, side):
    left = side > 0
    assert _zone(tree, (side * 11, 0, 0)) == (10, left)
    assert _zone(tree, (side * (FORK + 12), 0, 0)) == (12, left)
    for up in (-1, 1):
        way = np.array([side, 0, up]) / np.sqrt(2)
        assert _zone(tree, np.array([side * (FORK + STEM), 0, 0]) + 11 * way) == (13, left)
        assert _zone(tree, np.array([side * (FORK + STEM), 0, 0]) + 28 * way) == (14, left)


def test_between_the_lobes_lies_11(tree):
    assert _zone(tree, (-FORK - 1, 0, -18)) == (11, False)  # about the bronchus intermedius
    assert _zone(tree, (FORK + 3, 0, 0)) == (11, True)  # where the left main bronchus ends


def test_main_bronchi_are_told_from_the_rest(tree):
    reach = np.abs(tree.points[:, 0])
    assert (reach[tree.main] < FORK + 6).all()
    assert not tree.main[reach > FORK + 8].any()


def test_every_side_lies_on_its_side(tree):
    assert (np.sign(tree.points[:, 0]) == np.where(tree.on_left, 1, -1))[np.abs(tree.points[:, 0]) > 8].all()
    assert set(tree.zone.tolist()) == {10, 11, 12, 13, 14}


def test_without_main_bronchi_there_are_no_zones():
    grid = Grid.of((4, 4, 4), (1.5, 1.5, 1.5))
    assert bronchi(Organs(Volume(np.ones((4, 4, 4), np.uint8), grid, Quantity.LABEL), {"trachea": 1})) is None
