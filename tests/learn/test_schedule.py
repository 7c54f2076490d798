import math

import pytest

from nodewise.learn.schedule import Constant, Cosine, Poly, PolyHalves, Steps

P1 = Steps(((5_000, 1 / 3), (15_000, 1 / 3), (50_000, 1 / 2), (60_000, 1 / 2)), of=70_000)


def test_constant():
    assert {Constant().factor(t, 10) for t in range(10)} == {1.0}


def test_steps_of_p1():
    steps = (0, 4_999, 5_000, 14_999, 15_000, 49_999, 50_000, 59_999, 60_000, 69_999)
    rates = [1e-3 * P1.factor(t, 70_000) for t in steps]
    # in full: 1e-3, 3.33e-4, 1.11e-4, 5.56e-5, 2.78e-5
    expected = [1e-3, 1e-3, 1e-3 / 3, 1e-3 / 3, 1e-3 / 9, 1e-3 / 9, 1e-3 / 18, 1e-3 / 18, 1e-3 / 36, 1e-3 / 36]
    assert rates == pytest.approx(expected)


def test_a_shorter_run_has_its_steps_at_the_same_fractions():
    factors = [P1.factor(t, 700) for t in range(700)]
    assert [t for t in range(1, 700) if factors[t] != factors[t - 1]] == [50, 150, 500, 600]
    absolute = Steps(((2, 0.5),))
    assert [absolute.factor(t, 1000) for t in range(4)] == [1, 1, 0.5, 0.5]


def test_poly_is_nnunets():
    # 0.01 after 999 of 1000 epochs (Engelson et al.: 2e-5)
    assert 1e-2 * Poly().factor(999, 1000) == pytest.approx(1.995e-5, rel=1e-3)
    assert Poly().factor(0, 1000) == 1
    assert Poly().factor(500, 1000) == pytest.approx(0.5**0.9)
    assert Poly().factor(2000, 1000) == 0


def test_cosine_rises_then_falls_to_its_floor():
    rates = [Cosine(warmup=9).factor(t, 1000) for t in range(1000)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[500] == pytest.approx(0.505, abs=1e-3)
    assert rates[-1] == pytest.approx(0.01, abs=1e-4)
    assert max(rates) == rates[8] or max(rates) == rates[9]
    assert Cosine(0, 0.2).factor(250, 1000) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)


def test_two_halves_end_where_p3_says():
    rates = [1e-2 * PolyHalves().factor(epoch, 2000) for epoch in (0, 999, 1000, 1999)]
    assert rates == pytest.approx([1e-2, 1.995e-5, 1.995e-5, 3.98e-8], rel=1e-3)
    assert PolyHalves().factor(75 * 999 + 74, 150_000) == PolyHalves().factor(999, 2000)
    short = [PolyHalves().factor(step, 40) for step in range(40)]
    assert short[0] == 1
    assert short == sorted(short, reverse=True)
    assert short[-1] > 0
