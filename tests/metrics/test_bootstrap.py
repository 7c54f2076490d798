"""Intervals by patient bootstrap, against scipy's and by hand."""

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from nodewise.metrics.bootstrap import bootstrap, deviation, mean, penalised, pooled


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = np.random.default_rng(3).gamma(2, size=60)
    (found,) = bootstrap(lambda w: mean(values, w), 60, replicates=4000)
    reference = scipy_bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.03)
    assert found.undefined == 0


def test_several_figures_come_from_the_same_draws_and_one_seed():
    values = np.arange(10.0)
    both = bootstrap(lambda w: [mean(values, w), mean(-values, w)], 10, seed=4)
    assert (both[0].low, both[0].high) == pytest.approx((-both[1].high, -both[1].low))
    assert both == bootstrap(lambda w: [mean(values, w), mean(-values, w)], 10, seed=4)
    assert both != bootstrap(lambda w: [mean(values, w), mean(-values, w)], 10, seed=5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for n in range(200):
        values = rng.normal(size=40)
        (found,) = bootstrap(lambda w, v=values: mean(v, w), 40, replicates=200, seed=n)
        covered += found.low <= 0 <= found.high
    assert 0.88 <= covered / 200 <= 0.98


def test_cohorts_in_which_a_figure_is_not_defined_are_left_out_and_counted():
    values = np.array([np.nan, np.nan, 3.0])
    (found,) = bootstrap(lambda w: mean(values, w), 3, replicates=2000)
    assert (found.value, found.low, found.high) == (3, 3, 3)
    assert found.undefined == pytest.approx((2 / 3) ** 3, abs=0.04)
    (nothing,) = bootstrap(lambda w: mean(np.full(2, np.nan), w), 2, replicates=10)
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all() and nothing.undefined == 1
    with pytest.raises(ValueError, match="at least one case"):
        bootstrap(lambda w: 0, 0)


def test_helpers_by_hand():
    assert mean(np.array([1, np.nan, 3])) == 2
    assert mean(np.array([1, np.nan, 3]), np.array([3, 5, 1])) == 1.5
    assert pooled([1, 2], [4, 6]) == 0.3
    assert pooled([1, 2], [4, 6], np.array([2, 0])) == 0.25
    assert np.isnan(pooled([0], [0]))
    assert deviation(np.array([1, np.nan, 3])) == pytest.approx(np.sqrt(2))
    assert penalised(np.array([1, np.nan, 3])).tolist() == [1, 3, 3]
    assert penalised(np.array([1, np.nan, 3]), 115.27).tolist() == [1, 115.27, 3]
    assert np.isnan(penalised(np.array([np.nan]))).all()
    assert np.isnan(deviation(np.array([1.0])))
