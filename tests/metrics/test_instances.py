"""Components, boxes, peaks and logits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from nodewise.metrics.instances import components, logits, peaks, sphere_radius_mm, support
from nodewise.values.box import Box

masks = arrays(bool, (5, 4, 3), elements=st.booleans())


@pytest.mark.parametrize("connectivity", [6, 18, 26])
@given(mask=masks)
def test_components_are_those_of_scipy(connectivity, mask):
    rank = {6: 1, 18: 2, 26: 3}[connectivity]
    reference, n = ndimage.label(mask, ndimage.generate_binary_structure(3, rank))
    labels = components(mask, connectivity)
    assert len(set(zip(reference[mask].tolist(), labels[mask].tolist(), strict=True))) == n == labels.max(initial=0)
    assert not labels[~mask].any()


def test_touching_at_a_corner_is_one_part_of_26_and_two_of_6(drawn):
    mask = drawn("""
        1..
        .1.
    """)
    assert components(mask).max() == 1
    assert components(mask, 6).max() == 2


@given(masks, masks)
def test_support_is_the_box_around_both(a, b):
    assert support(a, b) == (Box.around(a | b) if (a | b).any() else None)


def test_support_of_two_axes_is_refused():
    with pytest.raises(ValueError, match="three axes"):
        support(np.zeros((2, 2)))


def test_peaks_of_each_instance():
    labels = np.array([0, 3, 3, 0, 7, 7]).reshape(6, 1, 1)
    values = np.array([9, 1, 2, 9, -4, -3], np.float32).reshape(6, 1, 1)
    assert peaks(labels, np.array([3, 7]), values).tolist() == [2, -3]
    assert peaks(np.zeros((2, 2, 2), int), np.zeros(0, int), np.zeros((2, 2, 2))).size == 0


def test_logits_stay_finite_and_in_order():
    p = np.array([0, 0.25, 0.5, 0.75, 1], np.float32)
    found = logits(p)
    assert found.dtype == np.float32
    assert np.isfinite(found).all() and (np.diff(found) > 0).all()
    assert found[1:4] == pytest.approx([-np.log(3), 0, np.log(3)])


def test_radius_of_the_sphere_of_the_same_volume():
    assert sphere_radius_mm(np.array([0, 1000]), (1.0, 0.5, 2.0)) == pytest.approx([0, (750 / np.pi) ** (1 / 3)])
