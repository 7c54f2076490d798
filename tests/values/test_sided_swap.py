import numpy as np

from nodewise.values.station import Station, sided_swap


def test_every_sided_station_swaps_and_the_midline_stays():
    table = sided_swap()
    for station in Station:
        mirrored = table[station.label]
        if station in (Station.S5, Station.S6):
            assert mirrored == 255
        elif station.side is None:
            assert mirrored == station.label
        else:
            other = Station.of_label(int(mirrored))
            assert (other.zone, other.side) == (station.zone, station.side.other)


def test_twice_gives_every_label_back_but_those_without_a_mirror_image():
    table = sided_swap()
    kept = np.flatnonzero(table != 255)
    assert np.array_equal(table[table[kept]], kept)
    assert len(kept) == len(Station) - 2


def test_labels_of_a_model_with_stations_of_its_own():
    table = sided_swap((Station.UNKNOWN, Station.S4R, Station.S7, Station.S4L, Station.S10R, Station.S5), ignore=250)
    assert table[:7].tolist() == [0, 3, 2, 1, 250, 250, 250]
