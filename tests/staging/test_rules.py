"""Every row of the N table, as a radiologist would read it out."""

import pytest

from nodewise.staging.rules import CATEGORIES, RULES, level, n_category
from nodewise.values.errors import BadInputError
from nodewise.values.station import Side, Station

# Stations of the metastatic nodes, then the category: 8th edition, 9th edition; tumour on the right, then on the left.
ROWS = [
    # stations             right: 8th 9th    left: 8th 9th
    ("",                   "N0", "N0",       "N0", "N0"),
    # supraclavicular, scalene, low cervical: either side
    ("1R",                 "N3", "N3",       "N3", "N3"),
    ("1L",                 "N3", "N3",       "N3", "N3"),
    # upper and lower paratracheal
    ("2R",                 "N2", "N2a",      "N3", "N3"),
    ("2L",                 "N3", "N3",       "N2", "N2a"),
    ("4R",                 "N2", "N2a",      "N3", "N3"),
    ("4L",                 "N3", "N3",       "N2", "N2a"),
    # prevascular and retrotracheal: without a side ipsilateral, with one as it says
    ("3a",                 "N2", "N2a",      "N2", "N2a"),
    ("3p",                 "N2", "N2a",      "N2", "N2a"),
    ("3aR",                "N2", "N2a",      "N3", "N3"),
    ("3aL",                "N3", "N3",       "N2", "N2a"),
    ("3pR",                "N2", "N2a",      "N3", "N3"),
    ("3pL",                "N3", "N3",       "N2", "N2a"),
    # subaortic and para-aortic: on the left by definition
    ("5",                  "N3", "N3",       "N2", "N2a"),
    ("6",                  "N3", "N3",       "N2", "N2a"),
    # subcarinal: ipsilateral to both lungs, whatever side is named
    ("7",                  "N2", "N2a",      "N2", "N2a"),
    ("7R",                 "N2", "N2a",      "N2", "N2a"),
    ("7L",                 "N2", "N2a",      "N2", "N2a"),
    # para-oesophageal, pulmonary ligament
    ("8",                  "N2", "N2a",      "N2", "N2a"),
    ("8R",                 "N2", "N2a",      "N3", "N3"),
    ("8L",                 "N3", "N3",       "N2", "N2a"),
    ("9R",                 "N2", "N2a",      "N3", "N3"),
    ("9L",                 "N3", "N3",       "N2", "N2a"),
    # hilar to subsegmental
    ("10R",                "N1", "N1",       "N3", "N3"),
    ("10L",                "N3", "N3",       "N1", "N1"),
    ("11R",                "N1", "N1",       "N3", "N3"),
    ("11L",                "N3", "N3",       "N1", "N1"),
    ("12R",                "N1", "N1",       "N3", "N3"),
    ("12L",                "N3", "N3",       "N1", "N1"),
    ("13R",                "N1", "N1",       "N3", "N3"),
    ("13L",                "N3", "N3",       "N1", "N1"),
    ("14R",                "N1", "N1",       "N3", "N3"),
    ("14L",                "N3", "N3",       "N1", "N1"),
    # several stations: the highest counts; N2b from two mediastinal stations
    ("10R 11R 12R",        "N1", "N1",       "N3", "N3"),
    ("4R 10R",             "N2", "N2a",      "N3", "N3"),
    ("4R 4R 4R",           "N2", "N2a",      "N3", "N3"),
    ("2R 4R",              "N2", "N2b",      "N3", "N3"),
    ("4R 7",               "N2", "N2b",      "N3", "N3"),
    ("5 6",                "N3", "N3",       "N2", "N2b"),
    ("4L 5 10L",           "N3", "N3",       "N2", "N2b"),
    ("7 8",                "N2", "N2b",      "N2", "N2b"),
    ("7 10R",              "N2", "N2a",      "N3", "N3"),
    ("1L 4R 10R",          "N3", "N3",       "N3", "N3"),
    # one station under two names
    ("7R 7L",              "N2", "N2a",      "N2", "N2a"),
    ("7 7R",               "N2", "N2a",      "N2", "N2a"),
    ("3a 3aR",             "N2", "N2a",      "N3", "N3"),
    ("3a 3p",              "N2", "N2b",      "N2", "N2b"),
    # a station that is not known: N1 or higher
    ("unknown",            "N1", "N1",       "N1", "N1"),
    ("unknown 4R",         "N2", "N2a",      "N3", "N3"),
    ("unknown 10L",        "N3", "N3",       "N1", "N1"),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "right8", "right9", "left8", "left9"), ROWS, ids=[row[0] or "none" for row in ROWS])
def test_row(codes, right8, right9, left8, left9):
    stations = [Station(code) for code in codes.split()]
    answers = [n_category(stations, side, edition).name for side in (Side.RIGHT, Side.LEFT) for edition in (8, 9)]
    assert answers == [right8, right9, left8, left9]


def test_the_table_above_holds_every_station():
    assert {Station(row[0]) for row in ROWS if len(row[0].split()) == 1} == set(Station)


def mirrored(station):
    return Station(station.code.translate(str.maketrans("RL", "LR"))) if station.side else station


@pytest.mark.parametrize("station", [s for s in Station if s not in (Station.S5, Station.S6)])
def test_the_rules_are_the_same_in_a_mirror_but_for_5_and_6(station):
    assert level(station, Side.RIGHT) == level(mirrored(station), Side.LEFT)


@pytest.mark.parametrize(
    ("codes", "driving"),
    [("", ""), ("4R 7 10R", "4R 7"), ("10R 11R", "10R 11R"), ("4L 4R 1R", "4L 1R"), ("unknown", "unknown"),
     ("unknown 7", "7"), ("unknown 10R", "unknown 10R")],
)  # fmt: skip
def test_the_driving_stations_are_those_of_the_highest_level(codes, driving):
    answer = n_category([Station(c) for c in codes.split()], Side.RIGHT, 9)
    assert answer.driving == {Station(c) for c in driving.split()}


def test_the_rule_is_the_sentence_of_the_category():
    assert n_category([Station.S7], Side.LEFT, 8).rule == RULES["N2"]
    assert n_category([Station.S7], Side.LEFT, 9).rule == RULES["N2a"]
    assert n_category([], Side.LEFT, 9).rule == RULES["N0"]
    assert n_category([Station.UNKNOWN], Side.LEFT, 9).rule == RULES["unknown"]
    assert all(name in RULES for names in CATEGORIES.values() for name in names)


@pytest.mark.parametrize("edition", [7, 10])
def test_other_editions_are_refused(edition):
    with pytest.raises(BadInputError, match="choose 8 or 9"):
        n_category([], Side.LEFT, edition)
