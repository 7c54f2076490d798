from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.phantom.draw.shapes import Drum, Tube, ball, curve

AXES = tuple(np.arange(-15, 15, dtype=np.float32) for _ in range(3))


def test_distance_to_a_ball_is_exact() -> None:
    d = ball((1, 2, 3), (6, 6, 6)).distance(AXES, 40.0)
    x, y, z = np.meshgrid(*AXES, indexing="ij")
    expected = np.sqrt((x - 1) ** 2 + (y - 2) ** 2 + (z - 3) ** 2) - 6
    np.testing.assert_allclose(d, expected, atol=1e-3)


def test_a_drum_has_flat_ends_and_a_waist() -> None:
    drum = Drum(np.zeros(3), np.eye(3), np.array([8.0, 6.0, 5.0]), 0.25)
    for place, expected in (((0, 0, 8), 3), ((0, 0, -9), 4), ((10, 0, 5), 2), ((10, 0, 0), 4), ((0, -9, 5), 3)):
        axes = tuple(np.array([p], np.float32) for p in place)
        assert drum.distance(axes, 20.0).item() == pytest.approx(expected, abs=1e-3)
    low, high = drum.bounds
    np.testing.assert_allclose(high, (8, 6, 5))
    np.testing.assert_allclose(low, -high)


point = st.tuples(*[st.floats(-9, 9)] * 3)


@settings(max_examples=25, deadline=None)
@given(a=point, b=point, ra=st.floats(1, 4), rb=st.floats(1, 4))
def test_distance_to_a_tube_is_that_to_the_nearest_point_of_its_line(a, b, ra, rb) -> None:
    a, b = np.array(a), np.array(b)
    d = Tube(np.array([a, b]), np.array([ra, rb])).distance(AXES, 60.0)
    grid = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1).astype(float)
    along = b - a
    t = np.clip(((grid - a) @ along) / max(along @ along, 1e-9), 0, 1)
    expected = np.linalg.norm(grid - a - t[..., None] * along, axis=-1) - (ra + t * (rb - ra))
    np.testing.assert_allclose(d, expected, atol=2e-2)


def test_a_curve_goes_through_its_points() -> None:
    points = np.array([(0, 0, 0), (10, 5, 20), (0, 20, 30), (-10, 10, 60)], float)
    tube = curve(points, [3, 4, 5, 2], step=0.5)
    gaps = np.linalg.norm(tube.points[:, None] - points, axis=2)
    assert gaps.min(axis=0).max() < 0.3
    assert tube.radii[gaps.argmin(axis=0)] == pytest.approx([3, 4, 5, 2], abs=0.15)
