from __future__ import annotations

import pytest

from nodewise.phantom.body import Body
from nodewise.phantom.chest import paint_chest
from nodewise.phantom.chest.drawing import draw_patient
from nodewise.phantom.chest.hard import Hard
from nodewise.phantom.chest.painting import whole_grid

HARD_SEED = 31
HARD_MM = 3.0


@pytest.fixture(scope="session")
def easy() -> Body:
    """A patient at 3 mm with nothing hard."""
    return hard_chest(())


@pytest.fixture(scope="session")
def crowded() -> Body:
    """The same one with a lobe collapsed, fluid, and a conglomerate of nodes."""
    return hard_chest((Hard.CONGLOMERATE, Hard.EFFUSION, Hard.COLLAPSED_LOBE))


@pytest.fixture(scope="session")
def operated() -> Body:
    """The same one with a mass at the hilum after an operation on the other side."""
    return hard_chest((Hard.POST_SURGICAL, Hard.HILAR_MASS))


def hard_chest(kinds: tuple[Hard, ...]) -> Body:
    drawing = draw_patient(HARD_SEED, kinds)
    return paint_chest(drawing, whole_grid(drawing.person, (HARD_MM,) * 3, 380.0, square=False))
