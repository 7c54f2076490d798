import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from nodewise.metrics.reliability import brier, reliability


def test_two_bins_worked_by_hand():
    found = reliability(np.array([0.1, 0.3, 0.6, 0.8]), np.array([False, True, True, True]), bins=2)
    np.testing.assert_allclose(found.mean, [0.2, 0.7])
    np.testing.assert_allclose(found.share, [0.5, 1.0])
    assert found.count.tolist() == [2, 2]
    assert found.error == pytest.approx(0.3)
    assert found.largest == pytest.approx(0.3)


@pytest.mark.parametrize("bins", [1, 5, 10])
def test_as_scikit_learn_has_it(bins):
    rng = np.random.default_rng(0)
    p = rng.random(500)
    truth = rng.random(500) < p**2
    found = reliability(p, truth, bins)
    share, mean = calibration_curve(truth, p, n_bins=bins)
    np.testing.assert_allclose(found.share, share)
    np.testing.assert_allclose(found.mean, mean)
    assert found.error == pytest.approx(np.abs(share - mean) @ found.count / 500)
    assert brier(p, truth) == pytest.approx(brier_score_loss(truth, p))


def test_what_holds_has_no_error_and_0_and_1_have_a_bin():
    found = reliability(np.array([0.0, 0.0, 1.0]), np.array([False, False, True]))
    assert found.error == found.largest == 0
    assert found.count.tolist() == [2, 1]
    assert brier(np.array([0.0, 1.0]), np.array([False, True])) == 0


def test_a_weight_is_a_repetition():
    p, truth = np.array([0.2, 0.9]), np.array([True, True])
    assert brier(p, truth, np.array([3, 1])) == pytest.approx(brier(p[[0, 0, 0, 1]], truth[[0, 0, 0, 1]]))


def test_nothing_has_no_answer_and_nonsense_is_refused():
    none = np.zeros(0)
    assert np.isnan(reliability(none, none.astype(bool)).error)
    assert np.isnan(brier(none, none.astype(bool)))
    for p in ([1.2], [np.nan], [-0.1]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            reliability(np.array(p), np.array([True]))
    with pytest.raises(ValueError, match="as many"):
        brier(np.zeros(2), np.zeros(3, bool))
    with pytest.raises(ValueError, match="at least one bin"):
        reliability(np.zeros(1), np.zeros(1, bool), 0)
