from __future__ import annotations

import pytest

from nodewise.phantom.body import Body
from nodewise.phantom.chest import paint_chest
from nodewise.phantom.chest.drawing import Drawing, draw_patient
from nodewise.phantom.chest.painting import mediastinal_grid, whole_grid
from nodewise.phantom.geometry import Geometry

CHEST_SEEDS = (3, 11)
CHEST_MM = 2.5


@pytest.fixture(scope="session")
def drawings() -> list[Drawing]:
    """Two chests before any grid: a man and a woman. Drawing takes most of the time, so that tests share them."""
    return [draw_patient(seed) for seed in CHEST_SEEDS]


@pytest.fixture(scope="session")
def chests(drawings: list[Drawing]) -> list[Body]:
    """The same two at 2.5 mm, which tests must not change."""
    return [paint_chest(d, whole_grid(d.person, (CHEST_MM,) * 3, 380.0, square=False)) for d in drawings]


@pytest.fixture(scope="session")
def mediastinum(drawings: list[Drawing]) -> Geometry:
    """The first one's mediastinum at 2 mm, which tests must not change."""
    return paint_chest(drawings[0], mediastinal_grid(drawings[0].person, (2.0, 2.0, 2.0))).geometry
