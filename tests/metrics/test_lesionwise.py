"""LN found, against the BraTS 2023 algorithm written out over whole arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nodewise.metrics.lesionwise import LesionCounts, count_lesions, count_lesions_mm

EVERY_NEIGHBOUR = np.ones((3, 3, 3))


def brats(truth, prediction, dilations=2):
    """Components, merged by the components of the dilated truth; each dilated again; found where a prediction lies."""
    structure = ndimage.generate_binary_structure(3, 2)
    parts, _ = ndimage.label(truth, EVERY_NEIGHBOUR)
    predicted, n_predicted = ndimage.label(prediction, EVERY_NEIGHBOUR)
    merged, n_lesions = ndimage.label(ndimage.binary_dilation(truth, structure, dilations), EVERY_NEIGHBOUR)
    found, matched = 0, set()
    for lesion in range(1, n_lesions + 1):
        own = (merged == lesion) & (parts > 0)
        hits = set(np.unique(predicted[ndimage.binary_dilation(own, structure, dilations)]).tolist()) - {0}
        found += bool(hits)
        matched |= hits
    return LesionCounts(found, n_lesions - found, n_predicted - len(matched))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([0.01, 0.03, 0.1]))
def test_equals_the_algorithm_over_whole_arrays(blobs, seed, dilations, share):
    case = blobs(seed, (24, 20, 14), share)
    counts = count_lesions(case.truth, case.prediction, dilations=dilations)
    assert counts == brats(case.truth, case.prediction, dilations)
    at_the_border = np.roll(case.truth, 3, axis=0)
    assert count_lesions(at_the_border, case.truth) == brats(at_the_border, case.truth)


def test_what_touches_after_dilation_is_one_lesion_and_a_near_miss_is_found(drawn):
    """Gaps of 4 close; the prediction is 2 voxels beside the first, the next one 3 beside the last."""
    truth = drawn("11....22.....3......")
    near = drawn(".........4..........")
    assert count_lesions(truth, near) == LesionCounts(1, 1, 0)
    far = drawn("................4..5")
    assert count_lesions(truth, far) == LesionCounts(0, 2, 2)
    assert count_lesions(truth, far, dilations=3) == LesionCounts(1, 0, 1)
    assert count_lesions(truth, truth, dilations=0) == LesionCounts(3, 0, 0)


def test_in_millimetres_the_grid_does_not_matter(drawn):
    truth, predicted = drawn("1....."), drawn("...1..")
    assert count_lesions_mm(truth, predicted, (1, 1, 1), 3) == LesionCounts(1, 0, 0)
    assert count_lesions_mm(truth.repeat(2, axis=1), predicted.repeat(2, axis=1), (1, 0.5, 1), 2.6) == LesionCounts(
        1, 0, 0
    )
    assert count_lesions_mm(truth, predicted, (1, 1, 1), 2.9) == LesionCounts(0, 1, 1)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.5, 4))
def test_millimetres_equal_a_distance_map_of_the_whole(blobs, seed, mm):
    case = blobs(seed, (24, 20, 14), 0.02)
    dilated = ndimage.distance_transform_edt(~case.truth, sampling=case.spacing) <= mm
    merged, n = ndimage.label(dilated, EVERY_NEIGHBOUR)
    predicted, n_predicted = ndimage.label(case.prediction, EVERY_NEIGHBOUR)
    found = len(np.unique(merged[dilated & case.prediction]))
    false = n_predicted - len(np.unique(predicted[dilated & case.prediction]))
    assert count_lesions_mm(case.truth, case.prediction, case.spacing, mm) == LesionCounts(found, n - found, false)


def test_empty_cases(drawn):
    nothing, something = drawn("..."), drawn(".1.")
    assert count_lesions(nothing, nothing) == LesionCounts(0, 0, 0)
    assert count_lesions(nothing, something) == LesionCounts(0, 0, 1)
    assert count_lesions(something, nothing) == LesionCounts(0, 1, 0)
    assert np.isnan(LesionCounts(0, 0, 1).rate) and LesionCounts(1, 3, 0).rate == 0.25
    with pytest.raises(ValueError, match="do not match"):
        count_lesions(nothing, drawn("...."))
