from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.chest.borders import Borders, across
from nodewise.phantom.chest.drawing import Drawing
from nodewise.phantom.chest.stations import stations_at
from nodewise.values.station import Station


@pytest.fixture(params=(0, 1))
def b(request: pytest.FixtureRequest, drawings: list[Drawing]) -> Borders:
    return drawings[request.param].borders


def _at(b: Borders, x: float, y: float, z: float) -> str:
    return Station.of_label(int(stations_at(np.array([[x, y, z]], float), b)[0])).code


def _line(line: np.ndarray, z: float) -> tuple[float, float, float]:
    x, y, r = across(line, np.array([z]))
    return float(x[0]), float(y[0]), float(r[0])


@pytest.mark.parametrize(
    ("plane", "side", "above", "below"),
    [
        ("manubrium", -1, "1R", "2R"),
        ("manubrium", 1, "1L", "2L"),
        ("vein_cross", -1, "2R", "4R"),
        ("arch_top", 1, "2L", "4L"),
        ("azygos_low", -1, "4R", "10R"),
        ("lung_artery", 1, "4L", "10L"),
    ],
)
def test_a_plane_beside_the_trachea_parts_two_stations(
    b: Borders, plane: str, side: int, above: str, below: str
) -> None:
    z = b.z[plane]
    x, y, r = _line(b.trachea, z)
    assert _at(b, x + side * (r + 3), y, z + 0.3) == above
    assert _at(b, x + side * (r + 3), y, z - 0.3) == below


def test_nothing_above_the_cricoid(b: Borders) -> None:
    x, y, r = _line(b.trachea, b.z["cricoid"])
    assert _at(b, x - r - 3, y, b.z["cricoid"] - 0.3) == "1R"
    assert _at(b, x - r - 3, y, b.z["cricoid"] + 0.3) == "unknown"


def test_right_and_left_part_at_the_midline_in_the_neck_and_at_the_left_tracheal_wall_below(b: Borders) -> None:
    z = b.z["manubrium"] + 5
    x, y, r = _line(b.trachea, z)
    assert (_at(b, x - 0.3, y, z), _at(b, x + 0.3, y, z)) == ("1R", "1L")
    z = max(b.z["vein_cross"], b.z["arch_top"]) + 1
    x, y, r = _line(b.trachea, z)
    assert (_at(b, x + r - 0.3, y, z), _at(b, x + r + 0.3, y, z)) == ("2R", "2L")
    z = 0.5 * (b.z["lung_artery"] + b.z["arch_low"])
    z = max(z, b.z["azygos_low"] + 0.5, b.z["lung_artery"] + 0.5)
    x, y, r = _line(b.trachea, z)
    assert (_at(b, x + r - 0.3, y, z), _at(b, x + r + 0.3, y, z)) == ("4R", "4L")


def test_the_back_of_the_trachea_bounds_the_retrotracheal_station(b: Borders) -> None:
    z = b.z["vein_cross"] - 2
    x, y, r = _line(b.trachea, z)
    assert (_at(b, x, y + r - 0.3, z), _at(b, x, y + r + 0.3, z)) == ("4R", "3p")


def test_the_front_of_the_upper_cava_bounds_the_prevascular_station(b: Borders) -> None:
    z = max(b.z["azygos_low"], b.z["carina"]) + 1
    x, y, r = _line(b.cava, z)
    assert (_at(b, x, y - r - 0.3, z), _at(b, x, y - r + 0.3, z)) == ("3a", "4R")


def test_the_ligament_parts_4l_from_5(b: Borders) -> None:
    z = 0.5 * (b.z["lung_artery"] + b.z["arch_low"])
    x, y, _ = _line(b.ligament, z)
    assert (_at(b, x - 0.3, y, z), _at(b, x + 0.3, y, z)) == ("4L", "5")


def test_the_underside_of_the_arch_parts_5_from_6(b: Borders) -> None:
    middle = len(b.arch) // 2 + 1
    way = b.arch[middle + 1] - b.arch[middle - 1]
    outwards = np.array([way[1], -way[0]]) / np.hypot(way[0], way[1])
    x, y = b.arch[middle, :2] + 14 * outwards
    assert (_at(b, x, y, b.z["arch_low"] + 0.3), _at(b, x, y, b.z["arch_low"] - 0.3)) == ("6", "5")
    assert _at(b, x, y, b.z["arch_top"] - 0.3) == "6"
    assert _at(b, x, y, b.z["arch_top"] + 0.3) != "6"


def test_the_subcarinal_station_goes_from_the_carina_to_the_lower_bronchi(b: Borders) -> None:
    z = b.z["carina"]
    x, y = 0.5 * (_line(b.right, z - 2)[0] + _line(b.left, z - 2)[0]), _line(b.right, z)[1]
    assert _at(b, x, y, z - 0.3) == "7"
    assert _at(b, x, y, z + 0.3) != "7"
    for side, plane in ((-1, "intermediate_low"), (1, "left_lower")):
        z = b.z[plane]
        middle = 0.5 * (_line(b.right, z)[0] + _line(b.left, z)[0])
        x, y, _ = _line(b.oesophagus, z)
        x = min(x, middle - 1) if side < 0 else max(x, middle + 1)
        assert (_at(b, x, y, z + 0.3), _at(b, x, y, z - 0.3)) == ("7", "8")


@pytest.mark.parametrize(("side", "plane", "code"), [(-1, "right_vein", "9R"), (1, "left_vein", "9L")])
def test_the_pulmonary_ligament_begins_under_the_inferior_vein(b: Borders, side: int, plane: str, code: str) -> None:
    z = b.z[plane]
    x, y, _ = _line(b.oesophagus, z)
    assert _at(b, x + side * 22, y, z - 0.3) == code
    assert _at(b, x + side * 22, y, z + 0.3) != code


def test_hilar_stations_are_those_of_the_nearest_bronchus(b: Borders) -> None:
    rng = np.random.default_rng(0)
    points = b.branch[rng.integers(len(b.branch), size=400)] + rng.normal(0, 5, (400, 3))
    labels = stations_at(points, b)
    far = np.linalg.norm(points[:, None] - b.branch, axis=2)
    codes = [Station.of_label(int(n)) for n in labels]
    for code, gaps in zip(codes, far, strict=True):
        if code.zone in ("10", "11", "12", "13", "14"):
            own = (b.zone == int(code.zone)) & (b.on_left == (code.code[-1] == "L"))
            assert gaps[own].min() == pytest.approx(gaps.min())
    assert {c.zone for c in codes} >= {"10", "11", "12", "13", "14"}


def test_heights_come_in_their_order(b: Borders) -> None:
    h = b.z
    assert h["cricoid"] > h["manubrium"] > h["vein_cross"] > h["arch_top"] > h["arch_low"] > h["lung_artery"]
    assert h["vein_cross"] > h["azygos_low"] > h["intermediate_low"]
    assert h["carina"] > h["left_lower"] > h["left_vein"]
