"""Tubes drawn in fat, whose middle line and radius are known."""

import numpy as np
import pytest

from nodewise.anatomy.tubes import find_tube
from nodewise.values.box import Box

MM = 1.5
RADII = np.arange(5.0, 9.6, 1.5)
SHAPE = (50, 46, 42)


def _drawn(axis, slope, radius_mm, hu, noise=15.0):
    """A straight tube through the middle along ``axis`` that moves by ``slope`` voxels a voxel along the next axis."""
    ijk = np.indices(SHAPE).astype(float)
    one, two = [a for a in range(3) if a != axis]
    along = ijk[axis] - SHAPE[axis] / 2
    off = np.hypot(ijk[one] - SHAPE[one] / 2 - slope * along, ijk[two] - SHAPE[two] / 2)
    array = np.where(off * MM < radius_mm, hu, -100.0)
    return (array + np.random.default_rng(2).normal(0, noise, SHAPE)).astype(np.float32), one, two


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("hu", [40.0, 350.0], ids=["plain", "enhanced"])
def test_a_drawn_tube_is_followed(axis, hu):
    array, one, two = _drawn(axis, 0.3, 8.0, hu)
    found = find_tube(array, Box((8, 8, 8), (42, 38, 34)), axis, RADII, MM)
    along = found.centres[:, axis] - SHAPE[axis] / 2
    inner = slice(3, -3)
    assert np.abs(found.centres[inner, one] - SHAPE[one] / 2 - 0.3 * along[inner]).max() < 1.5
    assert np.abs(found.centres[inner, two] - SHAPE[two] / 2).max() < 1.0
    assert np.median(found.radii) * MM == pytest.approx(8.0, abs=1.6)
    assert found.score > 60


def test_where_there_is_no_tube_the_score_is_low():
    noise = np.random.default_rng(4).normal(-100, 15, SHAPE).astype(np.float32)
    assert find_tube(noise, Box((8, 8, 8), (42, 38, 34)), 2, RADII, MM).score < 20


def test_only_where_it_may_lie():
    array, _, _ = _drawn(2, 0.0, 8.0, 40.0)
    box = Box((8, 8, 8), (42, 38, 34))
    allowed = np.zeros(box.shape, bool)
    allowed[:8] = True
    found = find_tube(array, box, 2, RADII, MM, allowed)
    assert (found.centres[:, 0] < 16).all()


def test_a_box_too_small_holds_none():
    assert find_tube(np.zeros(SHAPE, np.float32), Box((8, 8, 8), (10, 30, 30)), 2, RADII, MM) is None
