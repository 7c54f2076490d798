"""Stations and sides."""

import pytest

from nodewise.values.station import Side, Station


def test_labels_are_stable_and_go_there_and_back() -> None:
    assert [Station.of_label(s.label) for s in Station] == list(Station)
    # label maps on disk hold these numbers: they may grow at the end, never change
    first = "unknown 1R 1L 2R 2L 3a 3p 4R 4L 5 6 7 8 9R 9L 10R 10L 11R 11L 12R 12L 13R 13L 14R 14L"
    assert [s.code for s in sorted(Station, key=lambda s: s.label)][:25] == first.split()
    assert Station.UNKNOWN.label == 0


@pytest.mark.parametrize("label", [-1, len(Station)])
def test_a_label_without_a_station_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match="no station"):
        Station.of_label(label)


@pytest.mark.parametrize("station", Station)
def test_side_and_zone_make_the_code(station: Station) -> None:
    letter = {Side.LEFT: "L", Side.RIGHT: "R", None: ""}[station.side]
    assert station is Station.UNKNOWN or station.zone + letter == station.code


def test_sides() -> None:
    assert Side.LEFT.other is Side.RIGHT
    assert Side.RIGHT.other is Side.LEFT
    assert Station.S5.side is None
    assert Station.S4L.side is Side.LEFT
    assert Station.UNKNOWN.side is None
    assert Station.UNKNOWN.zone == "unknown"
