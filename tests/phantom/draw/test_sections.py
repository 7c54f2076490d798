"""Shapes of sections against what geometry says of them, and the brush's mirror."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.phantom.draw.brush import Brush, Piece, paint_pieces
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.frame import Frame, draw_frame
from nodewise.phantom.draw.sections import Cut, Stack, Within
from nodewise.phantom.draw.shapes import Shape, ball
from nodewise.phantom.geometry import Tissue
from nodewise.phantom.organ_names import ORGANS
from nodewise.values.grid import Grid


def _volume(shape: Shape, step: float = 1.0) -> float:
    """Volume in ml of a shape about the origin, painted."""
    n = round(80 / step)
    canvas = Canvas(Grid.of((n, n, n), (step,) * 3, (-40.0 + step / 2,) * 3))
    paint_pieces(canvas, [Piece("", Tissue.MUSCLE, shape)])
    share = canvas.share / 255.0
    amount = np.where(canvas.tissue == Tissue.MUSCLE, share, np.where(canvas.other == Tissue.MUSCLE, 1 - share, 0))
    return float(amount.sum() * step**3 / 1000)


def _column(a: float, b: float, turn: float = 0.0) -> Stack:
    return Stack(np.array([[-20.0, 0, 0, a, b, turn], [20.0, 0, 0, a, b, turn]]))


@settings(max_examples=12)
@given(st.floats(6, 25), st.floats(6, 25), st.floats(-3.1, 3.1))
def test_an_elliptic_column_has_its_volume_however_it_is_turned(a: float, b: float, turn: float) -> None:
    assert _volume(_column(a, b, turn), 2.0) == pytest.approx(np.pi * a * b * 40 / 1000, rel=0.05)


def test_the_surface_of_a_round_column_is_where_it_is() -> None:
    axis = np.linspace(-30, 30, 61).astype(np.float32)
    zero = np.zeros(1, np.float32)
    distance = _column(12, 12).distance((axis, zero, zero), 5.0)[:, 0, 0]
    np.testing.assert_allclose(distance, np.maximum(np.abs(axis) - 12, -20), atol=1e-3)


def test_a_plane_halves_a_ball_and_another_shape_bounds_it() -> None:
    whole = ball((0, 0, 0), (15, 15, 15))
    full = _volume(whole)
    for axis in range(3):
        assert _volume(Cut(whole, axis, 0.0)) == pytest.approx(full / 2, rel=0.02)
        assert _volume(Cut(whole, axis, 0.0, beyond=True)) == pytest.approx(full / 2, rel=0.02)
    assert _volume(Within(whole, _column(30, 30))) == pytest.approx(full, rel=0.01)
    assert _volume(Within(_column(30, 30), whole, 3.0)) == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.03)


def test_right_mirrors_left() -> None:
    frame = Frame(np.ones(3), 0.0, np.zeros(3), 1.0, 0.0, 5.0, np.zeros((1, 7)))
    rows = [(-10, 20, 5, 8, 3, 30), (10, 22, 8, 8, 3, 50)]
    axis = np.linspace(-40, 40, 41).astype(np.float32)
    left, right = (
        Brush(frame, np.random.default_rng(0), side).stack("sternocleidomastoid", Tissue.MUSCLE, rows)
        for side in (1, -1)
    )
    a, b = (p.shape.distance((axis, axis, axis), 2.0) for p in (left, right))
    np.testing.assert_allclose(a, b[::-1], atol=1e-3)
    assert (left.name, right.name) == ("sternocleidomastoid_left", "sternocleidomastoid_right")


def test_a_frame_bends_and_keeps_neighbours_together() -> None:
    frame = draw_frame(np.random.default_rng(3), fat=5.0, bend_mm=3.0)
    points = np.random.default_rng(0).uniform(-100, 100, (200, 3))
    moved = frame.world(points + np.array([0.5, 0, 0])) - frame.world(points)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(0.5, rel=0.5)
    assert frame.world(points).std() > 10


def test_numbers_of_organs_are_unique_and_fit_a_byte() -> None:
    assert len(set(ORGANS.values())) == len(ORGANS)
    assert max(ORGANS.values()) < 256
    assert (ORGANS["mandible"], ORGANS["superior_mesenteric_artery"]) == (170, 210)
    assert ORGANS["thyroid_gland"] == 17
    assert ORGANS["colon"] == 20
