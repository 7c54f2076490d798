"""A node's place, density and size."""

import numpy as np
import pytest

from nodewise.image.shape import measure
from nodewise.nodes.describe import describe
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume


def test_place_density_and_size_are_those_of_the_voxels_inside():
    grid = Grid.of((8, 7, 6), (0.5, 0.5, 2.0), (10.0, -20.0, 30.0))
    hu = np.full(grid.shape, -100.0, dtype=np.float32)
    mask = np.zeros((3, 2, 2), dtype=bool)
    mask[0, 0, 0] = mask[2, 1, 1] = True
    hu[2, 3, 1], hu[4, 4, 2] = 30.0, 51.0
    node = Node(1, Box((2, 3, 1), (5, 5, 3)), mask, 1.0)
    measured = describe(node, Study("a", Volume(hu, grid, Quantity.HU), Source(grid)))
    assert measured.mean_hu == pytest.approx(40.5)
    assert measured.centroid_lps_mm == pytest.approx((10 + 3 * 0.5, -20 + 3.5 * 0.5, 30 + 1.5 * 2))
    assert measured.size == measure(mask, grid.crop(node.box))
