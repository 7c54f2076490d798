"""Panoptic quality and aggregated F1, by hand and by brute force over every assignment."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nodewise.metrics.panoptic import PairCounts, aggregated_f1, count_pairs, panoptic_quality
from nodewise.metrics.record import record_instances, restrict

SPACING = (1.0, 1.0, 1.0)


@pytest.fixture
def record(drawn):
    """IoU of 1 with 4: 3/4. Of 2 with 5: 2/4, with 6: 1/5. Node 3 is missed, 7 is false."""
    truth = drawn("1111..2222.33...")
    predicted = drawn("444...55.66....7")
    return record_instances(truth, predicted, SPACING, truth_size_mm={1: 9, 2: 3, 3: 9})


def test_by_hand(record):
    half = count_pairs(record)
    assert half == PairCounts(1, 3, 2, 0.75)
    assert panoptic_quality([half]) == pytest.approx(0.75 / (1 + 5 / 2))
    third = count_pairs(record, 0.3)
    assert third == PairCounts(2, 2, 1, 0.75 + 0.5)
    assert aggregated_f1([third]) == pytest.approx(2 / (2 + 3 / 2))
    assert aggregated_f1([half, third]) == pytest.approx(3 / (3 + 8 / 2))
    assert aggregated_f1([half, third], np.array([0, 2])) == pytest.approx(2 / (2 + 3 / 2))


def test_ignored_instances_are_in_no_count(record):
    """Node 2 is ignored, and so is 5, its best hit, and 6, that hits it too."""
    assert count_pairs(restrict(record, 5), 0.3) == PairCounts(1, 1, 1, 0.75)


def test_of_nothing_there_is_no_quality():
    assert np.isnan(panoptic_quality([PairCounts(0, 0, 0, 0.0)]))
    assert np.isnan(aggregated_f1([]))


labels = arrays(np.int32, (4, 3, 1), elements=st.integers(0, 3))


@settings(max_examples=30)
@given(labels, labels)
def test_panoptic_quality_equals_monai(truth, predicted):
    import torch
    from monai.metrics import compute_panoptic_quality

    if not truth.any() or not predicted.any():
        return  # MONAI needs both
    reference = compute_panoptic_quality(torch.from_numpy(predicted[..., 0]), torch.from_numpy(truth[..., 0]))
    found = panoptic_quality([count_pairs(record_instances(truth, predicted, SPACING))])
    assert found == pytest.approx(float(reference), abs=1e-4)


@given(labels, labels)
def test_equals_the_best_of_all_assignments(truth, predicted):
    counts = count_pairs(record_instances(truth, predicted, SPACING), 0.2)
    t_ids, p_ids = (sorted(set(a[a > 0].tolist())) for a in (truth, predicted))

    def iou(t, p):
        value = ((truth == t) & (predicted == p)).sum() / ((truth == t) | (predicted == p)).sum()
        return value if value > 0.2 else 0

    padded = [*p_ids, *[None] * len(t_ids)]
    ways = itertools.permutations(padded, len(t_ids))
    best = max(sum(iou(t, p) for t, p in zip(t_ids, way, strict=True) if p) for way in ways)
    assert counts.iou_sum == pytest.approx(best)
    assert counts.true_positives + counts.false_negatives == len(t_ids)
    assert counts.true_positives + counts.false_positives == len(p_ids)
