"""Each border on organs drawn by hand, where its height is known from how they were drawn."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.anatomy import borders
from nodewise.anatomy.border_planes import left_tracheal_wall, ligament_x, outside_arch, prevascular_back, trachea_line
from nodewise.anatomy.organ_masks import Organs, line
from nodewise.values.grid import Grid
from nodewise.values.volume import Quantity, Volume

MM = 1.5
NAMES = (
    "trachea", "main_bronchus_right", "main_bronchus_left", "bronchus_intermedius", "aorta", "azygos_vein",
    "superior_vena_cava", "brachiocephalic_vein_left", "pulmonary_artery_left", "ligamentum_arteriosum", "sternum",
    "common_carotid_artery_left", "pulmonary_vein",
)  # fmt: skip


def _near(p, *way):
    """Distance from a polyline."""
    best = np.full(p.shape[:-1], np.inf)
    for a, b in itertools.pairwise(np.asarray(way, float)):
        t = np.clip(((p - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        best = np.minimum(best, np.linalg.norm(p - a - t[..., None] * (b - a), axis=-1))
    return best


def draw(shift=(0.0, 0.0, 0.0), without=()):
    """A chest about the carina at ``shift``: arch from 26 to 50 mm above it, azygos arch with its underside at 6 mm."""
    grid = Grid.of((80, 80, 110), (MM, MM, MM), tuple(np.add((-60.0, -70.0, -60.0), shift).tolist()))
    p = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)) - shift
    bend = [
        (5 + 20 * (1 - np.cos(t)) / 2, -30 + 42 * (1 - np.cos(t)) / 2, 14 + 24 * np.sin(t))
        for t in np.linspace(0, np.pi, 25)
    ]
    ways = {
        "aorta": (12, (5, -30, -40), *bend, (25, 12, -60)),
        "trachea": (9, (0, 0, 9), (0, 0, 100)),
        "main_bronchus_right": (7, (0, 0, 9), (-20, 3, -16)),
        "main_bronchus_left": (6, (0, 0, 9), (36, 8, -20)),
        "bronchus_intermedius": (5, (-20, 3, -16), (-24, 3, -38)),
        "superior_vena_cava": (9, (-28, -28, -40), (-28, -28, 46)),
        "azygos_vein": (4, (-6, 30, -60), (-6, 30, 10), (-18, 14, 10), (-28, -18, 10)),
        "brachiocephalic_vein_left": (6, (50, -38, 66), (0, -34, 56), (-26, -30, 50)),
        "common_carotid_artery_left": (4, (14, -20, 50), (16, -22, 100)),
        "pulmonary_artery_left": (10, (10, -30, -6), (36, -4, 2), (40, 10, -20)),
        "ligamentum_arteriosum": (2, (22, -8, 12), (22, -8, 26)),
        "pulmonary_vein": (6, (-10, 0, -40), (-40, 8, -40)),
    }
    labels = np.zeros(grid.shape, np.uint8)
    for number, name in enumerate(NAMES, 1):
        if name in ways and name not in without:
            radius, *way = ways[name]
            labels[(_near(p, *way) < radius) & (labels == 0)] = number
    front = (np.abs(p[..., 0]) < 15) & (p[..., 1] < -60) & (p[..., 2] < 40)
    labels[front & ("sternum" not in without)] = NAMES.index("sternum") + 1
    return Organs(Volume(labels, grid, Quantity.LABEL), {name: n for n, name in enumerate(NAMES, 1)})


HEIGHTS = {
    borders.arch_top: 50.0,
    borders.arch_low: 26.0,
    borders.vein_crossing: 50.0,
    borders.azygos_low: 6.0,
    borders.thoracic_inlet: 40.0,
    borders.intermediate_low: -43.0,
}


@pytest.fixture(scope="module")
def organs():
    return draw()


@pytest.mark.parametrize("border", HEIGHTS, ids=lambda f: f.__name__)
def test_heights_are_where_they_were_drawn(border, organs):
    assert border(organs) == pytest.approx(HEIGHTS[border], abs=2.0)


def test_the_left_pulmonary_arterys_upper_rim_and_the_veins_lower(organs):
    carina = np.zeros(3)
    assert borders.left_artery_top(organs, carina) == pytest.approx(12.0, abs=1.5)
    right, left = borders.inferior_veins_low(organs, carina)
    assert right == pytest.approx(-46.0, abs=1.5)
    assert left is None


def test_the_carina_is_where_the_bronchi_part(organs):
    """Two tubes of radius 7 and 6 that leave (0, 0, 9) aslant are 9 and 9.7 mm wide across: 18.7 mm part them."""
    x, _, z = borders.carina_point(organs)
    assert abs(x) < 4.0
    apart = next(k for k in np.arange(9, -20, -0.1) if _width(k) >= 18.7)
    assert z == pytest.approx(apart, abs=4.0)


def _width(z):
    return (9 - z) * (20 / 25 + 36 / 29)


@pytest.mark.parametrize(
    ("border", "missing"),
    [
        (borders.arch_top, "aorta"),
        (borders.arch_low, "aorta"),
        (borders.vein_crossing, "brachiocephalic_vein_left"),
        (borders.azygos_low, "azygos_vein"),
        (borders.thoracic_inlet, "sternum"),
        (borders.intermediate_low, "bronchus_intermedius"),
        (borders.left_lower_top, "main_bronchus_left"),
        (borders.cricoid_low, "cricoid"),
    ],
)
def test_without_its_organ_a_border_is_not_told(border, missing):
    assert border(draw(without=(missing,))) is None


@settings(max_examples=5)
@given(st.tuples(*[st.floats(-80, 80)] * 3))
def test_borders_move_with_the_patient(shift):
    here, there = draw(), draw(shift)
    for border in HEIGHTS:
        assert border(there) - border(here) == pytest.approx(shift[2], abs=1.6)  # a voxel of 1.5 mm


def test_planes_lie_where_the_organs_do(organs):
    trachea = trachea_line(organs, 0.0)
    high = int(np.searchsorted(organs.along(2), 60.0))
    assert left_tracheal_wall(trachea)[high] == pytest.approx(9.0, abs=1.0)
    assert left_tracheal_wall(trachea)[0] == pytest.approx(9.0, abs=1.0)  # below the carina it goes straight on
    assert ligament_x(organs)[high] == pytest.approx(22.0, abs=0.5)
    x = organs.along(0)
    back = prevascular_back(organs, trachea, 50.0, x)[:, high]
    assert back[np.abs(x + 28).argmin()] == pytest.approx(-37.0, abs=1.5)  # before the upper cava
    assert back[np.abs(x - 15).argmin()] == pytest.approx(-24.5, abs=1.5)  # before the left carotid


def test_station_6_lies_outside_the_arch_and_not_inside(organs):
    outer, seen, back = outside_arch(organs, 26.0, 50.0)
    x, y = organs.along(0), organs.along(1)

    def at(px, py):
        return outer[np.abs(x - px).argmin(), np.abs(y - py).argmin()]

    assert at(32, -15)
    assert at(12, -48)
    assert not at(5, 0)
    assert not at(-12, -25)
    assert seen[np.abs(x - 15).argmin(), np.abs(y + 9).argmin()]
    assert back == pytest.approx(12.0, abs=6.0)


def test_a_line_goes_on_beyond_its_ends(organs):
    way = line(organs, organs.mask("trachea"))
    assert (way.low, way.high) == (pytest.approx(0.0, abs=1.5), pytest.approx(104.0, abs=6.0))
    assert way.x[0] == way.x[int(np.searchsorted(organs.along(2), way.low + MM))]
