"""Patients and slices: P1's printed table, Mann–Whitney, calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import accuracy_score, roc_auc_score

from nodewise.metrics.roc import accuracy, auc, roc, with_bulk

# P1 (Shevtsov et al.), Table 3: N positive, largest short axis in mm, largest probability of a node
TABLE_3_POSITIVE = np.array([0, 0, 1, 1, 1, 0, 1, 1], dtype=bool)
TABLE_3_SIZE_MM = np.array([11, 14, 38, 14, 14, 21, 15, 11], dtype=float)
TABLE_3_PROBABILITY = np.array([0.29, 0.41, 1.0, 0.54, 0.54, 0.83, 0.61, 0.96])


def test_p1_table_3_gives_080_and_0567():
    """From the printed numbers 12/15 and 8.5/15; the text says 0.73 (11/15) and 0.53 (8/15)."""
    assert auc(TABLE_3_POSITIVE, TABLE_3_PROBABILITY) == pytest.approx(12 / 15)
    assert auc(TABLE_3_POSITIVE, TABLE_3_SIZE_MM) == pytest.approx(8.5 / 15)


def test_p1_text_follows_from_sizes_before_rounding_and_scores_before_the_bulk_rule():
    """Why text and table may differ.

    Sizes: 11 and 11, and 14, 14 and 14, are printed equal, ties that count ½; with the fractions of a millimetre that
    were rounded off, 8/15 is possible. Probabilities: no rounding gives 11/15; it comes out if the node of 38 mm of
    patient 2 had a probability above 0.41 and below 0.83 of its own, and is set to 1 by the bulk rule (short axis above
    30 mm) in the table only. Hence the switch, and both figures.
    """
    unrounded = TABLE_3_SIZE_MM + np.array([0.4, 0, 0, 0.3, -0.3, 0, 0, 0])
    assert np.array_equal(np.round(unrounded), TABLE_3_SIZE_MM)
    assert auc(TABLE_3_POSITIVE, unrounded) == pytest.approx(8 / 15)
    for own in (0.42, 0.6, 0.82):
        before = np.where(TABLE_3_SIZE_MM == 38, own, TABLE_3_PROBABILITY)
        assert auc(TABLE_3_POSITIVE, before) == pytest.approx(11 / 15)
        after = with_bulk(before, TABLE_3_SIZE_MM)
        assert np.array_equal(after, TABLE_3_PROBABILITY)
    assert auc(TABLE_3_POSITIVE, np.where(TABLE_3_SIZE_MM == 38, 0.84, TABLE_3_PROBABILITY)) == pytest.approx(12 / 15)
    rounding = np.random.default_rng(0).uniform(-0.005, 0.005, (200, 8))
    assert min(auc(TABLE_3_POSITIVE, TABLE_3_PROBABILITY + r) for r in rounding) > 11.9 / 15


def test_p1_table_3_at_its_thresholds():
    """Three false positives by a size above 10 mm, one by a probability of at least 0.5; neither misses any."""
    positive = TABLE_3_POSITIVE
    assert ((TABLE_3_SIZE_MM > 10) & ~positive).sum() == 3 and (TABLE_3_SIZE_MM > 10)[positive].all()
    assert ((TABLE_3_PROBABILITY >= 0.5) & ~positive).sum() == 1 and (TABLE_3_PROBABILITY >= 0.5)[positive].all()
    assert accuracy(positive, TABLE_3_PROBABILITY) == pytest.approx(7 / 8)


def test_the_bulk_bound_itself_is_not_above_it():
    assert with_bulk(np.array([0.2, 0.2]), np.array([30.0, 30.1])).tolist() == [0.2, 1.0]


judged = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9])), min_size=2, max_size=20)


@given(judged)
def test_area_equals_mann_whitney(pairs):
    truth, score = (np.array(column) for column in zip(*pairs, strict=True))
    if truth.all() or not truth.any():
        assert np.isnan(auc(truth, score))
        with pytest.raises(ValueError, match="both classes"):
            roc(truth, score)
        return
    u = mannwhitneyu(score[truth], score[~truth]).statistic
    assert auc(truth, score) == pytest.approx(u / truth.sum() / (~truth).sum())
    curve = roc(truth, score)
    assert np.trapezoid(curve.sensitivity, curve.false_positive_rate) == pytest.approx(auc(truth, score))
    for threshold, sensitivity, rate in zip(curve.threshold, curve.sensitivity, curve.false_positive_rate, strict=True):
        assert sensitivity == pytest.approx((score[truth] >= threshold).mean())
        assert rate == pytest.approx((score[~truth] >= threshold).mean())


@given(judged, st.data())
def test_a_weight_is_how_often_a_case_is_there(pairs, data):
    truth, score = (np.array(column) for column in zip(*pairs, strict=True))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs))))
    again = np.repeat(truth, weights), np.repeat(score, weights)
    for figure in (auc, accuracy):
        reference = figure(*again) if again[0].size else np.nan
        assert figure(truth, score, weights=weights) == pytest.approx(reference, nan_ok=True), figure.__name__
    if len(set(again[0].tolist())) == 2:
        reference = roc_auc_score(truth, score, sample_weight=weights)
        assert auc(truth, score, weights) == pytest.approx(reference)
    if again[0].size:
        assert accuracy(truth, score) == pytest.approx(accuracy_score(truth, score >= 0.5))


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="1 of 2 scores"):
        auc(np.array([True, False]), np.array([0.5, np.nan]))
    assert np.isnan(auc(np.zeros(0, bool), np.zeros(0)))
