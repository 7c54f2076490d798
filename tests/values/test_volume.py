"""Volumes: array, grid and meaning held together."""

import numpy as np
import pytest

from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

GRID = Grid.of((3, 4, 5), (1, 2, 3), origin=(10, 20, 30))
RIGHT_KIND = {
    Quantity.MASK: np.bool_,
    Quantity.LABEL: np.uint8,
    Quantity.HU: np.float32,
    Quantity.SUV: np.float32,
    Quantity.PROBABILITY: np.float32,
    Quantity.LOGIT: np.float32,
    Quantity.MILLIMETRE: np.float32,
}


def test_every_quantity_is_tried() -> None:
    assert set(RIGHT_KIND) == set(Quantity)


@pytest.mark.parametrize("quantity", Quantity)
def test_the_type_must_fit_the_quantity(quantity: Quantity) -> None:
    assert Volume(np.zeros(GRID.shape, RIGHT_KIND[quantity]), GRID, quantity).quantity is quantity
    for wrong in {np.bool_, np.uint8, np.float32, np.float64} - {RIGHT_KIND[quantity]}:
        with pytest.raises(ValueError, match="is not kept as"):
            Volume(np.zeros(GRID.shape, wrong), GRID, quantity)


def test_the_shape_must_fit_the_grid() -> None:
    with pytest.raises(ValueError, match="does not lie on a grid"):
        Volume(np.zeros((3, 4, 6), np.float32), GRID, Quantity.HU)


def test_the_array_is_read_only_and_not_copied() -> None:
    array = np.zeros(GRID.shape, np.float32)
    volume = Volume(array, GRID, Quantity.HU)
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1
    array[0, 0, 0] = 1
    assert volume.array[0, 0, 0] == 1


def test_a_crop_is_a_view_where_it_was() -> None:
    array = np.arange(60, dtype=np.float32).reshape(GRID.shape)
    volume = Volume(array, GRID, Quantity.HU)
    part = volume.crop(Box((1, 1, 2), (3, 4, 4)))
    assert part.array[0, 0, 0] == array[1, 1, 2]
    assert part.grid.origin == (11, 22, 36)
    assert np.shares_memory(part.array, array)


def test_with_array_keeps_the_grid() -> None:
    volume = Volume(np.zeros(GRID.shape, np.float32), GRID, Quantity.HU)
    mask = volume.with_array(np.ones(GRID.shape, bool), Quantity.MASK)
    assert mask.grid is GRID
    assert mask.quantity is Quantity.MASK
