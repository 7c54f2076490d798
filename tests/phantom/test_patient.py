"""A whole patient: the scan, the PET, the truth, the same at every call."""

from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.organ_names import NAMES, ORGANS
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.phantom.tissue import Phase
from nodewise.staging.rules import n_category
from nodewise.values.station import Station
from nodewise.values.volume import Quantity

SPACING = (2.5, 2.5, 4.0)


@pytest.fixture(scope="module")
def patient() -> Phantom:
    return make_patient(7, SPACING, pet=True)


def test_a_patient_is_whole(patient: Phantom) -> None:
    grid = patient.study.ct.grid
    assert grid.shape[:2] == (160, 160)
    assert grid.spacing == pytest.approx(SPACING)
    assert patient.study.tumor is not None
    assert patient.study.tumor.array.any()
    assert len(patient.nodes) == len(patient.stations) == len(patient.places) >= 4
    ill = [s for n, s in zip(patient.nodes, patient.stations, strict=True) if n.status.malignant]
    assert patient.n_category_8 == n_category(ill, patient.primary_side, 8).name
    assert patient.n_category_9 == n_category(ill, patient.primary_side, 9).name
    np.testing.assert_array_equal(patient.study.ct.array, np.rint(patient.study.ct.array))
    assert patient.organs.grid.same_as(grid) and patient.place_map.grid.same_as(grid)
    assert set(np.unique(patient.organs.array)) - {0} <= set(NAMES)
    for node, station in zip(patient.nodes, patient.stations, strict=True):
        inside = patient.place_map.array[node.box.slices][node.mask]
        assert Station.of_label(int(np.bincount(inside).argmax())) is station


def test_same_seed_same_patient(patient: Phantom) -> None:
    again = make_patient(7, SPACING, pet=True)
    assert again.study.id == patient.study.id
    np.testing.assert_array_equal(again.study.ct.array, patient.study.ct.array)
    np.testing.assert_array_equal(again.study.pet.array, patient.study.pet.array)
    np.testing.assert_array_equal(again.organs.array, patient.organs.array)
    plain = make_patient(7, SPACING)
    assert plain.pet is None and plain.study.pet is None
    np.testing.assert_array_equal(plain.study.ct.array, patient.study.ct.array)


def test_the_phase_asked_for_is_the_phase_made(patient: Phantom) -> None:
    asked = Phase.NONE if patient.contrast else Phase.PORTAL
    other = make_patient(7, SPACING, phase=asked)
    assert other.phase is asked and other.contrast is not patient.contrast
    plain, bright = (other, patient) if patient.contrast else (patient, other)
    heart = plain.study.ct.array[patient.organs.array == ORGANS["heart_atrium_left"]]
    if heart.size:
        inside = patient.organs.array == ORGANS["heart_atrium_left"]
        assert bright.study.ct.array[inside].mean() > heart.mean() + 40
    assert [n.box for n in plain.nodes] == [n.box for n in bright.nodes]


def test_the_pet_lies_over_the_ct(patient: Phantom) -> None:
    pet, ct = patient.study.pet, patient.study.ct
    assert pet.quantity is Quantity.SUV and pet.array.dtype == np.float32 and pet.array.min() >= 0
    ends = [g.to_lps(g.corners) for g in (pet.grid, ct.grid)]
    assert np.abs(ends[0] - ends[1]).max() < 12
    assert 3.5 < pet.grid.spacing[0] < 4.2 and 2.9 < pet.grid.spacing[2] <= 5
