"""The patient's N category: who drives it, and when it is only a lower bound."""

import numpy as np
import pytest

from nodewise.image.shape import measure
from nodewise.staging.rules import RULES
from nodewise.staging.stage import stage
from nodewise.values.anatomy import StationCall
from nodewise.values.box import Box
from nodewise.values.errors import BadInputError
from nodewise.values.grid import Grid
from nodewise.values.node import Finding, Malignancy, Node
from nodewise.values.station import Side, Station

MASK = np.ones((1, 1, 1), dtype=bool)
SIZE = measure(MASK, Grid.of((1, 1, 1), (1.0, 1.0, 1.0)))


def findings(*stations_and_probabilities):
    """Findings numbered from 1, written ``"4R:0.9 7:0.2"``."""
    parts = " ".join(stations_and_probabilities).split()
    return [
        Finding(
            node=Node(n, Box((0, 0, 0), (1, 1, 1)), MASK, 1.0),
            centroid_lps_mm=(0.0, 0.0, 0.0),
            mean_hu=40.0,
            size=SIZE,
            station=StationCall(Station(part.split(":")[0]), 1.0, "given"),
            malignancy=Malignancy(float(part.split(":")[1]), "given"),
        )
        for n, part in enumerate(parts, 1)
    ]


# findings, side, edition → category, driving nodes
CASES = [
    ("",                             Side.LEFT,  9, "N0",  ()),
    ("4R:0.4 7:0.49",                Side.RIGHT, 9, "N0",  ()),
    ("4R:0.5",                       Side.RIGHT, 9, "N2a", (1,)),
    ("10R:0.9 4R:0.8 4R:0.7 7:0.1",  Side.RIGHT, 9, "N2a", (2, 3)),
    ("10R:0.9 4R:0.8 4R:0.7 7:0.6",  Side.RIGHT, 9, "N2b", (2, 3, 4)),
    ("10R:0.9 4R:0.8 4R:0.7 7:0.6",  Side.RIGHT, 8, "N2",  (2, 3, 4)),
    ("10R:0.9 4R:0.8 4R:0.7 7:0.6",  Side.LEFT,  9, "N3",  (1, 2, 3)),
    ("10L:0.9 11L:0.9 4L:0.2",       Side.LEFT,  9, "N1",  (1, 2)),
    ("5:0.9 1R:0.9",                 Side.LEFT,  8, "N3",  (2,)),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "side", "edition", "category", "driving"), CASES)
def test_known_side_and_stations(nodes, side, edition, category, driving):
    answer = stage(findings(nodes), side, edition)
    assert (answer.category, answer.driving_nodes, answer.at_least, answer.reason) == (category, driving, False, "")
    assert (answer.edition, answer.primary_side, answer.threshold) == (edition, side, 0.5)
    assert answer.rule == RULES[category]
    assert sum(answer.probability.values()) == pytest.approx(1)
    assert (answer.if_left, answer.if_right) == (None, None)


def test_the_threshold_moves_the_category_but_not_the_probabilities():
    nodes = findings("4R:0.3 7:0.6")
    low, high = stage(nodes, Side.RIGHT, threshold=0.2), stage(nodes, Side.RIGHT, threshold=0.7)
    assert (low.category, high.category) == ("N2b", "N0")
    assert (
        low.probability == high.probability == pytest.approx({"N0": 0.28, "N1": 0, "N2a": 0.54, "N2b": 0.18, "N3": 0})
    )


def test_an_unknown_side_with_different_answers_is_the_lower_one_at_least():
    answer = stage(findings("4R:0.9 10R:0.9"), None)
    assert (answer.category, answer.at_least, answer.primary_side) == ("N2a", True, None)
    assert answer.reason == "primary side unknown: N3 if left, N2a if right"
    assert answer.driving_nodes == (1,)
    assert answer.rule == RULES["N2a"]
    assert answer.probability == {}
    assert answer.if_left == stage(findings("4R:0.9 10R:0.9"), Side.LEFT)
    assert answer.if_right == stage(findings("4R:0.9 10R:0.9"), Side.RIGHT)


@pytest.mark.parametrize(
    ("nodes", "category", "driving"),
    [("", "N0", ()), ("7:0.9", "N2a", (1,)), ("7:0.9 3a:0.9", "N2b", (1, 2)), ("4R:0.9 4L:0.9", "N3", (1, 2))],
)
def test_an_unknown_side_that_does_not_matter(nodes, category, driving):
    """Of 4R and 4L either one makes N3, by the side: both are named."""
    answer = stage(findings(nodes), None)
    assert (answer.category, answer.at_least, answer.reason, answer.driving_nodes) == (category, False, "", driving)
    assert answer.probability == {}
    assert {answer.if_left.category, answer.if_right.category} == {category}
    assert (answer.if_left.primary_side, answer.if_right.primary_side) == (Side.LEFT, Side.RIGHT)


def test_a_suspicious_node_of_unknown_station_makes_a_lower_bound():
    alone = stage(findings("unknown:0.9"), Side.LEFT)
    assert (alone.category, alone.at_least, alone.driving_nodes) == ("N1", True, (1,))
    assert alone.reason == "node 1 is suspicious but of unknown station"
    assert alone.rule == RULES["unknown"]
    assert alone.probability == {}
    several = stage(findings("unknown:0.9 7:0.9 unknown:0.8"), Side.LEFT)
    assert (several.category, several.at_least, several.driving_nodes) == ("N2a", True, (2,))
    assert several.reason == "nodes 1, 3 are suspicious but of unknown station"


def test_an_unsuspicious_node_of_unknown_station_leaves_the_category_alone():
    answer = stage(findings("unknown:0.1 7:0.9"), Side.LEFT)
    assert (answer.category, answer.at_least, answer.probability) == ("N2a", False, {})


def test_nothing_is_above_n3():
    answer = stage(findings("unknown:0.9 1R:0.9"), Side.LEFT, at_least_reason="the apices are not scanned")
    assert (answer.category, answer.at_least, answer.reason) == ("N3", False, "")


def test_a_scan_that_may_hide_nodes_makes_a_lower_bound_with_its_reason():
    answer = stage(findings("unknown:0.9"), Side.LEFT, at_least_reason="the apices are not scanned")
    assert answer.at_least
    assert answer.reason == "node 1 is suspicious but of unknown station; the apices are not scanned"
    assert stage([], Side.LEFT, at_least_reason="no carina").at_least


def test_an_unknown_side_keeps_the_other_reasons():
    answer = stage(findings("4R:0.9"), None, 8, at_least_reason="no carina")
    assert answer.at_least
    assert answer.reason == "primary side unknown: N3 if left, at least N2 if right; no carina"


def test_other_editions_are_refused():
    with pytest.raises(BadInputError):
        stage([], None, 7)
