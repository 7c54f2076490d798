"""Stations by rule from a phantom's true organs: against where its nodes were put."""

import numpy as np
import pytest

from nodewise.anatomy.call import call_station
from nodewise.anatomy.organs import OrganMap
from nodewise.anatomy.read import read_anatomy
from nodewise.evaluate.stations import same_station, wrong_side
from nodewise.phantom.organ_names import NAMES
from nodewise.values.anatomy import ORGAN_STATIONS
from nodewise.values.organ_names import TOTAL_V2
from nodewise.values.station import Station
from nodewise.values.volume import Quantity


def _organs(patient, table):
    known = np.where(np.isin(patient.organs.array, list(table)), patient.organs.array, 0).astype(np.uint8)
    return OrganMap(patient.organs.with_array(known, Quantity.LABEL), table, "drawn")


@pytest.fixture(scope="module")
def by_all(patient):
    return read_anatomy(patient.study, _organs(patient, NAMES))


def _calls(patient, anatomy):
    for node in patient.nodes:
        grid = patient.study.ct.grid.crop(node.box)
        yield call_station(anatomy, grid.to_lps(np.argwhere(node.mask)))


def test_true_organs_name_the_true_stations(patient, by_all):
    assert by_all.how == ORGAN_STATIONS
    pairs = [(true, call.station) for true, call in zip(patient.stations, _calls(patient, by_all), strict=True)]
    assert not any(wrong_side(true, named) for true, named in pairs)
    assert np.mean([same_station(true, named) for true, named in pairs]) >= 0.85


def test_no_station_lies_in_an_organ(patient, by_all):
    at = np.rint(patient.organs.grid.to_index(by_all.stations.grid.to_lps(np.argwhere(by_all.stations.array > 0))))
    inside = ((at >= 0) & (at < patient.organs.grid.shape)).all(axis=1)
    organs = patient.organs.array[tuple(at[inside].astype(int).T)]
    solid = [n for n, name in NAMES.items() if name in ("aorta", "trachea", "esophagus", "lung_lower_lobe_left")]
    assert np.isin(organs, solid).mean() < 0.02


def test_what_totalsegmentator_does_not_name_makes_borders_approximate(patient, by_all):
    anatomy = read_anatomy(patient.study, _organs(patient, TOTAL_V2))
    assert anatomy.how == ORGAN_STATIONS
    assert {Station.S4R, Station.S10R, Station.S7, Station.S5} <= set(anatomy.approximate)
    assert Station.S2L not in anatomy.approximate
    assert Station.S7 not in by_all.approximate
    methods = {call.method for call in _calls(patient, anatomy)}
    assert methods <= {"organs", "organs, approximate borders"}
    assert "organs, approximate borders" in methods


def test_organs_that_tell_nothing_leave_the_landmarks_stations(patient):
    spleen = _organs(patient, {1: "spleen", 5: "liver"})
    anatomy, plain = read_anatomy(patient.study, spleen), read_anatomy(patient.study)
    assert anatomy.how == plain.how
    assert np.array_equal(anatomy.stations.array, plain.stations.array)
    assert "Stations are laid out from landmarks: the organ map has no trachea and no aorta." in anatomy.warnings


def test_given_organs_have_their_names_in_the_anatomy(patient, by_all):
    numbers = {name: number for number, name in by_all.organ_names.items()}
    aorta = by_all.organs.array == numbers["aorta"]
    true = np.count_nonzero(patient.organs.array == 52) * patient.organs.grid.voxel_volume_mm3
    assert np.count_nonzero(aorta) * by_all.organs.grid.voxel_volume_mm3 == pytest.approx(true, rel=0.1)
