"""Landmarks of a drawn chest, whose every part lies in a known place."""

import numpy as np
import pytest

from nodewise.anatomy.call import call_station
from nodewise.anatomy.read import read_anatomy
from nodewise.values.anatomy import LandmarkStatus
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.study import Source, Study
from nodewise.values.volume import Quantity, Volume

CARINA = np.array([2.0, 0.0, 0.0])
NODES = {
    Station.S2R: (-16, -8, 56),
    Station.S2L: (16, -8, 56),
    Station.S4R: (-14, -10, 22),
    Station.S4L: (15, -2, 10),
    Station.S7: (1, 0, -20),
    Station.S10L: (28, 0, -28),
    Station.S11R: (-38, 0, -30),
    Station.S8: (-2, 30, -70),
}


def _ball(centre, radius=4.0):
    p = np.stack(np.meshgrid(*[np.arange(-radius, radius + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return p[np.linalg.norm(p, axis=1) <= radius] + centre


@pytest.fixture(scope="module")
def plain(draw):
    return read_anatomy(draw())


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"shift": (300.0, -120.5, -777.0)},
        {"spacing": (1.5, 1.5, 5.0)},
        {"rotation_deg": 9.0, "spacing": (2.0, 2.5, 3.0)},
        {"noise": 40.0},
        {"right_lung": False},
    ],
    ids=["plain", "elsewhere", "thick", "oblique", "noise", "no right lung"],
)
def test_carina_bronchi_and_sides(draw, how):
    found = read_anatomy(draw(**how))
    shift = np.array(how.get("shift", (0.0, 0.0, 0.0)))
    carina = found.landmarks["carina"]
    assert carina.status is LandmarkStatus.FOUND
    assert np.linalg.norm(carina.lps_mm - shift - CARINA) < (4.0 if how.get("spacing", (0, 0, 0))[2] == 5 else 3.0)
    assert found.landmarks["right_main_bronchus"].lps_mm[0] < carina.lps_mm[0] - 4
    assert found.landmarks["left_main_bronchus"].lps_mm[0] > carina.lps_mm[0] + 10
    assert any("in the right lung" in line for line in found.warnings) is (how.get("right_lung") is False)
    for station, centre in NODES.items():
        assert call_station(found, _ball(np.array(centre) + shift)).station is station, station


def test_arch_lungs_and_canal(plain):
    assert plain.landmarks["arch_top"].lps_mm[2] == pytest.approx(40.0, abs=4.0)
    labels, grid = plain.organs.array, plain.organs.grid
    names = {name: number for number, name in plain.organ_names.items()}
    for name, centre, radii in (
        ("lung_right", (-72, 5, -10), (58, 80, 110)),
        ("lung_left", (76, 5, -5), (54, 80, 105)),
    ):
        mask = labels == names[name]
        ijk = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
        truth = (((grid.to_lps(ijk) - centre) / radii) ** 2).sum(axis=-1) < 1
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9
    canal = grid.to_lps(np.argwhere(labels == names["spinal_canal"]))
    assert np.abs(canal[:, 0].mean()) < 1.5
    assert np.abs(canal[:, 1].mean() - 75) < 1.5
    # the drawn tubes hold 42 ml; their rims, darker than tissue but lighter than the threshold, are left out
    assert (labels == names["airway"]).sum() * grid.voxel_volume_mm3 / 1000 == pytest.approx(42.0, rel=0.3)


def test_box_holds_the_map_and_leaves_the_sides_out(plain):
    low, high = np.array(plain.mediastinum.low_mm), np.array(plain.mediastinum.high_mm)
    index = np.argwhere(plain.stations.array > 0)
    places = plain.stations.grid.to_lps(index)
    assert (places > low).all()
    assert (places < high).all()
    assert high[0] - low[0] < 175
    assert not plain.warnings


def test_right_and_left_stations_never_cross_the_trachea(plain):
    for side, sign in ((("2R", "4R", "10R", "11R"), -1), (("2L", "4L", "5", "6", "10L", "11L"), 1)):
        for code in side:
            index = np.argwhere(plain.stations.array == Station(code).label)
            x = plain.stations.grid.to_lps(index)[:, 0]
            assert len(x), code
            # the border of 2 and 4 is the trachea's left wall, 9 mm left of the midline; 6 lies before the ascending
            # aorta too, from its middle on, which usually is 7 mm to the right of the carina
            border = {"10R": 0, "11R": 0, "10L": 0, "11L": 0, "6": CARINA[0] - 7}.get(code, 10.5)
            assert (sign * (x - border) > -2).all(), code


def test_mirror_image_is_warned_of_and_its_stations_follow_the_coordinates(draw):
    found = read_anatomy(draw(mirrored=True))
    assert any("mirror" in line or "on the right" in line for line in found.warnings)
    assert found.landmarks["carina"].lps_mm == pytest.approx(CARINA * (-1, 1, 1), abs=3.0)
    assert call_station(found, _ball((-16, -8, 56))).station is Station.S2R


def test_scan_that_ends_above_the_carina(draw):
    found = read_anatomy(draw(z=(25.0, 125.0)))
    assert found.landmarks["carina"].status is LandmarkStatus.NOT_FOUND
    assert found.stations is None
    assert any("leaves the scan" in line for line in found.warnings)
    call = call_station(found, _ball((-14, -10, 40)))
    assert call.station is Station.UNKNOWN
    assert call.confidence == 0
    assert "carina" in call.method


def test_scan_that_ends_just_below_the_carina(draw):
    found = read_anatomy(draw(z=(-6.0, 125.0)))
    assert found.landmarks["carina"].status is LandmarkStatus.AT_EDGE
    assert found.landmarks["carina"].confidence <= 0.5
    assert any("lower end" in line for line in found.warnings)
    assert found.unseen == "the scan ends less than 60 mm below the carina"


def test_a_scan_that_ends_below_the_apex_says_what_it_does_not_show(draw):
    assert read_anatomy(draw(z=(-128.0, 40.0))).unseen == "the scan does not reach the apex of the lungs"


def test_the_apex_is_looked_for_with_one_lung_too(draw):
    assert read_anatomy(draw(z=(-128.0, 40.0), right_lung=False)).unseen.endswith("the apex of the lungs")


def test_a_whole_chest_leaves_nothing_unseen(plain):
    assert plain.unseen == ""


def test_scan_that_begins_below_the_carina(draw):
    found = read_anatomy(draw(z=(-128.0, -12.0)))
    assert found.landmarks["carina"].status is LandmarkStatus.NOT_FOUND
    assert found.stations is None


@pytest.mark.parametrize("hu", [-1000.0, 0.0, 40.0])
def test_something_that_is_no_chest(hu):
    grid = Grid.of((60, 50, 40), (3.0, 3.0, 3.0))
    array = np.full(grid.shape, -1000.0, np.float32)
    array[10:50, 10:40] = hu
    found = read_anatomy(Study("block", Volume(array, grid, Quantity.HU), Source(grid)))
    assert found.landmarks["carina"].status is LandmarkStatus.NOT_FOUND
    assert found.stations is None
    assert len(found.warnings) >= 2


def test_one_thin_slice_is_answered_not_failed():
    grid = Grid.of((64, 64, 1), (5.0, 5.0, 1.0))
    array = np.full(grid.shape, 40.0, np.float32)
    found = read_anatomy(Study("slice", Volume(array, grid, Quantity.HU), Source(grid)))
    assert found.stations is None
