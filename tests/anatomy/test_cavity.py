"""The hull around two lungs drawn as balls."""

import numpy as np
import pytest

from nodewise.anatomy.cavity import chest_cavity
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((80, 40, 40), (2.0, 2.0, 2.0), (-79.0, -39.0, -39.0))
POINTS = GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))


def _balls(*centres, radius=30.0):
    mask = np.zeros(GRID.shape, bool, order="F")
    for centre in centres:
        mask |= np.linalg.norm(POINTS - centre, axis=-1) < radius
    return Volume(mask, GRID, Quantity.MASK)


def _inside(cavity, point):
    return bool(cavity.array[tuple(np.rint(cavity.grid.to_index(point)).astype(int))])


@pytest.fixture
def lungs():
    return _balls((-40, 0, 0), (40, 0, 0))


def test_between_and_in_the_lungs_is_inside_and_the_wall_is_not(lungs):
    cavity = chest_cavity(lungs, None)
    for point in [(0, 0, 0), (-40, 0, 0), (40, 20, 0), (0, -26, 0), (0, 0, 26)]:
        assert _inside(cavity, point), point
    for point in [(0, -36, 0), (0, 36, 0), (-76, 0, 0), (70, 25, 0), (0, 0, 36)]:
        assert not _inside(cavity, point), point


def test_the_hulls_volume_is_that_of_a_capsule(lungs):
    cavity = chest_cavity(lungs, None)
    drawn = 4 / 3 * np.pi * 30**3 + np.pi * 30**2 * 80
    assert cavity.array.sum() * cavity.grid.voxel_volume_mm3 == pytest.approx(drawn, rel=0.06)


def test_stations_outside_the_hull_are_inside_the_cavity(lungs):
    labels = np.zeros(GRID.shape, np.uint8, order="F")
    labels[35:45, 15:25, 36:] = Station.S1L.label
    cavity = chest_cavity(lungs, Volume(labels, GRID, Quantity.LABEL))
    assert _inside(cavity, (0, 0, 37))


def test_without_lungs_there_is_no_cavity():
    assert chest_cavity(_balls(), None) is None
