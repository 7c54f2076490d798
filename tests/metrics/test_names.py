"""Agreement of names, by the textbook's formula, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from nodewise.metrics.names import kappa

NAMES = ("4R", "4L", "7")
some = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=20)


@given(some, st.sampled_from(["nominal", "linear", "quadratic"]))
def test_kappa_equals_its_formula_and_scikit_learn(pairs, scale):
    """Cohen 1968: 1 − Σ w o / Σ w e, w the cost of a disagreement."""
    truth, named = zip(*pairs, strict=True)
    observed = confusion_matrix(truth, named, labels=NAMES) / len(pairs)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    apart = np.abs(np.subtract.outer(range(3), range(3)))
    cost = {"nominal": apart > 0, "linear": apart, "quadratic": apart**2}[scale]
    reference = 1 - (cost * observed).sum() / (cost * expected).sum() if (cost * expected).sum() else np.nan
    found = kappa(truth, named, NAMES, scale=scale)
    assert found == pytest.approx(reference, nan_ok=True)
    if not np.isnan(found):
        weights = None if scale == "nominal" else scale
        assert found == pytest.approx(cohen_kappa_score(truth, named, labels=NAMES, weights=weights))


def test_kappa_of_weighted_cases_and_of_none():
    truth, named = ["4R", "7", "7", "4L"], ["4R", "7", "4R", "7"]
    twice = [*truth, truth[2], truth[3], truth[3]], [*named, named[2], named[3], named[3]]
    assert kappa(truth, named, NAMES, weights=np.array([1, 1, 2, 3])) == pytest.approx(kappa(*twice, NAMES))
    assert np.isnan(kappa([], [], NAMES))
    assert np.isnan(kappa(["7"], ["7"], NAMES, weights=np.array([0])))
