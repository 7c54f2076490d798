"""Display windows."""

import numpy as np
import pytest

from nodewise.image.window import SOFT_TISSUE, Window, window


@pytest.mark.parametrize("named", [SOFT_TISSUE, Window(-600, 1500), Window(250, 2500)])
def test_the_ends_and_the_middle(named) -> None:
    low, high = named.level - named.width / 2, named.level + named.width / 2
    grey = window(np.array([-32768, low, named.level, high, 32767], np.float32), *named)
    assert grey.tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert grey.dtype == np.float32


def test_soft_tissue_is_350_at_40_and_whole_numbers_are_taken() -> None:
    assert SOFT_TISSUE == (40, 350)
    hu = np.array([[40, 215]], np.int16)
    assert window(hu, *SOFT_TISSUE).tolist() == [[0.5, 1.0]]
    assert hu.tolist() == [[40, 215]]
