import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nodewise.report.levels import LEVELS, colour_of_station, levels
from nodewise.values.station import Station
from nodewise.values.volume import Quantity, Volume


def test_stations_lie_on_their_side_at_six_heights_from_the_head_down(sided):
    made = levels(sided)
    assert len(made) == LEVELS
    heights = [level.z_mm for level in made]
    assert heights == sorted(heights, reverse=True)
    for level in made:
        areas = {area.code: area for area in level.areas}
        assert set(areas) == {"4R", "4L"}
        # the map's halves meet at x = 0: the right one is drawn on the left of the picture
        assert areas["4R"].label_at[0] < level.width_mm / 2 < areas["4L"].label_at[0]
        assert level.above_carina_mm == pytest.approx(level.z_mm)  # the carina lies at 0


def test_an_area_has_its_own_place_and_size(sided):
    stations = sided.anatomy.stations
    only = np.zeros_like(stations.array)
    only[22:26, 10:14, 5:20] = Station.S5.label  # 24 × 24 mm
    anatomy = replace(sided.anatomy, stations=Volume(only, stations.grid, Quantity.LABEL))
    for level in levels(replace(sided, anatomy=anatomy)):
        (area,) = level.areas
        places = np.array([tuple(map(float, p.split(","))) for p in area.path.strip("MZ").split(" ")])
        size = np.ptp(places, axis=0)
        assert size == pytest.approx([24, 24], abs=2.5)
        assert area.label_at == pytest.approx(places.mean(axis=0), abs=4)
        # 12 mm about the map, whose edge voxels' centres lie 3 mm inside its edge
        assert places.min(axis=0) == pytest.approx([9, 9], abs=4)
        with Image.open(io.BytesIO(level.jpeg)) as picture:
            assert picture.size[0] / picture.size[1] == pytest.approx(level.width_mm / level.height_mm, rel=0.05)


def test_the_outline_lies_where_the_picture_shows_the_same(sided):
    ct, stations = sided.study.ct, sided.anatomy.stations
    hu, only = np.full_like(ct.array, -1000.0), np.zeros_like(stations.array)
    low, high = np.array([-75.0, -57.0, -60.0]), np.array([-45.0, -39.0, 60.0])  # to the right and in front
    hu[ct.grid.box_around(low, high).slices] = 400.0
    only[stations.grid.box_around(low, high).slices] = Station.S2R.label
    only[30:32, 20:22, 5:20] = Station.S8.label  # and one behind to the left, so that the picture is larger
    anatomy = replace(sided.anatomy, stations=Volume(only, stations.grid, Quantity.LABEL))
    study = replace(sided.study, ct=Volume(hu, ct.grid, Quantity.HU))
    for level in levels(replace(sided, study=study, anatomy=anatomy)):
        area = next(area for area in level.areas if area.code == "2R")
        places = np.array([tuple(map(float, p.split(","))) for p in area.path.strip("MZ").split(" ")])
        with Image.open(io.BytesIO(level.jpeg)) as picture:
            bright = np.argwhere(np.asarray(picture.convert("L")) > 128)
            scale = np.array([level.height_mm, level.width_mm]) / picture.size[::-1]
        middle = (bright.min(axis=0) + bright.max(axis=0) + 1) / 2 * scale
        assert middle[::-1] == pytest.approx((places.min(axis=0) + places.max(axis=0)) / 2, abs=4)
        assert middle[1] < level.width_mm / 2 and middle[0] < level.height_mm / 2


def test_without_a_map_there_are_no_levels(empty, sided):
    assert levels(empty) == ()
    nothing = sided.anatomy.stations.with_array(np.zeros_like(sided.anatomy.stations.array), Quantity.LABEL)
    assert levels(replace(sided, anatomy=replace(sided.anatomy, stations=nothing))) == ()


def test_zones_have_colours_of_their_own_and_sides_shades_of_one():
    colours = [colour_of_station(s) for s in Station if s.label]
    assert all(len(c) == 7 and c.startswith("#") for c in colours)
    zones = {colour_of_station(Station(code)) for code in ("2L", "3a", "3p", "4L", "5", "6", "7", "8", "9L", "10L")}
    assert len(zones) == 10
    assert colour_of_station(Station.S4R) != colour_of_station(Station.S4L)
