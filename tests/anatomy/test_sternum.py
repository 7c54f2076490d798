"""A plate of bone before the spine that ends at a known height."""

import numpy as np
import pytest

from nodewise.anatomy.spine import Canal
from nodewise.anatomy.sternum import manubrium_top

MM, CARINA, ARCH = 1.5, 40.0, 40.0 + 36.0 / 1.5
CANAL = Canal(np.tile([40.0, 130.0], (130, 1)), np.ones(130))


def _plate(top, gap=(0, 0), beyond=False):
    """Bone to slice ``top``, without the slices of ``gap``; above it a bright vessel 18 mm behind with ``beyond``."""
    hu = np.full((80, 120, 130), -90.0, np.float32)
    for k in range(130):
        row = 40 + k // 4  # it leans back
        if k < top and not gap[0] <= k < gap[1]:
            hu[25:56, row : row + 8, k] = 250.0
        elif beyond:
            hu[25:56, row + 12 : row + 20, k] = 300.0
    return hu


@pytest.mark.parametrize("how", [{}, {"gap": (60, 63)}, {"beyond": True}], ids=["plain", "cartilage", "vein behind"])
def test_the_top_of_the_plate(how):
    body = np.ones((80, 120, 130), bool)
    found = manubrium_top(_plate(82, **how), body, CANAL, CARINA, ARCH, MM)
    assert found[2] == pytest.approx(81.5, abs=1.1)
    assert found[0] == 40.0


@pytest.mark.parametrize("top", [0, 66, 128], ids=["none", "too low", "too high"])
def test_bone_that_ends_elsewhere_is_none(top):
    assert manubrium_top(_plate(top), np.ones((80, 120, 130), bool), CANAL, CARINA, ARCH, MM) is None
