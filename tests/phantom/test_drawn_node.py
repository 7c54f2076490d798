from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodewise.image.shape import measure
from nodewise.phantom.draw.canvas import Canvas
from nodewise.phantom.draw.shapes import ball, curve
from nodewise.phantom.drawn_node import DrawnNode, paint_node
from nodewise.phantom.geometry import NODE_TISSUES, Tissue
from nodewise.phantom.node_shape import draw_node, draw_shape, scaled, volume_mm3
from nodewise.values.grid import Grid, Point
from nodewise.values.node import Status


def _fat(spacing: Point = (1.0, 1.0, 1.0), wide: float = 60.0) -> Canvas:
    shape = [int(wide / s) for s in spacing]
    canvas = Canvas(Grid.of((shape[0], shape[1], shape[2]), spacing, (-wide / 2, -wide / 2, -wide / 2)))
    canvas.tissue[...] = canvas.other[...] = Tissue.FAT
    return canvas


def _roughness(canvas: Canvas) -> float:
    """Surface over that of the sphere of the same volume, by faces of voxels."""
    mask = canvas.nodes > 0
    faces = sum(int(np.abs(np.diff(mask.astype(np.int8), axis=a)).sum()) for a in range(3))
    return faces / float(mask.sum()) ** (2 / 3)


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (1.0, 1.0, 2.5)])
def test_a_plain_node_has_its_volume(spacing: Point) -> None:
    canvas = _fat(spacing)
    paint_node(canvas, 3, DrawnNode(ball((0, 0, 0), (9, 7, 6)), "4R", Status.BENIGN))
    assert set(np.unique(canvas.nodes)) == {0, 3}
    volume = (canvas.nodes == 3).sum() * np.prod(spacing)
    assert volume == pytest.approx(4 / 3 * np.pi * 9 * 7 * 6, rel=0.05)
    np.testing.assert_array_equal(canvas.nodes > 0, np.isin(canvas.tissue, list(NODE_TISSUES)))


def test_an_extranodal_border_is_ragged_and_its_fat_clouded() -> None:
    shape = ball((0, 0, 0), (9, 9, 9))
    smooth, ragged = _fat(), _fat()
    paint_node(smooth, 1, DrawnNode(shape, "7", Status.MALIGNANT))
    paint_node(ragged, 1, DrawnNode(shape, "7", Status.EXTRANODAL, ragged_mm=3.5))
    assert _roughness(ragged) > 1.1 * _roughness(smooth)
    away = ndimage.distance_transform_edt(ragged.nodes == 0)
    far = (ragged.nodes == 0) & (away == 0)
    assert not far.any()
    outside = ndimage.distance_transform_edt(ragged.nodes == 0)
    clouded = [(c.other[(outside > 2) & (outside < 7)] == Tissue.NODE_POSITIVE).mean() for c in (smooth, ragged)]
    assert clouded[0] < 0.001
    assert clouded[1] > 0.02
    np.testing.assert_array_equal(ragged.nodes > 0, np.isin(ragged.tissue, list(NODE_TISSUES)))


def test_a_node_is_moulded_and_lies_on_one_side_of_a_vessel() -> None:
    canvas = _fat()
    canvas.paint(Tissue.VESSEL_ARTERY, curve([(4, 0, -40), (4, 0, 40)], [4, 4]))
    vessel = canvas.tissue == Tissue.VESSEL_ARTERY
    paint_node(canvas, 1, DrawnNode(ball((-2, 0, 0), (12, 3.5, 6)), "4R", Status.BENIGN))
    np.testing.assert_array_equal(canvas.tissue[vessel], Tissue.VESSEL_ARTERY)
    assert ndimage.label(canvas.nodes, np.ones((3, 3, 3)))[1] == 1
    assert (ndimage.binary_dilation(vessel) & (canvas.nodes == 1)).any()
    places = np.argwhere(canvas.nodes == 1)
    assert canvas.grid.to_lps(places)[:, 0].max() < 4


def test_what_is_inside_stays_inside_its_own_node() -> None:
    canvas = _fat()
    paint_node(canvas, 1, DrawnNode(ball((-8, 0, 0), (7, 7, 7)), "4R", Status.MALIGNANT))
    rot = (Tissue.NODE_NECROSIS, ball((2, 0, 0), (8, 4, 4)))
    paint_node(canvas, 2, DrawnNode(ball((6, 0, 0), (7, 7, 7)), "4R", Status.MALIGNANT, (rot,)))
    dead = canvas.tissue == Tissue.NODE_NECROSIS
    assert dead.sum() > 100
    assert set(np.unique(canvas.nodes[dead])) == {2}
    assert (canvas.nodes == 1).any()


def test_a_tiny_node_keeps_one_voxel() -> None:
    canvas = _fat((0.8, 0.8, 5.0))
    middle = np.add(canvas.grid.to_lps((30, 30, 6)), (0.1, -0.2, 2.2))
    paint_node(canvas, 1, DrawnNode(ball(middle, (1.3, 1.4, 1.5)), "4R", Status.BENIGN))
    assert (canvas.nodes == 1).sum() >= 1
    assert canvas.share[canvas.nodes == 1].max() < 255


def test_lung_gives_way_with_a_rim_of_fat() -> None:
    canvas = _fat()
    canvas.tissue[35:] = canvas.other[35:] = Tissue.LUNG
    canvas.other[34], canvas.share[34] = Tissue.LUNG, 150
    paint_node(canvas, 1, DrawnNode(ball((4, 0, 0), (8, 8, 8)), "10L", Status.BENIGN))
    beside = ndimage.binary_dilation(canvas.nodes == 1) & (canvas.nodes == 0)
    assert (canvas.nodes[36:] == 1).any()
    assert not ((canvas.nodes == 1) & (canvas.other == Tissue.LUNG) & (canvas.share < 250)).any()
    assert (canvas.tissue[beside] == Tissue.FAT).mean() > 0.95


def test_shapes_have_their_size_and_malignant_ones_are_rounder() -> None:
    rng, ratio = np.random.default_rng(0), {}
    for status in (Status.BENIGN, Status.MALIGNANT):
        sizes = []
        for _ in range(60):
            canvas = _fat((1.5, 1.5, 1.5), 66)
            paint_node(canvas, 1, DrawnNode(draw_shape(rng, np.zeros(3), 14.0, status), "8", status))
            sizes.append(measure(canvas.nodes == 1, canvas.grid))
        short = np.median([s.short_axis_mm for s in sizes])
        assert 12 < short < 18
        ratio[status] = np.median([s.long_axis_mm / s.short_axis_mm for s in sizes])
    assert 1.1 < ratio[Status.MALIGNANT] < ratio[Status.BENIGN] < 1.9


def test_a_scaled_shape_is_the_same_but_larger() -> None:
    shape = draw_shape(np.random.default_rng(1), np.array([1.0, 2, 3]), 10.0, Status.BENIGN)
    grown = scaled(shape, 1.5)
    assert volume_mm3(grown) == pytest.approx(1.5**3 * volume_mm3(shape), rel=1e-6)
    np.testing.assert_array_equal(grown.centres[0], (1, 2, 3))


def test_inside_tells_of_the_status() -> None:
    rng = np.random.default_rng(2)

    def share(status: Status, tissue: Tissue) -> float:
        nodes = [draw_node(rng, np.zeros(3), 14.0, "7", status) for _ in range(300)]
        return float(np.mean([any(t is tissue for t, _ in n.inside) for n in nodes]))

    assert share(Status.BENIGN, Tissue.NODE_HILUM) > 0.3 > 0.12 > share(Status.MALIGNANT, Tissue.NODE_HILUM)
    assert share(Status.MALIGNANT, Tissue.NODE_NECROSIS) > 0.2 > 0.03 > share(Status.BENIGN, Tissue.NODE_NECROSIS)
    assert share(Status.BENIGN, Tissue.NODE_CALCIUM) > 0.04
    assert draw_node(rng, np.zeros(3), 14.0, "7", Status.EXTRANODAL).ragged_mm > 1
    assert draw_node(rng, np.zeros(3), 14.0, "7", Status.MALIGNANT).ragged_mm == 0


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
