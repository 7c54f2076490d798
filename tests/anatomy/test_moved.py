"""Corrected landmarks on the chest drawn from formulas: what hangs on them follows."""

import numpy as np
import pytest

from nodewise.anatomy.read import read_anatomy
from nodewise.values.anatomy import LandmarkStatus
from nodewise.values.errors import BadInputError
from nodewise.values.station import Station


@pytest.fixture(scope="module")
def study(draw):
    return draw()


@pytest.fixture(scope="module")
def found(study):
    return read_anatomy(study)


def _points(anatomy):
    return {name: mark.lps_mm for name, mark in anatomy.landmarks.items() if mark.lps_mm is not None}


def _ends(anatomy, *stations):
    """Lowest and highest z, mm, of stations on the map."""
    inside = np.isin(anatomy.stations.array, [station.label for station in stations])
    z = anatomy.stations.grid.to_lps(np.argwhere(inside))[:, 2]
    return float(z.min()), float(z.max())


def test_points_given_back_as_written_change_nothing(study, found):
    written = {name: tuple(round(c, 3) for c in point) for name, point in _points(found).items()}
    again = read_anatomy(study, None, written)
    assert np.array_equal(again.stations.array, found.stations.array)
    assert again.landmarks == found.landmarks


def test_a_moved_arch_moves_the_borders_that_hang_on_it(study, found):
    x, y, z = found.landmarks["arch_top"].lps_mm
    again = read_anatomy(study, None, {"arch_top": (x, y, z + 9.0)})
    assert again.landmarks["arch_top"].lps_mm == (x, y, z + 9.0)
    assert again.landmarks["arch_top"].status is LandmarkStatus.GIVEN
    assert again.landmarks["carina"] == found.landmarks["carina"]
    for station in (Station.S2L, Station.S2R):
        assert _ends(again, station)[0] - _ends(found, station)[0] == pytest.approx(9.0, abs=1.6)
    assert _ends(again, Station.S7) == _ends(found, Station.S7)


def test_a_moved_carina_moves_7_and_the_bronchi(study, found):
    x, y, z = found.landmarks["carina"].lps_mm
    again = read_anatomy(study, None, {"carina": (x, y, z - 6.0)})
    assert _ends(again, Station.S7)[1] - _ends(found, Station.S7)[1] == pytest.approx(-6.0, abs=1.6)
    assert again.landmarks["carina"].confidence == 1.0
    assert again.landmarks["arch_top"] == found.landmarks["arch_top"]


def test_a_moved_main_bronchus_takes_its_hilum_along(study, found):
    x, y, z = found.landmarks["left_main_bronchus"].lps_mm
    again = read_anatomy(study, None, {"left_main_bronchus": (x, y - 12.0, z)})
    before, after = (
        a.stations.grid.to_lps(np.argwhere(a.stations.array == Station.S10L.label))[:, 1].mean() for a in (found, again)
    )
    assert after < before - 4.0
    assert again.landmarks["left_main_bronchus"].lps_mm == (x, y - 12.0, z)


def test_where_no_carina_was_found_a_given_one_makes_the_map(draw):
    cut = draw(z=(20.0, 125.0))
    blind = read_anatomy(cut)
    assert blind.stations is None
    seeing = read_anatomy(cut, None, {"carina": (2.0, 0.0, 22.0)})
    assert (seeing.stations.array == Station.S4R.label).any()
    assert not any("carina" in warning and "not found" in warning for warning in seeing.warnings)


def test_a_given_vein_is_the_border_between_2_and_4_on_the_right(study, found):
    x, y, z = found.landmarks["arch_top"].lps_mm
    low, high = (
        read_anatomy(study, None, {"left_brachiocephalic_vein": (x - 20.0, y - 10.0, z + up)}) for up in (4.0, 16.0)
    )
    assert _ends(high, Station.S2R)[0] - _ends(low, Station.S2R)[0] == pytest.approx(12.0, abs=1.6)
    assert _ends(high, Station.S4R)[1] - _ends(low, Station.S4R)[1] == pytest.approx(12.0, abs=1.6)
    assert high.landmarks["left_brachiocephalic_vein"].status is LandmarkStatus.GIVEN


def test_a_given_underside_of_the_arch_is_the_lower_border_of_6(study, found):
    x, y, z = found.landmarks["arch_underside"].lps_mm
    again = read_anatomy(study, None, {"arch_underside": (x, y, z - 6.0)})
    assert _ends(again, Station.S6)[0] == pytest.approx(z - 6.0, abs=1.6)
    assert again.landmarks["arch_top"] == found.landmarks["arch_top"]


def test_a_given_division_of_the_left_bronchus_takes_11_along(study, found):
    x, y, z = found.landmarks["left_main_bronchus"].lps_mm
    near, far = (
        read_anatomy(study, None, {"left_lobar_division": (x + 0.8 * mm, y, z - 0.6 * mm)}) for mm in (10.0, 25.0)
    )
    middle = [
        float(a.stations.grid.to_lps(np.argwhere(a.stations.array == Station.S11L.label))[:, 0].mean())
        for a in (near, far)
    ]
    assert middle[1] - middle[0] > 4.0  # 12 mm, less what lung and the end of the airway cut off


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ({"carena": (0.0, 0.0, 0.0)}, "there is no landmark carena: the names are carina, "),
        ({"carina": (0.0, 0.0, 900.0)}, "the landmark carina at .* lies outside the scan"),
    ],
)
def test_points_that_cannot_be_are_refused_in_one_line(points, told, study):
    with pytest.raises(BadInputError, match=told) as error:
        read_anatomy(study, None, points)
    assert "\n" not in str(error.value)
