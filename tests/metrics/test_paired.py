"""Two runs over the same cases, by hand."""

import numpy as np
import pytest

from nodewise.metrics.paired import compare_cases


def test_cases_that_lack_a_figure_in_either_run_are_left_out():
    first = np.array([0.5, 0.6, np.nan, 0.8, 0.7])
    second = np.array([0.6, 0.6, 0.9, np.nan, 0.5])
    found = compare_cases(first, second)
    assert (found.cases, found.undefined) == (3, 2)
    assert (found.first, found.second) == pytest.approx((0.6, 17 / 30))
    assert found.difference.value == pytest.approx(-0.1 / 3)
    assert found.difference.low == pytest.approx(-0.2) and found.difference.high == pytest.approx(0.1)
    assert (found.larger, found.equal, found.smaller) == (1, 1, 1)


def test_a_constant_gain_has_no_spread_though_the_cases_have():
    first = np.linspace(0.2, 0.9, 12)
    found = compare_cases(first, first + 0.0625)
    assert found.difference.low == pytest.approx(0.0625) and found.difference.high == pytest.approx(0.0625)
    assert found.larger == 12


def test_no_case_in_common_and_runs_of_other_lengths():
    nothing = compare_cases(np.array([1.0, np.nan]), np.array([np.nan, 1.0]))
    assert nothing.cases == 0 and np.isnan([nothing.first, nothing.difference.value]).all()
    with pytest.raises(ValueError, match="cannot be paired"):
        compare_cases(np.zeros(2), np.zeros(3))
