"""Recall at a precision, averaged over patients (P5), by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.metrics.detections import Detections
from nodewise.metrics.macro import case_curves, macro, mean_recall_at_precision, recall_at_precision

NOT_FOUND = -np.inf


def cohort(cases, truth, false):
    t, p = (np.array(rows, dtype=float).reshape(-1, 2) for rows in (truth, false))
    return Detections(cases, t[:, 0].astype(int), t[:, 1], p[:, 0].astype(int), p[:, 1])


@pytest.fixture
def three():
    """Case 0: two true, 0.9 found and one missed, false 0.5. Case 1: one true of 0.5. Case 2: no truth, false 0.7."""
    return cohort(3, [(0, 0.9), (0, NOT_FOUND), (1, 0.5)], [(0, 0.5), (2, 0.7)])


def test_by_hand(three):
    curves = case_curves(three)
    assert curves.threshold.tolist() == [np.inf, 0.9, 0.7, 0.5]
    nan = np.nan
    assert np.array_equal(curves.precision, [[nan, 1, 1, 0.5], [nan, nan, nan, 1], [nan, nan, 0, 0]], equal_nan=True)
    assert np.array_equal(curves.recall, [[0, 0.5, 0.5, 0.5], [0, 0, 0, 1], [nan] * 4], equal_nan=True)
    precision, recall = macro(curves)
    assert precision == pytest.approx([nan, 1, 1 / 2, 1.5 / 3], nan_ok=True)
    assert recall == pytest.approx([0, 0.25, 0.25, 0.75])
    assert recall_at_precision(curves, 0.5) == pytest.approx(0.75)
    assert recall_at_precision(curves, 0.51) == pytest.approx(0.25)
    assert recall_at_precision(curves) == mean_recall_at_precision(curves) == pytest.approx(0.75)


@pytest.mark.parametrize(("nothing_kept", "precision"), [(0.0, [0, 1 / 3, 1 / 3, 0.5]), (1.0, [1, 1, 2 / 3, 0.5])])
def test_a_case_of_which_nothing_is_kept_may_count_as_0_or_1(three, nothing_kept, precision):
    assert macro(case_curves(three, nothing_kept=nothing_kept))[0] == pytest.approx(precision)


def test_a_precision_that_is_never_reached_gives_0_and_no_truth_gives_none():
    assert recall_at_precision(case_curves(cohort(1, [(0, NOT_FOUND)], [(0, 0.5)]))) == 0
    assert recall_at_precision(case_curves(cohort(1, [(0, NOT_FOUND)], []))) == 0
    assert np.isnan(recall_at_precision(case_curves(cohort(2, [], [(0, 0.5)]))))
    assert np.isnan(mean_recall_at_precision(case_curves(cohort(2, [], []))))


scored = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.1, 0.2, 0.5, 0.9])), max_size=12)


@given(scored, scored, st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_equals_a_brute_force_over_thresholds_and_repeated_cases(truth, false, weights):
    d = cohort(4, [*truth, (0, NOT_FOUND)], false)
    best = np.nan
    for level in [np.inf, *sorted({s for _, s in truth + false}, reverse=True)]:
        precision, recall = [], []
        for case in [c for c, times in enumerate(weights) for _ in range(times)]:
            tp = sum(c == case and s >= level for c, s in truth)
            fp = sum(c == case and s >= level for c, s in false)
            count = sum(c == case for c, _ in truth) + (case == 0)
            precision += [tp / (tp + fp)] if tp + fp else []
            recall += [tp / count] if count else []
        if recall:
            reached = np.mean(recall) if precision and np.mean(precision) >= 0.15 else 0
            best = np.nanmax([best, reached])
    assert recall_at_precision(case_curves(d), 0.15, np.array(weights)) == pytest.approx(best, nan_ok=True)
