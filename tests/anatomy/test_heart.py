"""Two lungs drawn as blocks beside a heart whose middle is known."""

import numpy as np
import pytest

from nodewise.anatomy.heart import heart_offset_mm
from nodewise.anatomy.lungs import Lungs
from nodewise.anatomy.spine import Canal

MM = 1.5
CANAL = Canal(np.tile([100.0, 120.0], (100, 1)), np.ones(100))


def _lungs(right_edge, left_edge):
    right, left = np.zeros((200, 150, 100), bool), np.zeros((200, 150, 100), bool)
    right[20:right_edge, 30:130], left[left_edge:180, 30:130] = True, True
    return Lungs(right, left)


@pytest.mark.parametrize(("edges", "mm"), [((76, 140), 11.25), ((60, 125), -11.25)], ids=["left", "right"])
def test_the_middle_between_the_lungs(edges, mm):
    assert heart_offset_mm(_lungs(*edges), CANAL, 80.0, MM) == pytest.approx(mm, abs=1.6)


def test_without_both_lungs_beside_it_there_is_none():
    one = _lungs(76, 140)
    assert heart_offset_mm(Lungs(one.right, np.zeros_like(one.left)), CANAL, 80.0, MM) is None
    assert heart_offset_mm(one, CANAL, 10.0, MM) is None
