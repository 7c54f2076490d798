"""Matches drawn small enough to check by eye, and a brute force over all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nodewise.metrics.matching import match


def drawn(text):
    """A label map of one slice: a digit a voxel, a dot for background."""
    rows = [[0 if c == "." else int(c) for c in line.strip()] for line in text.strip().splitlines()]
    return np.array(rows, dtype=np.uint16)[:, :, None]


def test_hits_misses_and_false_positives():
    truth = drawn("""
        11..22..
        11..22..
        ......33
    """)
    predicted = drawn("""
        .55.....
        .55..7..
        9.......
    """)
    m = match(truth, predicted)
    assert m.truth_ids.tolist() == [1, 2, 3]
    assert m.truth_voxels.tolist() == [4, 4, 2]
    assert m.predicted_ids.tolist() == [5, 7, 9]
    assert m.predicted_voxels.tolist() == [4, 1, 1]
    assert m.pairs.tolist() == [[1, 5], [2, 7]]
    assert m.pair_voxels.tolist() == [2, 1]
    assert m.best_prediction.tolist() == [5, 7, 0]
    assert m.best_dice.tolist() == pytest.approx([2 * 2 / 8, 2 * 1 / 5, 0])
    assert m.best_truth.tolist() == [1, 2, 0]
    assert m.found.tolist() == [True, True, False]
    assert m.hits.tolist() == [True, True, False]


def test_several_predictions_on_one_node_and_one_prediction_over_several():
    truth = drawn("1111.22.3")
    predicted = drawn("4.55.6666")
    m = match(truth, predicted)
    assert m.best_prediction.tolist() == [5, 6, 6]
    assert m.best_truth.tolist() == [1, 1, 2]
    assert m.best_dice.tolist() == pytest.approx([4 / 6, 4 / 6, 2 / 5])


def test_of_equal_dice_the_lower_id_is_named():
    m = match(drawn("1111"), drawn("9.4."))
    assert m.best_prediction.tolist() == [4]
    m = match(drawn("2.1."), drawn("3333"))
    assert m.best_truth.tolist() == [1]


@pytest.mark.parametrize(("truth", "predicted"), [("...", "..."), ("11.", "..."), ("...", ".22"), ("1..", "..2")])
def test_nothing_in_common(truth, predicted):
    m = match(drawn(truth), drawn(predicted))
    assert m.pairs.shape == (0, 2)
    assert not m.found.any()
    assert not m.hits.any()
    assert not m.best_dice.any()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="do not match"):
        match(np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int))
    with pytest.raises(ValueError, match="negative"):
        match(np.full((2, 2, 2), -1), np.zeros((2, 2, 2), int))


labels = arrays(np.int32, (4, 3, 3), elements=st.sampled_from([0, 0, 0, 1, 2, 5, 900]))


@settings(max_examples=100, deadline=None)
@given(labels, labels)
def test_equals_a_brute_force_over_all_pairs(truth, predicted):
    m = match(np.asfortranarray(truth), predicted)
    t_ids, p_ids = (sorted(set(a[a > 0].tolist())) for a in (truth, predicted))
    assert m.truth_ids.tolist() == t_ids
    assert m.predicted_ids.tolist() == p_ids

    def dice(t, p):
        a, b = truth == t, predicted == p
        return 2 * (a & b).sum() / (a.sum() + b.sum())

    assert {(t, p): d for (t, p), d in zip(m.pairs.tolist(), m.pair_dice, strict=True)} == pytest.approx(
        {(t, p): dice(t, p) for t in t_ids for p in p_ids if dice(t, p) > 0}
    )
    for t, best, value in zip(t_ids, m.best_prediction, m.best_dice, strict=True):
        assert value == pytest.approx(max((dice(t, p) for p in p_ids), default=0))
        assert (dice(t, best) == pytest.approx(value)) if best else value == 0
    for p, best in zip(p_ids, m.best_truth, strict=True):
        assert (dice(best, p) if best else 0) == pytest.approx(max((dice(t, p) for t in t_ids), default=0))
