"""Detection rates (P4) drawn by hand."""

import numpy as np
import pytest

from nodewise.metrics.detection import (
    DetectionCounts,
    count_detections,
    detection_rate_by_slice,
    rate_by_overlap,
    rate_by_size,
)
from nodewise.metrics.record import record_instances

SPACING = (1.0, 1.0, 1.0)


@pytest.fixture
def record(drawn):
    """Node 1 is covered by 3/4 (by two predictions), 2 by half, 3 by 2/4, 4 not at all; 6 and 7 cover nothing."""
    truth = drawn("1111.2222.3333.4..")
    predicted = drawn("11.3..4455...5..67")
    return record_instances(truth, predicted, SPACING, truth_size_mm={1: 5, 2: 4.9, 3: 15})


def test_counts(drawn):
    truth = drawn("1111.2222.3333.4..")
    predicted = drawn("11.3..44.5...5..67")
    record = record_instances(truth, predicted, SPACING)
    assert record.matches.covered.tolist() == [0.75, 0.5, 0.25, 0]
    assert count_detections(record) == DetectionCounts(4, 3, 2)
    assert count_detections(record, 0.5) == DetectionCounts(4, 1, 2)
    assert rate_by_overlap([record], [0, 0.25, 0.5, 0.75, 1]) == pytest.approx([3 / 4, 2 / 4, 1 / 4, 0, 0])


def test_bins_of_size_hold_their_lower_edge(record):
    assert rate_by_size([record, record]) == ((2, 2), (2, 2), (0, 0), (2, 2))
    assert rate_by_size([record], above=0.5)[3] == (0, 1)


def test_no_truth_has_no_rate(drawn):
    record = record_instances(drawn("..."), drawn(".1."), SPACING)
    assert np.isnan(rate_by_overlap([record], [0, 0.5])).all()
    assert count_detections(record) == DetectionCounts(0, 0, 1)
    assert np.isnan(detection_rate_by_slice(drawn("..."), drawn("111")))


def test_by_slice_a_node_counts_once_in_each_of_its_slices(drawn):
    truth = np.concatenate([drawn("11.22"), drawn("11..."), drawn(".....")], axis=2)
    predicted = np.concatenate([drawn("1...."), drawn("....."), drawn("11111")], axis=2)
    assert detection_rate_by_slice(truth, predicted) == pytest.approx((1 / 2 + 0) / 2)
    assert detection_rate_by_slice(truth, predicted, 0.5) == 0
    assert detection_rate_by_slice(truth, truth, 0.99) == 1
