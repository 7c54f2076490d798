from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import Drum, Tube, ball, curve
from nodewise.phantom.drawn_node import DrawnNode, paint_node
from nodewise.phantom.geometry import Tissue
from nodewise.values.grid import Grid
from nodewise.values.node import Status

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


@pytest.mark.parametrize("radius", [4.0, 9.5])
def test_shares_of_voxels_add_up_to_the_volume(radius: float) -> None:
    canvas = Canvas(Grid.of((20, 20, 20), (2.0, 2.0, 2.0), (-19.3, -18.9, -19.1)))
    canvas.paint(Tissue.HEART, ball((0, 0, 0), (radius,) * 3))
    g = canvas.geometry()
    share = g.share / 255.0
    filled = np.where(g.tissue == Tissue.HEART, share, np.where(g.other == Tissue.HEART, 1 - share, 0.0)).sum() * 8
    assert filled == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.08)


def test_a_node_fills_fat_and_lung_and_leaves_the_rest() -> None:
    canvas = Canvas(Grid.of((24, 24, 24), (1.0, 1.0, 1.0), (-12.0, -12.0, -12.0)))
    canvas.tissue[...] = canvas.other[...] = Tissue.FAT
    canvas.tissue[:12] = canvas.other[:12] = Tissue.MUSCLE
    canvas.tissue[12:, 18:] = canvas.other[12:, 18:] = Tissue.LUNG
    before = canvas.tissue.copy()
    paint_node(canvas, 7, DrawnNode(ball((0, 0, 0), (8, 8, 8)), "7", Status.BENIGN))
    painted = canvas.nodes == 7
    np.testing.assert_array_equal(painted, canvas.tissue == Tissue.NODE)
    assert painted[13:, 12:17, 12].any()
    assert painted[12:, 18, 12].any()
    assert not painted[:12].any()
    assert set(np.unique(before[canvas.tissue != before])) == {Tissue.FAT, Tissue.LUNG}
