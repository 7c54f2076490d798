import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewise.metrics.reliability import reliability
from nodewise.models.calibration import Isotonic, Temperature, bag_probability, fit_isotonic, fit_temperature
from nodewise.values.errors import BadInputError


def _stations(scale, shift, count=2500, seed=0):
    """Nodes whose probability is a known function of their logit, and stations of one to four of them."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, count)
    bags = np.repeat(np.arange(count), sizes)
    logits = rng.normal(0, 2, bags.size)
    truth = rng.random(bags.size) < 1 / (1 + np.exp(-(scale * logits + shift)))
    labels = np.zeros(count, int)
    np.maximum.at(labels, bags, truth.astype(int))
    return logits, bags, labels, truth


def test_a_bag_is_positive_unless_all_are_negative():
    found = bag_probability(np.array([0.5, 0.5, 0.1, 1.0]), np.array([0, 0, 1, 3]), 4)
    np.testing.assert_allclose(found, [0.75, 0.1, 0, 1], atol=1e-9)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.4, -2.0), (2.5, 1.0)])
def test_scale_and_shift_of_nodes_are_found_from_stations_alone(scale, shift):
    logits, bags, labels, _ = _stations(scale, shift)
    found = fit_temperature(logits, bags, labels)
    assert found.scale == pytest.approx(scale, rel=0.15)
    assert found.shift == pytest.approx(shift, abs=0.2)


def test_of_single_nodes_it_is_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    logits, _, _, truth = _stations(0.7, -1.0, 500)
    found = fit_temperature(logits, np.arange(logits.size), truth.astype(int))
    reference = LogisticRegression(C=np.inf).fit(logits[:, None], truth)
    assert found.scale == pytest.approx(reference.coef_[0, 0], rel=0.01)
    assert found.shift == pytest.approx(reference.intercept_[0], abs=0.01)


@pytest.mark.parametrize("fit", [fit_temperature, fit_isotonic])
def test_probabilities_of_nodes_hold_although_no_node_was_known(fit):
    curve = fit(*_stations(0.5, -2.0)[:3])
    logits, _, _, truth = _stations(0.5, -2.0, seed=1)
    assert reliability(1 / (1 + np.exp(-logits)), truth).error > 0.2
    assert reliability(curve(logits), truth).error < 0.03


def test_isotonic_of_single_nodes_is_scikit_learns():
    from sklearn.isotonic import IsotonicRegression

    logits, _, _, truth = _stations(0.7, -1.0, 100)
    x = 1 / (1 + np.exp(-logits))
    found = fit_isotonic(logits, np.arange(logits.size), truth.astype(int))
    np.testing.assert_allclose(found(logits), IsotonicRegression().fit_transform(x, truth), atol=1e-6)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20))
def test_a_curve_never_falls_and_stays_within_0_and_1(values):
    z = np.sort(values)
    for curve in (Temperature(2.0, -1.0), Isotonic((0.1, 0.5, 0.8), (0.0, 0.3, 1.0))):
        p = curve(z)
        assert (np.diff(p) >= 0).all()
        assert p.min() >= 0
        assert p.max() <= 1


def test_stations_all_told_apart_still_give_a_finite_curve():
    found = fit_temperature(np.array([-5.0, -4, 4, 5]), np.arange(4), np.array([0, 0, 1, 1]))
    assert np.isfinite([found.scale, found.shift]).all()
    assert found([-5.0])[0] < 0.1 < 0.9 < found([5.0])[0]


def test_stations_of_one_kind_are_refused():
    for fit in (fit_temperature, fit_isotonic):
        with pytest.raises(BadInputError, match="hold out more patients"):
            fit(np.zeros(2), np.arange(2), np.zeros(2, int))
