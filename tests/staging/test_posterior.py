"""P(N category) against the sum over all 2^n states of the nodes."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodewise.staging.posterior import category_probabilities
from nodewise.staging.rules import CATEGORIES, n_category
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

known = [s for s in Station if s is not Station.UNKNOWN]
few = [Station.S4R, Station.S7, Station.S7R, Station.S10R, Station.S3A, Station.S3AR, Station.S4L]
nodes = st.lists(
    st.tuples(st.sampled_from(known) | st.sampled_from(few), st.sampled_from([0.0, 1.0]) | st.floats(0, 1)), max_size=8
)


def enumerated(stations, probabilities, primary, edition):
    total = dict.fromkeys(CATEGORIES[edition], 0.0)
    for state in itertools.product((False, True), repeat=len(stations)):
        weight = math.prod(p if on else 1 - p for on, p in zip(state, probabilities, strict=True))
        positive = [s for on, s in zip(state, stations, strict=True) if on]
        total[n_category(positive, primary, edition).name] += weight
    return total


@settings(max_examples=120, deadline=None)
@given(nodes, st.sampled_from(Side), st.sampled_from([8, 9]))
def test_equals_the_enumeration_of_all_states(case, primary, edition):
    stations, probabilities = [s for s, _ in case], [p for _, p in case]
    answer = category_probabilities(stations, probabilities, primary, edition)
    assert answer == pytest.approx(enumerated(stations, probabilities, primary, edition), abs=1e-12)
    assert list(answer) == list(CATEGORIES[edition])
    assert sum(answer.values()) == pytest.approx(1)


def test_two_nodes_by_hand():
    answer = category_probabilities([Station.S4R, Station.S7], [0.5, 0.2], Side.RIGHT, 9)
    assert answer == pytest.approx({"N0": 0.4, "N1": 0, "N2a": 0.5, "N2b": 0.1, "N3": 0})


def test_thousands_of_nodes_are_no_matter():
    answer = category_probabilities([Station.S10R] * 5000, [0.001] * 5000, Side.RIGHT, 8)
    assert answer["N0"] == pytest.approx(0.999**5000)


def test_a_possible_metastasis_in_an_unknown_station_leaves_no_answer():
    assert category_probabilities([Station.S7, Station.UNKNOWN], [0.5, 0.1], Side.RIGHT, 9) == {}
    assert category_probabilities([Station.S7, Station.UNKNOWN], [0.5, 0.0], Side.RIGHT, 9)["N2a"] == 0.5


def test_bad_input_is_refused():
    with pytest.raises(BadInputError):
        category_probabilities([], [], Side.RIGHT, 7)
    with pytest.raises(ValueError, match="zip"):
        category_probabilities([Station.S7], [], Side.RIGHT, 9)
