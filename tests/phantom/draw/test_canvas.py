from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.draw import canvas as canvas_module
from nodewise.phantom.draw.canvas import Canvas, grid_between
from nodewise.phantom.draw.shapes import Drum, Shape, ball, curve
from nodewise.phantom.geometry import Tissue
from nodewise.values.grid import Grid


@pytest.mark.parametrize("radius", [4.0, 9.5])
def test_shares_of_voxels_add_up_to_the_volume(radius: float) -> None:
    canvas = Canvas(Grid.of((20, 20, 20), (2.0, 2.0, 2.0), (-19.3, -18.9, -19.1)))
    canvas.paint(Tissue.HEART, ball((0, 0, 0), (radius,) * 3))
    g = canvas.geometry()
    share = g.share / 255.0
    filled = np.where(g.tissue == Tissue.HEART, share, np.where(g.other == Tissue.HEART, 1 - share, 0.0)).sum() * 8
    assert filled == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.08)


SHAPES = [
    ball((0, 0, 0), (7, 5, 9)),
    curve([(-9, -9, -9), (0, 4, 0), (8, 8, 9)], [2.0, 3.0, 0.4]),
    Drum(np.zeros(3), np.eye(3), np.array([8.0, 6.0, 5.0]), 0.25),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("grow", [0.0, 1.5, -1.0])
def test_painting_slab_by_slab_is_painting_at_once(shape: Shape, grow: float, monkeypatch: pytest.MonkeyPatch) -> None:
    canvases = []
    for voxels in (10**9, 900):
        monkeypatch.setattr(canvas_module, "_SLAB_VOXELS", voxels)
        canvases.append(Canvas(Grid.of((25, 26, 27), (1.0, 0.9, 1.1), (-12.0, -12.1, -14.0))))
        canvases[-1].paint(Tissue.FAT, ball((0, 0, 0), (11, 11, 11)))
        canvases[-1].paint(Tissue.LIVER, shape, grow, (Tissue.FAT,), 5)
    once, slabs = canvases
    for name in ("tissue", "other", "share", "organs"):
        np.testing.assert_array_equal(getattr(slabs, name), getattr(once, name))
    assert (once.organs == 5).any()


def test_painting_the_same_again_changes_nothing() -> None:
    """Shares are bytes: none may wrap around."""
    canvas = Canvas(Grid.of((25, 25, 25), (1.0, 1.0, 1.0), (-12.0, -12.0, -12.0)))
    canvas.paint(Tissue.FAT, ball((0, 0, 0), (10.3, 9.2, 8.1)))
    before = canvas.tissue.copy(), canvas.share.copy()
    for _ in range(3):
        canvas.paint(Tissue.FAT, ball((0, 0, 0), (10.3, 9.2, 8.1)))
    np.testing.assert_array_equal(canvas.tissue, before[0])
    np.testing.assert_array_equal(canvas.share, before[1])
    assert canvas.share.min() >= 127


def test_a_tube_shrunk_to_nothing_paints_nothing() -> None:
    canvas = Canvas(Grid.of((9, 9, 9), (1.0, 1.0, 1.0), (-4.0, -4.0, -4.0)))
    canvas.paint(Tissue.MARROW, curve([(0, 0, -4), (0, 0, 4)], 1.0), grow=-1.6)
    assert not canvas.tissue.any() and not canvas.other.any()


def test_a_grid_between_two_corners_reaches_both() -> None:
    grid = grid_between((-10.2, 5, 30), (20, 5.5, 61), (2.0, 3.0, 5.0))
    assert grid.shape == (16, 1, 7)
    assert grid.origin == pytest.approx((-10.2, 5, 30))
