"""FROC by hand, and against the text of P1, section 4.3.1, written out literally over whole arrays."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import average_precision_score

from nodewise.metrics import froc as f
from nodewise.metrics.detections import Detections, component_hits, overlap_hits, radius_hits
from nodewise.metrics.instances import components
from nodewise.metrics.record import record_instances

SPACING = (1.0, 1.0, 1.0)
NOT_FOUND = -np.inf


def cohort(cases, truth, false):
    """Detections from (case, score) pairs."""
    t, p = (np.array(rows, dtype=float).reshape(-1, 2) for rows in (truth, false))
    return Detections(cases, t[:, 0].astype(int), t[:, 1], p[:, 0].astype(int), p[:, 1])


def test_a_curve_by_hand():
    """Two cases. Truths of 0.9 and 0.5 and one missed; false ones of 0.7 and 0.5."""
    d = cohort(2, [(0, 0.9), (0, 0.5), (1, NOT_FOUND)], [(0, 0.7), (1, 0.5)])
    curve = f.froc(d)
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.7, 0.5]
    assert curve.recall == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3])
    assert curve.false_positives == pytest.approx([0, 0, 0.5, 1])
    assert curve.precision == pytest.approx([np.nan, 1, 1 / 2, 2 / 4], nan_ok=True)
    assert curve.f1 == pytest.approx([0, 2 / 4, 2 / 5, 4 / 7])
    assert f.best_f1(curve) == pytest.approx(4 / 7)
    assert f.average_precision(curve) == pytest.approx(1 / 3 * 1 + 1 / 3 * 1 / 2)
    assert f.recall_at(curve, [0, 0.49, 0.5, 1, 99]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert f.recall_at(curve, [0, 0.5, 0.75, 1, 99], "linear") == pytest.approx([1 / 3, 1 / 3, 1 / 2, 2 / 3, 2 / 3])
    assert f.average_recall(curve) == pytest.approx((100 * 1 / 3 + 401 * 2 / 3) / 501)
    assert f.mean_recall(curve, f.MFROC) == pytest.approx(2 / 3)
    assert f.mean_recall(curve, f.CPM) == pytest.approx((3 * 1 / 3 + 4 * 2 / 3) / 7)


def test_recall_a_case_is_averaged_over_the_cases_with_truth():
    d = cohort(3, [(0, 0.9), (0, 0.5), (0, NOT_FOUND), (1, 0.5)], [(2, 0.7)])
    assert f.froc(d, per_case=True).recall == pytest.approx([0, 1 / 6, 1 / 6, (2 / 3 + 1) / 2])
    assert f.froc(d).recall == pytest.approx([0, 1 / 4, 1 / 4, 3 / 4])
    assert f.froc(d, per_case=True).false_positives == pytest.approx([0, 0, 1 / 3, 1 / 3])


def test_the_literal_range_starts_at_a_logit_of_a_tenth():
    d = cohort(1, [(0, 2.0), (0, 0.05)], [(0, 0.1), (0, 0.2)])
    curve = f.froc(d, above=0.1)
    assert curve.threshold.tolist() == [np.inf, 2.0, 0.2]
    assert curve.recall.tolist() == [0, 0.5, 0.5]
    assert curve.false_positives.tolist() == [0, 0, 1]


@pytest.mark.parametrize("per_case", [False, True])
def test_empty_cases_count_for_false_positives_and_no_truth_gives_no_recall(per_case):
    curve = f.froc(cohort(4, [], [(0, 0.3)]), per_case=per_case)
    assert curve.false_positives.tolist() == [0, 0.25]
    assert np.isnan(curve.recall).all() and np.isnan(curve.f1).all()
    assert np.isnan(f.average_recall(curve))
    nothing = f.froc(cohort(1, [], []), per_case=per_case)
    assert nothing.threshold.tolist() == [np.inf]
    missed = f.froc(cohort(1, [(0, NOT_FOUND)], []), per_case=per_case)
    assert f.average_recall(missed) == f.best_f1(missed) == f.average_precision(missed) == 0


def test_the_operating_point_is_the_last_one_that_the_threshold_keeps():
    curve = f.froc(cohort(2, [(0, 0.9), (1, 0.5)], [(0, 0.7)]))
    rows = f.operating_points(curve, 0.6)
    assert [row.chosen for row in rows] == [False, False, True, False]
    assert rows[2] == f.OperatingPoint(0.7, 0.5, 0.5, 0.5, True)
    assert f.operating_points(curve, 0.5)[3].chosen
    assert f.operating_points(curve, 1.1)[0].chosen


scored = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.1, 0.2, 0.5, 0.9])), max_size=12)


@given(scored, scored, st.integers(0, 4))
def test_average_precision_is_that_of_scikit_learn(truth, false, missed):
    """Scikit-learn's, of predictions only, times the share of truth that is ever found."""
    d = cohort(4, [*truth, *[(0, NOT_FOUND)] * missed], false)
    found = f.average_precision(f.froc(d))
    if not truth:
        assert np.isnan(found) if not missed else found == 0
        return
    labels = [1] * len(truth) + [0] * len(false)
    reference = average_precision_score(labels, [s for _, s in [*truth, *false]])
    assert found == pytest.approx(reference * len(truth) / (len(truth) + missed))


@given(scored, scored, st.integers(0, 4))
def test_every_point_but_the_last_is_one_of_monai(truth, false, missed):
    """MONAI (CAMELYON16's code) leaves out the lowest score; scores of 0 and above only."""
    from monai.metrics import compute_froc_curve_data

    if not truth + false or not len(truth) + missed:
        return
    curve = f.froc(cohort(4, [*truth, *[(0, NOT_FOUND)] * missed], false))
    scores = [np.array([score for _, score in rows]) for rows in (false, truth)]
    false_positives, recall = compute_froc_curve_data(*scores, num_targets=len(truth) + missed, num_images=4)
    assert curve.false_positives[:-1].tolist() == pytest.approx(false_positives[::-1].tolist())
    assert curve.recall[:-1].tolist() == pytest.approx(recall[::-1].tolist())


@given(scored, scored, st.lists(st.integers(0, 3), min_size=4, max_size=4), st.booleans())
def test_a_weight_is_how_often_a_case_is_there(truth, false, weights, per_case):
    """The curve of weighted cases is that of a cohort in which they are repeated."""
    copies = [case for case, times in enumerate(weights) for _ in range(times)]
    again = [
        [(n, score) for n, copy in enumerate(copies) for case, score in rows if case == copy] for rows in (truth, false)
    ]
    if not copies:
        return
    weighted = f.froc(cohort(4, truth, false), np.array(weights), per_case=per_case)
    repeated = f.froc(cohort(len(copies), *again), per_case=per_case)
    for x in (0, 0.3, 1, 5):
        assert f.recall_at(weighted, x) == pytest.approx(f.recall_at(repeated, x), nan_ok=True)
    assert f.average_precision(weighted) == pytest.approx(f.average_precision(repeated), nan_ok=True)
    assert f.best_f1(weighted) == pytest.approx(f.best_f1(repeated), nan_ok=True)


def literal_p1(cases, level):
    """Counts TP, FP, FN at one l-threshold, as the paper words it: no code shared with what is tested."""
    tp = fp = fn = 0
    for truth, logit in cases:
        y, n_y = ndimage.label(truth, np.ones((3, 3, 3)))
        p, n_p = ndimage.label(logit > 0, np.ones((3, 3, 3)))
        dice = np.zeros((n_y, n_p))
        for j, k in itertools.product(range(n_y), range(n_p)):
            dice[j, k] = 2 * ((y == j + 1) & (p == k + 1)).sum() / ((y == j + 1).sum() + (p == k + 1).sum())
        self_logit = np.array([logit[p == k + 1].max() for k in range(n_p)])
        fp += sum(self_logit[k] > level and dice[:, k].max(initial=0) == 0 for k in range(n_p))
        for j in range(n_y):
            best = max(range(n_p), key=lambda k: (dice[j, k], self_logit[k]), default=None)
            hit_dice = dice[j].max(initial=0)
            hit_logit = self_logit[best] if hit_dice > 0 else -np.inf
            tp += hit_logit > level and hit_dice > 0
            fn += hit_logit <= level or hit_dice == 0
    return tp, fp, fn


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_equals_the_text_of_p1_at_every_threshold(blobs, seed):
    cases = [blobs(seed + n) for n in range(2)]
    records = [
        record_instances(components(c.truth), components(c.prediction), c.spacing, scores=c.logit) for c in cases
    ]
    curve = f.froc(component_hits(records))
    levels = [0.0, *curve.threshold[np.isfinite(curve.threshold)]]
    for level in levels:
        tp, fp, fn = literal_p1([(c.truth, c.logit) for c in cases], level)
        here = np.flatnonzero(curve.threshold > level)[-1]
        assert curve.recall[here] == pytest.approx(tp / (tp + fn))
        assert curve.false_positives[here] == pytest.approx(fp / 2)


def test_one_prediction_over_two_nodes_finds_both_and_two_on_one_find_it_once(drawn):
    truth, predicted = drawn("11.22.333.."), drawn("99999.5.6.7")
    record = record_instances(truth, predicted, SPACING, scores={5: 0.3, 6: 0.6, 7: 0.2, 9: 0.9})
    d = component_hits([record])
    assert d.truth_score.tolist() == [0.9, 0.9, 0.6]
    assert d.false_score.tolist() == [0.2]


def test_a_hit_of_p5_has_a_radius_like_the_true_one(drawn):
    """True radius is that of 8 voxels: half of it is 1 voxel, once and a half 27."""
    truth = drawn("1.2.3.4") + np.zeros((1, 7, 8), np.uint16)
    predicted = np.zeros_like(truth)
    predicted[0, 0, :1] = 1  # 1 voxel on 8: just half the radius
    predicted[0, 2, :8] = 2
    predicted[0, 4, 7:] = 3  # then 26 more elsewhere
    truth = np.pad(truth, ((0, 30), (0, 0), (0, 0)))
    predicted = np.pad(predicted, ((0, 30), (0, 0), (0, 0)))
    predicted[1:27, 4, 7] = 3  # 27 voxels: just once and a half
    predicted[0:28, 6, 7] = 4  # 28 voxels: too large
    d = radius_hits([record_instances(truth, predicted, SPACING, scores={1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4})])
    assert d.truth_score.tolist() == [0.1, 0.2, 0.3, NOT_FOUND]
    assert d.false_score.tolist() == [0.4]


def test_the_surest_of_several_hits_of_p5_finds_it_and_the_others_are_not_false(drawn):
    record = record_instances(drawn("1111"), drawn("2.33"), SPACING, scores={2: 0.9, 3: 0.4})
    d = radius_hits([record])
    assert (d.truth_score.tolist(), d.false_score.tolist()) == ([0.9], [])
    d = component_hits([record])
    assert d.truth_score.tolist() == [0.4]


def test_one_to_one_hits_need_enough_overlap(drawn):
    truth, predicted = drawn("1111.2222.3.4444444444"), drawn("8899.7777777..5.......")
    record = record_instances(truth, predicted, SPACING, scores={5: 0.5, 7: 0.7, 8: 0.8, 9: 0.9})
    d = overlap_hits([record], 0.1)
    assert d.truth_score.tolist() == [0.8, 0.7, NOT_FOUND, 0.5]  # 7 can be given to one of 2 and 3 only
    assert d.false_score.tolist() == []
    strict = overlap_hits([record], 0.1, "iou")
    assert strict.truth_score.tolist() == [0.8, 0.7, NOT_FOUND, 0.5]
    assert overlap_hits([record], 0.6).false_score.tolist() == [0.5]
