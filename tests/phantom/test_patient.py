"""A whole patient: the scan, the PET, the truth, the same at every call."""

from __future__ import annotations

import numpy as np
import pytest

from nodewise.phantom.organ_names import NAMES
from nodewise.phantom.patient import Phantom, make_patient
from nodewise.staging.rules import n_category
from nodewise.values.station import Station
from nodewise.values.volume import Quantity

SPACING = (2.5, 2.5, 4.0)  # of ``pet_patient``


def test_a_patient_is_whole(pet_patient: Phantom) -> None:
    grid = pet_patient.study.ct.grid
    assert grid.shape[:2] == (160, 160)
    assert grid.spacing == pytest.approx(SPACING)
    assert pet_patient.study.tumor is not None
    assert pet_patient.study.tumor.array.any()
    assert len(pet_patient.nodes) == len(pet_patient.stations) == len(pet_patient.places) >= 4
    ill = [s for n, s in zip(pet_patient.nodes, pet_patient.stations, strict=True) if n.status.malignant]
    assert pet_patient.n_category_8 == n_category(ill, pet_patient.primary_side, 8).name
    assert pet_patient.n_category_9 == n_category(ill, pet_patient.primary_side, 9).name
    np.testing.assert_array_equal(pet_patient.study.ct.array, np.rint(pet_patient.study.ct.array))
    assert pet_patient.organs.grid.same_as(grid) and pet_patient.place_map.grid.same_as(grid)
    assert set(np.unique(pet_patient.organs.array)) - {0} <= set(NAMES)
    for node, station in zip(pet_patient.nodes, pet_patient.stations, strict=True):
        inside = pet_patient.place_map.array[node.box.slices][node.mask]
        assert Station.of_label(int(np.bincount(inside).argmax())) is station


def test_same_seed_same_patient_with_and_without_pet(pet_patient: Phantom) -> None:
    again = make_patient(7, SPACING)
    assert again.pet is None and again.study.pet is None
    assert again.study.id == pet_patient.study.id
    np.testing.assert_array_equal(again.study.ct.array, pet_patient.study.ct.array)
    np.testing.assert_array_equal(again.organs.array, pet_patient.organs.array)


def test_the_pet_lies_over_the_ct(pet_patient: Phantom) -> None:
    pet, ct = pet_patient.study.pet, pet_patient.study.ct
    assert pet.quantity is Quantity.SUV and pet.array.dtype == np.float32 and pet.array.min() >= 0
    ends = [g.to_lps(g.corners) for g in (pet.grid, ct.grid)]
    assert np.abs(ends[0] - ends[1]).max() < 12
    assert 3.5 < pet.grid.spacing[0] < 4.2 and 2.9 < pet.grid.spacing[2] <= 5
