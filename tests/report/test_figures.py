import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from nodewise.image.window import SOFT_TISSUE
from nodewise.report.figures import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    jpeg,
    pictures,
    windowed,
)
from nodewise.values.box import Box
from nodewise.values.grid import Grid
from nodewise.values.node import Node
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume


def points(path: str) -> np.ndarray:
    return np.array([[float(n) for n in pair.split(",")] for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path)])


def pixels(picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.jpeg)))


def area(outline: np.ndarray) -> float:
    x, y = outline.T
    return abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2


def test_window_is_that_of_the_mediastinum():
    ends = np.array([-2000, -135, 40, 215, 3000], dtype=np.float32)
    assert windowed(ends, SOFT_TISSUE).tolist() == [0, 0, 128, 255, 255]


def test_outline_encloses_what_the_mask_holds_in_every_plane(sided):
    for finding in sided.findings:
        for picture, axis in zip(pictures(sided.study, finding), (2, 1, 0), strict=True):
            outline = points(picture.outline)
            flat = np.moveaxis(finding.node.mask, axis, 0)
            drawn = area(outline) / 9.0
            assert drawn in [pytest.approx(n, rel=0.05, abs=0.6) for n in flat.sum(axis=(1, 2))]
            assert (outline.min(axis=0) + outline.max(axis=0)) / 2 == pytest.approx(40, abs=0.1)


def test_a_node_of_one_voxel_has_an_outline(sided):
    one = Node(5, Box((40, 20, 20), (41, 21, 21)), np.ones((1, 1, 1), dtype=bool), 1.0)
    for picture in pictures(sided.study, replace(sided.findings[0], node=one)):
        assert 3 < area(points(picture.outline)) <= 9


def test_pixels_under_the_outline_are_the_node(sided):
    """A bright node alone in the dark: what is inside the outline is bright, what is outside is not."""
    node = sided.findings[0].node
    hu = np.full(sided.study.ct.grid.shape, -1000, dtype=np.float32)
    hu[node.box.slices][node.mask] = 215
    study = Study("x", Volume(hu, sided.study.ct.grid, Quantity.HU), sided.study.source)
    for picture in pictures(study, sided.findings[0]):
        bright = pixels(picture) > 0
        rows, columns = np.nonzero(bright)
        outline = points(picture.outline) * bright.shape[0] / picture.field_mm
        assert columns.min() == pytest.approx(outline[:, 0].min(), abs=8)
        assert columns.max() == pytest.approx(outline[:, 0].max(), abs=8)
        assert rows.min() == pytest.approx(outline[:, 1].min(), abs=8)
        assert rows.max() == pytest.approx(outline[:, 1].max(), abs=8)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("towards", [1, -1])
def test_radiological_convention(sided, axis, towards):
    """A bright spot 20 mm to the left, back or head of the node is seen where radiologists look for it."""
    grid, finding = sided.study.ct.grid, sided.findings[2]
    hu = np.full(grid.shape, -1000, dtype=np.float32)
    middle = (np.array(finding.node.box.start) + finding.node.box.stop) // 2
    middle[2] = round(float(grid.to_index(finding.size.long_axis_lps_mm[0])[2]))
    spot = middle.copy()
    spot[axis] += towards * 7
    hu[tuple(slice(n - 2, n + 3) for n in spot)] = 1000
    study = Study("x", Volume(hu, grid, Quantity.HU), sided.study.source)
    made = {picture.plane: picture for picture in pictures(study, finding)}
    where = {
        0: ((AXIAL, 1, 1), (CORONAL, 1, 1)),  # patient's left at the picture's right
        1: ((AXIAL, 0, 1), (SAGITTAL, 1, 1)),  # back at the bottom of an axial, at the right of a sagittal picture
        2: ((CORONAL, 0, -1), (SAGITTAL, 0, -1)),  # head at the top
    }[axis]
    for plane, direction, sign in where:
        seen = np.array(ndimage.center_of_mass(pixels(made[plane]).astype(float))) - 160
        assert seen[direction] * sign * towards == pytest.approx(84, abs=14)
        assert abs(seen[1 - direction]) < 20


def test_axes_lie_on_the_axial_picture_with_their_lengths(sided):
    finding = sided.findings[0]
    axial, coronal, sagittal = pictures(sided.study, finding)
    long, short = axial.lines
    assert (long.length_mm, short.length_mm) == (18.0, 12.0)
    assert np.hypot(*np.subtract(long.end, long.start)) == pytest.approx(18.0)
    assert np.hypot(*np.subtract(short.end, short.start)) == pytest.approx(12.0)
    assert long.start[0] == pytest.approx(long.end[0])  # anterior to posterior: upright in the picture
    assert short.start[1] == pytest.approx(short.end[1])
    assert coronal.lines == sagittal.lines == ()


def test_neighbours_are_outlined_only_where_they_are_seen(sided):
    first, second, third, _ = sided.findings
    axial, coronal, sagittal = pictures(sided.study, first, sided.findings)
    outline = points(coronal.others)  # node 3: 25.5 mm to the left and 24 mm towards the feet
    assert (outline.min(axis=0) + outline.max(axis=0)) / 2 == pytest.approx((65.5, 64), abs=3.1)
    assert coronal.others == pictures(sided.study, first, (third,))[1].others
    assert axial.others == sagittal.others == ""
    assert pictures(sided.study, first, (first, second))[1].others == ""


def test_thick_slices_are_shown_at_their_true_proportions(sided):
    """A 40 mm cube on voxels of 0.8 × 0.8 × 5 mm is square in every picture."""
    grid = Grid.of((120, 120, 20), (0.8, 0.8, 5.0), (-48, -48, -50))
    hu = np.full(grid.shape, -1000, dtype=np.float32)
    hu[35:85, 35:85, 6:14] = 215
    node = Node(1, Box((35, 35, 6), (85, 85, 14)), np.ones((50, 50, 8), dtype=bool), 1.0)
    study = Study("x", Volume(hu, grid, Quantity.HU), Source(grid))
    for picture in pictures(study, replace(sided.findings[0], node=node)):
        extent = np.ptp(points(picture.outline), axis=0)
        assert extent == pytest.approx(40, abs=0.5)
        rows, columns = np.nonzero(pixels(picture) > 128)
        assert np.ptp(columns) / 4 == pytest.approx(40, abs=1.5)
        assert np.ptp(rows) / 4 == pytest.approx(40, abs=5)


def test_a_bulky_node_fits_in_its_picture(sided):
    node = Node(1, Box((5, 5, 5), (45, 40, 40)), np.ones((40, 35, 35), dtype=bool), 1.0)
    for picture in pictures(sided.study, replace(sided.findings[0], node=node)):
        assert picture.field_mm == pytest.approx(1.4 * 120)
        assert points(picture.outline).min() > 0
        assert points(picture.outline).max() < picture.field_mm


def test_pictures_at_the_scan_edge_show_air_beyond_it(sided):
    node = Node(1, Box((0, 0, 0), (1, 1, 1)), np.ones((1, 1, 1), dtype=bool), 1.0)
    axial, coronal, _ = pictures(sided.study, replace(sided.findings[0], node=node))
    assert pixels(axial)[:150, :150].max() < 8
    assert pixels(coronal)[170:, :150].max() < 8


def test_pictures_stay_small():
    noise = np.random.default_rng(0).normal(128, 40, (80, 80))
    smooth = np.clip(ndimage.zoom(noise, 4), 0, 255).astype(np.uint8)
    assert len(jpeg(smooth)) < 20_000 * 3
