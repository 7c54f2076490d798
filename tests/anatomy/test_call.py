"""Calling a node's station on a map drawn by hand: right of x = 0 is 4R, left of it 4L, below z = 0 is 7."""

from dataclasses import replace

import numpy as np
import pytest

from nodewise.anatomy.call import call_station
from nodewise.values.anatomy import LEARNED_STATIONS, Anatomy, Landmark, LandmarkStatus, Region
from nodewise.values.grid import Grid
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


@pytest.fixture
def anatomy():
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:20, :, 20:] = Station.S4R.label
    labels[20:, :, 20:] = Station.S4L.label
    labels[:, :, :20] = Station.S7.label
    grid = Grid.of(labels.shape, (1.5, 1.5, 1.5), (-29.25, -29.25, -29.25))
    landmarks = {
        "carina": Landmark((0.0, 0.0, 0.0), LandmarkStatus.FOUND, 0.9),
        "arch_top": Landmark((10.0, 0.0, 40.0), LandmarkStatus.FOUND, 0.8),
    }
    return Anatomy(
        landmarks, Region((-30, -30, -30), (30, 30, 30)), "drawn", stations=Volume(labels, grid, Quantity.LABEL)
    )


def _cube(centre, half=3.0):
    axis = np.arange(-half, half + 0.1)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3) + centre


def test_deep_inside_a_station(anatomy):
    call = call_station(anatomy, _cube((-18, 0, 18)))
    assert (call.station, call.second, call.confidence) == (Station.S4R, None, pytest.approx(0.7 * 0.9))
    assert call.method == "approximate: landmarks"


def test_near_a_plane_both_neighbours_are_named_and_confidence_falls(anatomy):
    near = call_station(anatomy, _cube((-3, 0, 18)))
    nearer = call_station(anatomy, _cube((-1, 0, 18)))
    assert (near.station, near.second) == (Station.S4R, Station.S4L)
    assert nearer.confidence < near.confidence < 0.6
    below = call_station(anatomy, _cube((15, 0, 3)))
    assert (below.station, below.second) == (Station.S4L, Station.S7)


def test_largest_overlap_wins(anatomy):
    points = np.concatenate([_cube((-10, 0, 18)), _cube((5, 0, 18))[:300]])
    assert call_station(anatomy, points).station is Station.S4R


def test_outside_the_map_the_nearest_within_reach_else_unknown(anatomy):
    beside = call_station(anatomy, _cube((40, 0, 18)))
    assert beside.station is Station.S4L
    assert beside.confidence < 0.3
    far = call_station(anatomy, _cube((70, 0, 18)))
    assert (far.station, far.confidence) == (Station.UNKNOWN, 0.0)
    assert far.method.startswith("none")


def test_without_an_arch_the_paratracheal_call_is_less_sure(anatomy):
    missing = Landmark(None, LandmarkStatus.NOT_FOUND, 0.0)
    other = Anatomy({**anatomy.landmarks, "arch_top": missing}, anatomy.mediastinum, "drawn", stations=anatomy.stations)
    for place, same in (((-18, 0, 18), False), ((0, 0, -18), True)):
        a, b = call_station(anatomy, _cube(place)), call_station(other, _cube(place))
        assert a.station is b.station
        assert (a.confidence == b.confidence) is same


def test_no_points(anatomy):
    assert call_station(anatomy, np.zeros((0, 3))).station is Station.UNKNOWN


def test_a_learned_map_is_surer_and_does_not_need_the_arch(anatomy):
    learned = replace(anatomy, how=LEARNED_STATIONS, landmarks={"carina": anatomy.landmarks["carina"]})
    call = call_station(learned, _cube((-18, 0, 18)))
    assert (call.station, call.method, call.confidence) == (Station.S4R, "learned", pytest.approx(0.9))


def test_a_learned_side_beyond_the_trachea_is_doubted(anatomy):
    trachea = {
        "carina": Landmark((-30.0, 0.0, 0.0), LandmarkStatus.FOUND, 0.9),
        "trachea_top": Landmark((-50.0, 0.0, 40.0), LandmarkStatus.FOUND, 0.7),
    }
    learned = replace(anatomy, how=LEARNED_STATIONS, landmarks=trachea)
    # at 18 mm above the carina the trachea's middle lies at x = -39
    call = call_station(learned, _cube((-18, 0, 18)))
    assert (call.station, call.second, call.confidence) == (Station.S4R, Station.S4L, pytest.approx(0.45))
    assert call_station(learned, _cube((-26, 0, 18))).second is None
    assert call_station(learned, _cube((18, 0, 18))).second is None
    assert call_station(replace(learned, how="landmarks"), _cube((-18, 0, 18))).second is None
