"""The blood of drawn chests, whose organs are known."""

import numpy as np
import pytest
from scipy import ndimage

from nodewise.anatomy.read import ORGANS, read_anatomy
from nodewise.image.resample import resample
from nodewise.phantom.organ_names import ORGANS as DRAWN
from nodewise.phantom.patient import make_patient
from nodewise.phantom.scan.tissue import Phase

BLOOD = next(number for number, name in ORGANS.items() if name == "blood_pool")
pytestmark = pytest.mark.slow


def _patient(phase):
    return make_patient(31, (2.0, 2.0, 2.5), phase=phase)


def test_enhanced_blood_is_found_and_cut_out_of_the_stations():
    patient = _patient(Phase.PORTAL)
    anatomy = read_anatomy(patient.study)
    blood = resample(anatomy.organs, patient.organs.grid).array == BLOOD
    for name in ("heart_atrium_left", "pulmonary_trunk", "superior_vena_cava"):
        inside = ndimage.binary_erosion(patient.organs.array == DRAWN[name])
        assert inside.sum() > 50
        assert blood[inside].mean() > 0.8, name
    bone = np.isin(patient.organs.array, [DRAWN[f"vertebrae_T{n}"] for n in range(3, 10)])
    assert blood[bone].mean() < 0.02
    on_stations = resample(anatomy.organs, anatomy.stations.grid).array == BLOOD
    assert on_stations.sum() > 1000
    assert not anatomy.stations.array[on_stations].any()


def test_without_contrast_medium_no_blood_is_told():
    assert not (read_anatomy(_patient(Phase.NONE).study).organs.array == BLOOD).any()
