from __future__ import annotations

import pytest

from nodewise.phantom.body import Body
from nodewise.phantom.chest import make_chest
from nodewise.phantom.chest.drawing import Drawing, draw_patient

CHEST_SEEDS = (3, 11)
CHEST_MM = 2.5


@pytest.fixture(scope="session")
def chests() -> list[Body]:
    """Drawn chests that tests must not change, at 2.5 mm: a man and a woman."""
    return [make_chest(seed, CHEST_MM) for seed in CHEST_SEEDS]


@pytest.fixture(scope="session")
def drawings() -> list[Drawing]:
    """The same two before any grid."""
    return [draw_patient(seed) for seed in CHEST_SEEDS]
