"""The ranking of LNQ2023 by hand and by scipy, and P3's t-test from its printed tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata, t

from nodewise.metrics.ranks import case_ranks, rank, t_test

DICE_AND_ASSD = np.array([True, False])


def test_ranks_by_hand():
    """Three runs, two cases; in the second the first two tie in Dice, and the last has no ASSD: the worst of all."""
    values = np.array([[[0.9, 1.0], [0.5, 4.0]], [[0.8, 0.5], [0.5, 9.0]], [[0.7, 2.0], [0.4, np.nan]]])
    assert case_ranks(values, DICE_AND_ASSD).tolist() == [[1.5, 1.0], [1.5, 1.5], [3.0, 2.5]]
    found = rank(values, DICE_AND_ASSD, replicates=200)
    assert found.score.tolist() == [1.25, 1.5, 2.75]
    assert found.place.tolist() == [1, 2, 3]
    assert found.place_low.tolist() == [1, 1, 3] and found.place_high.tolist() == [1, 2, 3]
    assert found.first[0] == 1 and found.first[2] == 0
    assert found.first[1] == pytest.approx(0.25, abs=0.1)  # ties with the first where only case 0 is drawn


@given(arrays(float, (4, 5, 2), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])))
def test_a_rank_is_scipys_of_the_least(values):
    reference = np.mean([rankdata(-values[..., 0], "min", axis=0), rankdata(values[..., 1], "min", axis=0)], axis=0)
    assert np.array_equal(case_ranks(values, DICE_AND_ASSD), reference)


def test_runs_that_always_agree_keep_their_order_and_equal_ones_share_a_place():
    values = np.stack([np.full((6, 2), level) for level in (0.2, 0.9, 0.4)])
    found = rank(values, np.array([True, True]), replicates=50)
    assert found.place.tolist() == [3, 1, 2]
    assert found.kendall.tolist() == [1.0] * 50
    same = rank(np.zeros((2, 4, 1)), np.array([True]), replicates=10)
    assert same.place.tolist() == [1, 1] and np.isnan(same.kendall).all()
    nowhere = rank(np.full((2, 4, 1), np.nan), np.array([True]), replicates=10)
    assert nowhere.place.tolist() == [1, 1]


def test_the_same_seed_gives_the_same_bootstraps():
    values = np.random.default_rng(1).normal(size=(3, 20, 2))
    one, two, other = (rank(values, DICE_AND_ASSD, replicates=30, seed=seed).kendall for seed in (5, 5, 6))
    assert np.array_equal(one, two) and not np.array_equal(one, other)
    with pytest.raises(ValueError, match="at least one case"):
        rank(np.zeros((2, 0, 2)), DICE_AND_ASSD)


def five_runs(mean, deviation):
    """Five values of exactly this mean and (n − 1) standard deviation."""
    shape = np.array([-1.2, -0.4, 0.1, 0.3, 1.2])
    return mean + (shape - shape.mean()) / shape.std(ddof=1) * deviation


@pytest.mark.parametrize(
    ("first", "second", "significant"),
    [  # P3, Table 3, Dice of five runs: what the paper marks as significant, and the one it does not
        ((0.3818, 0.0127), (0.3531, 0.0077), True),
        ((0.3611, 0.0138), (0.3531, 0.0077), False),
        ((0.4297, 0.0034), (0.3611, 0.0138), True),
        ((0.5269, 0.0428), (0.4297, 0.0034), True),
    ],
)
def test_p3_table_3_is_as_significant_as_the_paper_says(first, second, significant):
    assert (t_test(five_runs(*first), five_runs(*second)) < 0.05) == significant


@pytest.mark.filterwarnings("ignore:Precision loss")
@given(*[st.lists(st.floats(0, 1).map(lambda v: round(v, 3)), min_size=2, max_size=8)] * 2)
def test_t_equals_its_formula(first, second):
    a, b = np.array(first), np.array(second)
    n, m = len(a), len(b)
    pooled = ((n - 1) * a.var(ddof=1) + (m - 1) * b.var(ddof=1)) / (n + m - 2)
    if pooled < 1e-12:
        return
    statistic = (a.mean() - b.mean()) / np.sqrt(pooled * (1 / n + 1 / m))
    assert t_test(a, b) == pytest.approx(t.sf(statistic, n + m - 2), abs=1e-12)
    assert t_test(a, b, "less") == pytest.approx(1 - t_test(a, b))


def test_too_few_or_equal_values_have_no_p():
    assert np.isnan(t_test(np.array([1.0]), np.array([1.0, 2.0])))
    assert np.isnan(t_test(np.ones(3), np.ones(3)))
