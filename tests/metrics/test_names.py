"""Names held against names, by hand, by the textbook's formula, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, cohen_kappa_score, confusion_matrix

from nodewise.metrics.names import by_name, in_first, kappa, name_confusion

NAMES = ("4R", "4L", "7")
some = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=20)


def test_the_first_few():
    ranked = [["7", "4R"], ["4L", "7", "4R"], [], ["4R"]]
    truth = ["4R", "4R", "7", "4R"]
    assert in_first(truth, ranked, 1).tolist() == [False, False, False, True]
    assert in_first(truth, ranked, 2).tolist() == [True, False, False, True]
    assert in_first(truth, ranked, 3).tolist() == [True, True, False, True]
    with pytest.raises(ValueError, match="zip"):
        in_first(["7"], [], 1)


def test_confusion_with_what_was_not_named():
    table = name_confusion(["4R", "4R", "7", "7"], ["4R", "4L", None, "7"], NAMES)
    assert table.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    right, left, seven = by_name(table, NAMES)
    assert (right.truths, right.predictions, right.sensitivity, right.specificity, right.precision) == (2, 1, 0.5, 1, 1)
    assert np.isnan(left.sensitivity) and (left.specificity, left.precision) == (0.75, 0)
    assert (seven.sensitivity, seven.specificity) == (0.5, 1)
    with pytest.raises(ValueError, match="10R is not one of 4R, 4L, 7"):
        name_confusion(["10R"], ["7"], NAMES)


@given(some)
def test_confusion_and_rates_equal_scikit_learn(pairs):
    truth, named = zip(*pairs, strict=True)
    table = name_confusion(truth, named, NAMES)
    assert np.array_equal(table[:, :3], confusion_matrix(truth, named, labels=NAMES))
    report = classification_report(truth, named, labels=NAMES, output_dict=True, zero_division=np.nan)
    for n, row in enumerate(by_name(table, NAMES)):
        assert row.sensitivity == pytest.approx(report[row.name]["recall"], nan_ok=True)
        assert row.precision == pytest.approx(report[row.name]["precision"], nan_ok=True)
        others = np.delete(table, n, axis=0)
        if others.sum():
            assert row.specificity == pytest.approx(1 - others[:, n].sum() / others.sum())


@given(some, st.sampled_from(["nominal", "linear", "quadratic"]))
def test_kappa_equals_its_formula_and_scikit_learn(pairs, scale):
    """Cohen 1968: 1 − Σ w o / Σ w e, w the cost of a disagreement."""
    truth, named = zip(*pairs, strict=True)
    observed = name_confusion(truth, named, NAMES)[:, :3] / len(pairs)
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
