"""Contrast medium taken out of a drawn scan, beside the same patient drawn without any."""

import numpy as np
import pytest
from scipy import ndimage

from nodewise.phantom.implant import survey, unenhanced
from nodewise.phantom.implant.unenhanced import _replaced
from nodewise.phantom.organ_names import ORGANS
from nodewise.phantom.patient import make_patient
from nodewise.phantom.scan.tissue import Phase

SPACING = (2.0, 2.0, 2.5)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def taken_out():
    """An enhanced patient, its twin, and the organs and the voxels about which they may differ."""
    patient = make_patient(31, SPACING, phase=Phase.PORTAL)
    background = survey(patient.study)
    return patient, background, unenhanced(background).ct.array


def _inner(patient, *names):
    labels = [ORGANS[name] for name in names]
    return ndimage.binary_erosion(np.isin(patient.organs.array, labels), iterations=2)


def test_blood_is_as_dense_as_without_contrast_medium(taken_out):
    patient, background, plain = taken_out
    box = background.box.slices
    for name in ("aorta", "pulmonary_trunk", "heart_atrium_left"):
        inside = _inner(patient, name)[box]
        assert inside.sum() > 50
        assert np.median(patient.study.ct.array[box][inside]) > 100
        assert np.median(plain[box][inside]) == pytest.approx(42, abs=8)


def test_bone_fat_and_lung_stay_as_they_are(taken_out):
    patient, background, plain = taken_out
    box = background.box.slices
    before = patient.study.ct.array
    bone = _inner(patient, "vertebrae_T5", "vertebrae_T6", "vertebrae_T7")[box]
    changed = np.abs(plain[box] - before[box]) > 1
    assert changed[bone].mean() < 0.1
    dark = ndimage.binary_erosion(before[box] < -50, iterations=3)
    assert not changed[dark].any()
    outside = np.ones(plain.shape, bool)
    outside[background.box.expanded((8, 8, 6)).clipped(plain.shape).slices] = False
    np.testing.assert_array_equal(plain[outside], before[outside])


def test_nodes_keep_their_density(taken_out):
    patient, _, plain = taken_out
    change = plain - patient.study.ct.array
    moved = [float(np.median(change[node.box.slices][node.mask])) for node in patient.nodes]
    assert len(moved) > 5
    assert np.median(np.abs(moved)) < 5


def test_a_scan_without_contrast_medium_is_given_back():
    patient = make_patient(31, (2.0, 2.0, 3.0), phase=Phase.NONE)
    background = survey(patient.study)
    assert not background.look.enhanced
    assert unenhanced(background) is background.study


@pytest.mark.parametrize("beside", [-100.0, 55.0])
def test_a_blurred_vessel_becomes_as_one_drawn_without_contrast_medium(beside):
    x, y, _ = np.mgrid[-20:21, -20:21, :9]

    def tube(blood):
        drawn = np.where(np.hypot(x, y) <= 8, np.float32(blood), np.float32(beside))
        return ndimage.gaussian_filter(drawn, (1.0, 1.0, 0.0))

    bright = tube(220.0)
    difference = _replaced(bright, bright, 55.0, 10.0) - tube(42.0)
    assert np.abs(difference).max() < 25
    assert np.abs(difference[np.hypot(x, y) < 5]).max() < 1
